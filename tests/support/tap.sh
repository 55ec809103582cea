# shellcheck shell=bash
# Shell functions for test scripts that print TAP lines. Source after server.sh.
#   tap WHAT COMMAND...         "ok - WHAT" when the command succeeds, else "not ok" with what $D/out holds
#   told WANT CODE FILE REGEX   the exit code is WANT and the file says REGEX
#   json_has FILE TEST...       every jq test is true of the JSON in the file;  json_get FILE PATH
#   wait_until SECONDS COMMAND  polls until the command succeeds; false when it never did
#   tap_end_server DIR          for traps: kills DIR's server if there is one

tap() {
  _what=$1; shift
  if "$@" >/dev/null 2>&1; then echo "ok - $_what"; else
    echo "not ok - $_what"
    [ ! -s "${D:-/nonexistent}/out" ] || head -c 2000 "$D/out" | sed 's/^/#   /'
  fi
}

told() { [ "$1" = "$2" ] && grep -Eqi -- "$4" "$3"; }

json_get() { jq -r "$2" "$1"; }
json_has() {
  _file=$1; shift
  for _test in "$@"; do
    [ "$(jq "$_test" "$_file" 2>&1)" = true ] || { echo "# not so: $_test" >>"$_file.not"; return 1; }
  done
}

wait_until() {
  _end=$(($(date +%s) + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$_end" ] || return 1
    sleep 0.05
  done
}

tap_end_server() {
  if [ -f "$1/pid" ]; then kill -KILL "$(cat "$1/pid")" 2>/dev/null || true; fi
}

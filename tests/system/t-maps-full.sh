#!/usr/bin/env bash
# A derived store whose map is full (ids_map_mib, state_map_mib): commands are refused in words, queries go on, also after a
# kill and a start, and with a larger map all goes on. Nothing that was acknowledged is lost or done twice.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
server_init "$D" || exit 1
setting() { sed -i "/^$1 /d" "$D/daftari.conf"; echo "$1 = $2" >>"$D/daftari.conf"; }
up() { : >"$D/server.log"; server_start "$D" 2>"$D/out" && server_log_in "$D" 2>>"$D/out"; }
position() { daftari log checkpoint --output json | jq -r .note | sed -n 2p; }
fill() { # bench options; until it is refused
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    daftari-bench batch --email "$SERVER_OWNER" --password-file "$D/owner-password" "$@" >"$D/out" 2>&1 || return 0
  done
  return 1
}

for store in ids state; do
  setting "${store}_map_mib" 16
  [ "$store" = ids ] || setting state_dirty_rows_max 10000
  up || exit 1
  setting listen_port "$(server_port "$D")" # the same at the next start: sessions go by address, and a log-in is a record
  pid=$(cat "$D/pid")
  if [ "$store" = ids ]; then fill --entries 200000 --accounts 20; else fill --entries 400000 --accounts 200000; fi
  tap "$store: a full map is told to who gives commands" grep -qE "FULL.*(${store}_map_mib|core state)" "$D/out"
  tap "$store: the server goes on" server_alive "$pid" daftarid
  # A merge may make room for a while, and says so: each time that it is full is told once.
  told=$(grep -c 'WARNING.*status=FULL' "$D/server.log") again=$(grep -c 'there is room again' "$D/server.log")
  cp "$D/server.log" "$D/out"
  tap "$store: it says so, once" test "$told" -ge 1 -a $((told - again)) -le 1 -a $((told - again)) -ge 0
  daftari report trial-balance --output csv >"$D/out" 2>&1
  tap "$store: queries go on" grep -q '^10000000' "$D/out"
  head=$(position)
  server_kill "$D" 2>/dev/null
  : >"$D/server.log"
  server_start "$D" 2>"$D/out"
  tap "$store: a killed server starts again all the same" server_alive "$(cat "$D/pid" 2>/dev/null)" daftarid
  tap "$store: with all that was acknowledged" test "$(position)" = "$head"
  daftari report trial-balance --output csv >"$D/out" 2>&1
  tap "$store: and answers queries" grep -q '^10000000' "$D/out"
  server_stop "$D"
  setting "${store}_map_mib" 4096
  tap "$store: with a larger map it starts" up
  daftari account open --number "1${#store}999" --name "After $store" --class cash >"$D/out" 2>&1
  tap "$store: and takes commands" test $? = 0
  server_stop "$D"
  daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key" >"$D/out" 2>&1
  tap "$store: and all holds" told $? 0 "$D/out" 'all holds'
done

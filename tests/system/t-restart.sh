#!/usr/bin/env bash
# Books come back the same: after a clean stop, kill -9, the loss of any view, of all, of core state, and after a power cut
# that left rubbish in everything that was not synced. One server at a time; init is all or nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT

# Every report and list as JSON, less the position (sessions opened meanwhile move it) and what says when.
reports() {
  for name in balances trial-balance balance-sheet profit-and-loss cash-flow owners-account general-journal periods reconciliations; do
    daftari report "$name" --output json || return 1
  done | jq -c 'del(.position)'
  daftari report account-statement --account 1110 --output json | jq -c 'del(.position)' || return 1
  for list in account entry business transaction-type series role currency user; do
    daftari "$list" list --output json || return 1
  done | jq -cS 'del(.. | .position?, .at_position?)'
}
same() { reports >"$D/now" 2>"$D/out" && diff "$D/before" "$D/now" >>"$D/out"; }
up_and_same() { # after whatever was done to the folder
  server_start "$D" 2>"$D/out" && server_log_in "$D" 2>>"$D/out" && same
}
whole() { daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key" >"$D/out" 2>&1; }

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
for file in kenya-three-businesses car-wash kenya-register kenya-customers kenya-cylinders kenya-expenses demo-day; do daftari load --quiet "data/$file.jsonl" >"$D/out" 2>&1 || cat "$D/out"; done
seq 0 299 | while read -r i; do
  echo '{"method":"Entry.Post","business":"WTR","date":"2026-10-'$((i % 28 + 1))'","type":"SALE","description":"sale '"$i"'","lines":[{"account":1110,"debit":"'"$i"'.50"},{"account":4100,"credit":"'"$i"'.50"}]}'
done | sed 's/-\([0-9]\)"/-0\1"/' >"$D/sales.jsonl"
daftari load "$D/sales.jsonl" >"$D/out" 2>&1
tap "the books are full" grep -q '300 recorded' "$D/out"
reports >"$D/before" 2>"$D/out"
tap "reports can be had" test "$(wc -l <"$D/before")" -ge 18

server_stop "$D"
tap "a clean stop says so" grep -qx clean "$D/data/run"
tap "a clean stop and a start change nothing" up_and_same
tap "and it was trusted" grep -q 'ready .*trusted=1' "$D/server.log"
server_kill "$D" 2>/dev/null
tap "nor does kill -9" up_and_same
server_kill "$D" 2>/dev/null
rm -rf "$D/data/views"
tap "nor the loss of all views" up_and_same
server_stop "$D"
for view in "$D"/data/views/*; do
  rm -rf "$view"
  tap "nor of the view ${view##*/} alone" up_and_same
  tap "${view##*/} is there again" test -f "$view/data.mdb"
  server_stop "$D"
done
rm -rf "$D/data/ids"
tap "nor of the index of command ids" up_and_same
server_stop "$D"
rm -rf "$D/data/state"
tap "nor of core state" up_and_same
daftari load --quiet "$D/sales.jsonl" >/dev/null 2>&1 # decided upon core state that was made anew
daftari entry post --business WTR --date 2026-10-07 --type SALE --description once --debit 1110=10 --credit 4100=10 \
  --command-id 6f3c1b7e-0000-4000-8000-00000000abcd >/dev/null
server_stop "$D"
rm -rf "$D/data/state" "$D/data/ids" "$D/data/views"
server_start "$D" && server_log_in "$D"
one=$(daftari report balances --account 1110 --output json | jq -c .rows)
daftari entry post --business WTR --date 2026-10-07 --type SALE --description once --debit 1110=10 --credit 4100=10 \
  --command-id 6f3c1b7e-0000-4000-8000-00000000abcd >"$D/out" 2>&1
tap "a command sent before is known after everything derived was lost" test $? = 0
tap "and not recorded again" test "$one" = "$(daftari report balances --account 1110 --output json | jq -c .rows)"
reports >"$D/before"
server_stop "$D"

# ---- a power cut: the log was synced, nothing else was
power_cut() { # rubbish in everything that no commit synced
  echo "running 00000000-1111-2222-3333-444444444444" >"$D/data/run"
  for file in "$D"/data/views/*/data.mdb "$D/data/state/data.mdb" "$D/data/ids/data.mdb"; do
    dd if=/dev/urandom of="$file" bs=4096 seek="$1" count=20 conv=notrunc status=none
  done
}
power_cut 2
tap "a power cut with rubbish behind the stores' heads" up_and_same
tap "it was not trusted" grep -q 'ready .*trusted=0' "$D/server.log"
server_stop "$D"
power_cut 0
tap "a power cut with rubbish all over" up_and_same
server_kill "$D" 2>/dev/null
power_cut 2
: >"$D/data/state/data.mdb"
mkdir -p "$D/data/views/journal.new" && : >"$D/data/views/journal.new/data.mdb"
tap "one in the middle of a rebuild, core state empty" up_and_same
server_stop "$D"
tap "the folder is whole after all this" whole
rm -f "$D/data/run"
tap "a lost mark of the last stop is no trust" up_and_same
server_stop "$D"
printf 'running' >"$D/data/run"
tap "nor is half of one" up_and_same

# ---- one at a time
daftarid --config "$D/daftari.conf" >"$D/out" 2>&1
tap "a second server on the same folder is refused: exit 1, says why" told 1 $? "$D/out" 'in use|another|running|locked'
tap "the first one goes on" same
server_kill "$D" 2>/dev/null

# ---- core state that does not fit the log
server_start "$D" && server_log_in "$D"
cp -a "$D/data/state" "$D/older"
cp -a "$D/data/ids" "$D/older-ids"
cp -a "$D/data/views/balances" "$D/older-balances"
daftari entry post --business WTR --date 2026-10-08 --type SALE --description later --debit 1110=77 --credit 4100=77 >/dev/null
reports >"$D/before"
server_stop "$D"
rm -rf "$D/data/state" "$D/data/ids" "$D/data/views/balances"
cp -a "$D/older" "$D/data/state"; cp -a "$D/older-ids" "$D/data/ids"; cp -a "$D/older-balances" "$D/data/views/balances"
tap "core state and a view from before catch up" up_and_same
server_stop "$D"
tap "and are whole" whole
cp -a "$D/data/state" "$D/newer"
cp -a "$D/data/log" "$D/log-before"
server_start "$D" && server_log_in "$D"
daftari entry post --business WTR --date 2026-10-09 --type SALE --description gone --debit 1110=99 --credit 4100=99 >/dev/null
server_stop "$D"
rm -rf "$D/data/log"; cp -a "$D/log-before" "$D/data/log" # a backup of the log alone: state and views are ahead of it
rm -f "$D"/home/checkpoint-*                              # the client would not stand for it
tap "a log older than core state and views: they follow the log" up_and_same
server_stop "$D"
tap "and all holds" whole

# ---- init
init() {
  daftarid init --data "$1" --keys "$2" --config "$3" --owner-email a@b.example --owner-name 'A B' --password-file "$D/owner-password" \
    --books B >"$D/out" 2>&1
}
before=$(find "$D/data" "$D/keys" -type f -name '[!l]*' -exec sha256sum {} + | sort | sha256sum)
init "$D/data" "$D/keys2" "$D/conf2"
tap "init over books is refused and says so" told 1 $? "$D/out" 'data'
init "$D/data2" "$D/keys" "$D/conf2"
tap "init over keys is refused and says so" told 1 $? "$D/out" 'key'
init "$D/data2" "$D/keys2" "$D/daftari.conf"
tap "init over a configuration is refused and says so" told 1 $? "$D/out" 'conf'
tap "the books there are untouched" test "$before" = "$(find "$D/data" "$D/keys" -type f -name '[!l]*' -exec sha256sum {} + | sort | sha256sum)"
tap "a refused init leaves nothing" test ! -e "$D/data2" -a ! -e "$D/keys2" -a ! -e "$D/conf2"
init "$D/none/data" "$D/keys2" "$D/conf2"
tap "an init that cannot make its folder leaves nothing" test ! -e "$D/keys2" -a ! -e "$D/conf2"
echo short >"$D/short"
init "$D/data2" "$D/keys2" "$D/none/conf"
tap "an init that cannot write its configuration says so" told 1 $? "$D/out" 'config: .*none/conf'
tap "and leaves nothing" test ! -e "$D/data2" -a ! -e "$D/keys2"
init "$D/data2" "$D/keys2" "$D/data2/conf"
tap "so that it can be tried again, with the configuration in the data folder too" test $? = 0 -a -s "$D/data2/conf"
rm -rf "$D/data2" "$D/keys2"
daftarid init --data "$D/data2" --keys "$D/keys2" --owner-email a@b.example --owner-name 'A B' --password-file "$D/owner-password" >"$D/out" 2>&1
tap "the configuration is in the key folder by default" grep -q "^data_dir = \"$D/data2\"" "$D/keys2/daftari.conf"
rm -rf "$D/data2" "$D/keys2"
daftarid init --data "$D/data2" --keys "$D/keys2" --config "$D/conf2" --owner-email a@b.example --owner-name 'A B' --password-file "$D/short" >"$D/out" 2>&1
tap "an init with too short a password is refused" test $? != 0
tap "and leaves nothing" test ! -e "$D/data2" -a ! -e "$D/keys2" -a ! -e "$D/conf2"
stuck=
for delay in 0.005 0.01 0.02 0.03 0.05 0.08 0.12 0.2; do # killed in the middle: init again, then start
  rm -rf "$D/i"; mkdir -m 700 "$D/i"
  timeout -s KILL "$delay" daftarid init --data "$D/i/data" --keys "$D/i/keys" --config "$D/i/daftari.conf" --owner-email "$SERVER_OWNER" \
    --owner-name 'A B' --password-file "$D/owner-password" --books B >/dev/null 2>&1
  if [ -f "$D/i/daftari.conf" ]; then # it was finished: the books must be whole
    daftari-audit verify --data "$D/i/data" --master-key "$D/i/keys/master-key" >"$D/out" 2>&1 || stuck="$stuck [$delay: not whole]"
  else # what is left must not look like books, and must not stand in the way
    init "$D/i/data" "$D/i/keys" "$D/i/daftari.conf" || stuck="$stuck [$delay: $(head -c 200 "$D/out"): $(cd "$D/i" && ls -A . data keys 2>/dev/null | tr '\n' ' ')]"
  fi
done 2>/dev/null
printf '%s' "$stuck" >"$D/out"
tap "an init that was killed stands in nobody's way" test -z "$stuck"

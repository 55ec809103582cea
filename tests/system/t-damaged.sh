#!/usr/bin/env bash
# Files of a data folder that were cut or lost: the server says which and builds again what it can, never dies of a signal.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital
  for i in 1 2 3; do daftari entry post --date 2026-03-01 --description "entry $i" --debit 1110=1 --credit 3100=1; done; } >/dev/null
server_stop "$D"
cp -a "$D/data" "$D/whole"
afresh() { rm -rf "$D/data"; cp -a "$D/whole" "$D/data"; : >"$D/server.log"; }
start() { # a client that has not seen the records that go with the folder's copy
  rm -rf "${D:?}/home"; mkdir -m 700 "$D/home"
  server_start "$D" && server_log_in "$D"
}
verify() { daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key" >"$D/out" 2>&1; }

# ---- cut
for store in views/balances state ids; do
  afresh
  truncate -s 8192 "$D/data/$store/data.mdb"
  verify
  tap "$store cut: verify finds it" told $? 1 "$D/out" "$store.* shorter than its store says: 8192 of [0-9]+ bytes"
  start && daftari entry list --output json >"$D/out" 2>&1
  tap "$store cut: the server builds it again" test "$(grep -c '"entry [123]"' "$D/out")" = 3
  cp "$D/server.log" "$D/out"
  tap "$store cut: and says so" grep -q 'shorter than its store says: 8192 of' "$D/server.log"
  server_stop "$D"
done
afresh
truncate -s 8192 "$D/data/log/data.mdb"
daftarid --config "$D/daftari.conf" >"$D/out" 2>&1
tap "log cut: the start is refused" told $? 1 "$D/out" 'log: .*shorter|field=".*/log".*shorter than its store says: 8192 of'
verify
tap "log cut: verify finds it" told $? 1 "$D/out" 'log.*shorter than its store says: 8192 of'

# ---- without keys
afresh
rm -r "$D/data/keys"
verify
tap "no keys: verify cannot look" told $? 2 "$D/out" 'data key [0-9]+, .*is not there'
afresh
: >"$D/data/keys/data-keys"
verify
tap "empty keys: verify cannot look" told $? 2 "$D/out" 'data key [0-9]+, .*is not there'
daftarid --config "$D/daftari.conf" >"$D/out" 2>&1
tap "empty keys: the start is refused" told $? 1 "$D/out" 'data key [0-9]+, .*is not there'
tap "empty keys: and no key is made" test ! -s "$D/data/keys/data-keys"
cp "$D/whole/keys/data-keys" "$D/data/keys/data-keys"
start && daftari entry list --output json >"$D/out" 2>&1
tap "the keys put back: all is there" test "$(grep -c '"entry [123]"' "$D/out")" = 3

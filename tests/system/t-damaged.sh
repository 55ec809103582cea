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
server_stop "$D"

# ---- a key of the midst: of the log's second writing of three
key_ids() { # of the log's keys: entry n of 128 bytes holds key n, its label stands at byte 24
  entries=$(($(stat -c %s "$D/data/keys/data-keys") / 128))
  for id in $(seq "$entries"); do
    [ "$(dd if="$D/data/keys/data-keys" bs=1 skip=$(((id - 1) * 128 + 24)) count=4 status=none | tr -d '\0')" != log ] || echo "$id"
  done
}
entry() { daftari entry post --date 2026-03-01 --description "$1" --debit 1110=1 --credit 3100=1 >/dev/null; }
afresh
start && entry "entry 4" && entry "entry 5"
server_stop "$D"
lost=$(key_ids | tail -n 1)
start && entry "entry 6"
server_stop "$D"
cp -a "$D/data" "$D/grown"
verify
tap "written three times: all holds" told $? 0 "$D/out" 'all holds'
dd if=/dev/zero of="$D/data/keys/data-keys" bs=1 seek=$(((lost - 1) * 128 + 52)) count=32 conv=notrunc status=none
verify
tap "a key of the midst gone: verify could not look" told $? 2 "$D/out" "^position [0-9]+: data key $lost is missing: records [0-9]+ to [0-9]+ "
tap "and says of no record that it was changed" test "$(grep -c changed "$D/out")" = 0
tap "and that it did not see everything" grep -q 'could not look at everything' "$D/out"
daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key" --output json >"$D/out"
tap "in JSON too" json_has "$D/out" '.holds == false' '.complete == false' '.problem_count == 0' \
  "[.unread[] | select(.why | test(\"data key $lost is missing\"))] | length >= 1"
start && daftari entry list --output json >"$D/out" 2>&1; daftari-audit export --data "$D/data" --master-key "$D/keys/master-key" --format csv >"$D/out" 2>&1
tap "whoever reads there is told which key" grep -q "data key $lost, " "$D/out"
server_stop "$D"

# ---- the key of the last block alone
rm -rf "$D/data"; cp -a "$D/grown" "$D/data"
start # the log-in is one record
server_stop "$D"
lost=$(key_ids | tail -n 1)
truncate -s $(((lost - 1) * 128)) "$D/data/keys/data-keys"
cp -a "$D/data" "$D/without"
daftarid --config "$D/daftari.conf" >"$D/out" 2>&1
tap "the last block's key gone: the start is refused" told $? 1 "$D/out" "data_dir: .*/log: .*data key $lost is missing"
tap "and nothing is changed" diff -r -x lock -x lock.mdb "$D/without" "$D/data"
verify
tap "and verify names it" grep -q "data key $lost" "$D/out"

# ---- a server asked with the wrong verifier key: one finding, not a forged log; with none at all: could not look
afresh
start
remote() { daftari-audit verify --server "$DAFTARI_SERVER" "$@" >"$D/out" 2>&1; }
remote --log-key garbage
tap "a key that is none: could not look" told $? 2 "$D/out" 'log.key: .*name\+hash\+key'
key=$(daftari log checkpoint --output json | jq -r '.log_key // .[0].log_key')
remote --log-key "$key"
tap "the right key: all holds" told $? 0 "$D/out" 'all holds'
server_stop "$D"
mkdir "$D/second" && server_init "$D/second" && server_start "$D/second" && server_log_in "$D/second" || exit 1
foreign=$(daftari log checkpoint --output json | jq -r '.log_key // .[0].log_key')
server_stop "$D/second"
start
remote --log-key "$foreign" --output json
code=$?
tap "the key of other books: exit 1" test "$code" = 1
tap "it is one finding, and the records are looked at" json_has "$D/out" '.complete' '.problem_count == 1' '.records > 3'

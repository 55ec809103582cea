#!/usr/bin/env bash
# daftari-audit verify as a script sees it: exit codes, sentences, JSON; against folders and against a server that is
# written to meanwhile. Single changed bytes are the business of t_tamper.c.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
AUDIT=(daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key")

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
daftari load --quiet data/kenya-three-businesses.jsonl >/dev/null
for file in car-wash kenya-register kenya-customers kenya-cylinders kenya-expenses demo-day; do daftari load --quiet "data/$file.jsonl" >/dev/null; done

# ---- against a server that takes entries meanwhile
( while [ ! -f "$D/enough" ]; do
    daftari entry post --business WTR --date 2026-10-05 --type SALE --description load --debit 1110=1 --credit 4100=1 >/dev/null ||
      touch "$D/load-failed"
  done ) &
load=$!
good=0
for _ in 1 2 3 4; do
  daftari-audit verify --server "$DAFTARI_SERVER" >"$D/out" 2>&1 && good=$((good + 1))
  "${AUDIT[@]}" >>"$D/out" 2>&1 && good=$((good + 1))
done
touch "$D/enough"
wait "$load"
tap "verify holds beside a writing server, from outside and from its folder" test "$good" = 8
tap "and the writing went on" test ! -e "$D/load-failed"

daftari-audit verify --server "$DAFTARI_SERVER" --output json >"$D/json"
code=$?
tap "online: exit 0" test "$code" = 0
tap "online: the JSON has its fields" json_has "$D/json" '.holds == true' '.complete == true' '.records > 100' '.replays >= 6' \
  '(.root | test("^[0-9a-f]{64}$"))' '.problem_count == 0' '.problems == []'
seen=$(json_get "$D/json" .records)

DAFTARI_HOME=$D/nobody daftari-audit verify --server "$DAFTARI_SERVER" >"$D/out" 2>&1
code=$?
tap "online without a session: exit 2 and what to do" told 2 "$code" "$D/out" 'log[ -]in'
daftari-audit verify --server localhost:1 >"$D/out" 2>&1
code=$?
tap "online without a server: exit 2" told 2 "$code" "$D/out" 'localhost:1|refused|connect'
daftari-audit verify --server "$DAFTARI_SERVER" --log-key "books+00000000+AAAA" >"$D/out" 2>&1
code=$?
tap "online with a log key that is none: no success" test "$code" != 0
# to look from outside is on record too
daftari log checkpoint --output json | jq -j .note >"$D/note"
head=$(sed -n 2p "$D/note")
root=$(sed -n 3p "$D/note" | base64 -d | od -An -v -tx1 | tr -d ' \n')
tap "online: it is on record" test "$head" -gt "$seen"

# ---- offline
server_stop "$D"
"${AUDIT[@]}" --output json >"$D/json"
code=$?
tap "offline: exit 0, the same root, all of state and views replayed" test "$code" = 0
tap "offline: the JSON agrees with the server" json_has "$D/json" ".records == $head" ".root == \"$root\"" '.replays == 11' '.blocks > 0'

tap "offline: the JSON says how long each part took" json_has "$D/json" '.threads >= 1' '.timings[0].part == "log"' \
  '.timings[0].records == .records' '.timings[0].elapsed_us > 0' '[.timings[] | select(.part == "state, folded")] | length == 1'
alike=0
for threads in 1 2 3 9; do
  "${AUDIT[@]}" --output json --threads "$threads" | jq -S 'del(.timings, .threads)' >"$D/json-$threads" && cmp -s "$D/json-1" "$D/json-$threads" &&
    alike=$((alike + 1))
done
tap "offline: the same with any number of threads" test "$alike" = 4
for threads in 0 65 x; do
  "${AUDIT[@]}" --threads "$threads" >"$D/out" 2>&1
  code=$?
  tap "threads $threads: exit 2, said what it takes" told 2 "$code" "$D/out" 'threads takes 1 to 64'
done
"${AUDIT[@]}" --timings >"$D/out"
tap "text: with timings, a line for each part" grep -qE '^log .* records/s' "$D/out"
script -qec "$(printf '%q ' "${AUDIT[@]}")" /dev/null >"$D/terminal" 2>&1
tap "on a terminal it shows how far it is" grep -aqE 'log: [0-9]+ of [0-9]+ records' "$D/terminal"
"${AUDIT[@]}" >"$D/out" 2>"$D/err"
tap "and nowhere else" test ! -s "$D/err"
tap "text: one line when all holds" test "$(wc -l <"$D/out")" = 1
tap "text: says so" grep -q 'all holds' "$D/out"

# ---- what cannot be looked at
daftari-audit verify --data "$D/nowhere" --master-key "$D/keys/master-key" >"$D/out" 2>&1
code=$?
tap "no such folder: exit 2, named" told 2 "$code" "$D/out" "$D/nowhere"
mkdir "$D/empty"
daftari-audit verify --data "$D/empty" --master-key "$D/keys/master-key" >"$D/out" 2>&1
code=$?
tap "an empty folder: exit 2, named" told 2 "$code" "$D/out" "$D/empty"
env -u DAFTARI_MASTER_KEY -u CREDENTIALS_DIRECTORY daftari-audit verify --data "$D/data" >"$D/out" 2>&1
code=$?
tap "no master key: exit 2, says which is wanted" told 2 "$code" "$D/out" 'master[ -]key'
daftari-audit verify --data "$D/data" --master-key "$D/nokey" >"$D/out" 2>&1
code=$?
tap "master key file missing: exit 2, named" told 2 "$code" "$D/out" "$D/nokey"
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$D/other-key"; chmod 600 "$D/other-key"
daftari-audit verify --data "$D/data" --master-key "$D/other-key" >"$D/out" 2>&1
code=$?
tap "another master key: exit 2, said so" told 2 "$code" "$D/out" 'master key'
echo "not a key" >"$D/other-key"
daftari-audit verify --data "$D/data" --master-key "$D/other-key" >"$D/out" 2>&1
code=$?
tap "a file that is no key: exit 2" told 2 "$code" "$D/out" 'hexadecimal|32 bytes'
daftari-audit verify --data "$D/nowhere" --master-key "$D/keys/master-key" --output json >"$D/json" 2>/dev/null
tap "could not look: JSON never says that all holds" json_has "$D/json" '.holds == false' '.complete == false'
daftari-audit verify >"$D/out" 2>&1
code=$?
tap "neither folder nor server: usage, exit 2" told 2 "$code" "$D/out" 'usage:'
daftari-audit verify --data "$D/data" --server localhost:1 >"$D/out" 2>&1
code=$?
tap "both: usage, exit 2" told 2 "$code" "$D/out" 'usage:'
"${AUDIT[@]}" --output yaml >"$D/out" 2>&1
code=$?
tap "an output form that is none: exit 2" told 2 "$code" "$D/out" 'text or json'
"${AUDIT[@]}" --scratch "$D/nowhere" >"$D/out" 2>&1
code=$?
tap "no room for replays: exit 2, said so" told 2 "$code" "$D/out" 'scratch'

# ---- the folder is only read, and nothing is left behind
before=$(cd "$D/data" && find . -name data.mdb -exec sha256sum {} + | sort)
mkdir "$D/scratch"
"${AUDIT[@]}" --scratch "$D/scratch" >/dev/null
tap "verify changes no stored byte" test "$before" = "$(cd "$D/data" && find . -name data.mdb -exec sha256sum {} + | sort)"
tap "verify leaves nothing in the scratch folder" test -z "$(ls -A "$D/scratch")"

# ---- whole files: of one view, of core state, of the log
for part in views/journal state log; do
  cp "$D/data/$part/data.mdb" "$D/kept"
  head -c 100000 /dev/urandom >"$D/data/$part/data.mdb"
  "${AUDIT[@]}" >"$D/out" 2>&1
  code=$?
  tap "$part overwritten as a whole: exit 1, named" told 1 "$code" "$D/out" "^$part is damaged"
  : >"$D/data/$part/data.mdb"
  "${AUDIT[@]}" >"$D/out" 2>&1
  code=$?
  tap "$part emptied: exit 1, named" told 1 "$code" "$D/out" "^$part is damaged"
  cp "$D/kept" "$D/data/$part/data.mdb"
done

# ---- a change
pages=$(($(stat -c %s "$D/data/log/data.mdb") / 4096))
dd if=/dev/urandom of="$D/data/log/data.mdb" bs=4096 seek=$((pages / 4)) count=$((pages / 2)) conv=notrunc status=none
"${AUDIT[@]}" --output json --scratch "$D/scratch" >"$D/json"
code=$?
tap "overwritten pages: exit 1" test "$code" = 1
tap "overwritten pages: problems in the JSON" json_has "$D/json" '.holds == false' '.problem_count >= 1' '(.problems | length) >= 1' \
  '(.problems[0] | has("position") and has("problem"))'
"${AUDIT[@]}" --scratch "$D/scratch" >"$D/out"
"${AUDIT[@]}" --threads 1 >"$D/out-1"; "${AUDIT[@]}" --threads 3 >"$D/out-3"
# a look that dies of such pages has told what it had judged by then, which more threads are further ahead of
alike() { cmp -s "$1" "$2" || { grep -q 'fault of memory' "$1" && grep -q 'fault of memory' "$2"; }; }
tap "overwritten pages: told alike with any number of threads" alike "$D/out-1" "$D/out-3"
tap "overwritten pages: told line by line, then the verdict" grep -q 'NOT as it should be' "$D/out"
tap "and nothing is left in the scratch folder" test -z "$(ls -A "$D/scratch")"

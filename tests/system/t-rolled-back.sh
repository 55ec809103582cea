#!/usr/bin/env bash
# An auditor who has looked before, and a server that was put back to an earlier copy of its data: something is wrong (exit 1),
# also when it has grown past what was seen, and not "it could not look". Who never looked has nothing to hold against it.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
port=$(server_port "$D")
sed -i '/^listen_port /d' "$D/daftari.conf"
echo "listen_port = $port" >>"$D/daftari.conf" # checkpoints are remembered by address
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital; } >/dev/null
post() { daftari entry post --date 2026-03-01 --description "$1" --debit 1110=1 --credit 3100=1 >"$D/out" 2>&1; }
audit() { daftari-audit verify --server "$DAFTARI_SERVER" "$@" >"$D/out" 2>"$D/err"; }
server_stop "$D"
cp -a "$D/data" "$D/copy"
server_start "$D" || exit 1
post one && post two && post three
tap "entries are taken" test $? = 0
audit
tap "all holds" told 0 $? "$D/out" 'all holds'
server_stop "$D"

rm -rf "$D/data" && cp -a "$D/copy" "$D/data"
server_start "$D" || exit 1
audit
code=$?
tap "put back: exit 1, and how far it went before" told 1 "$code" "$D/out" 'log has [0-9]+ records; .*[0-9]+ .*before'
tap "it says that not all was looked at" grep -Eqi 'NOT as it should be' "$D/out"
tap "and where the evidence is" test -s "$(sed -n 's/.* with what is shown now in //p' "$D/err")"
audit --output json
code=$?
tap "in JSON, too: exit 1" test "$code" = 1
tap "a problem, and neither whole nor holding" json_has "$D/out" '.holds == false' '.complete == false' '.problem_count == 1' \
  '.problems[0].problem | test("before")'

DAFTARI_HOME=$D/other
mkdir -m 700 "$DAFTARI_HOME"
server_log_in "$D"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do post "instead $n" || break; done
audit
tap "who never looked finds nothing" told 0 $? "$D/out" 'all holds'
DAFTARI_HOME=$D/home
audit
code=$?
tap "grown past what was seen: exit 1, forked" told 1 "$code" "$D/out" 'cannot prove that its log .* extends'
server_stop "$D"
audit
code=$?
tap "not there: exit 2" test "$code" = 2
tap "and no verdict" json_has <(daftari-audit verify --server "$DAFTARI_SERVER" --output json 2>/dev/null) '.problem_count == 0'

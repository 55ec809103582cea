#!/usr/bin/env bash
# Months that close in order, over books that begin long ago.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT

server_init "$D" --first-date 2000-01-01 && server_start "$D" && server_log_in "$D" || exit 1
year=$(($(date +%Y) - 1))

daftari period close --month "$year-05" >"$D/out" 2>&1
tap "a month before others is refused, and the first open one named" told 1 $? "$D/out" "2000-01 is the first that is open: close all from that one up to $year-04"
tap "and how to close them all" grep -q -e --all-before "$D/out"
daftari period close --help >"$D/out"
tap "the help has it" grep -q -e '--all-before ' "$D/out"
daftari period close --month 2001-02 --note early >"$D/out" 2>&1
daftari period close --month 2001-02 --note early --all-before >"$D/out" 2>&1
tap "all up to a month" told 0 $? "$D/out" '^14 months closed, 2000-01 to 2001-02$'
daftari period soft-close --all-before --month 2001-04 --output json >"$D/out" 2>&1
tap "soft, the next ones" test "$(jq -c . "$D/out")" = '{"closed":2,"from":"2001-03","to":"2001-04"}'
daftari period close --month "$year-05" >"$D/out" 2>&1
tap "the refusal goes on from there" told 1 $? "$D/out" '2001-03 is the first that is open'
daftari period close --month "$year-05" --all-before >"$D/out" 2>&1
tap "and all the rest at once" told 0 $? "$D/out" "^[0-9]+ months closed, 2001-03 to $year-05$"
daftari period close --month "$year-05" --all-before >"$D/out" 2>&1
tap "twice is refused as without it" told 1 $? "$D/out" 'closed already'
daftari period close --month "$((year + 3))-01" --all-before >"$D/out" 2>&1
tap "a month that is not over is refused" told 1 $? "$D/out" 'not over yet'
daftari period list --output json >"$D/out"
tap "and closed nothing before it" test "$(jq -r '[.[] | select(.state == "closed")] | last | .month' "$D/out")" = "$year-05"
daftari account open --number 1110 --name Cash --class cash >/dev/null && daftari account open --number 3100 --name Capital --class capital >/dev/null
daftari entry draft --date "$year-07-03" --description waits --debit 1110=1 --credit 3100=1 >"$D/out" 2>&1
daftari period close --month "$year-09" --all-before >"$D/out" 2>&1
tap "a draft in between stops it there" told 1 $? "$D/out" "$year-07 is not closed, nor is any month after it"
tap "and says why, and which" grep -Eq 'draft [0-9]+ is dated in it: post or discard it' "$D/out"
tap "after the months before" grep -q "^1 months closed, $year-06 to $year-06" "$D/out"

#!/usr/bin/env bash
# A server that is told to end while it still folds the log at its start ends at the next slice, with what it has folded kept:
# the next start goes on there.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
daftari-bench batch --email "$SERVER_OWNER" --password-file "$D/owner-password" --entries 60000 --accounts 20 >"$D/out" 2>&1
tap "there is a log of many slices" test "$(daftari log checkpoint --output json | jq -r .note | sed -n 2p)" -gt 60000
server_stop "$D"

# In perl because a shell cannot start a program with a signal that waits: it is there at the first slice.
ended_at_once() { # SIGNAL
  : >"$D/out"
  perl -MPOSIX -e 'my $set = POSIX::SigSet->new($ARGV[0]); sigprocmask(SIG_BLOCK, $set); kill $ARGV[0], $$; shift; exec @ARGV' \
    "$1" daftarid --config "$D/daftari.conf" --ready-file "$D/ready" >"$D/out" 2>&1
}
said() { sed -nE "s/.*start-ended .*$1 is folded up to ([0-9]+) of [0-9]+ records.*/\\1/p" "$D/out"; }

rm -rf "$D/data/state" "$D/data/ids" "$D/data/views"
ended_at_once 15
tap "TERM while core state is folded: exit 0" told $? 0 "$D/out" 'start-ended .*core state is folded'
first=$(said 'core state')
tap "it did a slice" test "${first:-0}" -gt 0
tap "and left no ready file" test ! -e "$D/ready"
tap "and no fault" test "$(grep -cE 'ERROR|WARNING' "$D/out")" = 0
tap "and a folder that can be trusted" grep -qx clean "$D/data/run"
ended_at_once 2
tap "INT at the next start: exit 0" told $? 0 "$D/out" 'start-ended .*core state is folded'
second=$(said 'core state')
tap "it went on where the first ended" test "${second:-0}" = $((2 * ${first:-1}))
for _ in 1 2 3 4; do ended_at_once 15; code=$?; [ -z "$(said 'core state')" ] || continue; break; done
tap "TERM while the index of ids is folded: exit 0" told "$code" 0 "$D/out" 'start-ended .*index of command ids is folded'
: >"$D/server.log"
server_start "$D" 2>"$D/out" && server_log_in "$D" 2>>"$D/out"
tap "the next start folds the rest" grep -qE 'ids-folded records=[0-9]+' "$D/server.log"
tap "not all of it" test "$(sed -nE 's/.*ids-folded records=([0-9]+).*/\1/p' "$D/server.log")" -lt 60000
tap "and the books are written on" daftari account open --number 1999 --name After --class cash
server_stop "$D"
daftari-audit verify --data "$D/data" --master-key "$D/keys/master-key" >"$D/out" 2>&1
tap "and all holds" told $? 0 "$D/out" 'all holds'

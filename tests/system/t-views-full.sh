#!/usr/bin/env bash
# A disk that is full before the views have taken up the last records: reports are of the last position that they have and say
# so, what asks for a later one is told why there is none, and with room all goes on by itself.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
chmod 700 "$D"
mkdir "$D/disk"
trap 'tap_end_server "$D"; umount -l "$D/disk" 2>/dev/null; rm -rf "$D"' EXIT
if ! mount -t tmpfs -o size=100m,mode=700 tmpfs "$D/disk" 2>/dev/null; then
  echo "ok - views on a full disk # skip only root may mount one"
  exit 0
fi
echo 'log_map_mib = 48' >"$D/extra.conf"
server_init "$D" || exit 1
sed -i '/^log_map_mib = 65536/d' "$D/daftari.conf"
mv "$D/data" "$D/disk/data"
sed -i "s|^data_dir = .*|data_dir = \"$D/disk/data\"|" "$D/daftari.conf"
server_start "$D" && server_log_in "$D" || exit 1
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital; } >/dev/null
pid=$(cat "$D/pid")
total() { daftari report trial-balance --output csv 2>"$D/err" | awk -F, '$1 == "1110" { sum = int($9) } END { print sum + 0 }'; }
fill() { head -c 200M /dev/zero >"$D/disk/filler" 2>/dev/null; }

# The views wait 200 ms for more records: the disk is full by then, or it is tried again with another entry.
posted=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -f "$D/disk/filler"
  sleep 2
  head -c 45M /dev/zero >"$D/disk/filler-too"
  daftari entry post --date 2026-03-01 --description "an entry" --debit 1110=1 --credit 3100=1 >"$D/out" 2>&1 && posted=$((posted + 1))
  fill
  sleep 1
  ! grep -q 'view-behind' "$D/server.log" || break
done
tap "a view that has no room says that it is behind" grep -q 'view-behind.*status=FULL' "$D/server.log"
tap "each of them once" test "$(grep -c 'view-behind' "$D/server.log")" -le "$(find "$D/disk/data/views" -mindepth 1 -maxdepth 1 -type d | wc -l)"
tap "the server goes on" server_alive "$pid" daftarid
seen=$(total)
cp "$D/err" "$D/out"
tap "reports go on, without the last entry" test "$seen" = $((posted - 1))
for report in trial-balance balance-sheet profit-and-loss general-journal "account-statement --account 1110" audit-trail cash-flow; do
  # shellcheck disable=SC2086 # a name and its option
  daftari report $report >"$D/out" 2>&1
  tap "$report is answered" test $? = 0
done
tap "and says that it leaves out the latest records" grep -q 'leaves out the latest records.*has stopped at record [0-9]* (FULL)' "$D/out"
tap "other queries go on" daftari account show --number 1110
daftari report trial-balance --at-least "$(daftari log checkpoint --output json 2>/dev/null | jq -r .note | sed -n 2p)" >"$D/out" 2>&1
code=$?
tap "who asks for the last record is told why there is none" told 4 "$code" "$D/out" 'at_least_position.*has stopped at record'
rm -f "$D/disk/filler"
for _ in $(seq 40); do
  ! grep -q 'view-goes-on' "$D/server.log" || [ "$(total)" != "$posted" ] || break
  sleep 0.5
done
tap "with room all is there" test "$(total)" = "$posted"
tap "and nothing is said any more" test ! -s "$D/err"
server_stop "$D"
daftari-audit verify --data "$D/disk/data" --master-key "$D/keys/master-key" >"$D/out" 2>&1
tap "and all holds" told $? 0 "$D/out" 'all holds'

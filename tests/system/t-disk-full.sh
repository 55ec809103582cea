#!/usr/bin/env bash
# A disk that fills up under the server: commands are refused, queries go on, and with room it goes on by itself.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
chmod 700 "$D"
mkdir "$D/disk"
trap 'tap_end_server "$D"; umount -l "$D/disk" 2>/dev/null; rm -rf "$D"' EXIT
if ! mount -t tmpfs -o size=100m,mode=700 tmpfs "$D/disk" 2>/dev/null; then
  echo "ok - a disk that fills up # skip only root may mount one"
  exit 0
fi
echo 'log_map_mib = 48' >"$D/extra.conf" # the least that --check-config takes with the default batch_kib
server_init "$D" || exit 1
sed -i '/^log_map_mib = 65536/d' "$D/daftari.conf"
mv "$D/data" "$D/disk/data"
sed -i "s|^data_dir = .*|data_dir = \"$D/disk/data\"|" "$D/daftari.conf"
server_start "$D" && server_log_in "$D" || exit 1
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital; } >/dev/null
pid=$(cat "$D/pid")
post() { # post NUMBER
  timeout 20 daftari entry post --date 2026-03-01 --description "entry $1" --debit 1110=1 --credit 3100=1 >"$D/out" 2>&1
}
post 1
tap "a command is taken" test $? = 0
head -c 200M /dev/zero >"$D/disk/filler" 2>/dev/null # less than state_idle_ms after the command
sleep 4
tap "the server goes on" server_alive "$pid" daftarid
tap "what cannot be written behind is logged" grep -q 'state-waits status=FULL' "$D/server.log"
tap "once" test "$(grep -c state-waits "$D/server.log")" = 1
post 2
tap "commands are refused" test $? != 0 -a -n "$(grep -i 'room\|full' "$D/out")"
tap "queries go on" daftari account list
daftari log-out >"$D/out" 2>&1
tap "a log-out is refused in words" told $? 4 "$D/out" 'still logged in'
tap "and the session is not thrown away: there would be no other" daftari who-am-i
rm -f "$D/disk/filler"
sleep 12
tap "it is written once there is room" grep -q 'state-written' "$D/server.log"
post 3
tap "and commands are taken again" test $? = 0
daftari log-out >"$D/out" 2>&1
tap "log-outs too" test $? = 0
daftari log-out >"$D/out" 2>&1
tap "once logged out one may log out again" test $? = 0
tap "and logged in again" server_log_in "$D"
server_kill "$D"
server_start "$D" && server_log_in "$D"
tap "after a kill all that was acknowledged is there" test "$(daftari entry list --output json | grep -c '"entry [13]"')" = 2
server_stop "$D"
rm -rf "$D/disk/data/views" # lock files that must be made anew are written through a mapping
head -c 200M /dev/zero >"$D/disk/filler" 2>/dev/null
timeout 20 daftarid --config "$D/daftari.conf" >"$D/out" 2>&1
tap "a start on a full disk is refused in words" told $? 1 "$D/out" 'no room|no space|FULL'
rm -f "$D/disk/filler"
tap "and with room it starts" server_start "$D"

#!/usr/bin/env bash
# The outbox under hostile conditions: the client is killed while it adds and while it sends, the server is killed while it
# records, two senders run at once. What was said to be kept is recorded, once, in order.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
{ daftari account open --number 1110 --name Cash --class cash && daftari account open --number 3100 --name Capital --class capital; } >/dev/null
daftari outbox add entry post --date 2026-02-01 --description first --debit 1110=1 --credit 3100=1 >/dev/null # learns the currencies
daftari outbox send >/dev/null
port=$(server_port "$D")
server_stop "$D"
sed -i "s/^listen_port = .*/listen_port = $port/" "$D/daftari.conf"

lines() { # lines FROM TO: entries with these numbers, one a line
  awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i <= to; i++)
    printf "{\"date\":\"2026-03-01\",\"description\":\"kept %05d\",\"lines\":[{\"account\":1110,\"debit\":\"1.00\"},{\"account\":3100,\"credit\":\"1.00\"}]}\n", i }'
}
waiting() { daftari outbox list --output json 2>/dev/null | jq -s '[.[] | if type == "array" then .[] else . end] | length'; }

# ---- killed while it adds: what it said is kept, and at most what it was given
kept=0
for i in 1 2 3 4 5 6; do
  lines "$i" "$i" | daftari outbox add entry post --json - >"$D/added" 2>&1 && kept=$((kept + 1))
done
tap "commands are kept while the server is down" test "$kept" = 6
lines 7 6000 >"$D/many"
daftari outbox add entry post --json "$D/many" >"$D/added" 2>&1 &
adder=$!
wait_until 10 test "$(find "$D/home" -name '*outbox*' -type f -size +20k | wc -l)" -gt 0
kill -KILL "$adder" 2>/dev/null
wait "$adder" 2>/dev/null
daftari outbox list >"$D/out" 2>&1
tap "the box opens after its writer was killed" test $? = 0
lines 9001 9001 | daftari outbox add entry post --json - >"$D/out" 2>&1
tap "and takes more" test $? = 0
tap "the box is nobody else's to read" test -z "$(find "$D/home" -type f ! -perm 0600)"
daftari outbox send >"$D/out" 2>&1
tap "without a server they wait: exit 4" told 4 $? "$D/out" 'waiting'

# ---- sent, with the client and the server killed in the middle, again and again
server_start "$D"
for i in 1 2 3 4 5; do
  daftari outbox send >/dev/null 2>&1 &
  sender=$!
  sleep "0.0$((i * 15 % 10))"
  if [ "$i" = 3 ]; then server_kill "$D" 2>/dev/null; server_start "$D"; else kill -KILL "$sender" 2>/dev/null; fi
  wait "$sender" 2>/dev/null
done
daftari outbox send >"$D/one" 2>&1 & # and by two at once
first=$!
daftari outbox send >"$D/two" 2>&1
wait "$first"
daftari outbox send >"$D/out" 2>&1
tap "all is sent in the end" test $? = 0
daftari outbox list --output json >"$D/out" 2>&1
tap "and nothing waits or was refused" test -z "$(grep -Eo 'kept|waiting"|refused' "$D/out")"

daftari entry list --output json | jq -r '.. | objects | select(.description? // "" | startswith("kept ")) | "\(.position) \(.description)"' | sort -n -u >"$D/recorded"
count=$(wc -l <"$D/recorded")
cut -d' ' -f3 "$D/recorded" >"$D/order"
echo "$count recorded" >"$D/out"
tap "each is recorded once" test "$count" -ge 7 -a "$count" = "$(sort -u "$D/order" | wc -l)"
tap "in the order in which they were kept" sort -c "$D/order"
tap "those that were said to be kept are there" test "$(grep -cE '^0000[1-6]$|^09001$' "$D/order")" = 7
tap "without a gap" test "$(head -n $((count - 1)) "$D/order" | tail -n 1 | sed 's/^0*//')" = $((count - 1))
got=$(daftari report balances --account 1110 --output json | jq -r '.rows[0] | to_entries[] | select(.value | tostring | test("^[0-9]+[.]00$")) | .value' | head -n 1)
tap "and the balance says the same" test "$got" = "$((count + 1)).00"
daftari outbox send >"$D/out" 2>&1
tap "sending an empty box is fine" test $? = 0
tap "the books are whole" daftari-audit verify --server "$DAFTARI_SERVER"

# ---- a command without a date is of the day it was added: the books' day, or this machine's when there is no server
books_day=$(date -u -d '+3 hours' +%F) # Nairobi
server_stop "$D"
zone=UTC+12; [ "$(TZ=$zone date +%F)" != "$books_day" ] || zone=UTC-14
there=$(TZ=$zone date +%F)
here() { TZ=$zone daftari outbox add "$@" >"$D/out" 2>&1; }
here entry post --description "offline, undated" --debit 1110=1 --credit 3100=1
tap "a command without a date is kept" test $? = 0
echo '{"description":"offline, undated too","lines":[{"account":1110,"debit":"1.00"},{"account":3100,"credit":"1.00"}]}' >"$D/undated"
here entry post --json "$D/undated"
tap "in JSON too" test $? = 0
echo '{"reason":"count","entry":{"description":"undated","lines":[{"account":1110,"debit":"1.00"},{"account":3100,"credit":"1.00"}]}}' >"$D/undated"
here adjustment request --json "$D/undated"
tap "and a request for an adjustment" test $? = 0
TZ=$zone daftari outbox add entry post --date 2026-02-02 --description "offline, dated" --debit 1110=1 --credit 3100=1 >"$D/out" 2>&1
server_start "$D"
here entry post --description "online, undated" --debit 1110=1 --credit 3100=1
daftari outbox send >"$D/out" 2>&1
tap "they are sent" test $? = 0
dated() { daftari entry list --output json | jq -r --arg d "$1" '.. | objects | select(.description? == $d) | .date'; }
echo "books $books_day, here $there: $(dated "offline, undated") $(dated "online, undated")" >"$D/out"
tap "with the day of this machine" test "$(dated "offline, undated") $(dated "offline, undated too")" = "$there $there"
tap "which the adjustment has as well" test "$(daftari adjustment list --output json | jq -r '.. | objects | select(.description? == "undated") | .date')" = "$there"
tap "a date that was given stays" test "$(dated "offline, dated")" = 2026-02-02
tap "and with a server it is the day of the books" test "$(dated "online, undated")" = "$books_day"

# ---- commands with passwords, as an older version took them: sent, never shown, and not kept when they are refused
box=$(dirname "$(find "$D/home" -name waiting -path '*outbox*' | head -n 1)")
rm -f "$box/waiting" "$box/refused"
perl -MDigest::SHA=sha256 -e '
  sub put { my ($method, $body) = @_;
    my $rest = chr(1) . pack("H*", sprintf("%032x", rand(1e9) + 1)) . pack("Q>", time() * 1000000) . chr(length $method) . $method . $body;
    my $length = pack("N", length $rest);
    print $length, ~$length, substr(sha256($length . $rest), 0, 8), $rest; }
  sub text { my ($number, $text) = @_; chr($number << 3 | 2) . chr(length $text) . $text }
  binmode STDOUT; print "DFTOUTB1", "\0" x 8;
  put("User.SetPassword", text(2, "guessed-Secret-1") . text(3, "wanted-Secret-2"));
  put("User.SetPassword", text(1, "nobody\@example.com") . text(3, "wanted-Secret-3"));' >"$box/waiting"
chmod 600 "$box/waiting"
for form in table csv json; do
  daftari outbox list --output "$form" >"$D/out" 2>&1
  tap "an old command with a password is listed ($form)" grep -q 'User.SetPassword' "$D/out"
  tap "without the password ($form)" bash -c "! grep -aq Secret '$D/out'"
done
daftari outbox send >"$D/out" 2>&1
tap "it is sent, and refused as any other" test $? != 0 -a "$(grep -c refused "$D/out")" = 2
tap "without showing the password" bash -c "! grep -aq Secret '$D/out'"
daftari outbox list --output json >"$D/out" 2>&1
tap "the refused ones are listed" test "$(grep -c '"refused"' "$D/out")" = 2
tap "without the password, too" bash -c "! grep -aq Secret '$D/out'"
tap "and it is in no file any more" bash -c "! grep -raq Secret '$D/home'"
tap "nor in the server's log" bash -c "! grep -aq Secret '$D/server.log'"

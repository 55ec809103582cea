#!/bin/bash
# The command line and the examples against a living server: what people type, what scripts read, and how it fails.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
build=${BUILD:-$here/../../build/release}
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'server_stop "$work/s" >/dev/null 2>&1; rm -rf "$work"' EXIT
failed=0
ok() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; head -n 12 "$work/out" "$work/err" 2>/dev/null | sed 's/^/#   /'; fi; }
run() { daftari "$@" >"$work/out" 2>"$work/err"; code=$?; }
gives() { [ "$code" -eq "$1" ]; ok $? "$2 (exit $1)"; }
says() { grep -qe "$1" "$work/out"; ok $? "$2"; }
complains() { grep -qe "$1" "$work/err"; ok $? "$2"; }

server_init "$work/s" && server_start "$work/s"; ok $? "the server runs"

# ---- who are you ----
run account list;                                gives 3 "not logged in"; complains 'daftari log-in' "and what to do is said"
echo wrong-password >"$work/wrong"
run log-in --email owner@example.com --password-file "$work/wrong"; gives 3 "a wrong password"
server_log_in "$work/s"; ok $? "logged in"
session=$(ls "$work/s/home"/session-*)
[ "$(stat -c %a "$session")" = 600 ];            ok $? "the session is kept where nobody else can read it"
run who-am-i;                                    gives 0 "who am I"; says 'owner@example.com' "it is the owner"
chmod 644 "$session"; run who-am-i;              gives 3 "a session that others could read is not used"; chmod 600 "$session"
run ping --output json;                          gives 0 "ping"; says '"position"' "with the position of the log"

# ---- with a certificate instead ----
fingerprint=$(daftarid certificate client --keys "$work/s/keys" --email owner@example.com --file "$work/owner.pem" | tail -n 1)
run user enroll-certificate --email owner@example.com --fingerprint "$fingerprint" --label laptop; gives 0 "a certificate is enrolled"
DAFTARI_HOME="$work/other-home" DAFTARI_CERTIFICATE="$work/owner.pem" daftari who-am-i >"$work/out" 2>"$work/err"; ok $? "and stands for its owner"
says 'owner@example.com' "by name"

# ---- commands ----
run account open --number 1110 --name "Cash in hand" --class cash; gives 0 "an account is opened"
run account open --number 1110 --name "Cash in hand" --class cash; gives 0 "opening it again changes nothing"; says 'so already' "and is told so"
run account open --number 1110 --name Other;     gives 1 "the same number with another name is refused"
run account open --number 4110 --name Sales;     gives 0 "another account"
run entry post --date today --description "Sugar, 2 kg" --debit "1110=1,250.50" --credit 4110=1,250.50 --tag shop=mji --output json
gives 0 "an entry is posted"; says '"number":"JE-' "with its number"
position=$(sed 's/.*"position":\([0-9]*\).*/\1/' "$work/out")
run entry post --description x --debit 1110=1 --credit 9999=1; gives 1 "an unknown account is refused"; complains 'lines\[1\].account' "and the field is named"
run entry post --description x --debit 1110=1.234 --credit 4110=1; gives 2 "too many decimals"; complains 'lines\[0\].debit' "and the field is named"
run entry post --description x --debit 1110=1 --credit 4110=2; gives 1 "an entry that does not balance is refused"
run entry post --nonsense 1;                     gives 2 "an unknown option"
run nonsense;                                    gives 2 "an unknown noun"
run entry nonsense;                              gives 2 "an unknown verb"
id=8c7f9a52-4f0b-4b6e-9d1f-0a1b2c3d4e5f
run entry post --command-id $id --description once --debit 1110=5 --credit 4110=5; first=$(cat "$work/out")
run entry post --command-id $id --description once --debit 1110=5 --credit 4110=5; [ "$first" = "$(cat "$work/out")" ]; ok $? "the same command id gives the same answer"
run entry post --command-id $id --description other --debit 1110=5 --credit 4110=5; gives 1 "and is refused for another entry"
for i in $(seq 2500); do echo "{\"date\":\"2026-01-02\",\"description\":\"line $i\",\"lines\":[{\"account\":1110,\"debit\":\"1.00\"},{\"account\":4110,\"credit\":\"1.00\"}]}"; done >"$work/many"
run entry post --json "$work/many" --output json; gives 0 "2,500 entries from a file"; [ "$(wc -l <"$work/out")" -eq 2500 ]; ok $? "each with its answer"
[ "$(sed -n 2500p "$work/out" | cut -d, -f1,2)" = '{"line":2500,"status":"recorded"' ]; ok $? "which names its line"
sed -i '7s/1.00/3.00/' "$work/many"
run entry post --json - --output json <"$work/many"; gives 1 "one of 2,500 is refused"; complains 'line 7:' "and the line is named"
sed -n 7p "$work/out" | grep -q '^{"line":7,"status":"refused","reason":"entry-unbalanced","field":".*","text":"..*"}$'; ok $? "its answer stands in its place as JSON"
[ "$(wc -l <"$work/out")" -eq 2500 ];            ok $? "among those of all others"
run entry post --json - --output csv <"$work/many"; gives 1 "the same as CSV"
[ "$(head -1 "$work/out" | tr -d '\r')" = line,status,position,number,recorded_time,reason,field,text ]; ok $? "with a head"
sed -n 8p "$work/out" | grep -q '^7,refused,,,,entry-unbalanced,'; ok $? "and a row for the refused line"
[ "$(wc -l <"$work/out")" -eq 2501 ];            ok $? "as for every other"
printf '{"date":"2026-01-02","description":"a","lines":[{"account":1110,"debit":"1"},{"account":4110,"credit":"1"}]}\n{"nonsense":1}\n{"date":"2026-01-02"}\n' >"$work/three"
run entry post --json "$work/three" --output json; gives 2 "a line that is no such message"; [ "$(wc -l <"$work/out")" -eq 1 ]; ok $? "is found before the others are sent"
grep -q '^{"line":2,"status":"invalid","reason":"","field":"nonsense"' "$work/out"; ok $? "with a row of its own"; complains 'nothing was sent' "and what became of the rest is said"
run entry post --json /tmp;                      gives 2 "a folder is no file"; complains 'directory' "and it is said"
run load /tmp;                                   gives 2 "nor can it be loaded"; complains 'directory' "and it is said"
run entry post --json /dev/null;                 gives 2 "an empty file"; complains 'no JSON object' "and it is said"
run outbox add entry post --json /dev/null;      gives 2 "nor into the outbox"
run entry --output json list --from 2026-01-02 --to 2026-01-02; gives 0 "settings may stand between the words"; says '"description"' "and hold"
run entry post --date 2999-01-01 --description x --debit 1110=1 --credit 4110=1; gives 1 "a date far off is refused"; complains 'a date up to tomorrow' "and which may be given is said"
run entry post --date tomorrow --description x --debit 1110=1 --credit 4110=1; gives 0 "tomorrow is taken"
run entry post --description x --line account=1110,debit=0 --line account=4110,credit=1; gives 1 "a line of nothing"; complains 'lines\[0\].debit:' "is named as it was typed"
run report trial-balance --as-at today --to today; gives 1 "two ends of a report"; complains 'as_at: give as-at or to, not both' "are named as they were typed"
run report trial-balance --known-at nonsense;    gives 2 "a moment that is none"; complains ' known-at:' "is named as it was typed"
run report trial-balance --known-at -5;          gives 2 "a position that is none"; complains 'known-at: a log position such as 812, a moment such as' "what it may be is said"
run entry list --known-at 2026-11-23;            gives 2 "a moment where only positions are taken"; complains '--known-at: a log position such as 812, not a moment' "is said, by the name that was typed"
run account list --known-at 5;                   gives 2 "no such option"; complains 'no option --known-at here' "is named as it was typed"
printf '{"date":"today","nonsense":1}\n' | daftari entry post --json - >"$work/out" 2>"$work/err"; code=$?; gives 2 "JSON with an unknown field"
printf '{"date":"today","date":"today"}\n' | daftari entry post --json - >"$work/out" 2>"$work/err"; code=$?; gives 2 "JSON with a key given twice"

# ---- load ----
cat >"$work/load" <<'LINES'
{"method":"Business.Open","code":"CWH","name":"Car wash","type":"other"}
{"method":"Account.Open","number":1901,"name":"Car wash cash","business":"CWH"}
{"method":"Entry.Post","date":"2026-02-01","description":"load","lines":[{"account":1110,"debit":"7.00"},{"account":4110,"credit":"7.00"}]}
{"method":"Entry.Post","date":"2026-02-01","description":"load","lines":[{"account":1110,"debit":"7.00"},{"account":4110,"credit":"7.00"}]}
LINES
run load "$work/load";                           gives 0 "a file of commands is loaded"; says '^4 recorded' "the same line twice is two entries"
before=$(daftari books show --output json | grep '"position"')
run load "$work/load";                           gives 0 "loading again"; [ "$before" = "$(daftari books show --output json | grep '"position"')" ]; ok $? "records nothing"

# ---- reading ----
run entry list --from 2026-02-01 --to 2026-02-01 --output csv; gives 0 "entries as CSV"; [ "$(wc -l <"$work/out")" -eq 5 ]; ok $? "a head and a row for every line"
run report trial-balance --output json;          gives 0 "a report as JSON"; says '"totals"' "with totals"; says '"business": "all"' "and whose it is"
# Every row of the CSV is in the JSON once, with the same cells: those of rows and total_rows, put in their places.
json_as_csv() {
  jq -r 'def field: . // "" | tostring | if test("[,\"\r\n]") then "\"" + gsub("\""; "\"\"") + "\"" else . end;
    [.columns[].name] as $names
    | ([.rows | to_entries[] | {at: .key, last: 1, row: .value}] + [.total_rows[] | {at: .after, last: 0, row: .}])
    | sort_by(.at, .last)[].row as $row | [$names[] | $row[.] | field] | join(",")' "$1"
}
filled=0
for report in $(daftari report --list --output json | jq -r '.. | .name? // empty' | sort -u); do
  for by in "" --by-business; do
    set -- report "$report" $by
    [ "$report" = account-statement ] && set -- "$@" --account 1110
    daftari "$@" --output csv >"$work/csv" 2>"$work/err" || { [ -n "$by" ] && continue; }
    daftari "$@" --output json >"$work/json" 2>"$work/err"
    tr -d '\r' <"$work/csv" | tail -n +2 >"$work/a"; json_as_csv "$work/json" >"$work/b"
    [ -s "$work/a" ] && filled=$((filled + 1))
    diff "$work/a" "$work/b" >"$work/out"; ok $? "$report $by has the same rows as JSON"
  done
done
[ "$filled" -ge 10 ];                            ok $? "and most have some"
run report owners-account --by-business --output json; gives 0 "totals of several businesses"
[ "$(jq -r .totals.amount "$work/out")" = "$(daftari report owners-account --output json | jq -r .totals.amount)" ]; ok $? "come to that of all"
run report account-statement --account 1110 --from 2026-02-01 --output json; gives 0 "a statement as JSON"; jq -e '.total_rows[0] | .description == "Opening balance" and .after == 0' "$work/out" >/dev/null; ok $? "has its opening balance"
run report trial-balance;                        gives 0 "a report as a table"; says '[0-9],[0-9][0-9][0-9]\.50' "with thousands commas"
says "^Up to $(date +%Y)" "and of which days it is"; says ": all businesses$" "and whose"
run report trial-balance --output csv;           gives 0 "a report as CSV"; head -1 "$work/out" | grep -q '^account,name,.*closing.$'; ok $? "with a head"
run check-books;                                 gives 0 "books that tie out"; says 'Everything ties out' "which it says"
run check-books --as-at today;                   gives 1 "a report about now takes no date"
run report --list;                               gives 0 "the list of reports"; says 'trial-balance' "has the trial balance"
run report nonsense;                             gives 1 "a report that is not there"
daftari report trial-balance --known-at "$position" --output json >"$work/out" 2>"$work/err"; code=$?; gives 0 "a report as the books were at a position"; says '1250.50' "shows what they said then"

# ---- a year of more accounts than a record holds ----
awk 'BEGIN { for (i = 0; i < 2200; i++) printf "{\"method\":\"Account.Open\",\"number\":%d,\"name\":\"Sales %d\"}\n", 41000 + i, i
  for (e = 0; e < 4; e++) {
    printf "{\"method\":\"Entry.Post\",\"date\":\"2024-06-01\",\"description\":\"wide\",\"lines\":[{\"account\":1110,\"debit\":\"550.00\"}"
    for (i = 0; i < 550; i++) printf ",{\"account\":%d,\"credit\":\"1.00\"}", 41000 + 550 * e + i
    print "]}" }
  print "{\"method\":\"Account.Open\",\"number\":3309,\"name\":\"Retained\",\"class\":\"retained-earnings\"}"
  for (m = 1; m <= 12; m++) printf "{\"method\":\"Period.SoftClose\",\"month\":\"2024-%02d\"}\n", m }' >"$work/year"
run load "$work/year";                           gives 0 "a year of 2,200 accounts of sales"
run period close-year --year 2024 --output json; gives 0 "is closed in one go"; [ "$(jq -s length "$work/out")" -ge 3 ]; ok $? "with an answer for every record"
[ "$(daftari period list --year 2024 --output json | jq -r '.[] | select(.month == "2024-00") | .state')" = closed ]; ok $? "and is closed then"
run period close-year --year 2024;               gives 1 "not twice"

# ---- the outbox ----
saved=$DAFTARI_SERVER
fresh=$work/fresh; mkdir -m 700 "$fresh"
daftari log-in --home "$fresh" --email "$SERVER_OWNER" --password-file "$work/s/owner-password" >"$work/out" 2>"$work/err"; code=$?; gives 0 "log-in from a new device"
run outbox add entry post --date today --description "from the box" --debit 1110=9 --credit 4110=9; gives 0 "a command is kept"
run outbox add entry post --date today --description "bad" --debit 1110=9 --credit 9999=9; gives 0 "another, which will be refused"
port=$(server_port "$work/s"); server_stop "$work/s"
run outbox send;                                 gives 4 "the server is away"; complains '2 waiting' "both wait"
run outbox add entry post --date 2026-03-01 --description "offline" --debit 1110=9.50 --credit 4110=9.50; gives 0 "a command is kept while the server is away"
run outbox list;                                 gives 0 "what waits can be looked at without the server"; says 'Entry.Post .*date 2026-03-01 description offline .account 1110 debit 9.50. .account 4110 credit 9.50.' "with date, words, accounts and amounts"
run outbox list --output csv;                    says 'description offline' "in CSV too"
daftari outbox list --output json >"$work/out" 2>"$work/err"; [ "$(jq -r '.[-1].message | .date + .description + .lines[0].debit' "$work/out")" = "2026-03-01offline9.50" ]; ok $? "and whole as JSON"
printf 'hunter2222\n' >"$work/secret"
run outbox add user set-password --email "$SERVER_OWNER" --new-password hunter2222; gives 2 "a password is not kept in the outbox"; complains 'password' "and told why"
run outbox add user create --email b@example.com --phone +254700000107 --password "@$work/secret"; gives 2 "nor that of a new user"
! grep -rqs hunter2222 "$DAFTARI_HOME";          ok $? "it is nowhere on the disk"
run --home "$fresh" outbox add entry post --date 2026-03-01 --description "first" --debit 1110=1.50 --credit 4110=1.50; gives 0 "also on a device that has only logged in so far"
sed -i "s/^listen_port = 0/listen_port = $port/" "$work/s/daftari.conf"; server_start "$work/s"
for words in "outbox --home $fresh add entry post" "outbox add --home $fresh entry post" "outbox add entry --home $fresh post" "outbox add entry post --home $fresh"; do
  run $words --date 2026-03-01 --description "first" --debit 1110=1.50 --credit 4110=1.50; gives 0 "kept, with the setting among the words"
done
says '^kept; 5 waiting' "all in one outbox"
[ "$DAFTARI_SERVER" = "$saved" ];                ok $? "the server is back where it was"
printf '{"date":"2026-03-02","description":"offline too","lines":[{"account":1110,"debit":"2.00"},{"account":4110,"credit":"2.00"}]}\n' | daftari outbox add entry post --json - >"$work/out" 2>"$work/err"; code=$?; gives 0 "and one given as JSON"
run outbox send;                                 gives 1 "sent, one refused"; complains '9999' "and why"
run outbox list --output json;                   gives 0 "the refused one is kept for review"; says '"refused"' "as refused"
run outbox clear;                                gives 0 "and dropped"
run entry list --from 2026-03-01 --to 2026-03-01; says 'offline' "what was kept offline is in the books"

# ---- the server is killed while commands are on their way ----
run account open --number 1121 --name "Counted"; gives 0 "an account to count on"
awk 'BEGIN { for (i = 1; i <= 12000; i++) printf "{\"date\":\"2026-04-01\",\"description\":\"count %d\",\"lines\":[{\"account\":1121,\"debit\":\"1.00\"},{\"account\":4110,\"credit\":\"1.00\"}]}\n", i }' >"$work/count"
daftari entry post --json "$work/count" --output json >"$work/out" 2>"$work/err" &
sender=$!
for _ in 1 2; do
  lines=$(wc -l <"$work/out")
  for _ in $(seq 200); do [ "$(wc -l <"$work/out")" -gt "$((lines + 1000))" ] && break; sleep 0.02; done
  server_kill "$work/s"; server_start "$work/s"
done
wait "$sender"; code=$?;                         gives 0 "12,000 commands are answered although the server was killed twice"
[ "$(wc -l <"$work/out")" -eq 12000 ];           ok $? "each of them"
run report balances --account 1121 --output csv; says ',12000.00.$' "and each is in the books once"

# ---- when the server is not what it was ----
run ping; server_stop "$work/s"; cp -a "$work/s/data" "$work/earlier"; server_start "$work/s"
run entry post --date 2026-05-01 --description "gone later" --debit 1110=1 --credit 4110=1; gives 0 "an entry is posted"
server_stop "$work/s"; mv "$work/s/data" "$work/later"; cp -a "$work/earlier" "$work/s/data"; server_start "$work/s"
run ping;                                        gives 5 "a copy from before it is found out, though no checkpoint had it"; complains 'it answered from record' "by the position of the answer"
run outbox send;                                 gives 5 "by the outbox too"
server_stop "$work/s"; rm -rf "$work/s/data"; mv "$work/later" "$work/s/data"; server_start "$work/s"
run ping;                                        gives 0 "the books themselves are fine"
server_stop "$work/s"; mv "$work/s/data" "$work/old-data"; mv "$work/s/keys" "$work/old-keys"; rm -f "$work/s/daftari.conf"
SERVER_PORT=$port server_init "$work/s" && server_start "$work/s"
run ping;                                        gives 5 "other books under the same address are found out"; complains 'evidence' "and it is said"
ls "$work/s/home"/checkpoint-*.rolled-back >"$work/out" 2>&1; ok $? "with evidence kept"
rm -f "$work/s/home"/checkpoint-* "$work/s/home"/session-*; server_log_in "$work/s"; ok $? "who knows better removes the checkpoint by hand"
run ping --ca "$work/old-keys/ca.crt";           gives 4 "another authority is not trusted"
run ping --host-name books.example.com;          gives 4 "nor another host name"
run --server localhost:1 ping;                   gives 4 "nobody answers"

# ---- the examples ----
daftari account open --number 1110 --name Cash >/dev/null; daftari account open --number 4110 --name Sales >/dev/null
"$build/examples/post_entry" "$DAFTARI_SERVER" "$DAFTARI_CA" owner@example.com "$work/s/owner-password" 1110 4110 5000 "An example" >"$work/out" 2>"$work/err"
ok $? "examples/post_entry posts"; says '^JE-' "and prints the number"
"$build/examples/follow_log" "$DAFTARI_SERVER" "$DAFTARI_CA" owner@example.com "$work/s/owner-password" >"$work/out" 2>"$work/err"
ok $? "examples/follow_log follows"; says 'type 30,' "the entry is there"

# ---- help and completion ----
run help;                                        gives 0 "help"; says 'First steps' "begins with first steps"
for noun in $(daftari completion bash | sed -n 's/^    "\([a-z-]*\) ").*/\1/p'); do daftari help "$noun" >/dev/null || echo "$noun"; done >"$work/out"
[ ! -s "$work/out" ];                            ok $? "help for every noun"
run entry post --help;                           gives 0 "help for a verb"; says '--debit ACCOUNT=AMOUNT' "with the short way for lines"
daftari help | awk '/^  [a-z-]+( [a-z-]+)? +[A-Z]/ { n++ } /^  [a-z-]+ [a-z-]+ *$/ { print; bad = 1 } END { exit bad || n < 60 }' >"$work/out"; ok $? "every command has its line of help"
daftari completion bash >"$work/completion" && bash -c ". '$work/completion'; COMP_WORDS=(daftari entry po); COMP_CWORD=2; _daftari; [[ \" \${COMPREPLY[*]} \" == *' post '* ]]"; ok $? "completion completes"
offers() { COMP_LINE=$1 bash -c ". '$work/completion'; read -ra COMP_WORDS <<<\"\$COMP_LINE\"; [[ \$COMP_LINE == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=\$((\${#COMP_WORDS[@]} - 1)); _daftari; printf '%s\n' \"\${COMPREPLY[@]}\"" | sort -u >"$work/out"; }
offers "daftari report "; daftari report --list --output json | sed -n 's/^ *"name": *"\([^"]*\)".*/\1/p' | sort | diff - <(grep -v '^--list$' "$work/out") >"$work/err"; ok $? "completion offers the reports there are"
offers "daftari report trial-balance --"; for option in as-at account business from to known-at output; do grep -qx -e "--$option" "$work/out" || echo "$option"; done >"$work/err"; [ ! -s "$work/err" ]; ok $? "and what they take"
offers "daftari log-in --"; says '^--email$' "completion knows what log-in takes"; ! grep -qx -e --password "$work/out"; ok $? "which is no password"
run log-in --help; says '--password-file FILE' "its help says so"; ! grep -q -e '--password ' "$work/out"; ok $? "and offers none on the command line"
split() { COMP_LINE=$1 bash -c ". '$work/completion'; read -ra COMP_WORDS <<<\"\${COMP_LINE//:/ : }\"; [[ \$COMP_LINE == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=\$((\${#COMP_WORDS[@]} - 1)); _daftari; printf '%s\n' \"\${COMPREPLY[@]}\"" | sort -u >"$work/out"; }
split "daftari --server localhost:7431 ent";     says '^entry$' "completion goes on after a setting"
split "daftari --quiet --server localhost:7431 entry po"; says '^post$' "with the verb"
split "daftari entry --server localhost:7431 post --deb"; says '^--debit$' "wherever it stands"
split "daftari outbox add ent";                  says '^entry$' "completion of what is kept in the outbox"; split "daftari outbox add entry "; says '^post$' "has verbs"; split "daftari outbox add entry post --deb"; says '^--debit$' "and options"
split "daftari help entry po";                   says '^post$' "completion of help"
run log follow --output csv;                     gives 2 "stored records are no rows"; complains 'JSON' "and told what there is"
run log checkpoint;                              gives 0 "the signed checkpoint"; says '^— ' "is shown as text"
run log checkpoint --output csv;                 says '^— ' "in CSV too"
daftari account open --number 1310 --name "Customers owe" --class receivable >"$work/out" 2>&1
run entry post --description "Nobody's" --debit 1310=5 --credit 4110=5; gives 0 "a debt of nobody"
run check-books --output csv;                    gives 1 "differs from what customers owe"; says '^customers,1310,.*,5.00,0.00,5.00,differs,' "which a row says"
run --version;                                   says '^daftari [0-9]' "a version"

exit $failed

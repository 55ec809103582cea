#!/bin/bash
# Messages as JSON, one and many: reports, questions, commands, files; what is checked before anything is sent, what a
# repeat records, and answers that cannot be written.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'server_stop "$work/s" >/dev/null 2>&1; rm -rf "$work"' EXIT
failed=0
ok() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; head -n 12 "$work/out" "$work/err" 2>/dev/null | sed 's/^/#   /'; fi; }
run() { daftari "$@" >"$work/out" 2>"$work/err"; code=$?; }
feed() { printf "$input" | daftari "$@" >"$work/out" 2>"$work/err"; code=$?; } # input: a format of printf
gives() { [ "$code" -eq "$1" ]; ok $? "$2 (exit $1)"; }
says() { grep -qe "$1" "$work/out"; ok $? "$2"; }
complains() { grep -qe "$1" "$work/err"; ok $? "$2"; }
records() { daftari books show --output json | jq .position; }
unchanged() { [ "$(records)" = "$before" ]; ok $? "$1"; }

server_init "$work/s" && server_start "$work/s" && server_log_in "$work/s"; ok $? "the server runs"
for account in 1110:Cash 1120:Bank 4110:Sales; do
  daftari account open --number "${account%:*}" --name "${account#*:}" >/dev/null || failed=1
done
entry() { printf '{"date":"%s","description":"%s","lines":[{"account":1110,"debit":"%s"},{"account":4110,"credit":"%s"}]}\\n' "$1" "$2" "$3" "$3"; }
daftari entry post --date 2025-01-10 --description early --debit 1110=100 --credit 4110=100 >/dev/null
daftari entry post --date 2025-03-10 --description late --debit 1110=7 --credit 4110=7 >/dev/null
known=$(records)

# ---- reports ----
input='{"account":1110,"as_at":"2025-02-01"}'
feed report balances --json - --output json;     gives 0 "a report takes its message as JSON"
[ "$(jq -c '[.rows | length, .[0].account, .[0].balance // .[0].amount]' "$work/out" | tr -d '"')" = '[1,1110,100.00]' ]; ok $? "account and date in it hold"
daftari report balances --account 1110 --as-at 2025-02-01 --output json >"$work/same"
cmp -s "$work/out" "$work/same";                 ok $? "as they do as options"
input='{"report":"balances","account":1110}';    feed report --json - --output json; gives 0 "the name may stand in the JSON"; says '"report": "balances"' "and is taken"
feed report balances --json - --output json;     gives 0 "or in both places"
feed report trial-balance --json -;              gives 2 "when they agree"; complains 'balances.*trial-balance.*command line' "and else it is said"
input='{"account":1110}';                        feed report --json -; gives 2 "without any name"; complains 'report --list' "where they are listed is said"
feed report balances --as-at today --json -;     gives 2 "no options beside the JSON"
run report balances --json /nonexistent;         gives 2 "a file that is not there"; complains '/nonexistent' "is named"
input='{"account":1110}\n{"report":"trial-balance","as_at":"2025-02-01"}\n'; feed report --json -; gives 2 "every object needs a name"
input='{"report":"balances","account":1110}\n{"report":"trial-balance","as_at":"2025-02-01"}\n'; feed report --json - --output json; gives 0 "several reports"
[ "$(jq -r .report "$work/out" | paste -sd,)" = balances,trial-balance ]; ok $? "come one after the other"
feed report --json - --output csv;               gives 0 "as CSV"; [ "$(tr -d '\r' <"$work/out" | grep -c '^account,')" -eq 2 ]; ok $? "each with its head"
input='{"account":1110}';                        feed report account-statement --json -; gives 0 "what a report needs may be in the JSON"
input='{"report":"nonsense"}\n{"report":"balances"}\n'; feed report --json - --output json; gives 1 "one that is not there, among others"
[ "$(jq -rs '.[0].status + " " + .[1].report' "$work/out")" = "invalid balances" ]; ok $? "has its place, and the others are answered"

# ---- what takes no message refuses one ----
for words in "ping" "log-out" "load $work/x" "import journal $work/x" "outbox list" "outbox send" "report --list" "log-in --email a@b.c"; do
  run $words --json -;                           gives 2 "$words takes no --json"; complains 'takes no --json' "and says so"
done
run --json - ping;                               gives 2 "nor before the word"
run account list --command-id 8c7f9a52-4f0b-4b6e-9d1f-0a1b2c3d4e5f; gives 2 "a question takes no command id"
run account open --number 1199 --name x --at-least 3; gives 2 "a command no position"
run ping --password-file "$work/x";              gives 2 "only log-in takes a password file"

# ---- several questions ----
input='{"number":1110}\n{"number":1120}\n';      feed account show --json - --output json; gives 0 "two questions"
[ "$(jq -r .name "$work/out" | paste -sd,)" = Cash,Bank ]; ok $? "have two answers in their order"
feed account show --json -;                      says 'Cash' "as text the first"; says 'Bank' "and the second"
feed account show --json - --output csv;         gives 0 "as CSV"; [ "$(wc -l <"$work/out")" -eq 3 ]; ok $? "one head and two rows"
input='{"number":1110}\n{"number":9999}\n{"number":1120}\n'; feed account show --json - --output json; gives 1 "one that is not there"
[ "$(jq -r '.name // .status' "$work/out" | paste -sd,)" = Cash,not-found,Bank ]; ok $? "has its place among the others"; complains 'line 2:' "and its line is named"
input='{"number":1110}\ngarbage\n{"number":1120}\n'; feed account show --json - --output json; gives 2 "garbage among questions"
complains 'line 2 is not JSON' "is named by its line"; [ ! -s "$work/out" ]; ok $? "and nothing was asked"
input='{"number":1110}{"number":1120} ';         feed account show --json - --output json; gives 0 "two in one line"; [ "$(jq -s length "$work/out")" -eq 2 ]; ok $? "are two"

# ---- many commands: checked before the first is sent ----
before=$(records)
input="$(entry 2025-04-01 one 1)$(entry 2025-04-01 two 2){\"date\":\"2025-04-01\",\"lines\":[{\"acount\":1110}]}\\n$(entry 2025-04-01 four 4)"
feed entry post --json - --output json;          gives 2 "one of four is malformed"; complains 'line 3: .*acount' "it is named"; complains 'nothing was sent' "that nothing was sent is said"
unchanged "nothing is recorded"
printf "$input" >"$work/four"; run entry post --json "$work/four"; gives 2 "the same from a file"; unchanged "records nothing either"
input="$(entry 2025-04-01 one 1 | tr -d '\n')"; input="${input%\\n} trailing"
feed entry post --json -;                        gives 2 "something behind an entry"; unchanged "records nothing"
input="$(entry 2025-04-01 one 1){\"date\":\"2025-13-01\"}\\n{\"nonsense\":1}\\n"
feed entry post --json - --output json;          gives 2 "two wrong lines"; [ "$(jq -r '"\(.line) \(.status)"' "$work/out" | paste -sd,)" = "2 invalid,3 invalid" ]; ok $? "are both told"
head -c 1100000 /dev/zero | tr '\0' x >"$work/long"
{ printf "$(entry 2025-04-01 one 1)"; printf '{"date":"2025-04-01","description":"'; cat "$work/long"; printf '"}\n'; } >"$work/large"
run entry post --json "$work/large";             gives 2 "a line too large to send"; complains 'line 2:' "is named"; unchanged "and nothing is recorded"
run outbox add entry post --json "$work/four";   gives 2 "the outbox checks all lines first"; run outbox list --output json; [ "$(jq length "$work/out")" -eq 0 ]; ok $? "and keeps none"

# ---- and recorded once, however often they are sent ----
id=0199b0de-0000-7000-8000-0000000000a1
printf "$(entry 2025-05-01 a 1)$(entry 2025-05-01 a 1)$(entry 2025-05-01 b 2)" >"$work/three"
run entry post --json "$work/three" --command-id $id --output json; gives 0 "three under one id"; cp "$work/out" "$work/first"; after=$(records)
[ "$(jq -s length "$work/first")" -eq 3 ] && [ "$((after - before))" -ge 3 ]; ok $? "are three"
run entry post --json "$work/three" --command-id $id --output json; gives 0 "again"; cmp -s "$work/out" "$work/first"; ok $? "they have the same answers"
[ "$(records)" = "$after" ];                     ok $? "and nothing is recorded twice"
printf "$(entry 2025-05-01 a 1)$(entry 2025-05-01 new 9)$(entry 2025-05-01 a 1)$(entry 2025-05-01 b 2)" >"$work/four"
run entry post --json "$work/four" --command-id $id --output json; gives 0 "with a line more in between"
[ "$(jq -c '[.number]' "$work/out" | sed 2d)" = "$(jq -c '[.number]' "$work/first")" ]; ok $? "only that one is new"
printf "$(entry 2025-06-01 c 1){\"date\":\"2025-06-01\",\"description\":\"d\",\"lines\":[{\"account\":1110,\"debit\":\"1\"},{\"account\":9999,\"credit\":\"1\"}]}\\n" >"$work/refused"
run entry post --json "$work/refused";           gives 1 "one of two is refused"; complains '1 recorded, 1 refused' "and counted"
again=$(sed -n 's/.*--command-id \([0-9a-f-]*\).*/\1/p' "$work/err"); before=$(records)
sed -i 's/9999/4110/' "$work/refused"; run entry post --json "$work/refused" --command-id "$again"; gives 0 "mended, under the id that was told"
daftari entry list --from 2025-06-01 --to 2025-06-01 --output json >"$work/out"; [ "$(jq length "$work/out")" -eq 2 ]; ok $? "each is there once"

# ---- load ----
before=$(records)
printf '%s\n' '{"method":"Account.Open","number":1201,"name":"x"}' '{"method":"Account.Open","nummer":1202}' >"$work/load"
run load "$work/load";                           gives 2 "load with a wrong line"; complains 'line 2:' "names it"; unchanged "and records nothing"
printf '%s\n' '{"method":"Currency.Define","code":"XAU","scale":4}' '{"method":"Entry.Post","date":"2025-07-01","description":"gold","lines":[{"account":1110,"debit":"1.2345","currency":"XAU"},{"account":4110,"credit":"1.2345","currency":"XAU"}]}' >"$work/load"
run load /dev/null;                              gives 0 "an empty file is nothing to do"; says '^0 recorded' "and it is said"
run load "$work/load" --output json;             gives 0 "a currency and an entry in it"; [ "$(jq -c . "$work/out")" = '{"recorded":2,"unchanged":0,"refused":0}' ]; ok $? "with sums as JSON"
run load "$work/load" --output csv;              [ "$(tr -d '\r' <"$work/out" | paste -sd';')" = 'recorded,unchanged,refused;0,2,0' ]; ok $? "and as CSV"

# ---- answers as CSV, values and help ----
head_is() { [ "$(head -1 "$work/out" | tr -d '\r')" = "$1" ]; ok $? "$2"; }
run entry post --date 2025-07-02 --description x --debit 1110=1 --credit 4110=1 --output csv; gives 0 "a command's answer as CSV"
head_is position,number,recorded_time "has a head"; [ "$(wc -l <"$work/out")" -eq 2 ]; ok $? "and one row"
run ping --output csv;                           head_is server,books,position,log_key,microseconds "ping as CSV has a head"; [ "$(wc -l <"$work/out")" -eq 2 ]; ok $? "and one row"
run who-am-i --output csv;                       says 'access_email,access_business,access_level' "columns have their right names"
run role define --name x --permission nonsense=write; gives 2 "no such permission"; complains 'one of: sales, .*raw-log, accounts$' "all that there are, are told"
run role define --help;                          says 'raw-log' "and the help has it whole"
run period close --month 2025-13;                gives 2 "no such month"; complains 'a month such as 2026-11' "the form to type is told"
run report balances --help;                      says '--known-at POSITION|TIME|DATE' "help of reports has all forms of --known-at"
run entry list --help;                           says '--known-at POSITION ' "where there is only one, that one"
run help report trial-balance;                   gives 0 "help of a report by its name"; says 'known-at' "has its options"
run help report balance;                         gives 2 "but not of one that is not there"
input='{"known_at":'$known'}';                          feed entry list --json - --output json; gives 0 "known_at as JSON, a position"; [ "$(jq length "$work/out")" -eq 2 ]; ok $? "holds"
input='{"report":"balances","known_at":"2020-01-01"}'; feed report --json -; gives 1 "and a moment"; complains 'known-at: a moment after the books were opened' "is one"
input='{"date":"2025-07-03","description":"t","line":[{"account":1110,"debit":"1"},{"account":4110,"credit":"1"}],"tag":[{"name":"a","value":"b"}]}'; feed entry post --json -; gives 0 "what repeats, by the name of its option"

# ---- what is longer than can be held is checked as it is sent ----
{ printf "$(entry 2025-08-01 first 1)"; head -c 68000000 /dev/zero | tr '\0' '\n'; printf '{"nonsense":1}\n'; printf "$(entry 2025-08-01 last 1)"; } >"$work/huge"
cat "$work/huge" | daftari entry post --json - --output json >"$work/out" 2>"$work/err"; code=$?; gives 6 "a wrong line behind 64 MiB of a pipe"
complains '1 recorded, 0 refused; nothing from line' "what was sent is told"; complains '--command-id' "and how it is given again"
again=$(sed -n 's/.*--command-id \([0-9a-f-]*\).*/\1/p' "$work/err")
sed -i 's/{"nonsense":1}//' "$work/huge"; cat "$work/huge" | daftari entry post --json - --command-id "$again" >"$work/out" 2>"$work/err"; code=$?; gives 0 "mended and given again"
[ "$(daftari entry list --from 2025-08-01 --to 2025-08-01 --output json | jq length)" -eq 2 ]; ok $? "each is there once"
run entry post --json "$work/huge";              gives 0 "a file of that length is read in its place"

# ---- answers that cannot be written ----
full() { daftari "$@" >/dev/full 2>"$work/err"; code=$?; : >"$work/out"; }
before=$(records)
full entry post --date today --description lost --debit 1110=1 --credit 4110=1; gives 7 "an answer that cannot be written"; complains 'could not be written: No space' "is told"
[ "$(records)" != "$before" ];                   ok $? "what was sent is done"
full report trial-balance;                       gives 7 "nor a report"; complains 'could not be written' "is told"
full account list --output json;                 gives 7 "nor a list"
full log follow --from-position 1 --wait;        gives 7 "nor a stream, which ends then"
full entry post --description x --debit 1110=1 --credit 9999=1; gives 1 "what was refused stays refused"

exit $failed

#!/bin/bash
# An import stands up to what happens to the books between two runs of it, and says before it sends what would be refused.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
. "$here/../support/tap.sh"
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
command -v hledger >/dev/null || { echo "not ok - hledger is missing"; exit 1; }
journal() { hledger -f - print --output-format json; }
accounts() { daftari account list --output csv | tail -n +2; }

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1

# ---- accounts that were renamed or deactivated
journal >"$D/rent.json" <<'END'
2024-02-01 Rent
    Expenses:Rent   500 KES
    Assets:Wallet

2024-02-02 Virtual
    (budget:plan)   7 KES
END
daftari import journal "$D/rent.json" --quiet >"$D/out" 2>&1
tap "a journal is imported" told 0 $? "$D/out" '^2 entries recorded'
accounts >"$D/before"
rent=$(awk -F, '$2 == "Expenses:Rent" { print $1 }' "$D/before")
daftari account change --number "$rent" --name 'Rent Expense' --description 'as the lawyer says' >/dev/null
daftari account change --number "$(awk -F, '$2 == "equity:virtual" { print $1 }' "$D/before")" --name 'Not real' >/dev/null
daftari import journal "$D/rent.json" >"$D/out" 2>&1
tap "after renaming, the same import records nothing" told 0 $? "$D/out" '^0 entries recorded, 2 were there already, 0 refused'
daftari import journal - </dev/null >"$D/out" 2>&1
tap "nothing at all is no journal: the program that should have written it failed" told 2 $? "$D/out" 'the input is empty'
echo '[]' | daftari import journal - >"$D/out" 2>&1
tap "books without a transaction are one" told 0 $? "$D/out" '^0 entries recorded'
tap "and opens no second account" test "$(accounts | wc -l)" = "$(wc -l <"$D/before")"
printf '2024-03-01 Rent\n    Expenses:Rent  600 KES\n    Assets:Wallet\n' | journal >"$D/march.json"
DAFTARI_HOME=$D/elsewhere && export DAFTARI_HOME && mkdir -m 0700 "$D/elsewhere" && server_log_in "$D"
daftari import journal "$D/march.json" >"$D/out" 2>&1
tap "a later import, from elsewhere, finds the account" told 0 $? "$D/out" '^1 entries recorded'
server_env "$D"
daftari report balances --account "$rent" --output json >"$D/out"
tap "the expense is in one account" grep -q '"1100.00"' "$D/out"
tap "and there is one for it" test "$(accounts | wc -l)" = "$(wc -l <"$D/before")"

printf '2024-03-02 Water\n    Expenses:Water  1 KES\n    Assets:Wallet\n\n2024-03-03 Back\n    Assets:Wallet  1 KES\n    Expenses:Water\n' | journal >"$D/water.json"
daftari import journal "$D/water.json" --quiet >"$D/out" 2>&1
water=$(accounts | awk -F, '$2 == "Expenses:Water" { print $1 }')
daftari account deactivate --number "$water" >"$D/out" 2>&1
tap "an account is deactivated" test -z "$(daftari account list --active-only --output csv | grep Expenses:Water)"
daftari import journal "$D/water.json" >"$D/out" 2>&1
tap "then the same import records nothing" told 0 $? "$D/out" '^0 entries recorded, 2 were there already, 0 refused'
tap "and opens no second one" test "$(accounts | grep -c Expenses:Water)" = 1
printf '2024-03-04 More\n    Expenses:Water  1 KES\n    Assets:Wallet\n' | journal >"$D/more.json"
daftari import journal "$D/more.json" --dry-run >"$D/out" 2>&1
tap "a dry run says that an account is deactivated" told 1 $? "$D/out" 'would be refused: 2024-03-04 More: .*deactivated'
daftari import journal "$D/rent.json" --dry-run >"$D/out" 2>&1
tap "a dry run knows what is there already" told 0 $? "$D/out" '^2 transactions: 0 would be entries, 2 are there already, 0 would be refused'

# ---- what would be refused is said before anything is sent
entries() { daftari entry list --output json | jq length; }
had=$(entries)
refuses_all() { # WHAT COUNT REGEX OPTIONS...: the dry run lists them all, the real run sends nothing
  _name=$1; _count=$2; _regex=$3; shift 3
  daftari import journal "$@" --dry-run >"$D/out" 2>&1
  tap "$_name: the dry run lists it" told 1 $? "$D/out" "would be refused: .*$_regex"
  tap "$_name: all $_count of it" test "$(grep -c '^would be refused: ' "$D/out")" = "$_count"
  daftari import journal "$@" >"$D/out" 2>&1
  tap "$_name: nothing is sent" told 1 $? "$D/out" 'nothing was sent'
}
refuses_all "no such business" 1 'NOPE' "$D/march.json" --business NOPE
daftari business open --code SHP --name Shop --type other >/dev/null
daftari business deactivate --code SHP >"$D/out" 2>&1
refuses_all "an inactive business" 1 'deactivated' "$D/march.json" --business SHP

daftari account open --number 1110 --name Assets:Drawer --class cash >/dev/null
daftari account open --number 3100 --name Capital --class capital >/dev/null
daftari entry post --date 2024-02-01 --description first --debit 1110=10 --credit 3100=10 >/dev/null
had=$((had + 1))
journal >"$D/drawer.json" <<'END'
2024-04-01 more in
    Assets:Drawer   5 KES
    Income:Sales

2024-04-02 out
    Expenses:Soap   12 KES
    Assets:Drawer

2024-04-03 too much
    Expenses:Soap   4 KES
    Assets:Drawer

2024-04-04 the rest
    Expenses:Soap   3 KES
    Assets:Drawer
END
refuses_all "a drawer below zero" 1 '2024-04-03 too much: .*account 1110 .*below zero' "$D/drawer.json"
tap "nothing was recorded by any of them" test "$(entries)" = "$had"
tap "and nothing was opened" test "$(accounts | grep -c Soap)" = 0
daftari import journal "$D/drawer.json" --skip >"$D/out" 2>&1
tap "with --skip the others go in" told 1 $? "$D/out" '^3 entries recorded, 0 were there already, 1 refused'
daftari import journal "$D/drawer.json" --dry-run >"$D/out" 2>&1
tap "what is there does not count twice" told 1 $? "$D/out" '0 would be entries, 3 are there already, 1 would be refused'
daftari account open --number 1111 --name Assets:Tin --class cash --negative allowed >/dev/null
daftari entry post --date 2024-04-05 --description owed --debit 3100=9 --credit 1111=9 >/dev/null
daftari account change --number 1111 --negative forbidden >"$D/out" 2>&1
printf '2024-04-06 back\n    Assets:Tin  4 KES\n    Income:Sales\n\n2024-04-07 out\n    Expenses:Soap  1 KES\n    Assets:Tin\n' | journal >"$D/tin.json"
daftari import journal "$D/tin.json" --dry-run >"$D/out" 2>&1
tap "what is below zero may come nearer to it, and no lower" told 1 $? "$D/out" '1 would be entries, 0 are there already, 1 would be refused'
tap "which is told of the second" grep -q '^would be refused: 2024-04-07 out' "$D/out"
printf '2024-04-08 abroad\n    Assets:Drawer  3 XAF\n    Income:Sales\n' | journal >"$D/abroad.json"
daftari import journal "$D/abroad.json" --dry-run >"$D/out" 2>&1
tap "a currency that is yet to be defined is no fault" told 0 $? "$D/out" '1 would be entries, 0 are there already, 0 would be refused'
{ echo '2024-04-09 many lines'; i=0; while [ $i -lt 999 ]; do echo '    Expenses:Soap  1 KES'; i=$((i + 1)); done; echo '    Assets:Loan'; } | journal >"$D/many.json"
daftari import journal "$D/many.json" --dry-run >"$D/out" 2>&1
tap "an entry may have as many lines as books take" told 0 $? "$D/out" '1 would be entries, 0 are there already, 0 would be refused'
daftari import journal "$D/many.json" >"$D/out" 2>&1
tap "and they do" told 0 $? "$D/out" '^1 entries recorded'

printf '2024-04-05 bank\n    Assets:Bank:KCB   5 KES\n    Income:Sales\n' | journal >"$D/bank.json"
daftari business open --code WTR --name Water --type water >/dev/null
refuses_all "a bank without a control account" 1 'inter-business' "$D/bank.json" --business WTR
daftari account open --number 1900 --name Between --class interbusiness --negative allowed >/dev/null
daftari import journal "$D/bank.json" --business WTR >"$D/out" 2>&1
tap "with it the entry is taken" told 0 $? "$D/out" '^1 entries recorded'

# ---- rights
person() { # EMAIL ROLE: a user who is logged in, with a home of his own
  (umask 077; echo "a long password of $1" >"$D/password-$1")
  daftari user create --email "$1@example.com" --phone "+254700000$(printf %03d "'$1")" --first-name "$1" --last-name Test --password "@$D/password-$1" --roles "$2" >"$D/out" 2>&1
  DAFTARI_HOME=$D/home-$1; export DAFTARI_HOME; mkdir -m 0700 "$DAFTARI_HOME"
  daftari log-in --email "$1@example.com" --password-file "$D/password-$1" >>"$D/out" 2>&1
}
printf '2024-05-01 known\n    Assets:Drawer   5 KES\n    Income:Sales\n\n2024-05-02 new\n    Assets:Drawer   5 KES\n    Income:Other\n' | journal >"$D/may.json"
person audit Auditor
refuses_all "an auditor" 2 'Entry.Post' "$D/may.json"
server_env "$D"
daftari role define --name Clerk --permission journal=write --every-business >"$D/out" 2>&1
person clerk Clerk
refuses_all "who may post and not open accounts" 1 '2024-05-02 new: Income:Other is to be opened' "$D/may.json"
server_env "$D"
daftari role define --name Teller --permission journal=write --permission accounts=read >"$D/out" 2>&1
person teller Teller
server_env "$D"
daftari access grant --email teller@example.com --business WTR --level write >"$D/out" 2>&1
printf '2024-05-04 bank\n    Assets:Bank:KCB   5 KES\n    Income:Sales\n' | journal >"$D/banked.json"
DAFTARI_HOME=$D/home-teller
refuses_all "who may not record for head office" 1 'may not record in business HQ' "$D/banked.json" --business WTR
server_env "$D"
for month in 2023-12 2024-01 2024-02; do daftari period close --month $month >"$D/out" 2>&1; done
printf '2024-02-05 early\n    Assets:Drawer   5 KES\n    Income:Sales\n' | journal >"$D/early.json"
refuses_all "a closed month" 1 'closed' "$D/early.json"
daftari import journal "$D/rent.json" >"$D/out" 2>&1
tap "what is there already may lie in a closed month" told 0 $? "$D/out" '^0 entries recorded, 2 were there already, 0 refused'
daftari import journal "$D/early.json" --dry-run --output json >"$D/out" 2>"$D/err"
tap "as JSON, the list is part of it" json_has "$D/out" '.would_be_refused == 1 and .would_be_recorded == 0 and .problems[0].date == "2024-02-05" and (.problems[0].text | test("closed"))'
daftari-audit verify --server "$DAFTARI_SERVER" >"$D/out" 2>&1
tap "the books are whole" test $? = 0

# ---- tags go in once and come out in every form
printf '2024-05-03=2024-05-09 tagged  ; date2:2024-05-09\n    Assets:Drawer   5 KES  ; date:2024-05-06, note:a;b\n    Income:Sales\n' | journal >"$D/tagged.json"
daftari import journal "$D/tagged.json" >"$D/out" 2>&1
daftari entry list --output json | jq '[.[] | select(.description == "tagged") | .lines[] | .tags[]? | select(.name == "date")]' >"$D/out"
tap "a posting's own date is one tag" json_has "$D/out" 'length == 1 and .[0].value == "2024-05-06"'
daftari entry list --output json | jq '[.[] | select(.description == "tagged") | .tags[]? | select(.name == "date2")]' >"$D/out"
tap "and so is a second date" json_has "$D/out" 'length == 1 and .[0].value == "2024-05-09"'
daftari entry post --date 2024-05-04 --description trip --debit 1110=1 --credit 3100=1 \
  --tag name=trip,value=a --tag name=trip,value=b --tag name=trip,value=a --tag name=trip-x,value=c --tag name=trip_x,value=d --tag name=trip-2,value=e --tag 'name=sum,value=1=1;2' >"$D/out" 2>&1
daftari-audit export --format beancount --server "$DAFTARI_SERVER" --to "$D/books.beancount" >"$D/out" 2>&1
bean-check "$D/books.beancount" >"$D/out" 2>&1
tap "beancount takes tags that come to the same key" test $? = 0
cp "$D/books.beancount" "$D/out"
tap "and none is lost" test "$(grep -cE '^  t-trip.*: "[abcde]"$' "$D/books.beancount")" = 5
daftari-audit export --format csv --server "$DAFTARI_SERVER" --to "$D/books.csv" >"$D/out" 2>&1
cp "$D/books.csv" "$D/out"
tap "CSV has the tags" grep -qF ',"trip=a;trip=b;trip=a;trip-x=c;trip_x=d;trip-2=e;sum=1\=1\;2",' "$D/books.csv"
tap "and those of lines" grep -qE ',"[^"]*date=2024-05-06[^"]*"' "$D/books.csv"

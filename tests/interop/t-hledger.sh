#!/bin/bash
# Books made by other programs go in and come out with the same balances that hledger computes.
#   1. beancount's example books, through beancount's own conversion and hledger
#   2. books of our own making: several currencies, exchanges, tags, unicode, many decimals, virtual postings
# Every account's balance and every month's change of every account are compared, in every commodity; a second import and
# one that was killed half-way record nothing twice; what is exported is accepted by hledger, ledger and beancount.
set -u
exact=()
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
seed=${DAFTARI_SEED:-$(date +%s)}
echo "# seed $seed"
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'server_stop "$work/books" >/dev/null 2>&1; rm -rf "$work"' EXIT
failed=0
ok() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; [ $# -gt 2 ] && head -n 20 "$3" | sed 's/^/#   /'; fi; }
need() { command -v "$1" >/dev/null || { echo "not ok - $1 is missing"; exit 1; }; }
need hledger; need bean-example; need bean-report; need daftarid; need daftari

# CSV on standard input -> fields separated by tabs.
untab() {
  awk '{ sub(/\r$/, ""); out = ""; rest = $0
    while (rest != "") {
      if (substr(rest, 1, 1) == "\"") {
        field = ""; rest = substr(rest, 2)
        while (match(rest, /"/)) {
          field = field substr(rest, 1, RSTART - 1); rest = substr(rest, RSTART + 1)
          if (substr(rest, 1, 1) == "\"") { field = field "\""; rest = substr(rest, 2) } else break
        }
      } else { match(rest, /^[^,]*/); field = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1) }
      out = out field
      if (substr(rest, 1, 1) == ",") { out = out "\t"; rest = substr(rest, 2); if (rest == "") break }
    }
    print out }'
}
# account TAB commodity TAB amount -> the same with the amount in its shortest form, zeros left out, sorted.
shortest() {
  awk -F'\t' '{ a = $3; gsub(/,/, "", a); if (a ~ /\./) { sub(/0+$/, "", a); sub(/\.$/, "", a) }
    if (a == "-0" || a == "0" || a == "") next; print $1 "\t" $2 "\t" a }' | LC_ALL=C sort
}
# What hledger says: balances of FILE in the dates given, commodities as the codes of these books.
theirs() { # FILE [options]
  _file=$1; shift
  hledger -f "$_file" bal --flat --layout=bare -O csv -N "${exact[@]}" "$@" | tail -n +2 | untab |
    awk -F'\t' 'NR == FNR { if ($3 != "") code[$3] = $1; next } { print $1 "\t" (($2 in code) ? code[$2] : $2) "\t" $3 }' \
      "$work/codes" - | shortest
}
# What these books say: closing balances, or the change in a period.
ours() { daftari report balances --output csv | untab | awk -F'\t' 'NR > 1 && $2 != "Total" && $2 !~ /^equity:(conversion|virtual)$/ { print $2 "\t" $5 "\t" $6 }' | shortest; }
ours_between() {
  daftari report trial-balance --output csv --from "$1" --to "$2" >"$work/period.csv"
  daftari report trial-balance --output json --from "$1" --to "$2" >/dev/null || return 1
  untab <"$work/period.csv" | awk -F'\t' '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["name"] == "Total" || $at["name"] ~ /^equity:(conversion|virtual)$/ { next }
    { print $at["name"] "\t" $at["currency"] "\t" minus($at["debit"], $at["credit"]) }
    # exact difference of two decimals as text: amounts here have up to 15 digits, more than awk can add exactly
    function minus(a, b,    da, db) { if (b + 0 == 0) return a; if (a + 0 == 0) return "-" b; return subtract(a, b) }
    function subtract(a, b,    pa, pb, scale, x, y, sign, r) {
      scale = 0; if (match(a, /\./)) scale = length(a) - RSTART
      gsub(/\./, "", a); gsub(/\./, "", b); sub(/^0+/, "", a); sub(/^0+/, "", b)
      sign = ""; if (length(a) < length(b) || (length(a) == length(b) && a "" < b "")) { x = b; y = a; sign = "-" } else { x = a; y = b }
      r = digits(x, y); while (length(r) <= scale) r = "0" r
      return sign (scale ? substr(r, 1, length(r) - scale) "." substr(r, length(r) - scale + 1) : r)
    }
    function digits(x, y,    i, d, borrow, out) {
      out = ""; borrow = 0
      for (i = 0; i < length(x); i++) {
        d = substr(x, length(x) - i, 1) - borrow - (i < length(y) ? substr(y, length(y) - i, 1) : 0)
        borrow = d < 0; if (borrow) d += 10; out = d out
      }
      sub(/^0+/, "", out); return out == "" ? "0" : out
    }' | shortest
}
codes() { daftari currency list --output csv | untab | tail -n +2 >"$work/codes"; }

compare_all() { # JOURNAL NAME
  codes
  theirs "$1" >"$work/theirs"; ours >"$work/ours"
  diff "$work/theirs" "$work/ours" >"$work/diff"; ok $? "$2: all $(wc -l <"$work/theirs") balances agree with hledger" "$work/diff"
  [ -s "$work/theirs" ]; ok $? "$2: there are balances to compare"
  : >"$work/diff"; months=0
  for month in $(hledger -f "$1" print -O csv | untab | awk -F'\t' 'NR > 1 { print substr($2, 1, 7) }' | sort -u); do
    last=$(date -d "$month-01 +1 month -1 day" +%F)
    theirs "$1" -b "$month-01" -e "$(date -d "$last +1 day" +%F)" >"$work/theirs"
    ours_between "$month-01" "$last" >"$work/ours"
    diff "$work/theirs" "$work/ours" | sed "s/^/$month /" >>"$work/diff"; months=$((months + 1))
  done
  [ ! -s "$work/diff" ] && [ "$months" -gt 0 ]; ok $? "$2: the changes of all $months months agree" "$work/diff"
  daftari report trial-balance --output csv | untab | awk -F'\t' '$2 == "Total" && $9 + 0 != 0 { bad = 1 } END { exit bad }'
  ok $? "$2: every currency sums to zero"
}

exports() { # NAME JOURNAL
  for format in hledger ledger beancount; do
    daftari-audit export --format "$format" --server "$DAFTARI_SERVER" --to "$work/out.$format" 2>"$work/err"
    ok $? "$1: exported for $format" "$work/err"
  done
  theirs "$work/out.hledger" | grep -vE $'^equity:(conversion|virtual)\t' >"$work/ours"; theirs "$2" >"$work/theirs"
  diff "$work/theirs" "$work/ours" >"$work/diff" && [ -s "$work/ours" ]; ok $? "$1: what went in comes out: every balance of the export is that of the journal" "$work/diff"
  hledger -f "$work/out.hledger" check --strict >"$work/err" 2>&1; ok $? "$1: hledger check --strict accepts the export" "$work/err"
  ledger --strict -f "$work/out.ledger" bal >"$work/ledger.out" 2>"$work/err" && [ -s "$work/ledger.out" ] && ! grep -qE 'Unknown (account|commodity)' "$work/err"
  ok $? "$1: ledger accepts the export, and knows every account and commodity" "$work/err"
  bean-check "$work/out.beancount" >"$work/err" 2>&1; ok $? "$1: bean-check accepts the export" "$work/err"
}

books() { # start afresh
  server_stop "$work/books" >/dev/null 2>&1
  rm -rf "$work/books"
  _first=$1; shift
  server_init "$work/books" --first-date "$_first" "$@" && server_start "$work/books" && server_log_in "$work/books"
  ok $? "books are made and the server runs"
}

# ---- 1. beancount's example ---------------------------------------------------------------------------------------
bean-example --seed "$((seed % 10000))" --date-begin 2023-01-01 --date-end 2023-12-31 -o "$work/example.bean" 2>/dev/null
# The conversion writes cost and price of a sale one after the other; hledger takes the first, which is what balances.
bean-report "$work/example.bean" hledger | sed -E '/^ /s/( @ [0-9.,]+ [^ ]+) +@ .*/\1/' >"$work/example.journal"
hledger -f "$work/example.journal" print --output-format json >"$work/example.json"; ok $? "hledger reads beancount's example"
books 1980-01-01
daftari import journal "$work/example.json" --dry-run --quiet >"$work/dry"; ok $? "example: a dry run finds nothing wrong" "$work/dry"
[ "$(daftari account list --output csv | wc -l)" -eq 1 ]; ok $? "example: a dry run changes nothing"
daftari import journal "$work/example.json" --quiet >"$work/import" 2>"$work/err"; ok $? "example: imported" "$work/err"
compare_all "$work/example.journal" example
daftari import journal "$work/example.json" --quiet >"$work/import"; grep -q '^0 entries recorded' "$work/import"; ok $? "example: a second import records nothing" "$work/import"
exports example "$work/example.journal"

# ---- 2. books of our own making -----------------------------------------------------------------------------------
awk -v seed="$seed" 'BEGIN {
  srand(seed)
  split("assets:cash assets:bank:checking assets:mpesa assets:stock:soap liabilities:loan:kcb equity:opening income:laundry revenues:water:refill Expenses:Rent expenses:salaries:Wanjikũ expenses:чай assets:Löwe_&_Söhne", account, " ")
  split("KES USD EUR \"ACME 1\" $ BTC UGX", commodity, " "); commodity[4] = "\"ACME 1\""; commodity[5] = "€"; n = 6; commodity[6] = "BTC"
  split("2 2 2 0 2 8", places, " ")
  split("|Duka la maji|Rent, November|Zoë \"Z\" Kamau|支払い|a; b|=sum(A1)", what, "|")
  for (i = 1; i <= 1500; i++) {
    date = sprintf("2024-%02d-%02d", 1 + int(rand() * 12), 1 + int(rand() * 28))
    printf "%s%s %s%s%s\n", date, rand() < 0.2 ? " *" : rand() < 0.1 ? " !" : "", rand() < 0.3 ? sprintf("(R%05d) ", i) : "", what[1 + int(rand() * 5)], rand() < 0.3 ? sprintf("  ; run:%d, shop:mji wa %d", i, i % 7) : ""
    c = 1 + int(rand() * n); lines = 1 + int(rand() * 4); kind = rand()
    for (k = 1; k <= lines; k++)
      printf "    %s  %s %s%s\n", account[1 + int(rand() * 12)], amount(places[c]), commodity[c], rand() < 0.1 ? "  ; line:" k : ""
    if (kind < 0.2) {
      d = 1 + c % n
      printf "    %s  %s %s @ 1.%02d %s\n", account[1 + int(rand() * 12)], amount(places[d]), commodity[d], int(rand() * 99), commodity[c]
    } else if (kind < 0.3) {
      d = 1 + c % n
      printf "    %s  %s %s @@ %s %s\n", account[1 + int(rand() * 12)], amount(places[d]), commodity[d], substr(amount(2), 2) + 1, commodity[c]
    }
    if (rand() < 0.05) printf "    (budget:plan)  %s KES\n", amount(2)
    if (rand() < 0.05) printf "    assets:zero  0 KES\n"
    print "    " account[1 + int(rand() * 12)] "\n"
  }
}
function amount(p,    whole) { whole = int(exp(rand() * 11)); return (rand() < 0.5 ? "-" : "+") (p == 0 ? whole + 1 : sprintf("%d.%0" p "d", whole, int(rand() * 10 ^ p))) }' >"$work/own.journal"
hledger -f "$work/own.journal" print --output-format json >"$work/own.json" 2>"$work/err"; ok $? "hledger reads the books of our own making" "$work/err"
books 2024-01-15
daftari import journal "$work/own.json" --quiet >"$work/import" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'nothing was sent' "$work/err" && grep -q 'before the first day of the books' "$work/import"
ok $? "own: transactions before the books' first day are listed, and nothing is sent" "$work/import"
[ "$(daftari account list --output csv | wc -l)" -eq 1 ]; ok $? "own: nothing was made, either"
books 2024-01-01 --scale 10
# Killed at some moment, twice; then to the end.
for delay in 0.2 0.3; do
  daftari import journal "$work/own.json" --quiet >/dev/null 2>&1 &
  importer=$!
  sleep "$delay"
  { kill -KILL "$importer"; wait "$importer"; } 2>/dev/null
done
daftari import journal - --quiet <"$work/own.json" >"$work/import" 2>"$work/err"; ok $? "own: imported after being killed twice" "$work/err"
# Inferred amounts have more decimals than hledger shows by itself.
for commodity in KES USD EUR € BTC '"ACME 1"'; do exact+=(-c "1.000000000000 $commodity"); done
compare_all "$work/own.journal" own
daftari import journal "$work/own.json" --quiet >"$work/import"; grep -q '^0 entries recorded' "$work/import"; ok $? "own: a second import records nothing" "$work/import"
daftari entry list --output json >"$work/entries"
grep -q '"reference": "R0' "$work/entries" && grep -q '"value": "cleared"' "$work/entries" && grep -q 'mji wa' "$work/entries" && grep -q 'Duka la maji' "$work/entries"
ok $? "own: references, status, tags and descriptions are kept"
grep -q '"value": "@ 1\.' "$work/entries"; ok $? "own: prices are kept"
exports own "$work/own.journal"
exact=()

# ---- 3. what an exchange makes finer than the currency -------------------------------------------------------------
books 2024-01-01
printf '2024-03-01 dollars\n    assets:usd  10.01 USD @ 130.2555 KES\n    assets:cash\n' >"$work/fine.journal"
hledger -f "$work/fine.journal" print --output-format json | daftari import journal - >"$work/import" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'assets:cash: an amount needs 6 decimals; the currency KES has 2 (for new books: daftarid init --scale 6)' "$work/import"
ok $? "fine: what an exchange makes finer than the currency is refused, not rounded" "$work/import"
printf '2024-03-01 plain\n    assets:cash  1.005 KES\n    income:x\n' >"$work/plain.journal"
hledger -f "$work/plain.journal" print --output-format json | daftari import journal - >"$work/import" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'needs 3 decimals' "$work/import"; ok $? "fine: an amount written with too many decimals is refused, not rounded" "$work/import"

# ---- 4. choices ---------------------------------------------------------------------------------------------------
printf '2023-05-01 early\n    assets:cash  1 KES\n    income:x\n\n2024-05-01 good\n    plan:rent  2 KES\n    income:x\n\n2024-05-02 fine\n    assets:cash  1.005 KES\n    income:x\n' >"$work/choice.journal"
hledger -f "$work/choice.journal" print --output-format json >"$work/choice.json"
daftari import journal "$work/choice.json" --dry-run --quiet >"$work/import" 2>"$work/err"
[ $? -eq 1 ] && [ "$(grep -c 'would be refused:' "$work/import")" -eq 2 ]; ok $? "choices: a dry run lists both that would be refused" "$work/import"
daftari import journal "$work/choice.json" --from 2024-01-01 --skip --type plan=expense --output json >"$work/import" 2>"$work/err"
[ $? -eq 1 ] && grep -q '"recorded":1,.*"would_be_refused":1' "$work/import"; ok $? "choices: one is left out by date, one skipped, one recorded" "$work/import"
daftari account list --output csv | grep -q ',plan:rent,expense,'; ok $? "choices: the account has the type that was given"

# ---- 5. an account that was renamed ------------------------------------------------------------------------------
daftari account open --number 1901 --name 'Till' --quiet >/dev/null
daftari account open --number 4901 --name 'Sales' --quiet >/dev/null
daftari entry post --date 2024-06-01 --description before --debit 1901=7.25 --credit 4901=7.25 >/dev/null
daftari account change --number 1901 --name 'Till by the door' >/dev/null
daftari entry post --date 2024-06-02 --description after --debit 1901=0.75 --credit 4901=0.75 >/dev/null
for format in hledger ledger beancount csv; do
  daftari-audit export --format "$format" --server "$DAFTARI_SERVER" --to "$work/out.$format" 2>"$work/err"
  ok $? "renamed: exported for $format" "$work/err"
done
hledger -f "$work/out.hledger" check --strict >"$work/err" 2>&1; ok $? "renamed: hledger finds every account and commodity declared" "$work/err"
bean-check "$work/out.beancount" >"$work/err" 2>&1; ok $? "renamed: bean-check accepts the export" "$work/err"
hledger -f "$work/out.hledger" bal -N --flat 'Till' >"$work/ours"
[ "$(awk '{ print $1 }' "$work/ours")" = 8.00 ]; ok $? "renamed: one account with one balance in the export" "$work/ours"
[ "$(awk -F, '$7 == 1901 { print $8 }' "$work/out.csv" | sort -u)" = 'Till by the door' ]; ok $? "renamed: one name in the CSV" "$work/out.csv"

exit $failed

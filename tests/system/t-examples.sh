#!/bin/bash
# Every example of the help, of the manual page and of `First steps` works on the books of data/. They run in three parts:
# those that make what others name, all others, and those that take something away. A number or position that an example
# names is made first and put in its place (`real`). Left out are those of `left_out`, each for the reason given there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
data=$here/../../data
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'server_stop "$work/s" >/dev/null 2>&1; rm -rf "$work"' EXIT
failed=0
ok() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; head -n 12 "$work/out" 2>/dev/null | sed 's/^/#   /'; fi; }
load() { daftari load "$1" >"$work/out" 2>&1; ok $? "${1##*/}"; }

server_init "$work/s" && server_start "$work/s" && server_log_in "$work/s"; ok $? "the server runs"
# The example of an opening is the opening of its business.
grep -v '"Opening.Post".*"WTR"' "$data/kenya-three-businesses.jsonl" >"$work/businesses.jsonl"
load "$work/businesses.jsonl"

# The man page breaks its lines with a backslash, which mandoc shows as one.
{
  daftari help | sed -n '/^First steps:/,/^$/s/^  daftari/daftari/p'
  for noun in log-in log-out who-am-i report; do daftari help "$noun" | sed -n '/^Example:/,$s/^  daftari/daftari/p'; done
  daftari completion bash | sed -n 's/^    "\([a-z-]* [a-z-][a-z-]*\)").*/\1/p' | grep -v '^outbox' | while read -r noun verb; do
    daftari help "$noun" "$verb" | sed -n '/^Example:/,$s/^  daftari/daftari/p' >"$work/one"
    [ -s "$work/one" ] || echo "daftari $noun $verb --has-no-example"
    cat "$work/one"
  done
  mandoc -T ascii "$here/../../docs/man/daftari.1" | sed 's/.\x08//g' | sed -n '/^EXAMPLES/,/^SEE/s/^ *//p' | sed -e ':a' -e '/\\$/{N;s/\\\n */ /;ba}' | grep '^daftari'
} | sort -u >"$work/examples"
[ "$(wc -l <"$work/examples")" -ge 180 ]; ok $? "there are examples"
grep -q '1110=1,250.50 --credit 4100' "$work/examples"; ok $? "and those of the manual page"

left_out() {
  case $1 in
    *' log-in '*|*'--password -'*|*'-password -'*) ;; # ask for a password on the terminal
    *' log-out'|*'report --list'*) ;;                 # the session is needed; shown by the reports' own test
    *' period '*|*' tax '*) ;;                        # depend on the calendar: t-periods.sh and the scenarios
    *' mpesa '*|*' approval '*|*' expense '*|*' float '*|*' job '*|*' asset '*|*' salary '*) ;; # follow one another: the scenarios
    *--wait*|*--new-size*) ;;                         # never ends; needs a longer log
    *'adjustment approve'*|*'sessions close'*) ;;     # takes somebody else; ends this session
    *'cylinder open'*|*'stock open'*) ;;              # the registers of data/ are open
    *'user unlock'*) ;;                               # takes ten wrong passwords: t-access.sh
    *'reconciliation match'*|*' unmatch'*) ;;         # takes an entry of that account, date and amount
    *) return 1 ;;
  esac
}

made() { daftari "$@" 2>&1 </dev/null | tee -a "$work/made" | sed -nE 's/^([A-Z]+-[0-9]+-[0-9]+) \(position.*/\1/p; s/^recorded at position ([0-9]+)$/\1/p'; }

adjustment() { made adjustment request --business WTR --reason count --description Shortage --debit 5830=15 --credit 1110=15; }
draft() { made entry draft --business LND --description Rent --debit 5200=12 --credit 1120=12; }
# "noun verb" -> what the example's 812 or document number is here; nothing when it stands as it is
real() {
  case $1 in
    'adjustment reject') adjustment ;;
    'entry post-draft'|'entry discard') draft ;;
    'reconciliation book-difference'|'reconciliation reopen') made reconciliation record --account 1110 --external-balance 4,000 ;;
    'reconciliation '*) echo "$statement" ;;
    'sale review') made sale record --business RTL --offline --line item=BEV001,quantity=5000 ;;
    'sale '*|'return record') made sale record --business RTL --line item=BEV001,quantity=2 ;;
    'purchase-return record') made purchase record --business RTL --line item=BEV002,quantity=12,unit-cost=35.00 ;;
    'production make-void') made production record --business WTR --item W1L --quantity 5 ;;
    'cylinder make-void') made cylinder exchange --business RTL --mode deposit --customer LC001 --serial-out SH6-0004 ;;
    'cylinder undo') made cylinder lose --business RTL --serial SH13-0002 --reason gone ;;
    'payment make-void') made payment receive --business LND --customer LC001 --tender method=cash,amount=10 ;;
  esac
}

run() {
  local line=$1 what of
  read -r _ noun verb _ <<<"$line"
  left_out "$line" && return
  of=$(grep -oE -e "\b812\b|\b[A-Z]{2}-20261123-[0-9]+" <<<"$line" | head -n 1)
  if [ -n "$of" ]; then
    what=$(real "$noun $verb")
    [ -z "$what" ] || line=${line//"$of"/$what}
  fi
  eval "$line" >"$work/out" 2>&1 </dev/null
  ok $? "$line"
}
# The examples of a command, taken off the list.
run_of() {
  local line
  grep "^daftari $1\( \|\$\)" "$work/examples" >"$work/now"
  grep -v "^daftari $1\( \|\$\)" "$work/examples" >"$work/rest"
  mv "$work/rest" "$work/examples"
  while read -r line <&3; do run "$line"; done 3<"$work/now"
}

run_of 'opening post'
printf 'Sesame-and-Millet-7\n' >"$work/password"
daftari user create --email ana@example.com --phone +254700000108 --first-name Ana --last-name Otieno --password "@$work/password" --role Cashier >"$work/out" 2>&1; ok $? "somebody to name"
for file in kenya-register kenya-customers kenya-cylinders kenya-expenses car-wash demo-day; do load "$data/$file.jsonl"; done
daftari business open --code CWH --name "Car wash" --type other >"$work/out" 2>&1
daftari sale record --business LND --customer LC001 --line item=SUIT --tender method=credit >"$work/out" 2>&1; ok $? "somebody owes"
for first in 'account open' 'place define' 'currency define' 'supplier add' 'item define' 'purchase record' 'recipe define' 'production record' \
  'role define' 'till open' 'transaction-type define' 'tax-code define' 'access grant' 'user enroll-certificate' 'category define' \
  'cylinder acquire' 'cylinder refill' 'cylinder exchange' 'cylinder return-empty' 'cylinder send-to-maintenance' 'cylinder back-from-maintenance' \
  'cylinder send-to-supplier' 'cylinder back-from-supplier' 'payment receive' 'reconciliation start'; do run_of "$first"; done
statement=$(sed -n 's/^recorded at position //p' "$work/out")
daftari cylinder exchange --business RTL --customer LC001 --mode deposit --serial-out SH6-0002 >"$work/out" 2>&1; ok $? "a cylinder is out"
daftari payment receive --business LND --customer LC002 --tender method=cash,amount=50 >"$work/out" 2>&1; ok $? "somebody has paid too much"
run_of 'reconciliation add-lines'
while read -r line <&4; do
  case $line in *deactivate*|*reactivate*|*merge*|*anonymise*|*revoke*|*' complete'*|*'sale review'*) echo "$line" >>"$work/last" ;;
    *' day '*) echo "$line" >>"$work/days" ;; # no more documents once it is closed
    *) run "$line" ;; esac
done 4<"$work/examples"
while read -r line <&4; do run "$line"; done 4<"$work/last"
for verb in open count list close show reopen; do
  line=$(grep "^daftari day $verb " "$work/days") && run "$line"
done
exit $failed

#!/bin/bash
# Commodities of any name and of many decimals: a dry run finds what the real run would meet, nothing is made for what is
# refused, every balance is hledger's to the last digit, and what went in by a name comes out by it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
. "$here/../support/tap.sh"
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
for program in hledger ledger bean-check bean-example bean-report jq; do
  command -v $program >/dev/null || { echo "not ok - $program is missing"; exit 1; }
done
journal() { hledger -f - print --output-format json; }
accounts() { daftari account list --output csv | tail -n +2; }
currencies() { daftari currency list --output json; }
books() { server_stop "$D"; rm -rf "${D:?}/data" "${D:?}/keys" "${D:?}/home" "$D/daftari.conf"; server_init "$D" "$@" && server_start "$D" && server_log_in "$D" || exit 1; }
export_to() { daftari-audit export --format "$1" --server "$DAFTARI_SERVER" --to "$D/books.$1" >"$D/out" 2>&1; }

# ---- names
books
journal >"$D/names.json" <<'END'
2025-03-01 t
    assets:q   3 "Acme Corporation"
    equity:w  -3 "Acme Corporation"

2025-03-02 t
    assets:q   1.5 VERYVERYVERYVERYLONGCOMMODITYNAME
    equity:w

2025-03-03 t
    assets:q   2 "Gr. Apples"
    equity:w

2025-03-04 t
    assets:q   2 "a b"
    assets:r   3 "a-b"
    assets:s   €7.25
    equity:w  -2 "a b"
    equity:w  -3 "a-b"
    equity:w  €-7.25

2025-03-05 t
    assets:q   $2.50
    equity:w
END
daftari import journal "$D/names.json" --dry-run >"$D/out" 2>&1
tap "names: a dry run finds nothing wrong" told 0 $? "$D/out" '5 would be entries, 0 are there already, 0 would be refused'
daftari import journal "$D/names.json" >"$D/out" 2>&1
tap "names: and the real run takes them all" told 0 $? "$D/out" '^5 entries recorded, 0 were there already, 0 refused'
currencies >"$D/out"
tap "names: every name is kept whole" json_has "$D/out" '[.[].symbol] | contains(["Acme Corporation", "VERYVERYVERYVERYLONGCOMMODITYNAME", "Gr. Apples", "a b", "€", "$"])'
daftari import journal "$D/names.json" >"$D/out" 2>&1
tap "names: a second import records nothing" told 0 $? "$D/out" '^0 entries recorded, 5 were there already, 0 refused'
# what a person has defined goes by its code, the base currency too
daftari currency define --code CHF --scale 2 --symbol Fr >"$D/out" 2>&1
printf '2025-03-06 t\n    assets:q   5 CHF\n    equity:w\n\n2025-03-07 t\n    assets:q   5 KES\n    equity:w\n' | journal >"$D/codes.json"
daftari import journal "$D/codes.json" >"$D/out" 2>&1
export_to hledger
hledger -f "$D/books.hledger" check --strict >"$D/out" 2>&1
tap "names: hledger takes the export" test $? = 0
hledger -f "$D/books.hledger" commodities | LC_ALL=C sort | tr '\n' '|' >"$D/out"
tap "names: what went in comes out" test "$(cat "$D/out")" = '$|Acme Corporation|CHF|Gr. Apples|KES|VERYVERYVERYVERYLONGCOMMODITYNAME|a b|a-b|€|'
hledger -f "$D/books.hledger" bal --flat -N 'assets:q' --layout=bare >"$D/out" 2>&1
tap "names: with its balances" grep -Eq '2 *"?Gr. Apples' "$D/out"
export_to ledger
ledger --strict -f "$D/books.ledger" bal >"$D/out" 2>&1
tap "names: ledger takes the export, too" told 0 $? "$D/out" 'Gr. Apples'
export_to beancount
bean-check "$D/books.beancount" >"$D/out" 2>&1
tap "names: beancount takes it with the codes" test $? = 0

# ---- what is refused, and leaves nothing behind
books
long=$(printf 'x%.0s' $(seq 300))
journal >"$D/bad.json" <<END
2025-03-01 good
    assets:q   3 "Big Apples"
    equity:w

2025-03-02 long
    assets:$long   1 KES
    equity:only-here

2025-03-03 commodity
    assets:never   1 "$long"
    equity:w

2025-03-04 fine
    assets:unmade   0.005 KES
    equity:w

2023-03-05 early
    assets:early   1.123456 "Big Apples"
    equity:w

2023-03-06 early
    assets:early   1 "Early Apples"
    equity:w
END
daftari import journal "$D/bad.json" --dry-run >"$D/out" 2>&1
tap "refused: the dry run lists all five" told 1 $? "$D/out" '1 would be entries, 0 are there already, 5 would be refused'
cp "$D/out" "$D/dry"
tap "refused: a name too long says so" told 0 0 "$D/dry" 'refused: 2025-03-02 long: .*at most 200 bytes'
tap "refused: a commodity too long says so" told 0 0 "$D/dry" 'refused: 2025-03-03 commodity: .*at most 200 bytes'
tap "refused: decimals say what to do" told 0 0 "$D/dry" 'refused: 2025-03-04 fine: .*needs 3 decimals.*KES has 2'
tap "refused: how many accounts a real run would open" told 0 0 "$D/dry" '2 accounts would be opened'
daftari import journal "$D/bad.json" >"$D/out" 2>&1
tap "refused: without --skip nothing is sent" told 1 $? "$D/out" 'nothing was sent'
tap "refused: and nothing made" test "$(accounts | wc -l) $(currencies | jq length)" = '0 1'
daftari import journal "$D/bad.json" --skip >"$D/out" 2>&1
tap "refused: with --skip the good one goes in" told 1 $? "$D/out" '^1 entries recorded, 0 were there already, 5 refused'
accounts | cut -d, -f2 | sort | tr '\n' ' ' >"$D/out"
tap "refused: its accounts alone are opened" test "$(cat "$D/out")" = 'assets:q equity:w '
currencies >"$D/out"
tap "refused: its currency alone is made, with its own decimals" json_has "$D/out" 'length == 2 and .[1].symbol == "Big Apples" and .[1].scale == 0'
daftari import journal "$D/bad.json" --skip >"$D/out" 2>&1
tap "refused: again, nothing more" told 1 $? "$D/out" '^0 entries recorded, 1 were there already, 5 refused'
printf '2025-04-01 huge\n    assets:q   900000000000 HUGE\n    equity:w\n\n2025-04-02 small\n    assets:q   0.00000001 HUGE\n    equity:w\n' | journal >"$D/huge.json"
daftari import journal "$D/huge.json" --dry-run >"$D/out" 2>&1
tap "refused: decimals leave room for the largest amounts" told 1 $? "$D/out" 'refused: 2025-04-02 small: .*needs 8 decimals.*has 5'
printf '2025-04-01 x\n    equity:a  3 A\n    assets:b  -4 B\n' | journal >"$D/typed.json"
daftari import journal "$D/typed.json" --type equity=expense --dry-run >"$D/dry" 2>&1
daftari import journal "$D/typed.json" --type equity=expense >"$D/out" 2>&1
tap "refused: a trading account that is an expense is opened as one" told 0 $? "$D/out" '^1 entries recorded'
i=0
{ echo '2025-04-03 big'; while [ $i -lt 400 ]; do echo "    assets:part$i  1 KES  ; $(printf 'words%.0s' $(seq 38))"; i=$((i + 1)); done; echo '    equity:w'; } | journal >"$D/words.json"
daftari import journal "$D/words.json" --dry-run >"$D/out" 2>&1
tap "refused: an entry too large for a record" told 1 $? "$D/out" 'refused: 2025-04-03 big: .*at most'

# ---- exchanges, to the last digit
same() { # JOURNAL NAME: every account in every commodity (all of them their own codes), as hledger has it
  mapfile -t styles < <(hledger -f "$1" commodities | sed '/^$/d; s/^/-c1.000000000000/')
  hledger -f "$1" bal --flat -N --layout=bare -O csv "${styles[@]}" |
    tail -n +2 | tr -d '"\r' | sed -E '/\.[0-9]*$/!d; s/(\.[0-9]*[1-9])0+$/\1/; s/\.0*$//; /,-?0$/d' | LC_ALL=C sort >"$D/theirs"
  daftari report balances --output csv | tr -d '\r' | awk -F, 'NR > 1 && $2 != "Total" && $2 !~ /^equity:conversion$/ { print $2 "," $5 "," $6 }' |
    sed -E 's/(\.[0-9]*[1-9])0+$/\1/; s/\.0*$//; /,-?0$/d' | LC_ALL=C sort >"$D/ours"
  diff "$D/theirs" "$D/ours" >"$D/out" && [ -s "$D/theirs" ]
}
cat >"$D/fine.journal" <<'END'
2025-03-01 fee
    assets:usd       10.000 XYZ @ 1.00 USD
    expenses:fee      0.004 USD
    assets:cash     -10.004 USD

2025-03-02 other way
    assets:usd        3.335 USD @ 2 XYZ
    assets:xyz

2025-03-03 inferred
    assets:usd       10.01 XYZ @ 130.2555 USD
    assets:cash
END
hledger -f "$D/fine.journal" print -O json >"$D/fine.json"
books --currency USD --scale 2 --symbol '$'
daftari import journal "$D/fine.json" --dry-run >"$D/out" 2>&1
tap "digits: what the base currency does not hold is refused" told 1 $? "$D/out" '0 would be entries, 0 are there already, 3 would be refused'
tap "digits: with the account, what it needs, and what to do" told 0 0 "$D/out" 'expenses:fee: .*needs 3 decimals.*USD has 2.*--scale'
daftari import journal "$D/fine.json" --skip --quiet >"$D/out" 2>&1
tap "digits: and left out by --skip" told 1 $? "$D/out" '^0 entries recorded, 0 were there already, 3 refused'
books --currency USD --scale 6
daftari import journal "$D/fine.json" >"$D/out" 2>&1
tap "digits: with decimals enough all goes in" told 0 $? "$D/out" '^3 entries recorded'
tap "digits: and every balance is hledger's" same "$D/fine.journal"
books
daftari import journal "$D/fine.json" >"$D/out" 2>&1
tap "digits: a currency that the import makes has decimals enough" told 0 $? "$D/out" '^3 entries recorded'
tap "digits: and every balance is hledger's there" same "$D/fine.journal"

# ---- beancount's example books, which sell shares: by the filter that help and manual give
filter=$(daftari import journal --help | sed -n "s/^.*\(sed -E '[^']*'\).*$/\1/p")
grep -qF -- "$(printf '%s' "$filter" | sed 's/\\/\\e/g')" "$here/../../docs/man/daftari.1"
tap "beancount: help and manual have the same filter" test $? = 0 -a -n "$filter"
for seed in 1 2 3 4 5 6 7 8 9 10; do
  bean-example --seed $seed --date-begin 2023-01-01 --date-end 2023-12-31 -o "$D/shares.bean" 2>/dev/null
  bean-report "$D/shares.bean" hledger | eval "$filter" >"$D/shares.journal"
  hledger -f "$D/shares.journal" print -O json >"$D/shares.json" 2>"$D/out"
  books --first-date 1980-01-01
  daftari import journal "$D/shares.json" --quiet >"$D/out" 2>&1
  tap "beancount: books of seed $seed are imported" told 0 $? "$D/out" 'entries recorded, 0 were there already, 0 refused'
  tap "beancount: every balance of seed $seed is hledger's, Equity:Rounding included" same "$D/shares.journal"
done

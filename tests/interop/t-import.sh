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

#!/usr/bin/env bash
# Files of M-Pesa as Daraja and the portal write them, made up by us: confirmations, callbacks, results, both statements.
# Booked once however often they are given; what cannot be read is told with line and field, and nothing is sent.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
PATH="${BUILD:-$top/build/release}/bin:$PATH"
D=$(mktemp -d)
files="$top/tests/system/mpesa"
# shellcheck source=tests/support/server.sh
. "$top/tests/support/server.sh"
# shellcheck source=tests/support/tap.sh
. "$top/tests/support/tap.sh"
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
run() { daftari "$@" >"$D/out" 2>&1; code=$?; }

server_init "$D" && server_start "$D" && server_log_in "$D" >/dev/null || { echo "not ok - the server starts"; exit 1; }
set_up() {
  printf '%s\n' \
    '{"method": "Account.Open", "number": 1140, "name": "M-Pesa Water", "business": "WTR", "class": "mobile-money"}' \
    '{"method": "Account.Open", "number": 1141, "name": "M-Pesa Laundry", "business": "LND", "class": "mobile-money"}' \
    '{"method": "Account.Open", "number": 1170, "name": "Bank", "class": "bank"}' \
    '{"method": "Account.Open", "number": 1310, "name": "Customers", "class": "receivable"}' \
    '{"method": "Account.Open", "number": 1900, "name": "Between businesses", "class": "interbusiness"}' \
    '{"method": "Account.Open", "number": 2120, "name": "M-Pesa Payable"}' \
    '{"method": "Account.Open", "number": 5820, "name": "Charges"}' \
    '{"method": "PostingRule.Set", "rules": [{"role": "unmatched", "account": 2120}, {"role": "charges", "account": 5820}, {"role": "bank", "account": 1170}]}' \
    '{"method": "Till.Open", "business": "WTR", "number": "174111", "name": "Water"}' \
    '{"method": "Till.Open", "business": "LND", "number": "174222", "name": "Laundry"}'
}
{ printf '%s\n' '{"method": "Business.Open", "code": "WTR", "name": "Water", "type": "other"}' \
    '{"method": "Business.Open", "code": "LND", "name": "Laundry", "type": "other"}'; set_up; } >"$D/set-up.jsonl"
run load "$D/set-up.jsonl"
tap 'the tills are set up' [ "$code" -eq 0 ]

# ---- confirmations ----
run mpesa confirm --file "$files/confirmations.json" --dry-run
tap 'a dry run shows what would be told' told "$code" 0 "$D/out" '4 would be told, 1 passed over; nothing was sent'
run mpesa confirm --file "$files/confirmations.json"
tap 'confirmations are booked, the same twice once, a validation not at all' told "$code" 0 "$D/out" '3 recorded, 1 were there already, 0 refused, 1 passed over'
run mpesa confirm --file - <"$files/confirmations.json"
tap 'and given again nothing is booked' told "$code" 0 "$D/out" '0 recorded, 4 were there already'
daftari --output json mpesa unmatched >"$D/list" 2>/dev/null
tap 'they wait, to the cent, with masked numbers' json_has "$D/list" \
  '[.. | objects | select(.receipt? == "RKTQDM7W6V") | .amount] == ["0.10"]' \
  '[.. | objects | select(.receipt? == "RKTQDM7W6T") | .payer_phone] == ["2547*****149"]' \
  '[.. | objects | select(.receipt? == "RKTQDM7W6V") | .payer_phone] == [null]' \
  '[.. | objects | select(.receipt? == "RKTQDM7W6S") | .payer_name] == ["John Doe"]'
run mpesa confirm --file - <<<'{"TransID": "lower", "TransAmount": "1", "TransTime": "20240102063845", "BusinessShortCode": "174111", "OrgAccountBalance": "1"}'
tap 'what cannot be read is told with line and field' told "$code" 2 "$D/out" 'line 1: TransID: a receipt'
run mpesa confirm --file - <<<'{"something": 1}'
tap 'what is no message is told' told "$code" 2 "$D/out" 'line 1: no message of M-Pesa'
run mpesa confirm --file - <<<'{"TransID": "SA2000000Z", "TransAmount": "1", "TransTime": "20240102063845", "BusinessShortCode": "999999", "OrgAccountBalance": "1"}'
tap 'a till that is not known is refused' told "$code" 1 "$D/out" 'line 1: till: there is no till 999999'

# ---- callbacks and results ----
daftari mpesa request --till 174222 --checkout ws_CO_020120240701 --amount 60 >/dev/null
run mpesa callback --file "$files/callbacks.json" --till 174222
tap 'callbacks, results and the pull interface are booked' told "$code" 0 "$D/out" '6 recorded, 0 were there already, 0 refused, 1 passed over'
run mpesa callback --file "$files/callbacks.json" --till 174222
tap 'and once' told "$code" 0 "$D/out" '0 recorded, 6 were there already'
daftari --output json mpesa requests >"$D/list" 2>/dev/null
tap 'the request is paid, the other was cancelled' json_has "$D/list" \
  '[.. | objects | select(.checkout? == "ws_CO_020120240701") | .state, .receipt] == ["paid", "SA2000000A"]' \
  '[.. | objects | select(.checkout? == "ws_CO_020120240702") | .state] == ["failed"]'
daftari --output json mpesa list --till 174222 >"$D/list" 2>/dev/null
tap 'the reversal took its receipt back' json_has "$D/list" \
  '[.. | objects | select(.receipt? == "SA2000000B") | .state] == ["reversed"]' \
  '[.. | objects | select(.receipt? == "SA2000000C") | .amount] == ["7.50"]'

# ---- statements ----
run mpesa statement --file "$files/damaged7.csv" --till 174111
tap 'a damaged statement is told with line and column' told "$code" 2 "$D/out" 'line 2: Completion Time'
tap 'all of it' told "$code" 2 "$D/out" 'line 3: Paid In'
tap 'and nothing is sent' told "$code" 2 "$D/out" 'nothing was sent'
sed 's/"5,371.00"/"5,372.00"/' "$files/statement13.csv" >"$D/untied.csv"
run mpesa statement --file "$D/untied.csv"
tap 'a balance that does not follow is told' told "$code" 2 "$D/out" 'line 9: Balance: 5,372.00'
run mpesa statement --file "$files/statement13.csv" --dry-run
tap 'the statement says its till itself' told "$code" 0 "$D/out" '7 would be told, 2 passed over'

# The till begins at nothing on 3 January: what was confirmed before goes to the bank.
run mpesa settle --till 174111 --receipt SA2900000S --amount 5,010.10 --completed-time 2024-01-02T20:00:00+03:00
tap 'the day before is settled' told "$code" 0 "$D/out" ''
run mpesa statement --file "$files/statement13.csv" --reconcile
tap 'the statement is booked' told "$code" 0 "$D/out" '7 recorded, 0 were there already, 0 refused'
tap 'and reconciled: every line has its posting' told "$code" 0 "$D/out" 'statement 155.00, books 155.00; 7 lines matched, 0 open \(0.00\); reconciled'
run mpesa statement --file "$files/statement13.csv"
tap 'again it changes nothing' told "$code" 0 "$D/out" '0 recorded, 7 were there already, 0 refused'
run mpesa statement --file "$files/statement7.csv" --till 174111 --reconcile
tap 'seven columns, and the balance is carried forward' told "$code" 0 "$D/out" 'statement 204.00, books 204.00; 2 lines matched, 0 open'
run mpesa statement --file "$files/statement7.csv" --till 174111 --reconcile
tap 'a statement that does not begin where the last one ended is told' told "$code" 1 "$D/out" 'begins at 155.00, and the one before it ended at 204.00'
daftari --output json mpesa list --till 174111 --state 'done' >"$D/list" 2>/dev/null
tap 'charge, settlement and reversal are what they are' json_has "$D/list" \
  '[.. | objects | select(.receipt? == "SA30000003") | .what, .amount] == ["charge", "-34.00"]' \
  '[.. | objects | select(.receipt? == "SA40000006") | .what] == ["settlement"]' \
  '[.. | objects | select(.receipt? == "SA40000005") | .what, .original] == ["reversal", "SA30000002"]'
run mpesa statement --till 174111
tap 'a file is needed' [ "$code" -eq 2 ]
run mpesa statement --file /nonexistent
tap 'that is there' told "$code" 2 "$D/out" 'cannot be opened'
server_stop "$D"

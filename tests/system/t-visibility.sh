#!/usr/bin/env bash
# Who has access to one business sees nothing of another: in no report, list, query, trail, stream or refusal. And what each
# built-in role may and may not do, over a real server.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT

as() { DAFTARI_HOME=$D/home-$1 "${@:2}"; }
people=100
person() { # person NAME ROLE BUSINESS...
  local name=$1 role=$2; shift 2
  daftari user create --email "$name@example.com" --phone "+254700000$((people += 1))" --first-name "$name" --last-name X --password "the $name of the shop" --role "$role" || return 1
  for business in "$@"; do daftari access grant --email "$name@example.com" --business "$business" --level write || return 1; done
  mkdir -m 700 "$D/home-$name"
  echo "the $name of the shop" >"$D/pw"
  as "$name" daftari log-in --email "$name@example.com" --password-file "$D/pw"
}

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
daftari load --quiet data/kenya-three-businesses.jsonl >"$D/out" 2>&1
today=$(date +%F)
secret='Zebraqq'
{
  person manager Manager WTR && person cashier Cashier WTR && person auditor Auditor && person accountant Accountant && person both Manager WTR LND &&
    daftari entry post --business LND --date "$today" --type SALE --description "$secret sale" --reference "$secret-ref" --debit 1120=739.17 \
      --credit 4200=739.17,description="$secret line" --tag name=$secret,value=$secret &&
    daftari entry post --business WTR --date "$today" --type SALE --description "own sale" --debit 1110=11.50 --credit 4100=11.50 &&
    daftari entry draft --json - <<<'{"entry": {"business": "LND", "description": "'$secret' draft", "lines": [{"account": 1120, "debit": "839.17"}, {"account": 4200, "credit": "839.17"}]}}' &&
    daftari account open --number 1291 --name "$secret shelf" --class inventory --business LND &&
    daftari business set --business LND --from "$today" --setting name=low_stock_threshold,value=4711 &&
    daftari entry post --business WTR --date "$today" --type GEN --description "between" --debit 1110=3.25 --credit 1120=3.25 &&
    daftari reconciliation record --account 1120 --as-at "$today" --external-balance 700 --business LND --notes "$secret count"
} >"$D/out" 2>&1
tap "books with two businesses and people" test $? = 0
position=$(daftari entry list --business LND --output json | jq -r '.. | .description? // empty | select(test("Zebra"))' | head -1)
tap "what is to be hidden can be found by the owner" test -n "$position"
daftari report general-journal --output json >"$D/json"
tap "in reports too" grep -q "$secret" "$D/json"
at=$(daftari entry list --output json | jq -r --arg s "$secret sale" '.. | objects | select(.description? == $s) | .position' | head -1)
number=$(daftari entry list --output json | jq -r --arg s "$secret sale" '.. | objects | select(.description? == $s) | .number' | head -1)

# Accounts of businesses that are not WTR: their numbers to ask with, their names to be looked for.
daftari account list --output json | jq -r '.. | objects | select(.number? and (.business? // "") != "" and .business != "WTR") | .number' >"$D/foreign"
daftari account list --output json | jq -r '.. | objects | select(.number? and (.business? // "") != "" and .business != "WTR") | .name' >"$D/names"
cp "$D/names" "$D/out"
tap "accounts of others" test "$(wc -l <"$D/names")" -gt 10 -a "$(grep -c 'Cash - Laundry' "$D/names")" = 1

# Everything that can be asked, by everyone with access to WTR alone. No answer and no refusal may hold LND's words or sums.
leaks() { # leaks NAME: what shows
  local name=$1 report
  for report in $(daftari report --list --output json | jq -r '.. | .name? // empty' | sort -u); do
    for extra in "" "--business LND" "--business all" "--business WTR" "--by-business" "--account 1120" "--account 1291"; do
      # shellcheck disable=SC2086
      as "$name" daftari report "$report" $extra --output json 2>&1 | sed "s/^/$report $extra: /"
    done
  done
  while read -r number; do
    for extra in "" "--business WTR" "--known-at $at"; do
      for report in account-statement audit-trail reconciliations; do
        # shellcheck disable=SC2086
        as "$name" daftari report "$report" --account "$number" $extra 2>&1 | sed "s/^/$report $number $extra: /"
      done
    done
    for query in "entry list --account $number" "account show --number $number" "reconciliation list --account $number" \
      "reconciliation record --account $number --as-at $today --external-balance 1" \
      "reconciliation record --account $number --as-at $today --external-balance 1 --business WTR" \
      "entry post --business WTR --date $today --description probe --debit $number=1 --credit 4100=1" \
      "account change --number $number --description probe" "account deactivate --number $number"; do
      # shellcheck disable=SC2086
      as "$name" daftari $query --output json 2>&1 | sed "s/^/$query: /"
    done
  done <"$D/foreign"
  for query in "entry list" "entry list --business LND" "entry list --account 1120" "entry drafts" "entry show --position $at" "entry show --number $number" \
    "account list" "account show --number 1120" "account show --number 1291" "business list" "business settings --business LND" "adjustment list" \
    "reconciliation list" "period list" "user list" "access list" "sessions list" "log follow" "log digest" "series list"; do
    # shellcheck disable=SC2086
    as "$name" daftari $query --output json 2>&1 | sed "s/^/$query: /"
  done
}
# Whole numbers: the microseconds of a time may well hold 4711.
hidden="$secret|\b(739[.,]?17|839[.,]?17|4711)\b"
for name in manager cashier; do
  leaks "$name" >"$D/asked"
  grep -E "$hidden" "$D/asked" | cut -c1-300 >"$D/out"
  tap "a $name of one business sees nothing of the other" test ! -s "$D/out"
  grep -F -f "$D/names" "$D/asked" | cut -c1-300 >"$D/out"
  tap "nor the name of one of its accounts ($name)" test ! -s "$D/out"
  tap "$name: much was asked" test "$(wc -l <"$D/asked")" -gt 60
done
grep -E "own sale" "$D/asked" >/dev/null || leaks manager >"$D/asked"
tap "the manager sees his own" grep -q "own sale" "$D/asked"
leaks both >"$D/asked"
tap "with access to both, both are seen" grep -q "$secret sale" "$D/asked"
leaks auditor >"$D/asked"
tap "the auditor sees all" test "$(grep -cE "$hidden" "$D/asked")" -gt 10

# One entry over both businesses: he sees that it was, and no line that is not his.
as manager daftari report trial-balance --output json >"$D/json" 2>"$D/out"
tap "no account of the other business in the manager's trial balance" test "$(jq '[.. | objects | select((.account? // 0 | tostring) == "1120")] | length' "$D/json")" = 0

# ---- writing where one may not
denied() { # denied WHAT TEXT NAME COMMAND...: exit 3, and says what is missing
  local what=$1 text=$2 name=$3; shift 3
  as "$name" "$@" >"$D/out" 2>&1
  tap "$what" told 3 $? "$D/out" "$text"
}
allowed() { local what=$1 name=$2; shift 2; as "$name" "$@" >"$D/out" 2>&1; tap "$what" test $? = 0; }
post() { echo daftari entry post --business "$1" --date "$today" --type SALE --description x --debit "$2=1" --credit "$3=1"; }
# shellcheck disable=SC2046
{
  denied "a manager of WTR posts nothing to LND" 'LND' manager $(post LND 1120 4200)
  denied "nor to LND's accounts in a document of WTR" 'LND' manager $(post WTR 1120 4100)
  denied "nor on a line for LND" 'LND' manager daftari entry post --business WTR --date "$today" --type SALE --description x --debit 1110=1 --credit 5200=1,business=LND
  denied "nor reverses LND's entry" 'LND|access' manager daftari entry reverse --position "$at" --reason x
  allowed "a manager posts to his own business" manager $(post WTR 1110 4100)
  denied "a cashier posts no entries" 'journal' cashier $(post WTR 1110 4100)
  allowed "a cashier sees himself" cashier daftari who-am-i
  denied "an auditor writes nothing" 'journal' auditor $(post WTR 1110 4100)
  allowed "an auditor reads the raw log" auditor daftari log checkpoint
  denied "a manager does not" 'raw.log' manager daftari log follow
  allowed "an accountant posts anywhere" accountant $(post LND 1120 4200)
  denied "an accountant makes no users" 'users' accountant daftari user create --email n@example.com --first-name N --last-name N --password 'n of the shop' --role Owner
  denied "a manager gives nobody roles" 'users' manager daftari user assign-roles --email manager@example.com --role Owner
  denied "a cashier gives himself no access" 'users' cashier daftari access grant --email cashier@example.com --business LND --level write
  denied "an accountant opens no month again" 'period' accountant daftari period reopen --month 2026-09
}
daftari access revoke --email manager@example.com --business WTR >/dev/null
# shellcheck disable=SC2046
denied "access that was taken is gone at once" 'WTR' manager $(post WTR 1110 4100)
as manager daftari entry list --output json >"$D/json" 2>&1
tap "and so is what he saw" test -z "$(grep -o 'own sale' "$D/json")"

# ---- log-in
try() { # try EMAIL PASSWORD: answer in $D/out, milliseconds in $ms
  local start
  mkdir -p "$D/home-try"; chmod 700 "$D/home-try"
  echo "$2" >"$D/pw"
  start=$(date +%s%N)
  as try daftari log-in --email "$1" --password-file "$D/pw" >"$D/out" 2>&1
  code=$?
  ms=$((($(date +%s%N) - start) / 1000000))
}
known=0 unknown=0
for i in 1 2 3; do
  try cashier@example.com "wrong $i"; known=$((known + ms)); cp "$D/out" "$D/wrong-known"
  try "nobody$i@example.com" "wrong $i"; unknown=$((unknown + ms)); cp "$D/out" "$D/wrong-unknown"
done
tap "a wrong password and an unknown e-mail get the same answer" cmp "$D/wrong-known" "$D/wrong-unknown"
echo "known $known ms, unknown $unknown ms" >"$D/out"
tap "in like time" test $((known * 3)) -gt "$unknown" -a $((unknown * 3)) -gt "$known"
for i in 4 5; do try cashier@example.com "wrong $i"; done
try cashier@example.com "the cashier of the shop"
tap "after five wrong ones in a minute even the right one is not looked at" test "$code" = 3
tap "and who knocks is told to wait" grep -Eqi 'minute|later|wait|wrong' "$D/out"
tap "a session he has goes on" as cashier daftari who-am-i
daftari user deactivate --email cashier@example.com >/dev/null
as cashier daftari who-am-i >"$D/out" 2>&1
tap "a user who is taken out is out at once" told 3 $? "$D/out" 'log[ -]in'

# ---- a session that is revoked stops an open connection
as auditor daftari log follow --wait >"$D/followed" 2>"$D/follow-err" &
follower=$!
wait_until 10 test -s "$D/followed"
tap "the auditor follows the log" kill -0 "$follower"
daftari report audit-trail --output csv >"$D/trail" 2>&1
cp "$D/trail" "$D/out"
tap "that he does is on record while he does" grep -q 'auditor@example.com.*DataExported.*Log.Follow.*from 1, and what comes' "$D/trail"
exports() { grep -c DataExported; }
before=$(exports <"$D/trail")
as auditor daftari log follow --to-position 5 >"$D/out" 2>&1
as manager daftari log follow >"$D/out" 2>&1
daftari report audit-trail --output csv >"$D/out" 2>&1
tap "each stream once, and none that was refused" test "$(exports <"$D/out")" -eq $((before + 1))
tap "with what was asked for" grep -q 'DataExported.*from 1 to 5' "$D/out"
daftari sessions revoke --email auditor@example.com >/dev/null
gone() { ! kill -0 "$follower" 2>/dev/null; }
tap "his stream ends when his sessions are revoked" wait_until 10 gone
kill "$follower" 2>/dev/null
cp "$D/follow-err" "$D/out"
tap "and says why" grep -Eqi 'log[ -]?in|session|revoked|permit' "$D/follow-err"

# ---- what was refused is written down, at the latest when the server stops
server_stop "$D" && server_start "$D" && server_log_in "$D"
daftari report audit-trail --output csv >"$D/out" 2>&1
for what in 'AccessRefused.*Entry.Post' 'AccessRefused.*Entry.Reverse' 'AccessRefused.*Report.Run' 'AccessRefused.*Access.Grant'; do
  tap "on record: $what" grep -q "$what" "$D/out"
done
log_ins() { # log_ins WHY: how many in all; they are summed up by the minute, so that there may be two records
  grep "LoginsRefused.*$1" "$D/out" | grep -o 'count=[0-9]*' | awk -F= '{ n += $2 } END { print n + 0 }'
}
tap "on record: five wrong passwords" test "$(log_ins 'wrong password')" = 5
tap "on record: three unknown e-mails" test "$(log_ins 'unknown e-mail')" = 3

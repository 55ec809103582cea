#!/usr/bin/env bash
# Data at rest: nothing that people entered can be read in the data folder, nobody else may open its files, and the master
# key is not in it.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/server.sh
. tests/support/tap.sh
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
{
  daftari load --quiet data/kenya-three-businesses.jsonl &&
    daftari user create --email wanjiru.kamau@shop.example --first-name Wanjiruqq --last-name Kamauqq --phone +254711222333 \
      --password 'xK-unlikely-71' --role Cashier &&
    daftari access grant --email wanjiru.kamau@shop.example --business WTR --level write &&
    daftari role define --json - <<<'{"name": "Nightwatchqq", "description": "Looksqq only", "permissions": [{"permission": "SALES", "level": "READ"}]}' &&
    daftari account open --number 1290 --name "Strongroomqq" --class inventory --business WTR &&
    daftari entry post --business WTR --date 2026-10-05 --type SALE --description "Zebraqq delivery to Limuru" --reference RKTQD7W6SQ \
      --debit 1110=731.25 --credit 4100=731.25,description=Giraffeqq --tag name=routeqq,value=A104qq &&
    daftari entry draft --json - <<<'{"entry": {"business": "WTR", "description": "Draftqq words", "lines": [{"account": 1110, "debit": "5.00"}, {"account": 4100, "credit": "5.00"}]}}' &&
    daftari business open --code QZX --name "Quarryqq" --type retail --phone +254799888777
} >"$D/out" 2>&1
tap "things are entered" test $? = 0
daftari entry list --output csv >"$D/entries"
number=$(grep Zebraqq "$D/entries" | head -n 1 | cut -d, -f2)
daftari entry list --output json >"$D/json"
tap "and can be read by who may" grep -q Zebraqq "$D/entries"
daftari report general-journal >/dev/null # views are up to date

# What was entered, in the forms in which it could lie there: as text, and text as UTF-16.
words=(Zebraqq Limuru Giraffeqq RKTQD7W6SQ routeqq A104qq Draftqq Wanjiruqq Kamauqq wanjiru.kamau shop.example 254711222333
  xK-unlikely-71 Nightwatchqq Looksqq Strongroomqq Quarryqq 254799888777 "$SERVER_OWNER" Olive "Owner" "Water Packaging" "Laundry" "Cash on"
  "Demonstration books" RetailShop "Retail Shop" 174111 Accountant Cashier)
words+=("$(cat "$D/owner-password")")
words+=("${number:?no document number in the list of entries}")

found=
search() {
  for word in "${words[@]}"; do
    if grep -raqF -- "$word" "$D/data"; then found="$found [$word in $(grep -ralF -- "$word" "$D/data" | head -3 | tr '\n' ' ')]"; fi
    wide=$(printf %s "$word" | sed 's/./&\\x00/g')
    if grep -raqP -- "$wide" "$D/data"; then found="$found [$word, wide]"; fi
  done
  printf '%s' "$found" >"$D/out"
  [ -z "$found" ]
}
tap "the search finds what is there" test "$(words=(daftari); for w in "${words[@]}"; do grep -raqF "$w" "$D/daftari.conf" && echo yes; done)" = yes
tap "nothing that was entered is readable while the server runs" search
server_kill "$D"
tap "nor after a kill" search
server_start "$D" && server_stop "$D"
tap "nor after a clean stop" search

# Short codes (QZX, WTR, LND): as keys of rows they would stand between bytes that are no letters.
codes=
for code in QZX WTR LND RTL KES; do
  hits=$(grep -raobP "(?<![A-Za-z0-9+/])$code\\x00" "$D/data" 2>/dev/null | wc -l)
  [ "$hits" -lt 3 ] || codes="$codes $code:$hits" # three bytes and a NUL come about by chance once in 4 GiB
done
printf '%s' "$codes" >"$D/out"
tap "business and currency codes are in no key" test -z "$codes"

# ---- who may open the files
umask_files=$(find "$D/data" -type f ! -perm 0600)
umask_dirs=$(find "$D/data" -type d ! -perm 0700)
printf '%s\n%s' "$umask_files" "$umask_dirs" >"$D/out"
tap "every file of the data folder is 0600" test -z "$umask_files"
tap "every folder in it is 0700" test -z "$umask_dirs"
(umask 000 && server_start "$D" && server_log_in "$D" && daftari entry post --date 2026-10-06 --business WTR --description x --debit 1110=1 --credit 4100=1 >/dev/null)
server_stop "$D"
tap "whatever the umask" test -z "$(find "$D/data" -type f ! -perm 0600; find "$D/data" -type d ! -perm 0700)"
secrets=$(find "$D/keys" -type f ! -perm 0600 ! -name '*.crt'; find "$D/keys" -maxdepth 0 ! -perm 0700)
printf '%s' "$secrets" >"$D/out"
tap "keys are the server's alone" test -z "$secrets"

# ---- the master key
key=$(cat "$D/keys/master-key")
xxd_raw() { printf '%s' "$key" | sed 's/../\\x&/g'; }
tap "the master key is 64 hexadecimal digits" test "${#key}" = 64
tap "and is not in the data folder as text" test -z "$(grep -rail -- "$key" "$D/data")"
tap "nor as bytes" test -z "$(grep -ralP -- "$(xxd_raw)" "$D/data")"
mv "$D/keys/master-key" "$D/away"
server_start "$D" >"$D/out" 2>&1
tap "without it no server starts" test $? != 0
tap "and it is named" grep -q master-key "$D/out"
mv "$D/away" "$D/keys/master-key"
chmod 644 "$D/keys/master-key"
server_start "$D" >"$D/out" 2>&1
tap "nor with one that others can read" test $? != 0
chmod 600 "$D/keys/master-key"
tap "with it one starts" server_start "$D"

#!/bin/bash
# Every example of the help and of the manual page that needs nothing made before works as it stands on the books of
# data/: account numbers, settings, businesses. Those left out name a record, log in, ask for a
# password, or take something out of use and depend on the calendar.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
data=$here/../../data
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'server_stop "$work/s" >/dev/null 2>&1; rm -rf "$work"' EXIT
failed=0
ok() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; head -n 12 "$work/out" 2>/dev/null | sed 's/^/#   /'; fi; }

server_init "$work/s" && server_start "$work/s" && server_log_in "$work/s"; ok $? "the server runs"
# The businesses' own openings are left out: what an example posts is the first opening then.
grep -v '"Opening.Post"' "$data/kenya-three-businesses.jsonl" | daftari load - >"$work/out" 2>&1; ok $? "the three businesses"
printf 'Sesame-and-Millet-7\n' >"$work/password"
daftari user create --email ana@example.com --phone +254700000108 --first-name Ana --last-name Otieno --password "@$work/password" --role Cashier >"$work/out" 2>&1; ok $? "somebody to name"

# The man page breaks its lines with a backslash, which mandoc shows as one.
{
  daftari help | sed -n '/^First steps:/,/^$/s/^  daftari/daftari/p'
  daftari completion bash | sed -n 's/^    "\([a-z-]* [a-z-][a-z-]*\)").*/\1/p' | while read -r noun verb; do
    daftari help "$noun" "$verb" | sed -n '/^Example:/,$s/^  daftari/daftari/p'
  done
  daftari help report | sed -n '/^Example:/,$s/^  daftari/daftari/p'
  mandoc -T ascii "$here/../../docs/man/daftari.1" | sed 's/.\x08//g' | sed -n '/^EXAMPLES/,/^SEE/s/^ *//p' | sed -e ':a' -e '/\\$/{N;s/\\\n */ /;ba}' | grep '^daftari'
} | sort -u >"$work/examples"
[ "$(wc -l <"$work/examples")" -ge 30 ]; ok $? "there are examples"
grep -q '1110=1,250.50 --credit 4100' "$work/examples"; ok $? "and those of the manual page"
grep -v -e 812 -e deactivate -e 'daftari period' -e JE-2026 -e 'log-in' -e '--password -' -e '-password -' -e '--wait' -e '--new-size' "$work/examples" >"$work/runnable"
while read -r line; do
  eval "$line" >"$work/out" 2>&1 </dev/null
  ok $? "$line"
done <"$work/runnable"
exit $failed

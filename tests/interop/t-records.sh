#!/bin/bash
# A checker of somebody else's, in Python and openssl, written from docs/journal-format.md: from the bytes of `daftari log
# follow` and of `daftari-audit export --format records` it finds chain, sums and the signed root, and one changed digit.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/server.sh"
. "$here/../support/tap.sh"
D=$(mktemp -d)
trap 'tap_end_server "$D"; rm -rf "$D"' EXIT
for program in python3 openssl; do command -v $program >/dev/null || { echo "not ok - $program is missing"; exit 1; }; done
cat >"$D/check.py" <<'END'
import base64, hashlib, json, struct, subprocess, sys
path, note_path, folder = sys.argv[1:]
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def need(good, rule, where): good or sys.exit("%s at record %d" % (rule, where))
stack, previous, time, count, series, balances, ids = [], bytes(32), -1, 0, {}, {}, set()
for line in open(path):
    for text in json.loads(line)["records"]:
        count, record = count + 1, bytes.fromhex(text)
        (form, flags, kind, version, business, position, at, command, session, user, date, prefix, postings, movements,
         reserved, number, payload, cause, content, before) = struct.unpack(">BBHHHQq16sQIIHHHHIIQQ32s", record[:120])
        need((form, flags, reserved) == (1, 0, 0) and len(record) <= 65535
             and len(record) == 120 + 20 * postings + 28 * movements + payload, "F1", count)
        need(position == count, "C1", count)
        need(before == previous, "C2", count)
        need(at > time, "C3", count)
        need(command == bytes(16) or command not in ids, "I1", count)
        ids.add(command)
        previous, time, sums = sha(b"\0", record), at, {}
        for i in range(postings):
            account, place, currency, party, amount = struct.unpack(">IHHIq", record[120 + 20 * i:140 + 20 * i])
            need(0 < abs(amount) <= 10 ** 18 - 1, "E1", count)
            sums[place, currency] = sums.get((place, currency), 0) + amount
            key = (account, place, currency)
            balances[key] = balances.get(key, 0) + amount
            need(abs(balances[key]) <= 10 ** 18 - 1, "E4", count)
        need(not any(sums.values()), "E2", count)
        if prefix:
            need(number == series.get((prefix, date), 0) + 1, "D1", count)
            series[prefix, date] = number
        stack.append((1, previous))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (_, right), (size, left) = stack.pop(), stack.pop()
            stack.append((2 * size, sha(b"\1", left, right)))
root = stack[-1][1]
for size, left in reversed(stack[:-1]):
    root = sha(b"\1", left, root)
note = open(note_path, "rb").read()
text, signatures = note.split(b"\n\n", 1)
need(text.split(b"\n")[1:3] == [str(count).encode(), base64.b64encode(root)], "root", count)
vkey = open(folder + "/vkey").read().strip()
name, key_id, key = vkey.split("+", 2)
signature = [s for s in signatures.decode().splitlines() if s.split(" ")[1] == name][0].split(" ")[2]
signature, key = base64.b64decode(signature), base64.b64decode(key)
need(signature[:4].hex() == key_id and key[0] == 1, "key", count)
for file, data in ("text", text + b"\n"), ("signature", signature[4:]), ("key", bytes.fromhex("302a300506032b6570032100") + key[1:]):
    open(folder + "/" + file, "wb").write(data)
if subprocess.call(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", folder + "/key",
                    "-in", folder + "/text", "-sigfile", folder + "/signature"], stdout=subprocess.DEVNULL):
    sys.exit("signature")
print(count, "records hold,", len(balances), "balances")
END
check() { python3 "$D/check.py" "$1" "$D/note" "$D" >"$D/out" 2>&1; }

server_init "$D" && server_start "$D" && server_log_in "$D" || exit 1
daftari account open --number 1110 --name Till --class cash >/dev/null
daftari account open --number 4000 --name Sales >/dev/null
for day in 01 02 03 04 05; do
  daftari entry post --date 2024-02-$day --description sold --debit 1110=12.50 --credit 4000=12.50 >/dev/null
done
daftari log checkpoint --output json >"$D/checkpoint"
jq -j .note "$D/checkpoint" >"$D/note"
jq -r .log_key "$D/checkpoint" >"$D/vkey"
size=$(sed -n 2p "$D/note")
daftari log follow --to-position "$size" >"$D/followed"
check "$D/followed"
tap "what log follow gives holds up to the signed root" told 0 $? "$D/out" "^$size records hold, 2 balances"
server_stop "$D"
daftari-audit export --format records --data "$D/data" --master-key "$D/keys/master-key" --until "$size" --to "$D/exported" >"$D/out" 2>&1
tap "the offline auditor gives the records, too" test $? = 0
check "$D/exported"
tap "and they hold" told 0 $? "$D/out" "^$size records hold, 2 balances"
jq -r '.records[]' "$D/followed" >"$D/a"; jq -r '.records[]' "$D/exported" >"$D/b"
tap "they are the same bytes" cmp "$D/a" "$D/b"
tap "one record a line" test "$(wc -l <"$D/exported")" = "$size"
daftari-audit export --format records --data "$D/data" --master-key "$D/keys/master-key" --until 3 2>"$D/out" | wc -l >"$D/count"
tap "up to where it is wanted" test "$(cat "$D/count")" = 3
sed '4s/^\(.\{300\}\)0/\11/; 4s/^\(.\{301\}\)[2-9a-f]/\11/' "$D/exported" >"$D/changed"
cmp -s "$D/exported" "$D/changed" && echo "not ok - nothing was changed"
check "$D/changed"
tap "one changed digit is found, in the next link of the chain" told 1 $? "$D/out" '^C2 at record 5'
head -n -1 "$D/exported" >"$D/shorter"
check "$D/shorter"
tap "a record that is missing at the end is found by the root" told 1 $? "$D/out" '^root at'
sed -E 's/.{8}$/AAAAAAAA/' -i "$D/vkey"
check "$D/exported"
tap "another key has not signed it" told 1 $? "$D/out" '^signature'

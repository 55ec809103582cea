#!/usr/bin/env bash
# daftari-audit verify on a folder: whole books hold; one changed byte in a stored record is found and named; damage to
# anything else is told or does no harm; what cannot be looked at is not called wrong.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$top/build/release}/bin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export TMPDIR=$dir
told() { if [ "$1" = yes ]; then echo "ok - $2"; else echo "not ok - $2${3:+: $3}"; sed 's/^/# /' "$dir/out"; fi; }

echo 'a long enough password' >"$dir/password"
"$bin/daftarid" init --data "$dir/books" --keys "$dir/keys" --owner-email ana@example.com --owner-name 'Ana Otieno' \
    --password-file "$dir/password" --hosts localhost >"$dir/out" 2>&1 || { told no 'init'; exit 1; }
master=$(find "$dir/keys" "$dir" -maxdepth 1 -name '*master*' -type f | head -n 1)
audit() { "$bin/daftari-audit" verify --data "$1" --master-key "${2:-$master}" --output json >"$dir/out" 2>&1; }
number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$dir/out"; }

audit "$dir/books"
code=$?
records=$(number records)
[ "$code" -eq 0 ] && [ "${records:-0}" -gt 0 ] && good=yes || good=no
told "$good" 'whole books hold' "exit $code, ${records:-no} records"

put() { # put OFFSET VALUE: one byte of the copied log
    printf '%b' "\\x$(printf %02x "$2")" | dd of="$dir/copy/log/data.mdb" bs=1 seek="$1" conv=notrunc status=none
}

# Every 97th byte of the log's file, one at a time. Those of records must be found (exit 1, with a position); the rest of the
# file is tree pages, old pages and gaps: found, or of no consequence (the same records, exit 0). Never 2, never a crash.
size=$(stat -c %s "$dir/books/log/data.mdb")
cp -r "$dir/books" "$dir/copy"
found=0 harmless=0 named=0 bad=''
for ((at = 8192; at < size; at += 97)); do
    byte=$(od -An -tu1 -j "$at" -N 1 "$dir/books/log/data.mdb")
    put "$at" $((byte ^ 4))
    audit "$dir/copy"
    code=$?
    if [ "$code" -eq 1 ]; then
        found=$((found + 1))
        ! grep -q '"position": *[0-9]' "$dir/out" || named=$((named + 1))
    elif [ "$code" -eq 0 ] && [ "$(number records)" = "$records" ]; then
        harmless=$((harmless + 1))
    else
        bad="byte $at: exit $code, $(number records) records"
        break
    fi
    put "$at" "$byte"
done
[ -z "$bad" ] && good=yes || good=no
told "$good" 'one changed byte anywhere is found or does no harm' "$bad"
[ "$named" -gt 10 ] && good=yes || good=no
told "$good" 'changed records are named by position' "$found found, $named named, $harmless harmless"

# What cannot be looked at.
rm -rf "$dir/copy" && cp -r "$dir/books" "$dir/copy" && rm "$dir/copy/log/data.mdb"
audit "$dir/copy"; code=$?
[ "$code" -eq 2 ] && good=yes || good=no
told "$good" 'a log that is not there cannot be looked at' "exit $code"

head -c 32 /dev/urandom >"$dir/other" && chmod 600 "$dir/other"
audit "$dir/books" "$dir/other"; code=$?
[ "$code" -eq 2 ] && grep -q "$dir/other" "$dir/out" && good=yes || good=no
told "$good" 'with the wrong master key nothing can be looked at, and the key is named' "exit $code"

audit "$dir/books"; code=$?
[ "$code" -eq 0 ] && good=yes || good=no
told "$good" 'and looking has changed nothing' "exit $code"

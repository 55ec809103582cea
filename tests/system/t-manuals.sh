#!/usr/bin/env bash
# The manual pages are well formed, and every option that a program's --help names stands in its page; every key of the
# configuration stands in daftari.conf(5).
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$top/build/release}/bin
cd "$top/docs/man" || exit 1
said() { # said MISSING WHAT
    if [ -z "$1" ]; then echo "ok - $2"; else echo "not ok - $2"; sed 's/^/# missing: /' <<<"$1"; fi
}
for page in *.[1-8]; do
    out=$(mandoc -T lint -W warning "$page" 2>&1); code=$?
    if [ $code -eq 0 ]; then echo "ok - $page is well formed"; else echo "not ok - $page is well formed"; sed 's/^/# /' <<<"$out"; fi
done
for program in "$bin"/*; do
    name=${program##*/}
    page=$(ls "$name".[18] 2>/dev/null)
    [ -n "$page" ] || { echo "not ok - $name has a page"; continue; }
    options=$("$program" --help 2>&1; [ "$name" != daftarid ] || "$program" init --help 2>&1)
    text=$(mandoc -T ascii "$page" | sed 's/.\x08//g')
    missing=$(grep -oE -- '--[a-z][a-z-]+' <<<"$options" | grep -vx -- '--option' | sort -u | while read -r option; do
        grep -qE -- "$option([^a-z-]|\$)" <<<"$text" || echo "$option"
    done)
    said "$missing" "$page names every option of $name --help"
done
if [ -x "$bin/daftarid" ]; then
    keys=$("$bin/daftarid" --print-config | sed -nE 's/^#? ?([a-z_]+) = .*/\1/p' | sort -u)
    missing=$(for key in $keys; do grep -q "$key" daftari.conf.5 || echo "$key"; done)
    [ -n "$keys" ] || missing="any key"
    said "$missing" "daftari.conf.5 has every key"
fi

#!/usr/bin/env bash
# Installs into a scratch root; the installed programs run, the manuals are well formed, a program builds against the
# installed library through pkg-config, shared and static, and uninstall leaves nothing.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build/release}
variant=${build##*/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
cd "$top" || exit 1
say() { # say WHAT: ok or not, by the status before
    if [ "$code" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; sed 's/^/# /' "$work/out" | tail -n 20; fi
}
make --no-print-directory VARIANT="$variant" install DESTDIR="$root" prefix=/usr >"$work/out" 2>&1; code=$?
say "make install"

for program in "$root"/usr/bin/* "$root"/usr/sbin/*; do
    "$program" --version >"$work/out" 2>&1 && grep -qE '^[a-z-]+ [0-9]+\.[0-9]+\.[0-9]+' "$work/out"; code=$?
    say "${program#"$root"} --version"
    "$program" --help >"$work/out" 2>&1 && [ "$(wc -l <"$work/out")" -gt 3 ]; code=$?
    say "${program#"$root"} --help"
    [ -f "$root/usr/share/man/man1/${program##*/}.1" ] || [ -f "$root/usr/share/man/man8/${program##*/}.8" ]; code=$?
    say "${program##*/} has a manual page"
done
for page in "$root"/usr/share/man/man*/*; do
    mandoc -T lint -W warning "$page" >"$work/out" 2>&1; code=$?
    say "manual page ${page##*/} is well formed"
done

doc=$root/usr/share/doc/daftari
grep -oE '\]\([^)#]+' "$doc/README.md" | cut -c3- | grep -vE '^https?:|^docs/man$' | while read -r link; do
    [ -e "$doc/$link" ] || echo "the installed README links to $link, which is not installed"
done >"$work/out"; [ ! -s "$work/out" ]; code=$?
say "the pages that the installed README links to are installed"
pages=0
for page in "$doc"/examples/*.c; do [ -s "$page" ] && pages=$((pages + 1)); done
[ "$pages" -eq 2 ]; code=$?
say "both example programs are installed as source"

cat >"$work/user.c" <<'END'
#include <daftari/daftari.h>
#include <stdio.h>
int main(void)
{
    return printf("%s\n", dft_version()) > 0 && dft_status_name(DFT_REFUSED) != NULL ? 0 : 1;
}
END
export PKG_CONFIG_PATH=$root/usr/lib/pkgconfig
sanitize=
case "$variant" in asan) sanitize=-fsanitize=address,undefined ;; tsan) sanitize=-fsanitize=thread ;; cov) sanitize=--coverage ;; esac
own="-I$root/usr/include -L$root/usr/lib"
# shellcheck disable=SC2046,SC2086 # lists of words
gcc $sanitize -o "$work/shared" "$work/user.c" $own $(pkg-config --cflags --libs daftari) >"$work/out" 2>&1 &&
    LD_LIBRARY_PATH=$root/usr/lib "$work/shared" >>"$work/out" 2>&1; code=$?
say "a program with the shared library"
# shellcheck disable=SC2046,SC2086
gcc $sanitize -o "$work/static" "$work/user.c" $own -l:libdaftari.a -lprotobuf-c -lssl -lcrypto -lpthread >"$work/out" 2>&1 &&
    "$work/static" >>"$work/out" 2>&1; code=$?
say "a program with the static library"
mkdir "$work/c"; cp "$doc"/examples/*.c "$work/c"
schemas=$root$(pkg-config --variable=schemadir daftari)
page=$(mandoc -T utf8 "$root/usr/share/man/man3/libdaftari.3" | col -b)
for program in post_entry follow_log; do # as the manual page says
    # shellcheck disable=SC2046,SC2086
    (cd "$work/c" && rm -f -- *.pb-c.* && protoc-c -I"$schemas" --c_out=. "$schemas"/*.proto &&
        cc $sanitize -I. -o $program $program.c ./*.pb-c.c $own $(pkg-config --cflags --libs daftari libprotobuf-c)) >"$work/out" 2>&1; code=$?
    say "the installed example $program with generated messages"
done
grep -qF 'protoc-c -I"$schemas" --c_out=. "$schemas"/*.proto' <<<"$page" && grep -qF 'cc -I. post_entry.c *.pb-c.c $(pkg-config --cflags --libs daftari libprotobuf-c)' <<<"$page"; code=$?
say "is compiled by the commands of the manual page"
nm -D --defined-only "$root/usr/lib/libdaftari.so" | awk '$2 ~ /[TDBRV]/ && $3 !~ /^dft_|^__(asan|odr_asan|sancov|start|stop)|@|^_(init|fini)$/' >"$work/out"; [ ! -s "$work/out" ]; code=$?
say "the shared library shows only dft_ symbols"
nm -g --defined-only "$root/usr/lib/libdaftari.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^dft_|^__(asan|odr_asan|sancov)/' >"$work/out"; [ ! -s "$work/out" ]; code=$?
say "the static library shows only dft_ symbols"
awk '/^DFT_API/ { text = ""; open = 1 } open { text = text " " $0 } open && /;/ { if (match(text, /dft_[a-z0-9_]+\(/)) print substr(text, RSTART, RLENGTH - 1); open = 0 }' \
    client/include/daftari/daftari.h | sort >"$work/declared"
nm -D --defined-only "$root/usr/lib/libdaftari.so" | awk '$3 ~ /^dft_/ { sub(/@.*/, "", $3); print $3 }' | sort >"$work/defined"
comm -23 "$work/declared" "$work/defined" >"$work/out"; [ ! -s "$work/out" ] && [ -s "$work/declared" ]; code=$?
say "every function of the header is in the library"

unit=$root/usr/lib/systemd/system/daftarid.service
sed -i "s|ExecStart=[^ ]*|ExecStart=$root/usr/sbin/daftarid|" "$unit"
systemd-analyze verify --man=no "$unit" >"$work/out" 2>&1 && ! grep -F daftarid "$work/out"; code=$?
say "the systemd unit is well formed"
bound=12 # tenths; tools/dev/systemd measures it live as well
systemd-analyze security --offline=true --threshold=$bound "$unit" >"$work/out" 2>&1; code=$?
say "its sandbox is rated at most $bound tenths"
sed '/^Protect/d' "$unit" >"$work/daftarid.service"
systemd-analyze verify --man=no "$work/daftarid.service" >"$work/out" 2>&1 &&
    ! systemd-analyze security --offline=true --threshold=$bound "$work/daftarid.service" >"$work/out" 2>&1; code=$?
say "and would be rated worse without its Protect lines"
make --no-print-directory VARIANT="$variant" install DESTDIR="$work/default" >"$work/out" 2>&1 &&
    grep -E '^(ExecStart|LoadCredential)=' "$work/default/usr/local/lib/systemd/system/daftarid.service" >"$work/out" &&
    grep -qx 'ExecStart=/usr/local/sbin/daftarid --config /etc/daftari/daftari.conf' "$work/out" &&
    grep -qx 'LoadCredential=master-key:/etc/daftari/master-key' "$work/out"; code=$?
say "below the default prefix the unit reads /etc/daftari too, as the pages say"

make --no-print-directory VARIANT="$variant" uninstall DESTDIR="$root" prefix=/usr >"$work/said" 2>&1
find "$root" -type f -o -type l >"$work/out"; [ ! -s "$work/out" ]; code=$? # what make says, of its jobs for one, is nothing left
cat "$work/said" >>"$work/out"
say "make uninstall leaves nothing"

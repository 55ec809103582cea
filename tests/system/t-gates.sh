#!/usr/bin/env bash
# Every gate passes on the tree as it is, and fails once its rule is broken in a copy of the tree.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/tree
mkdir -p "$copy/build/release/lib"
tar -C "$top" --exclude=./build --exclude=./.git --exclude=node_modules -cf - . | tar -C "$copy" -xf -
cp -r "$top/build/gen" "$copy/build/"
cp "$build"/lib/libserver-domain.a "$build"/lib/libproto-*.a "$build"/lib/libgen.a "$copy/build/release/lib/"
cd "$copy" || exit 1
git init -q . && git add -A && git -c user.name=t -c user.email=t@example.org commit -q -m base || { echo "not ok - scratch repository"; exit 1; }
unset SCHEMA_BASE
export BUILD=build/release

# broken NAME GATE TEXT: GATE must fail and say TEXT; the tree is put back afterwards
broken() {
    if out=$("tools/dev/check-$2" 2>&1); then
        echo "not ok - $2 let pass: $1"
    elif ! grep -qF -- "$3" <<<"$out"; then
        echo "not ok - $2 failed without naming \"$3\": $1"
        sed 's/^/# /' <<<"$out"
    else
        echo "ok - $2 refuses: $1"
    fi
    git checkout -q . && git clean -q -f -d -e build
}

for gate in tools/dev/check-*; do
    name=${gate#tools/dev/check-}
    if out=$("$gate" 2>&1); then echo "ok - $name passes"; else echo "not ok - $name on the tree itself"; sed 's/^/# /' <<<"$out"; fi
done

c=server/domain/domain.h
echo '#include "server/net/net.h"' >>server/views/view.h
broken "views include net" layers "server/views may not include server/net/net.h"
echo '#include <lmdb.h>' >>server/writer/extra.c
broken "the writer includes LMDB" layers "server/writer may not include <lmdb.h>"
echo '#include <time.h>' >>$c
broken "the domain includes time.h" layers "server/domain may not include <time.h>"
echo '#  include "server/base/diag.h"' >>client/include/daftari/daftari.h
broken "the client includes the server" layers "client/include may not include server/base/diag.h"
mkdir server/novel && echo '#include <string.h>' >server/novel/a.c
broken "a folder without a rule" layers "its folder has no rule"

echo 'int clock_peek(void); long time(long *); int clock_peek(void) { return (int)time(0); }' >build/extra.c
cp build/release/lib/libserver-domain.a build/kept.a
gcc -c -o build/extra.o build/extra.c && ar r build/release/lib/libserver-domain.a build/extra.o 2>/dev/null
broken "the domain looks at the clock" purity "calls time"
mv build/kept.a build/release/lib/libserver-domain.a

echo 'struct needs { size_t len; uint8_t more; };' >proto/base/alone.h
broken "a header that needs another" headers "proto/base/alone.h"
printf 'int  badly ( void ) ;\n' >proto/base/bad.h
broken "a file that is not formatted" format "proto/base/bad.h"
echo 'static const double rate = 0.16;' >>$c
broken "a double in the domain" float "$c"
echo 'static const int64_t rate = 1e3;' >>proto/base/money.h
broken "a constant in floating point" float "proto/base/money.h"
echo '/* twice the double of a float */' >>$c
tools/dev/check-float >/dev/null && echo "ok - float passes over comments" || echo "not ok - float reads comments"
git checkout -q .
echo 'static inline void f(char *a, char *b) { strcpy (a, b); }' >>proto/base/bug.h
broken "strcpy" banned "strcpy"
echo 'static inline void *f(void) { return malloc(1); }' >>$c
broken "malloc in the domain" banned "malloc"
echo 'static inline void f(void) { g("strcpy(x)"); x.random(1); } /* system("x") */' >>$c
tools/dev/check-banned >/dev/null && echo "ok - banned passes over strings, comments and members" || echo "not ok - banned reads strings, comments or members"
git checkout -q .
{ echo 'int f(void)'; echo '{'; yes '    g();' | head -n 101; echo '}'; } >proto/base/long.c
broken "a function of 101 lines" size "101 lines"
yes '' | head -n 801 >proto/base/long.c
broken "a file of 801 lines" size "801 lines"
echo "/* TO""DO: later */" >>$c
broken "a note to self" notes "$c"
echo "reads /wo""rk/main" >>README.md
broken "a path of one machine" notes "README.md"

s=proto/schema/entry.proto
sed -i 's/^  repeated Tag tags = 7;/&\n  optional string more = 97;/' $s
broken "a new number that is not written down" schema "new, to be written down"
sed -i 's/^  repeated Tag tags = 7;/&\n  optional string more = 97;/' $s && make -s numbers
tools/dev/check-schema >/dev/null && echo "ok - schema lets a field be added" || echo "not ok - schema forbids to add a field"
git checkout -q .
sed -i '/^field EntryLine 3 /d' proto/NUMBERS
broken "a number is struck from the list" schema "taken out of proto/NUMBERS"
sed -i 's/optional uint32 account = 1;/optional uint64 account = 1;/' $s
broken "a field changes its type" schema "field EntryLine 1 optional uint32 account"
sed -i '/optional int64 credit_minor = 3;/d' $s
broken "a field goes without being reserved" schema "field EntryLine 3"
sed -i 's/optional int64 credit_minor = 3;/reserved 3;/' $s && make -s numbers
tools/dev/check-schema >/dev/null && echo "ok - schema lets a field be retired" || echo "not ok - schema forbids to retire a field"
git -c user.name=t -c user.email=t@example.org commit -qam retired
sed -i 's/reserved 3;/optional int64 other_minor = 3;/' $s && make -s numbers
broken "a retired number is used again" schema "EntryLine 3 is no longer reserved"
sed -i 's/optional uint32 account = 1;/required uint32 account = 1;/' $s
broken "a required field" schema "required is not allowed"
sed -i 's/^  repeated Tag tags = 7;/&\n  optional PostEntry again = 99;/' $s
broken "a message that contains itself" schema "contains itself"
sed -i 's/^  repeated Tag tags = 7;/&\n  map<string, string> more = 98;/' $s
broken "a map" schema "map"
sed -i 's/^message EntryLine {/&\n  optional int32 twice = 2;/' $s
broken "a number used twice" schema "EntryLine 2: used twice"
settings=server/domain/business/settings.c
sed -i 's/NOTED "closing time"/"closing time"/' $settings
broken "a setting that nothing reads" settings "operating_hours_end: nothing reads it"
sed -i 's/"permit stock below zero"/NOTED &/' $settings
broken "a note that something reads" settings "allow_negative_stock: its meaning says"
sed -i 's/^    {"tax_rate", .*/    {"tax_rate", RATE, "16", NULL, "VAT", PROFILE_TAX_RATE},/' $settings
broken "a setting that the gate cannot read" settings "rows can be read"
sed -i 's/"proto2"/"proto3"/' $s
broken "proto3" schema "only proto2"
sed -i 's/  rpc Post(PostEntry)/  rpc PostIt(PostEntry)/' $s
broken "a method is renamed" schema "rpc Entry.Post"
sed -i 's/^30  EntryPosted .*/30  EntryMade PostEntry/' proto/TYPE_IDS
broken "a record type is renamed" schema "record 30 EntryPosted"

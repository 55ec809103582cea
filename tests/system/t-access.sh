#!/usr/bin/env bash
# Log-in, sessions, roles and certificates on a real server: over TLS, through the command line.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
PATH=${BUILD:-$top/build/release}/bin:$PATH
. "$top/tests/support/server.sh"
dir=$(mktemp -d)
trap 'server_stop "$dir" >/dev/null 2>&1; rm -rf "$dir"' EXIT
good() { # good WHAT COMMAND...: it succeeds
    local what=$1; shift
    if "$@" >"$dir/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what"; sed 's/^/# /' "$dir/out"; fi
}
bad() { # bad WHAT TEXT COMMAND...: it fails and says so
    local what=$1 text=$2; shift 2
    if "$@" >"$dir/out" 2>&1; then echo "not ok - $what: it succeeded"
    elif grep -qiF -- "$text" "$dir/out"; then echo "ok - $what"
    else echo "not ok - $what: no \"$text\""; sed 's/^/# /' "$dir/out"; fi
}
shows() { # shows WHAT TEXT COMMAND...: it succeeds and says so
    local what=$1 text=$2; shift 2
    if "$@" >"$dir/out" 2>&1 && grep -qF -- "$text" "$dir/out"; then echo "ok - $what"
    else echo "not ok - $what: no \"$text\""; sed 's/^/# /' "$dir/out"; fi
}
as() { DAFTARI_HOME="$dir/home-$1" "${@:2}"; } # a session of one's own
log_in() { mkdir -p "$dir/home-$1"; chmod 700 "$dir/home-$1"; echo "$3" >"$dir/pw"; as "$1" daftari log-in --email "$2" --password-file "$dir/pw"; }
until_true() { # up to 20 s
    for _ in $(seq 100); do "$@" && return 0; sleep 0.2; done
    return 1
}

printf 'login_lock_after = 3\n' >"$dir/extra.conf"
if ! { server_init "$dir" && server_start "$dir"; }; then echo 'not ok - a server'; exit 1; fi
password=$(cat "$dir/owner-password")

echo '{"name": "Clerk", "permissions": [{"permission": "JOURNAL", "level": "WRITE"}]}' >"$dir/role.json"
echo '{"entry": {"business": "LND", "description": "x", "lines": [{"account": 1110, "debit": "1.00"}, {"account": 4100, "credit": "1.00"}]}}' >"$dir/draft.json"
bad 'nothing without a session' 'log in first' daftari account list
bad 'a wrong password' 'wrong' log_in owner owner@example.com 'not the password'
bad 'an unknown e-mail' 'wrong' log_in owner nobody@example.com 'not the password'
good 'the owner logs in' log_in owner owner@example.com "$password"
shows 'and is who he says' 'owner@example.com' as owner daftari who-am-i
good 'a business' as owner daftari business open --code WTR --name Water --type water
good 'a cashier' as owner daftari user create --email cashier@example.com --phone +254700000102 --first-name C --last-name A --password 'till number one' --role Cashier
bad 'with a password of eight bytes at least' '8' as owner daftari user create --email x@example.com --phone +254700000103 --first-name C --last-name A --password short --role Cashier
good 'who may work in one business' as owner daftari access grant --email cashier@example.com --business WTR --level write
good 'he logs in' log_in cashier cashier@example.com 'till number one'
bad 'and may not post entries' 'permission journal at level write' as cashier daftari entry post --date today --business WTR --description x --debit 1110=1 --credit 4100=1
bad 'nor see users' 'permission users at level read' as cashier daftari user list
shows 'but his own session' 'cashier@example.com' as cashier daftari sessions list
good 'a role more' as owner daftari user assign-roles --email cashier@example.com --role Cashier --role Auditor
good 'acts on his open session' as cashier daftari user list
good 'he changes his password' as cashier daftari user set-password --old-password 'till number one' --new-password 'till number two'
bad 'the old one is gone' 'wrong' log_in other cashier@example.com 'till number one'
good 'the new one works' log_in other cashier@example.com 'till number two'
good 'he is logged out everywhere' as owner daftari sessions revoke --email cashier@example.com
bad 'here' 'log in' as cashier daftari who-am-i
bad 'and there' 'log in' as other daftari who-am-i

for _ in 1 2 3; do log_in thief cashier@example.com 'a guess at it' >/dev/null 2>&1; done
locked() { as owner daftari user list --output json | tr -d ' \n' | grep -qF '"locked":true'; }
good 'three guesses lock him' until_true locked
bad 'the right password does not help' 'wrong' log_in cashier cashier@example.com 'till number two'
good 'he is unlocked' as owner daftari user unlock --email cashier@example.com

# ---- a token that was copied ----
cp -r "$dir/home-owner" "$dir/home-copy"
line() { as owner daftari report audit-trail --output csv | grep -F "$1" | tail -1; }
good 'it still opens' as copy daftari --device stolen-laptop business change --code WTR --name 'by the thief'
good 'and is seen' grep -qF 'stolen-laptop' <(line 'by the thief')
good 'the owner is on his own device' as owner daftari business change --code WTR --name 'by the owner'
not_stolen() { line 'by the owner' >"$dir/line" && [ -s "$dir/line" ] && ! grep -qF stolen "$dir/line"; }
good 'and not taken for the other' not_stolen
good 'which is on record twice: there and back' [ "$(as owner daftari report audit-trail --output csv | grep -c SessionUsedFrom)" = 2 ]
good 'who only reads' as copy daftari --device a-reader account list
read_seen() { as owner daftari report audit-trail --output csv | grep SessionUsedFrom | grep -qF 'a-reader'; }
good 'is seen too' until_true read_seen

# ---- somebody else's business ----
good 'another business' as owner daftari business open --code LND --name Laundry --type laundry
good 'a role of one'"'"'s own' as owner daftari role define --json "$dir/role.json"
good 'for a clerk' as owner daftari user create --email clerk@example.com --phone +254700000104 --first-name K --last-name L --password 'a clerk of eight' --role Clerk
good 'of one business' as owner daftari access grant --email clerk@example.com --business WTR --level write
good 'who logs in' log_in clerk clerk@example.com 'a clerk of eight'
bad 'and reaches no other' 'LND' as clerk daftari entry draft --json "$dir/draft.json"

# ---- access without a role, and to configure ----
good 'somebody without a role' as owner daftari user create --email reader@example.com --phone +254700000105 --first-name R --last-name D --password 'a reader of eight'
good 'logs in' log_in reader reader@example.com 'a reader of eight'
bad 'and reads nothing' 'finance-reports' as reader daftari report trial-balance
good 'with access to one business' as owner daftari access grant --email reader@example.com --business WTR
good 'he reads its reports' as reader daftari report trial-balance --business WTR
bad 'of no other' 'LND' as reader daftari report trial-balance --business LND
bad 'nor its entries' 'journal' as reader daftari entry list
bad 'and configures nothing' 'settings' as reader daftari business change --code WTR --name 'Mine'
good 'a manager' as owner daftari user create --email manager@example.com --phone +254700000106 --first-name M --last-name R --password 'a manager of eight' --role Manager
good 'who records in one business' as owner daftari access grant --email manager@example.com --business WTR --level write
good 'logs in too' log_in manager manager@example.com 'a manager of eight'
bad 'and does not configure it' 'admin' as manager daftari business change --code WTR --name 'Waters'
good 'unless he is given that' as owner daftari access grant --email manager@example.com --business WTR --level admin
good 'then he does' as manager daftari business change --code WTR --name 'Waters'
shows 'and knows it' 'admin' as manager daftari who-am-i

# ---- certificates ----
good 'a certificate for the owner' daftarid certificate client --keys "$dir/keys" --email owner@example.com --file "$dir/owner.pem"
fingerprint=$(openssl x509 -in "$dir/owner.pem" -outform DER | sha256sum | cut -d' ' -f1)
with_certificate() { DAFTARI_HOME="$dir/home-card" DAFTARI_CERTIFICATE="$dir/owner.pem" DAFTARI_KEY="$dir/owner.pem" "$@"; }
mkdir -p "$dir/home-card"; chmod 700 "$dir/home-card"
bad 'is nobody before it is enrolled' 'log in' with_certificate daftari who-am-i
good 'is enrolled' as owner daftari user enroll-certificate --email owner@example.com --fingerprint "$fingerprint" --label card
shows 'and stands for its owner' 'owner@example.com' with_certificate daftari who-am-i
sessions=$(as owner daftari sessions list --output csv | grep -c certificate)
with_certificate daftari account list >/dev/null 2>&1
good 'another connection is the same session' [ "$(as owner daftari sessions list --output csv | grep -c certificate)" = "$sessions" ]
good 'it is revoked' as owner daftari user revoke-certificate --fingerprint "$fingerprint"
bad 'and is nobody again' 'log in' with_certificate daftari who-am-i

# ---- over a restart ----
sed -i "s/^listen_port = .*/listen_port = $(server_port "$dir")/" "$dir/daftari.conf" # sessions are kept by server and port
good 'the server stops' server_stop "$dir"
good 'and starts' server_start "$dir"
shows 'sessions live on' 'owner@example.com' as owner daftari who-am-i
good 'until one logs out' as owner daftari log-out
bad 'and no longer' 'log in' as owner daftari who-am-i
good 'what was refused is in the log' log_in owner owner@example.com "$password"
as owner daftari report audit-trail --output csv >"$dir/trail" 2>&1
good 'log-ins, summed up' grep -q 'LoginsRefused' "$dir/trail"
good 'what a permission denied' grep -q 'AccessRefused.*User.List' "$dir/trail"
good 'and what a business denied' grep -q 'AccessRefused.*Entry.Draft' "$dir/trail"
good 'with its address' grep -q 'AccessRefused.*Entry.Draft.*,127.0.0.1,' "$dir/trail"
as owner daftari report audit-trail --user cashier@example.com --output csv >"$dir/trail" 2>&1
good 'a user'"'"'s trail has what was denied to him' grep -q 'AccessRefused.*User.List' "$dir/trail"
good 'and his refused log-ins' grep -q 'LoginsRefused' "$dir/trail"
shows 'counted among what he did' 'LoginsRefused' as owner daftari report user-activity --user cashier@example.com

# ---- an owner who is locked out ----
for _ in 1 2 3; do log_in thief owner@example.com 'a guess at it' >/dev/null 2>&1; done
good 'guesses lock the owner too' until_true locked
bad 'no unlocking beside a running server' 'unlock' daftarid unlock --config "$dir/daftari.conf" --email owner@example.com
good 'the server stops again' server_stop "$dir"
bad 'a user who is not there' 'nobody has' daftarid unlock --config "$dir/daftari.conf" --email nobody@example.com
echo 'a password after all' >"$dir/pw"
shows 'from the machine itself he is unlocked' 'unlocked' daftarid unlock --config "$dir/daftari.conf" --email owner@example.com --password-file "$dir/pw"
good 'the server starts once more' server_start "$dir"
bad 'his sessions have ended' 'log in' as owner daftari who-am-i
good 'his new password opens' log_in owner owner@example.com 'a password after all'
good 'the books are whole' daftari-audit verify --data "$dir/data" --master-key "$dir/keys/master-key"
if grep -rqaF -e "$password" -e 'till number' -e 'cashier@example' "$dir/data"; then echo 'not ok - a password or an e-mail is readable on disk'; else echo 'ok - no password and no e-mail is readable on disk'; fi

#!/bin/sh
# A stock protobufjs client, written from docs/protocol.md and the schemas, against a server of its own: log-in, entries, reports, streams,
# and the log recomputed in JavaScript. Needs node, npm and, the first time, the npm registry; packages go to build/.
set -u
. tests/support/server.sh
client=build/interop/protobufjs
dir=$(mktemp -d) || exit 1
end() { server_stop "$dir"; rm -rf "$dir"; }
trap end EXIT
trap 'exit 1' INT TERM

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "not ok - node and npm are needed: run make deps"
  exit 1
fi
mkdir -p "$client"
cmp -s tests/interop/protobufjs/package-lock.json "$client/package-lock.json" || rm -rf "$client/node_modules"
cp tests/interop/protobufjs/* "$client/"
if [ ! -d "$client/node_modules/protobufjs" ]; then
  (cd "$client" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
    echo "not ok - npm cannot install protobufjs"
    sed 's/^/# /' "$client/npm.log" | tail -n 20
    rm -rf "$client/node_modules"
    exit 1
  }
fi

server_init "$dir" && server_start "$dir" || { echo "not ok - no server"; exit 1; }
node "$client/client.mjs" proto/schema 127.0.0.1 "$(server_port "$dir")" "$dir/keys/ca.crt" "$SERVER_OWNER" "$dir/owner-password"

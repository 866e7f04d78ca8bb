#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing that processes of a realm log, at the level DEBUG, holds a key of it: while they meet, are refused, take other keys, and
# are revoked: realm_log.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"
talk=$build/tests/e2e/programs/talk

port=$((10000 + $$ % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
url="zmq://127.0.0.1:$port/?refresh_ms=50"

start() { # NAME COMMAND...: what it says is in outputs/NAME
    local name=$1
    shift
    GODWIT_LOG=debug "$@" >"outputs/$name" 2>&1 &
    processes+=($!)
}
ask() { # STATUS NAME MEMBER
    local status=0
    GODWIT_LOG=debug timeout 60 "$talk" ask "$url&realm=$3" logged 2000 >"outputs/$2" 2>&1 || status=$?
    [[ $status == "$1" ]] || fail "ask with $3: status $status, expected $1: $(<"outputs/$2")"
}

run 0 realm init prod
run 0 realm init other
export GODWIT_REALM_FOLDER=prod.realm
issue server.member server --serve='*/*' --host
issue client.member client --call='*/*' --publish='*/*'

start rendezvous "$godwit" matchmaker --verbose --refresh-ms=50 --listen="127.0.0.1:$port" --realm=server.member
wait_for outputs/rendezvous 'matchmaker: ready at'
start server "$talk" serve "$url&realm=server.member" logged
wait_for outputs/server '^ready$'
ask 0 client client.member
expect 'Joined the rendezvous' outputs/client

# Of another realm.
ask 1 stranger other.realm/everyone.member
expect 'another realm, or not Godwit' outputs/stranger

# Other keys, while they run.
cp -p server.member old.member
run 0 realm rotate --door
issue next server --again
mv next server.member
wait_for outputs/server 'server.member: read again'
wait_for outputs/rendezvous 'server.member: read again'
ask 0 client_of_an_old_door client.member

# A file that cannot be used, and a revocation.
chmod 644 server.member
wait_for outputs/server 'mode 0644'
chmod 600 server.member
run 0 realm revoke client --tell="zmq://127.0.0.1:$port/"
wait_for outputs/server 'Bulletin 1 holds now'
ask 1 revoked client.member
expect 'refused us: revoked' outputs/revoked

kill -TERM "${processes[@]}"
wait "${processes[@]}" || fail "the servers ended with status $?"
processes=()
cat outputs/* >said
expect 'DEBUG'
# The search finds what is there.
grep '^door = ' old.member >outputs/planted
if (check_secrets 8) 2>/dev/null; then fail "a key in a log would not be found"; fi
rm outputs/planted
check_secrets 8

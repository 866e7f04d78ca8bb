#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit realm revoke --tell`: the bulletin arrives at a rendezvous, and the command says so; or it says who was not reached, and
# why: realm_tell.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"

port=$((10000 + $$ % 20000))
free_port() { # sets `port` to the next one that nobody listens on
    port=$((port + 1))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
}
start() { # FILE MEMBER: a rendezvous at $port that says in that file what happens
    "$godwit" matchmaker -v --listen="127.0.0.1:$port" --realm="$2" >"$1" 2>&1 &
    processes+=($!)
    wait_for "$1" 'godwit matchmaker: ready at'
}
stop() { # the last one that was started
    kill -TERM "${processes[-1]}"
    wait "${processes[-1]}" || fail "the rendezvous: status $?"
    unset 'processes[-1]'
}

run 0 realm init prod
export GODWIT_REALM_FOLDER=prod.realm
issue web.member web --call=godwit/billing
issue billing.member billing --serve=godwit/billing
issue last.member last --call=godwit/billing
free_port
url=zmq://127.0.0.1:$port/

# Nobody is there: what was revoked stays so.
run 1 realm revoke web --tell="$url" --timeout=1
expect '^bulletin 1 revokes:$'
expect "^godwit realm revoke: $url: nobody was reached: Cannot reach the rendezvous at tcp://127.0.0.1:$port: the connection was refused"
expect 'ssh HOST godwit realm accept <prod.realm/bulletin$'
nothing_left prod.realm
run 2 realm revoke --tell=nonsense
run 1 realm revoke --tell=zmq:/// --timeout=1 # it meets nobody but itself
expect 'nobody was reached'

# It arrives, with the next revocation or alone.
start first prod.realm/everyone.member
run 0 realm revoke --tell="$url"
expect "^bulletin 1 is at the rendezvous of $url, and spreads from there\$"
expect 'Bulletin 1 holds now' first
run 0 realm revoke billing --tell="$url"
expect '^bulletin 2 revokes:$'
expect '^bulletin 2 is at the rendezvous of '
reject 'ssh HOST' # not needed
expect 'Bulletin 2 holds now' first
run 0 realm revoke --tell="$url" # is there already
expect '^bulletin 2 is at'
nothing_left prod.realm
# It outlives the processes: the rendezvous has written it beside its member file.
for _ in $(seq 2000); do
    if cmp -s prod.realm/bulletin prod.realm/everyone.bulletin; then break; fi
    sleep 0.01
done
cmp prod.realm/bulletin prod.realm/everyone.bulletin || fail "the rendezvous has not kept bulletin 2"
mode 644 prod.realm/everyone.bulletin
run 0 realm show prod.realm/everyone.member
expect '^bulletin 2 of .*: 2 revoked$'
run 0 realm show --all
expect '^certificate realm-admin .*: no rights'

# One that has a newer bulletin than the folder, which is an old copy.
cp -r prod.realm copy.realm
run 0 realm revoke everyone --realm=copy.realm
(umask 077 && "$godwit" realm issue host --host --realm=copy.realm --to=host.member >said 2>&1)
cp copy.realm/bulletin host.bulletin
stop
start newer host.member
run 1 realm revoke --tell="$url"
expect "^godwit realm revoke: $url: the rendezvous has another bulletin, 3, and keeps it: what this folder.s, 2, revokes"
expect 'Copy the newest realm.bulletin of the hosts to prod.realm/bulletin, and revoke again$'
reject 'spreads from there'
run 1 realm revoke last --tell="$url" # both are number 3 now, and this one revokes more
expect '^bulletin 3 revokes:$'
expect 'the rendezvous has another bulletin, 3, and keeps it: what this folder.s, 3, revokes'
reject 'spreads from there'
nothing_left prod.realm
cp host.bulletin prod.realm/bulletin # as it says
run 0 realm show
expect '^bulletin 3 of .*: 3 revoked$'
run 0 realm revoke last --tell="$url"
expect '^bulletin 4 is at the rendezvous of '
stop

# Another realm.
run 0 realm init staging
start other staging.realm/everyone.member
run 1 realm revoke --tell="$url" --timeout=2
expect 'nobody was reached: .*another realm, or not Godwit'
stop

wait_for_teller() { # until it has made its files, for 20 s at most
    for _ in $(seq 2000); do
        if [[ -e prod.realm/.godwit-hearer.member ]]; then return; fi
        sleep 0.01
    done
    fail "nobody tells: $(ls -A prod.realm)"
}
# While it waits, other commands that change the realm wait, too; those that look do not.
"$godwit" realm revoke --tell="$url" --timeout=2 >teller 2>&1 </dev/null &
processes+=($!)
wait_for_teller
run 0 realm show
reject 'another command'
issue web.member web --call=godwit/billing
expect '^another command changes prod.realm: waiting until it has ended$'
wait "${processes[-1]}" && fail "nobody was told: $(<teller)"
unset 'processes[-1]'
nothing_left prod.realm

# Killed while it waits: the next command removes what it has left.
"$godwit" realm revoke --tell="$url" >teller 2>&1 </dev/null &
processes+=($!)
wait_for_teller
kill -9 "${processes[-1]}"
wait "${processes[-1]}" 2>/dev/null || true
unset 'processes[-1]'
[[ -e prod.realm/.godwit-hearer.member ]] || fail "it was not killed in the middle: $(ls -A prod.realm)"
mode 600 prod.realm/.godwit-hearer.member
issue last.member last --host
nothing_left prod.realm

check_secrets 5
echo passed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The service of `godwit matchmaker`: systemd understands the unit, and the command works with what the unit gives it, also as
# another user: matchmaker_unit.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"

unit='godwit-matchmaker.service'
(umask 022 && sed "s|^ExecStart=[^ ]*/godwit |ExecStart=$godwit |" "$build/tools/$unit" >"$unit")
expect "^ExecStart=$godwit matchmaker --listen=\* --realm=%d/realm.member\$" "$unit"
expect '^LoadCredential=realm.member:/etc/godwit/realm.member$' "$unit"
expect '^DynamicUser=yes$' "$unit"
runtime=$(sed -n 's/^RuntimeDirectory=//p' "$unit")
expect "^Environment=GODWIT_DIR=%t/$runtime\$" "$unit"
expect '^RuntimeDirectoryMode=0700$' "$unit"
state=$(sed -n 's/^StateDirectory=//p' "$unit") # systemd names it in $STATE_DIRECTORY
expect '^StateDirectoryMode=0700$' "$unit"

# What systemd would do: a folder that only this user can read, with a copy of the file that nobody can write; a private folder.
run 0 realm init prod
issue rendezvous.member rendezvous --host --realm=prod.realm
port=$((10000 + $$ % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
start() { # NAME COMMAND...: the matchmaker, run by this command
    local name=$1
    shift
    GODWIT_DIR=$temporary/$runtime STATE_DIRECTORY=$temporary/state/$state "$@" \
        "$godwit" matchmaker --listen="*:$port" --realm="$temporary/credentials/realm.member" >"$name" 2>&1 &
    processes+=($!)
    wait_for "$name" "ready at \*:$port"
}
stop() { # NAME
    local name=$1
    kill -TERM "${processes[-1]}"
    wait "${processes[-1]}" || fail "$name: status $?: $(<"$name")"
    unset 'processes[-1]'
}
mkdir -m 700 credentials "$runtime" state "state/$state"
install -m 400 rendezvous.member credentials/realm.member
chmod 500 credentials
start own env
stop own

# It tells systemd (Type=notify) when it is ready and when it stops, at a path and at an abstract name.
expect '^Type=notify$' "$unit"
listen() { # ADDRESS FILE: prints each datagram that comes there, a line each, until STOPPING=1
    perl -MSocket -e '
        $| = 1;
        my ($path, $file) = @ARGV;
        $path =~ s/^@/\0/;
        socket (my $in, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
        bind ($in, pack_sockaddr_un ($path)) or die "bind: $!";
        print "listens\n";
        alarm (60);
        while (defined recv ($in, my $text, 4096, 0)) { print "$text\n"; exit if $text =~ /STOPPING/ }' "$1" >"$2" 2>&1 &
    listener=$!
    processes+=($!)
    wait_for "$2" listens
}
for address in "$temporary/notify.socket" "@godwit-matchmaker-unit-$$"; do
    listen "$address" notified
    start told env NOTIFY_SOCKET="$address"
    wait_for notified '^READY=1$'
    reject STOPPING notified
    stop told
    wait "$listener" || fail "no STOPPING=1: $(<notified)"
    unset 'processes[-1]'
    expect '^STOPPING=1$' notified
    [[ $(wc -l <notified) == 3 ]] || fail "$(<notified)"
done
for address in /nowhere/socket relative '@' ''; do # it runs all the same
    start deaf env NOTIFY_SOCKET="$address"
    stop deaf
done
if ((EUID == 0)) && command -v setpriv >/dev/null; then # systemd: owned by root, mode 0440, by an ACL for the user alone
    chmod 755 "$temporary" # the user has to get to the rest
    chgrp -R 65534 credentials
    chmod 550 credentials
    chmod 440 credentials/realm.member
    chown -R 65534:65534 "$runtime" state
    if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$godwit"; then
        as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        start other "${as_other[@]}"
        # A bulletin cannot be kept beside the copy of the member file, and is in the folder of its state.
        run 0 realm revoke everyone --realm=prod.realm --tell="zmq://127.0.0.1:$port/"
        for _ in $(seq 2000); do
            if cmp -s prod.realm/bulletin "state/$state/realm.bulletin"; then break; fi
            sleep 0.01
        done
        cmp prod.realm/bulletin "state/$state/realm.bulletin" || fail "the bulletin is not kept: $(<other)"
        [[ ! -e credentials/realm.bulletin ]] || fail "it is beside the credentials"
        stop other
        # The next one starts with it: also if it is about its own certificate.
        run 0 realm revoke rendezvous --realm=prod.realm
        cp prod.realm/bulletin "state/$state/realm.bulletin"
        if GODWIT_DIR=$temporary/$runtime STATE_DIRECTORY=$temporary/state/$state timeout 20 "${as_other[@]}" \
            "$godwit" matchmaker --listen="*:$port" --realm="$temporary/credentials/realm.member" >revoked 2>&1; then
            fail "it has started: $(<revoked)"
        fi
        expect 'certificate "rendezvous" (serial .*) was revoked' revoked
    fi
fi

if ! command -v systemd-analyze >/dev/null; then
    echo "there is no systemd-analyze here"
    exit 77
fi
systemd-analyze verify --man=no "./$unit" >said 2>&1 || fail "systemd-analyze verify: $(<said)"
[[ ! -s said ]] || fail "systemd-analyze verify: $(<said)"
echo passed

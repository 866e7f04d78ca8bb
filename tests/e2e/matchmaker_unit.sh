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

# What systemd would do: a folder that only this user can read, with a copy of the file that nobody can write; a private folder.
run 0 realm init prod
issue rendezvous.member rendezvous --host --realm=prod.realm
port=$((10000 + $$ % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
serve() { # NAME COMMAND...: the matchmaker, run by this command
    local name=$1
    shift
    GODWIT_DIR=$temporary/$runtime "$@" "$godwit" matchmaker --listen="*:$port" --realm="$temporary/credentials/realm.member" \
        >"$name" 2>&1 &
    processes+=($!)
    wait_for "$name" "ready at \*:$port"
    kill -TERM "${processes[-1]}"
    wait "${processes[-1]}" || fail "$name: status $?: $(<"$name")"
    unset 'processes[-1]'
}
mkdir -m 700 credentials "$runtime"
install -m 400 rendezvous.member credentials/realm.member
chmod 500 credentials
serve own env
if ((EUID == 0)) && command -v setpriv >/dev/null; then # systemd: owned by root, mode 0440, by an ACL for the user alone
    chmod 755 "$temporary" # the user has to get to the rest
    chgrp -R 65534 credentials
    chmod 550 credentials
    chmod 440 credentials/realm.member
    chown 65534:65534 "$runtime"
    if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$godwit"; then
        serve other setpriv --reuid=65534 --regid=65534 --clear-groups
    fi
fi

if ! command -v systemd-analyze >/dev/null; then
    echo "there is no systemd-analyze here"
    exit 77
fi
systemd-analyze verify --man=no "./$unit" >said 2>&1 || fail "systemd-analyze verify: $(<said)"
[[ ! -s said ]] || fail "systemd-analyze verify: $(<said)"
echo passed

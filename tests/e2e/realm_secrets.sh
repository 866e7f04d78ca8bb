#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The secrets of `godwit realm`: a passphrase from a file, from the standard input and from a terminal; several commands at once;
# commands that are killed in the middle; and that nothing which they say holds a secret: realm_secrets.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"

run 0 realm init prod
export GODWIT_REALM_FOLDER=prod.realm

# ---- a passphrase, from a file and from the standard input ----
(umask 077 && echo 'correct horse' >phrase && echo 'another' >other)
run 0 realm init sealed --passphrase-file=phrase
grep -q '^godwit realm key 1, with a passphrase$' sealed.realm/realm.key || fail "$(<sealed.realm/realm.key)"
if grep -q '^seed' sealed.realm/realm.key; then fail "the seed lies in the file"; fi
run 0 realm issue web --host --realm=sealed.realm --passphrase-file=phrase --to=sealed.member
give phrase
run 0 realm issue web --again --realm=sealed.realm --passphrase-file=- --to=sealed.member
run 1 realm issue web --again --realm=sealed.realm --passphrase-file=other
expect 'sealed.realm/realm.key: the passphrase is another one'
give other
run 1 realm revoke web --realm=sealed.realm --passphrase-file=-
expect 'the passphrase is another one'
run 1 realm revoke web --realm=sealed.realm --passphrase-file=nowhere
expect 'nowhere: there is no such file'
run 1 realm revoke web --realm=sealed.realm --passphrase-file=-
expect 'the passphrase on the standard input: expected a passphrase, got nothing'
chmod 644 other
run 1 realm revoke web --realm=sealed.realm --passphrase-file=other
expect 'other: mode 0644; it is secret, so 0600: chmod 600'
(umask 077 && printf 'a%.0s' {1..2000} >long)
run 1 realm revoke web --realm=sealed.realm --passphrase-file=long
expect 'long: more than 1024 bytes'
status=0
setsid "$godwit" realm revoke web --realm=sealed.realm >said 2>&1 </dev/null || status=$?
[[ $status == 1 ]] || fail "no terminal: status $status"
expect 'there is no terminal to ask for it: give --passphrase-file=FILE'
run 0 realm show sealed.realm # needs none
expect ', signs (its file has a passphrase)$'
run 0 realm rotate --realm=sealed.realm --passphrase-file=phrase # the new key has the same one
grep -q 'with a passphrase' sealed.realm/realm.key.next || fail "the next key is not sealed"
run 0 realm rotate --switch --realm=sealed.realm --passphrase-file=phrase
run 0 realm rotate --finish --realm=sealed.realm --passphrase-file=phrase
sed -i 's/^memory = .*/memory = 99999999999/' sealed.realm/realm.key
run 1 realm issue web --host --realm=sealed.realm --passphrase-file=phrase
expect 'sealed.realm/realm.key: expected ops of 1 to 64, and memory of 8192 to'

# ---- a terminal: the passphrase is asked for twice and not shown, and keys are not shown either ----
if command -v script >/dev/null; then
    at_terminal() { # ARGUMENT...: what it says is in `typescript`; it reads from descriptor 4
        : >typescript
        script -qfec "trap : INT; '$godwit' $*" typescript >/dev/null 2>&1 <keys &
        processes[0]=$!
        exec 4>keys
    }
    ended() { # STATUS
        local status=0
        wait "${processes[0]}" || status=$?
        unset 'processes[0]'
        exec 4>&-
        [[ $status == "$1" ]] || fail "at a terminal: status $status, expected $1: $(<typescript)"
        cp typescript "outputs/$((outputs += 1))"
    }
    mkfifo keys
    at_terminal realm init typed --passphrase
    wait_for typescript 'New passphrase of the realm.s key: '
    echo 'open sesame' >&4
    wait_for typescript 'The same again: '
    echo 'open sesame' >&4
    ended 0
    at_terminal realm issue seen --call=godwit/a --realm=typed.realm
    wait_for typescript 'Passphrase of typed.realm/realm.key: '
    echo 'open sesame' >&4
    ended 0
    grep -q '^seen.member: seen (serial' typescript || fail "$(<typescript)"
    mode 600 seen.member
    at_terminal realm init different --passphrase
    wait_for typescript 'New passphrase of the realm.s key: '
    echo one >&4
    wait_for typescript 'The same again: '
    echo two >&4
    ended 1
    grep -q 'the two were not the same' typescript || fail "$(<typescript)"
    [[ ! -e different.realm ]] || fail "different.realm was made"
    at_terminal realm issue web --call=godwit/a --to=- --realm=prod.realm
    ended 1
    grep -q 'a member file holds keys, which are not shown on a terminal: use a pipe, or --to=FILE' typescript || fail "$(<typescript)"
    # A signal at the prompt: the terminal shows again what is typed.
    at_terminal "realm init interrupted --passphrase; stty -a"
    wait_for typescript 'New passphrase of the realm.s key: '
    printf '\003' >&4
    ended 0
    grep -q '[^-]echo ' typescript || fail "the terminal does not show what is typed: $(<typescript)"
    [[ ! -e interrupted.realm ]] || fail "interrupted.realm was made"
    # Ctrl-Z does not stop it at the prompt, where a shell would show what is typed from then on.
    at_terminal "--help >/dev/null; bash --norc -i"
    echo "'$godwit' realm init stopped --passphrase" >&4
    wait_for typescript 'New passphrase of the realm.s key: '
    printf '\032' >&4
    echo 'fg' >&4 # it is taken for the passphrase, and not for a command of the shell
    wait_for typescript 'The same again: '
    echo 'open sesame' >&4
    wait_for typescript 'the two were not the same'
    echo 'exit 0' >&4
    ended 0
    if grep -q 'sesame' outputs/*; then fail "the terminal has shown a passphrase"; fi
fi

# ---- several at once ----
issued=$(grep -c '' prod.realm/issued)
for number in {1..8}; do
    (umask 077 && exec "$godwit" realm issue "many$number" --host >"many$number.member" 2>"many$number.said" </dev/null) &
    processes+=($!)
done
for process in "${processes[@]}"; do wait "$process" || fail "one of several failed: $(cat many*.said)"; done
processes=()
(($(grep -c '' prod.realm/issued) == issued + 8)) || fail "of 8 certificates are noted: $(($(grep -c '' prod.realm/issued) - issued))"
for number in {1..8}; do run 0 realm show "many$number.member"; done

# ---- killed: nothing is lost, and what was begun is swept away ----
cp prod.realm/issued issued.before
begin=$(date +%s%N)
issue whole.member whole --host
microseconds=$((($(date +%s%N) - begin) / 1000))
for number in {1..60}; do # between nothing and a little more than the time that a whole one takes
    delay=$(printf '0.%06d' $((microseconds * number * 5 / (60 * 4))))
    (umask 077 && exec timeout -s KILL "$delay" "$godwit" realm issue "killed$number" --host --to="killed$number.member") || true
done >/dev/null 2>&1 </dev/null
run 0 realm show
[[ $(head -n "$(grep -c '' issued.before)" prod.realm/issued) == "$(<issued.before)" ]] || fail "issued lost lines"
for file in killed*.member; do
    [[ -e $file ]] || continue
    run 0 realm show "$file"
    grep -q " ${file%.member} " prod.realm/issued || fail "$file is of a certificate that is not noted"
done
issue last.member last --host
nothing_left prod.realm
# Beside the files that it writes, too: what is left there holds keys.
mkdir host
for folder in . host; do (umask 077 && cp last.member $folder/.godwit-0011223344556677); done
run 0 realm issue last --again --to=last.member
give last.member
run 0 realm accept --to=host/realm.member
nothing_left .

check_secrets 20
echo passed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit realm rotate`: its steps, what has to go to the hosts between them, and what they accept: realm_rotate.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"

run 0 realm init staging
run 0 realm revoke everyone --realm=staging.realm
run 0 realm init prod
export GODWIT_REALM_FOLDER=prod.realm
mkdir host
to=--to=host/realm.member
issue old.member web --call=godwit/billing/get
give old.member
run 0 realm accept "$to"
issue revoked.member billing --serve=godwit/billing
run 0 realm revoke billing

# ---- rotate the realm's key ----
run 1 realm rotate --switch
expect 'no rotation of the realm.s key is under way: it begins with .godwit realm rotate'
run 1 realm rotate --finish
expect 'no rotation of the realm.s key is under way'
old=$(sed -n 's/^realm = //p' prod.realm/realm.pub)
issue stay.member stay --call=godwit/a
run 0 realm rotate
expect "^Step 1 of 3: .* trust a new realm key, $print, beside $print, which goes on signing\\.\$"
expect '^    ssh HOST godwit realm accept <prod.realm/everyone.member$'
expect '^    godwit realm issue web --again --realm=prod.realm | ssh HOST godwit realm accept$'
reject 'issue billing' # revoked
expect '^    godwit realm rotate --switch --realm=prod.realm$'
[[ $(grep -c '^realm = ' prod.realm/realm.pub) == 2 && $(grep -c '^realm = ' prod.realm/everyone.member) == 2 ]] ||
    fail "rotate: $(<prod.realm/realm.pub)"
mode 600 prod.realm/realm.key.next
cp prod.realm/realm.pub trusted
run 0 realm rotate # again: the same key
diff trusted prod.realm/realm.pub || fail "a third key"
run 0 realm show
expect ', will sign (godwit realm rotate --switch)$'
run 1 realm rotate --finish
expect 'the new key does not sign yet: when every host has the files of the first step, it is the turn of .godwit realm rotate --switch'
issue web.member web --again
give web.member
run 0 realm accept "$to"
run 0 realm rotate --switch
expect "^Step 2 of 3: the new realm key, $print, signs from now on; the old one is still trusted\\.\$"
expect '^    ssh HOST godwit realm accept <prod.realm/bulletin$'
expect '^    godwit realm rotate --finish --realm=prod.realm$'
[[ ! -e prod.realm/realm.key.next ]] || fail "realm.key.next is left"
run 0 realm rotate --switch # again
run 1 realm rotate
expect 'a rotation is under way, and the new key signs already'
run 0 realm show
expect ', does not sign any more (godwit realm rotate --finish)$'
expect '^bulletin 2 of ' # signed by the new key
issue web.member web --again
give web.member
run 0 realm accept "$to"
give prod.realm/bulletin
run 0 realm accept "$to"
expect 'bulletin 2, revokes 1 certificates'
run 0 realm rotate --finish
expect "^Step 3 of 3: the old realm key is dropped; $print is the only one"
if grep -q "$old" prod.realm/realm.pub prod.realm/everyone.member; then fail "the old key is still trusted"; fi
run 0 can web godwit/billing/get # of the second step
issue web.member web --again
give web.member
run 0 realm accept "$to" # one common key is enough
run 1 can stay godwit/a
expect '^no: certificate "stay" (serial .*) is of a realm key that was dropped$'
give old.member
run 1 realm accept "$to"
expect 'is a member file of another realm'
# A bulletin beside it that only the old key had signed is removed.
cp prod.realm/everyone.member host/d.member
chmod 600 host/d.member
cp staging.realm/bulletin host/d.bulletin
give prod.realm/everyone.member
run 0 realm accept --to=host/d.member
expect '^host/d.bulletin was of a realm key that it does not trust, and was removed$'
[[ ! -e host/d.bulletin ]] || fail "host/d.bulletin is left"

# ---- rotate the door ----
run 1 realm rotate --door --finish
expect 'no rotation of the door is under way'
door=$(sed -n 's/^door = //p' prod.realm/door.key)
run 0 realm rotate --door
expect "^Step 1 of 2: .* have a new door, $print, before the old one, $print\\.\$"
expect '^When every host has its new file, and each process there has read it'
expect '^    godwit realm rotate --door --finish --realm=prod.realm$'
[[ $(grep '^door = ' prod.realm/everyone.member | sed -n 2p) == "door = $door" ]] || fail "the old door is not the second"
run 0 realm show
expect "^door $print, the old one\$"
run 0 realm rotate --door # again
[[ $(grep -c '^door = ' prod.realm/door.key) == 2 ]] || fail "three doors"
run 0 realm rotate --door --finish
expect "^Step 2 of 2: the old door is dropped"
if grep -q "$door" prod.realm/door.key prod.realm/everyone.member; then fail "the old door is there"; fi
# everyone.member stays as narrow as it was made, in each step.
expect_narrow() {
    run 0 realm show prod.realm/everyone.member
    expect '^certificate everyone (serial .*): call=godwit/web publish=godwit/news$'
}
wide=$(serial_of everyone prod.realm)
run 0 realm issue everyone --call=godwit/web --publish=godwit/news --days=9 --to=prod.realm/everyone.member
run 0 realm revoke "$wide"
for step in --door '--door --finish' '' --switch --finish; do
    # shellcheck disable=SC2086
    run 0 realm rotate $step
    expect '^    ssh HOST godwit realm accept <prod.realm/everyone.member$'
    expect_narrow
done
[[ $(awk '$2 == "everyone" {until = substr ($5, 1, 10)} END {print until}' prod.realm/issued) == $(date -u +%F -d '9 days') ]] ||
    fail "the days of everyone: $(<prod.realm/issued)"
# everyone.member does not come back when it was revoked.
run 0 realm revoke everyone
run 0 realm rotate --door
reject 'everyone.member'
run 0 realm rotate --door --finish
nothing_left prod.realm

check_secrets 10
echo passed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Identities that hosts have made, of which more than one certificate is for one, or more than one is under a name; and those that
# somebody else may have: which of them get another certificate: realm_request.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"

run 0 realm init prod
export GODWIT_REALM_FOLDER=prod.realm
mkdir host
ask() { # HOST [ARGUMENT]: its line is in `asked`
    run 0 realm request --to="host/$1.member" "${@:2}"
    cp said asked
    give asked
}
answer() { # HOST: it accepts what was issued
    give answer
    run 0 realm accept --to="host/$1.member"
}

# ---- one identity under two names ----
ask stolen
run 0 realm issue api --request=- --call=godwit/a --to=answer
give asked
run 0 realm issue jobs --request=- --call=godwit/b --to=answer
ask other
run 0 realm issue cellar --request=- --call=godwit/c --to=answer
# One of them is revoked. The other one is named, and neither is renewed.
run 0 realm revoke api
expect '^bulletin 1 revokes:$'
expect '^These are of the same identity, and stay good, also for a thief; to end them: godwit realm revoke SERIAL$'
expect "^    jobs (serial $(serial_of jobs prod.realm), .*: call=godwit/b$"
reject 'cellar'
before=$(<prod.realm/issued)
for name in api jobs; do
    run 1 realm issue $name --again --to=answer
    expect 'the identity was that of "api" (serial .*), which was revoked: somebody else may have it\. A new one is made by .godwit realm request --new. on the host'
done
[[ $(<prod.realm/issued) == "$before" ]] || fail "a revoked identity was certified: $(<prod.realm/issued)"
run 0 realm revoke jobs
reject 'stay good'

# ---- an identity that waits and was stolen ----
ask stolen # it was never accepted
run 1 realm issue api --again --request=- --to=answer
cp asked old
ask stolen --new
if cmp -s old asked; then fail "--new: the same request"; fi
mode 600 host/stolen.request
cp asked old
ask stolen # it is the one that waits now
diff old asked || fail "another request"
run 0 realm issue api --again --request=- --to=answer
answer stolen
ask none --new # also if none waits
nothing_left host

# ---- an older certificate of the identity was revoked ----
first=$(serial_of api prod.realm)
run 0 realm issue api --again --to=answer
cp -r prod.realm copy.realm
run 0 realm revoke "$first"
expect "^    api (serial $first, "
expect '^These are of the same identity, and stay good'
expect "^    api (serial $(serial_of api prod.realm), "
run 1 realm issue api --again --to=answer
expect "the identity was that of \"api\" (serial $first), which was revoked"
# What is void for its date alone was replaced: the identity goes on.
sed -i "s/^\($first api [^ ]*\) 20[^ ]*/\1 2020-01-01T00:00:00Z/" copy.realm/issued
run 0 realm revoke --before=2021-01-01 --realm=copy.realm
expect '^    api (serial '
reject 'stay good'
run 0 realm issue api --again --to=answer --realm=copy.realm

# ---- one name on two hosts ----
run 0 realm revoke api
lines() { # TEXT: so many lines of `said` begin with it
    grep -c -- "^$1" said || true
}
plain='    godwit realm issue web --again --realm=prod.realm | ssh HOST godwit realm accept$'
asking='    ssh HOST godwit realm request --new | godwit realm issue web --again --request=- --realm=prod.realm | ssh HOST godwit realm accept$'
ask web1
run 0 realm issue web --request=- --call=godwit/a --to=answer
reject 'more than one identity'
answer web1
run 0 realm issue web --again --to=answer # the one identity that there is
reject 'more than one identity'
answer web1
run 0 realm rotate --door
[[ $(lines "$plain") == 1 && $(lines "$asking") == 0 ]] || fail "one host: $(<said)"
ask web2
run 0 realm issue web --again --request=- --to=answer
expect '^"web" has more than one identity now\. Is there one that is not used any more?'
cp answer answer2
answer web2
give answer2 # on the wrong one of them
run 1 realm accept --to=host/web1.member
expect 'the certificate is for another identity than this file.s\. An answer is for the host that has asked\. One for this host: ssh HOST godwit realm request --new |'
run 1 realm issue web --again --to=answer
expect '^godwit realm issue: --again: "web" has more than one identity (godwit realm show): which host is meant? Let it ask: ssh HOST godwit realm request --new | godwit realm issue web --again --request=- | ssh HOST godwit realm accept; or revoke'
# A rotation brings each of them its file.
run 0 realm rotate --door
expect '^    # on each host of "web", which has more than one identity, or one that was revoked:$'
[[ $(lines "$plain") == 0 && $(lines "$asking") == 1 ]] || fail "two hosts: $(<said)"
for name in web1 web2; do
    ask $name --new
    run 0 realm issue web --again --request=- --to=answer
    expect ': call=godwit/a$'
    answer $name
done
# The last certificate is revoked: the other host still gets its file.
cp -r prod.realm both.realm
run 0 realm revoke "$(serial_of web prod.realm)"
run 0 realm rotate --door
[[ $(lines "$plain") == 0 && $(lines "$asking") == 1 ]] || fail "one is revoked: $(<said)"
# When one identity is left, --again is for that.
awk '$2 == "web" {print $1, $3}' prod.realm/issued >webs
left=$(awk '{key = before; before = $2} END {print key}' webs)
while read -r serial key; do
    if [[ $key != "$left" ]]; then run 0 realm revoke "$serial"; fi
done <webs
run 0 realm rotate --door
[[ $(lines "$plain") == 1 && $(lines "$asking") == 0 ]] || fail "one is left: $(<said)"
run 0 realm issue web --again --to=answer
answer web1
# None is left.
run 0 realm revoke web
run 0 realm rotate --door
[[ $(lines "$plain") == 0 && $(lines "$asking") == 0 ]] || fail "none is left: $(<said)"
# Those that are made here go to any host.
run 0 realm issue web --call=godwit/a --realm=both.realm --to=here.member
reject 'more than one identity'
run 0 realm issue web --again --realm=both.realm --to=here.member
give here.member
run 0 realm accept --to=host/web1.member
run 0 realm rotate --door --realm=both.realm
expect '^    godwit realm issue web --again --realm=both.realm | ssh HOST'

check_secrets 3
echo passed

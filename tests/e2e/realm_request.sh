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

check_secrets 3
echo passed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `godwit realm init`, issue, request, accept, revoke, show, and `godwit can`: what they say and return, and which files they
# make, with which modes: realm_command.sh BUILD SOURCE
set -euo pipefail
# shellcheck source=tests/support/realm_command.sh
source "$2/tests/support/realm_command.sh"
forge=$build/tests/e2e/programs/realm_forge

# ---- arguments ----
run 0 --help
expect 'realm .*Make a realm, and say who is in it'
expect 'can .*Say what a certificate allows'
for command in init issue request accept revoke show rotate; do
    run 0 realm "$command" --help
    expect 'Exit status: 0'
done
run 0 realm --help
expect 'godwit realm issue web --call='
run 0 can --help
expect 'godwit can web godwit/billing/refund'
run 2 realm
expect 'a command is missing: init, issue, request, accept, revoke, show or rotate'
run 2 realm explode
expect 'there is no command explode'
run 2 realm init
expect 'the NAME of the realm is missing'
run 2 realm init a b
expect 'unexpected argument b'
for name in Prod a/b .hidden "$(printf 'a%.0s' {1..64})" ''; do
    run 2 realm init "$name"
    expect 'NAME: expected 1 to 63 of a-z 0-9 . _ -'
done
run 2 realm init prod --days=0
expect '--days: expected a number from 1 to 36500, got "0"'
run 2 realm issue --host
expect 'the NAME of the certificate is missing'
run 2 realm issue web
expect 'which rights? Give --serve, --call, --publish, --inspect, --host or --again'
run 2 realm issue web --again --host
expect '--again gives the rights of the last certificate'
run 2 realm issue Web --host
expect 'NAME: expected 1 to 63 of a-z 0-9 . _ -, got "Web"'
run 2 realm issue realm-admin --host
expect 'is the name of .godwit realm revoke --tell'
run 2 realm issue web --call=godwit
expect '--call: expected EXCHANGE/TOPIC\[/METHOD\], got "godwit"'
run 2 realm issue web --publish='a*b/c'
expect '--publish: .*, got "a\*b/c"'
run 2 realm issue web --serve=godwit/billing/refund
expect '--serve: expected EXCHANGE/TOPIC, because a server has all methods of its topic'
run 2 realm issue web --request=- --passphrase-file=- --host
expect 'cannot both be the standard input'
# shellcheck disable=SC2046
run 2 realm issue web $(printf -- '--call=a/%s ' {1..65})
expect 'expected at most 64 rights'
run 2 realm revoke
expect 'what is to be revoked? Give a NAME, a SERIAL or --before'
run 2 realm revoke web --before=tomorrow
expect '--before: expected a date such as 2027-07-01'
run 2 realm revoke web --before=2026-02-30
expect '--before: expected a date'
run 2 realm revoke web --before=9999-01-01
expect 'is in the future'
run 2 realm revoke web --timeout=0
expect '--timeout: expected a number of seconds from 1 to 3600, got "0"'
run 2 realm rotate --switch --finish
expect 'expected one step'
run 2 realm rotate --door --switch
expect 'a door has no --switch'
run 2 realm rotate prod
expect 'unexpected argument prod'
run 2 realm show a b
expect 'unexpected argument b'
run 2 realm accept file
expect 'it is read from the standard input, with <file'
run 2 can web
expect 'what would it do? Give EXCHANGE/TOPIC/METHOD'
run 2 can
expect 'the NAME of a certificate is missing'
for what in godwit godwit/ /billing godwit//get godwit/billing/ a/b/c/d; do
    run 2 can web "$what"
    expect 'expected EXCHANGE/TOPIC or EXCHANGE/TOPIC/METHOD'
done
run 2 can web a/b --verb=host
expect '--verb: expected call, serve, publish or inspect, got "host"'
run 2 can web a/b --host
expect '--host stands alone'

# ---- without a realm ----
run 1 realm issue web --host
expect 'no realm (\*.realm) is in this folder: name one with --realm=FOLDER or .GODWIT_REALM_FOLDER, or make one: godwit realm init NAME'
run 1 realm show
expect 'neither a realm folder is here nor a member file on this host'
run 3 can web a/b
expect 'neither a realm folder is here nor a member file on this host'
run 1 realm show nowhere
expect 'nowhere: .*No such file or directory'
run 1 realm revoke web --realm=nowhere
expect 'nowhere: cannot open this realm folder: No such file or directory'

# ---- init ----
run 0 realm init prod
expect "^prod.realm: a new realm, $print"
expect '^    ssh HOST godwit realm accept <prod.realm/everyone.member$'
expect '^    godwit realm issue billing .* --realm=prod.realm | ssh HOST godwit realm accept$'
expect '^    godwit realm revoke everyone --realm=prod.realm$'
mode 700 prod.realm
for file in realm.key realm.pub door.key issued everyone.member; do mode 600 "prod.realm/$file"; done
[[ $(ls -A prod.realm) == $'door.key\neveryone.member\nissued\nrealm.key\nrealm.pub' ]] || fail "$(ls -A prod.realm)"
[[ $(ls -A) != *.prod.realm.* ]] || fail "left: $(ls -A)"
grep -q "^[0-9a-f]* everyone [A-Za-z0-9_-]\{43\} $date $date $print serve=\*/\* call=\*/\* publish=\*/\* inspect=\*/\* host\$" prod.realm/issued ||
    fail "$(<prod.realm/issued)"
cp -r prod.realm before
run 1 realm init prod
expect 'prod.realm is there already: a realm is never replaced'
diff -r before prod.realm || fail "init has changed a realm"
rm -r before
touch other.realm
run 1 realm init other # also no file of that name
expect 'other.realm is there already'
rm other.realm

# ---- which folder ----
run 0 realm show
expect '^prod.realm$'
run 0 realm init staging --days=30
run 2 realm show
expect 'are here: say which one, with --realm=FOLDER'
GODWIT_REALM_FOLDER=staging.realm run 0 realm show
expect '^staging.realm$'
export GODWIT_REALM_FOLDER=prod.realm
chmod 755 staging.realm
run 1 realm show staging.realm
expect 'staging.realm: mode 0755; it holds the realm.s keys, so 0700: chmod 700'
chmod 700 staging.realm
chmod 640 staging.realm/realm.key
run 1 realm issue web --host --realm=staging.realm
expect 'staging.realm/realm.key: mode 0640; it is secret, so 0600: chmod 600'
chmod 600 staging.realm/realm.key

# ---- issue ----
issue billing.member billing --serve=godwit/billing --call='godwit/*'
mode 600 billing.member
expect "^billing (serial [0-9a-f]*, until $date): serve=godwit/billing call=godwit/\*\$"
run 0 realm show billing.member
expect '^billing.member$'
expect "^realm key $print\$"
expect "^door $print\$"
expect '^no bulletin: nothing was revoked$'
expect "^certificate billing (serial $(serial_of billing prod.realm), until $date): serve=godwit/billing call=godwit/\*\$"
run 0 realm issue web --call=godwit/billing/get --publish='godwit/x y%' --host --days=7 --to=web.member
expect '^web.member: web (serial .*): call=godwit/billing/get publish=godwit/x%20y%25 host$'
expect '^    ssh HOST godwit realm accept <web.member$'
mode 600 web.member
cp web.member old.member
run 0 realm issue web --again --to=web.member # replaces one of its own realm
expect ': call=godwit/billing/get publish=godwit/x%20y%25 host$'
if cmp -s web.member old.member; then fail "--again has made the same certificate"; fi
[[ $(awk '$2 == "web" {from = substr ($4, 1, 10); until = substr ($5, 1, 10)} END {print from, until}' prod.realm/issued) == \
"$(date -u +%F) $(date -u +%F -d '7 days')" ]] || fail "the days of --again: $(<prod.realm/issued)"
echo precious >notes
run 1 realm issue web --again --to=notes
expect 'notes is there, and is no member file: it stays as it is; --to=FILE names another'
[[ $(<notes) == precious ]] || fail "notes: $(<notes)"
mkfifo pipe # nobody is at its other end
for file in pipe /dev/null .; do
    run 1 realm issue web --again --to=$file
done
run 1 realm issue web --again --to=pipe
expect 'pipe is there, and is no member file: it stays as it is; --to=FILE names another'
give billing.member
run 1 realm accept --to=pipe
expect 'pipe is there, and is no member file'
[[ -p pipe ]] || fail "the pipe was replaced"
rm pipe
run 1 realm issue web --again --to=staging.realm/everyone.member
expect 'is a member file of another realm'
run 1 realm issue nobody --again
expect '--again: prod.realm has no certificate of "nobody"'
before=$(<prod.realm/issued)
run 1 realm issue web --host --to=nowhere/web.member
expect 'nowhere/web.member: cannot write it: No such file or directory'
[[ $(<prod.realm/issued) == "$before" ]] || fail "a certificate was noted that nobody can have"
if [[ -c /dev/full ]]; then
    status=0
    "$godwit" realm issue spare --host >/dev/full 2>said || status=$?
    [[ $status == 1 ]] || fail "a full disk: status $status"
    expect 'the standard output: cannot write to it: No space left on device'
fi
[[ $(<prod.realm/issued) == "$before"* ]] || fail "issued lost a line"
nothing_left prod.realm

# ---- accept ----
mkdir -m 755 host
for name in a b; do # the folder is made
    give billing.member
    run 0 realm accept --to=host/$name/realm.member
    expect "^host/$name/realm.member: billing (serial [0-9a-f]*, until $date) of the realm $print: serve=godwit/billing call=godwit/\*\$"
    mode 600 host/$name/realm.member
    mode 755 host/$name
done
nothing_left host
to=--to=host/a/realm.member
give web.member
run 0 realm accept "$to" --group="$(id -gn)"
mode 640 host/a/realm.member
give billing.member
run 0 realm accept "$to" # who could read it still can
mode 640 host/a/realm.member
run 1 realm accept "$to"
expect 'the standard input: got nothing: did the command in front of the pipe fail?'
give notes
run 1 realm accept "$to"
expect 'the standard input:1: expected \[godwit-member\] first'
give staging.realm/everyone.member
run 1 realm accept "$to"
expect 'host/a/realm.member is there, and is a member file of another realm: it stays as it is; --force replaces it'
run 0 realm show host/a/realm.member
expect '^certificate billing '
give staging.realm/everyone.member
run 0 realm accept "$to" --force
expect ': everyone '
give billing.member
run 0 realm accept "$to" --force
give billing.member
run 2 realm accept "$to" --group=no-such-group
expect '--group: there is no group "no-such-group"'
(umask 077 && grep -v identity web.member >mixed && grep identity billing.member >>mixed)
give mixed
run 1 realm accept "$to"
expect 'the certificate is for another identity than this file'
(umask 077 && grep -v '^realm' billing.member >mixed && grep '^realm' staging.realm/everyone.member >>mixed)
give mixed
run 1 realm accept "$to"
expect 'the certificate is of another realm than this file'
(umask 077 && sed '/^certificate/ s/.$/!/' billing.member >mixed)
give mixed
run 1 realm accept "$to"
expect 'expected a certificate in base64'
"$forge" billing.member prod.realm/realm.key old -7200 -3600 >input
run 1 realm accept "$to"
expect 'certificate "old" (serial .*) has ended at .*: issue another one, or set the clock of this host'
"$forge" billing.member prod.realm/realm.key young 3600 7200 >input
run 0 realm accept --to=host/young.member
expect "^It is not valid before $date\\.\$"
"$forge" billing.member staging.realm/realm.key forged -1 3600 >input
run 1 realm accept "$to"
expect 'the signature of the certificate is wrong'
rm mixed
run 0 realm show host/a/realm.member
expect '^certificate billing '
if ((EUID)); then
    give billing.member
    run 1 realm accept --to=/godwit-nowhere/realm.member
    expect '/godwit-nowhere: cannot make this folder: Permission denied'
fi

# ---- request ----
run 0 realm request --to=host/b/realm.member
expect '^godwit-request 1 [A-Za-z0-9_-]\{43\} [A-Za-z0-9_-]\{86\}$'
mode 600 host/b/realm.request
cp said asked
run 0 realm request --to=host/b/realm.member # once more
diff asked said || fail "another request"
(echo 'Welcome to host b'; cat asked) >input
"$godwit" realm issue strict --request=- --call=godwit/a <input >answer 2>said || fail "$(<said)"
if grep -q identity answer; then fail "the answer has an identity"; fi
give answer
run 1 realm accept "$to" # not the host that asked
expect 'the certificate is for another identity than this file'
give answer
run 1 realm accept --to=host/c.member
expect 'it answers a request, and no identity waits here (host/c.request)\. .* One for this host: ssh HOST godwit realm request --new |'
give answer
run 0 realm accept --to=host/b/realm.member
expect ': strict .*: call=godwit/a$'
[[ ! -e host/b/realm.request ]] || fail "the identity still waits"
run 0 realm issue strict --again --to=answer # to the same identity, without being asked
give answer
run 0 realm accept --to=host/b/realm.member
run 0 realm show
expect '^certificate strict .*: call=godwit/a; its identity never left its host$'
echo hello >input
run 1 realm issue strict --request=- --call=godwit/a
expect 'the standard input: expected the line that .godwit realm request. prints'
run 1 realm issue strict --request=- --call=godwit/a
expect 'the standard input: got nothing: did the command that asks fail?'
sed 's/1 A/1 B/; t; s/1 ./1 A/' asked >input
run 1 realm issue strict --request=- --call=godwit/a
expect 'the request was changed on its way: its signature is wrong'
run 1 realm issue strict --request=nowhere --call=godwit/a
expect 'nowhere: there is no such file'

# ---- can ----
run 0 can billing godwit/other/any
expect '^yes: call godwit/\*$'
run 0 can billing godwit/billing --verb=serve
expect '^yes: serve godwit/billing$'
run 1 can billing godwit/billing --verb=publish
expect '^no: "billing" may not publish godwit/billing$'
run 0 can web godwit/billing/get
expect '^yes: call godwit/billing/get$'
run 1 can web godwit/billing/refund
expect '^no: "web" may not call godwit/billing/refund$'
run 1 can web godwit/billing # not all methods
run 0 can web --host
expect '^yes: host$'
run 1 can billing --host
expect '^no: "billing" may not host a rendezvous$'
run 3 can nobody godwit/billing
expect 'prod.realm has no certificate "nobody"'
run 3 can web godwit/billing --realm=nowhere
run 1 can strict godwit/b --realm=host/b/realm.member
GODWIT_REALM_FOLDER='' GODWIT_REALM=host/b/realm.member run 2 can strict godwit/a # two folders are here
(cd host && GODWIT_REALM_FOLDER='' GODWIT_REALM=b/realm.member "$godwit" can strict godwit/a) >said
expect '^yes: call godwit/a$'

# ---- revoke ----
run 1 realm revoke nobody
expect 'prod.realm: no certificate has this name or serial: godwit realm show'
run 1 realm revoke --tell=zmq://127.0.0.1:1/
expect 'prod.realm has no bulletin: nothing was revoked yet'
run 0 realm revoke billing
expect '^bulletin 1 revokes:$'
expect '^    billing (serial .*): serve=godwit/billing call=godwit/\*$'
expect '^    godwit realm revoke --tell=zmq://RENDEZVOUS/ --realm=prod.realm$'
expect '^    ssh HOST godwit realm accept <prod.realm/bulletin$'
mode 600 prod.realm/bulletin
run 0 realm revoke billing
expect 'nothing is left to revoke'
run 1 can billing godwit/other/any
expect '^no: certificate "billing" (serial .*) was revoked$'
first=$(serial_of web prod.realm)
issue web.member web --again
run 0 realm revoke "$first"
expect "^    web (serial $first, "
[[ $(grep -c '^    web' said) == 1 ]] || fail "$(<said)"
run 0 can web godwit/billing/get
expect '^yes'
run 0 realm show
expect "^bulletin 2 of $date: 2 revoked\$"
expect "^certificate web (serial $first, .*; revoked\$"
# What was made before: of one name, and of all.
sed -i "s/^\($(serial_of strict prod.realm) strict [^ ]*\) 20[^ ]*/\1 2020-01-01T00:00:00Z/" prod.realm/issued
run 0 realm revoke strict --before=2021-01-01
[[ $(sed '/stay good/q' said | grep -c '^    strict') == 1 ]] || fail "$(<said)"
run 0 realm revoke --before=2021-01-01T00:00:00Z
expect '^bulletin 4 revokes all that were made before 2021-01-01T00:00:00Z; none of these was still valid$'
run 0 realm revoke --before=2020-06-01 # holds already
expect 'nothing is left to revoke'
run 0 realm show
expect "^bulletin 4 of $date: 3 revoked, and all that were made before 2021-01-01T00:00:00Z\$"
cp prod.realm/bulletin fourth
# Entries of certificates that have ended are left out, and those are not revoked any more.
sed -n 's/^[^ ]* web \([^ ]*\) [^ ]* [^ ]*/abc1 ended \1 2020-01-01T00:00:00Z 2020-02-01T00:00:00Z/p; T; q' prod.realm/issued >ended
cat ended >>prod.realm/issued
run 0 realm revoke ended
expect 'nothing is left to revoke'
run 0 realm show
expect '^1 more have ended: --all prints them$'
reject '^certificate ended'
run 0 realm show --all
expect '^certificate ended .*; revoked$'
run 1 can ended godwit/billing/get

# An identity that was made on its host, and may have been stolen there: no new certificate makes it good again.
host_b=--to=host/b/realm.member
run 0 realm request "$host_b"
cp said asked
give asked
run 0 realm issue cellar --request=- --call=godwit/a --to=answer
give answer
run 0 realm accept "$host_b"
run 0 realm issue cellar --again --to=answer # not revoked yet
run 0 realm revoke cellar
before=$(<prod.realm/issued)
run 1 realm issue cellar --again --to=answer
expect 'the identity was that of "cellar" (serial .*), which was revoked: somebody else may have it\. A new one is made by .godwit realm request --new'
give asked
run 1 realm issue cellar --request=- --call=godwit/a --to=answer # under no name
expect 'which was revoked: somebody else may have it'
give asked
run 1 realm issue other --request=- --call=godwit/a --to=answer
[[ $(<prod.realm/issued) == "$before" ]] || fail "a revoked identity was certified: $(<prod.realm/issued)"
run 0 realm request "$host_b" # another identity, although the old file is there
cp said asked
give asked
run 0 realm issue cellar --again --request=- --to=answer
expect '^answer: cellar (serial .*): call=godwit/a$'
give answer
run 0 realm accept "$host_b"
[[ $(awk '$2 == "cellar" {print $3}' prod.realm/issued | sort | uniq -c | awk '{print $1}' | xargs) =~ ^(1 2|2 1)$ ]] ||
    fail "identities of cellar: $(<prod.realm/issued)"
run 0 realm issue cellar --again --to=answer # the new one goes on
# A bulletin says nothing any more of a certificate that has ended: nobody knows whether it was revoked.
cp prod.realm/issued good
sed -i '$s/[^ ]* [^ ]* \([^ ]* requested\)/2022-01-01T00:00:00Z 2022-02-01T00:00:00Z \1/' prod.realm/issued
run 1 realm issue cellar --again --to=answer
expect 'the identity was that of "cellar" (serial .*), which has ended: whether it was revoked is not known any more\. A new one is made by .godwit realm request --new'
cp good prod.realm/issued
run 0 realm issue cellar --call=godwit/a --to=cellar.member # or one that is made here
give cellar.member
run 0 realm accept "$host_b"

# ---- accept of a bulletin ----
give prod.realm/bulletin
run 0 realm accept "$to"
expect '^host/a/realm.bulletin: bulletin 5, revokes 5 certificates$'
expect '^It revokes the certificate of this host, "billing"'
mode 640 host/a/realm.bulletin
give prod.realm/bulletin
run 0 realm accept "$to"
expect 'bulletin 5 is there already; 5 is not newer'
give billing.member
run 1 realm accept "$to"
expect 'certificate "billing" (serial .*) was revoked, by bulletin 5'
# Another bulletin 5, of an older copy of the folder.
cp -r prod.realm copy.realm
cp fourth copy.realm/bulletin
run 0 realm revoke web --realm=copy.realm
expect '^bulletin 5 revokes:$'
cp host/a/realm.bulletin kept
give copy.realm/bulletin
run 1 realm accept "$to"
expect 'host/a/realm.bulletin has another bulletin 5, and stays as it is: the realm folder that this one is of is an old copy, or there are two'
cmp kept host/a/realm.bulletin || fail "another bulletin 5 was taken"
give fourth # an older one is none
run 0 realm accept "$to"
expect 'bulletin 5 is there already; 4 is not newer'
rm -r copy.realm
give web.member
run 0 realm accept "$to"
run 0 realm show host/a/realm.member
expect "^bulletin 5 of $date: 5 revoked, and all that were made before"
give prod.realm/bulletin
run 1 realm accept --to=host/none.member
expect 'host/none.member: .*No such file or directory'
run 0 realm revoke everyone --realm=staging.realm
give staging.realm/bulletin
run 1 realm accept "$to"
(cat prod.realm/bulletin; echo) >input
run 1 realm accept "$to"

# ---- JSON ----
run 0 realm show --json
perl -MJSON::PP -e '
    local $/;
    my $shown = decode_json (<STDIN>);
    my ($web) = grep { $_->{name} eq "web" && $_->{standing} eq "good" } @{$shown->{certificates}};
    die unless $shown->{folder} eq "prod.realm" && $shown->{bulletin}{number} == 5 && @{$shown->{bulletin}{revoked}} == 5;
    die unless $shown->{realm_keys}[0]{signs} && $shown->{realm_keys}[0]{fingerprint} eq $web->{realm_key};
    die unless $web->{rights}[0]{verb} eq "call" && $web->{rights}[1]{pattern} eq "godwit/x y%" && !$web->{requested};
    die unless $web->{until} =~ /^20.*Z$/ && $web->{serial} =~ /^[0-9a-f]+$/ && @{$shown->{doors}} == 1;' <said ||
    fail "show --json: $(<said)"
run 0 realm show --json host/a/realm.member
expect '^{"file":"host/a/realm.member","realm_keys":\[{"fingerprint":"[0-9a-f]*"}\],'
expect '"name":"web".*"standing":"good"'

# ---- a folder that was damaged ----
cp -r prod.realm broken.realm
echo nonsense >>broken.realm/issued
run 1 realm show broken.realm
expect "broken.realm/issued:$(grep -c '' broken.realm/issued): expected a serial number in hexadecimal digits"
sed -i '$d' broken.realm/issued
sed -i 's/^seed = ./&!/' broken.realm/realm.key
run 1 realm issue web --again --realm=broken.realm
expect 'broken.realm/realm.key:3: expected base64 of 32 bytes as "seed"'
cp staging.realm/realm.key broken.realm/realm.key
run 1 realm issue web --again --realm=broken.realm
expect 'broken.realm/realm.key: its public key is not in realm.pub'
cp prod.realm/realm.key broken.realm/realm.key
cp staging.realm/bulletin broken.realm/bulletin
run 1 realm show broken.realm
expect 'broken.realm/bulletin: '
rm broken.realm/bulletin
: >broken.realm/issued # the list was lost: by date all can be revoked
run 0 realm show broken.realm
run 1 realm revoke web --realm=broken.realm
run 0 realm revoke --before=now --realm=broken.realm
expect '^bulletin 1 revokes all that were made before'
run 1 realm issue everyone --again --realm=broken.realm
run 0 realm issue everyone --serve='*/*' --realm=broken.realm --to=broken.realm/everyone.member
rm broken.realm/door.key
run 1 realm show broken.realm
expect 'broken.realm/door.key: there is no such file'
rm -r broken.realm

check_secrets 10
echo passed

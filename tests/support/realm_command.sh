#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# For the tests of `godwit realm` and `godwit can`, which source it, with $1, the build folder: a working folder of their own,
# and functions that run the commands and keep all that they say. check_secrets looks into that.
build=$1
godwit=$build/tools/godwit
temporary=$(mktemp -d)
processes=()
finish() {
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    rm -rf "$temporary"
}
trap finish EXIT
cd "$temporary" || exit
umask 000 # modes are not left to it
unset GODWIT_REALM_FOLDER
export GODWIT_REALM=none
mkdir outputs
outputs=0
# shellcheck disable=SC2034 # the tests use these
{
    date='20[0-9-]*T[0-9:]*Z'
    print='[0-9a-f]\{16\}' # a fingerprint
}

fail() {
    echo "$*" >&2
    exit 1
}
keep() { # FILE: what was said
    cp "$1" "outputs/$((outputs += 1))"
}
run() { # STATUS COMMAND ARGUMENT...: what it prints is in `said`; it reads the file `input`, if there is one
    local wanted=$1 status=0 input=/dev/null
    shift
    if [[ -e input ]]; then input=input; fi
    timeout 60 "$godwit" "$@" >said 2>&1 <"$input" || status=$?
    rm -f input
    if [[ $status != "$wanted" ]]; then fail "godwit $*: status $status, expected $wanted: $(<said)"; fi
    keep said
}
give() { # FILE: the next command reads it
    cat "$1" >input
}
issue() { # FILE ARGUMENT...: a member file; what is said beside is in `said`
    local file=$1
    shift
    (umask 077 && timeout 60 "$godwit" realm issue "$@" >"$file" 2>said </dev/null) || fail "issue $*: $(<said)"
    keep said
}
expect() { # TEXT [FILE]: it is there
    grep -q -- "$1" "${2:-said}" || fail "no \"$1\" in: $(<"${2:-said}")"
}
reject() { # TEXT [FILE]: it is not there
    if grep -q -- "$1" "${2:-said}"; then fail "\"$1\" is in: $(<"${2:-said}")"; fi
}
mode() { # MODE FILE
    [[ $(stat -c %a "$2") == "$1" ]] || fail "$2 has mode $(stat -c %a "$2"), expected $1"
}
wait_for() { # FILE TEXT: until it is there, for 20 s at most
    for _ in $(seq 2000); do
        if grep -qs -- "$2" "$1"; then return; fi
        sleep 0.01
    done
    fail "no \"$2\" in: $(cat "$1")"
}
nothing_left() { # FOLDER: no temporary file
    [[ ! $(find "$1" -name '.godwit-*') ]] || fail "left in $1: $(ls -A "$1")"
}
serial_of() { # NAME FOLDER: of its newest certificate
    awk -v name="$1" '$2 == name {serial = $1} END {print serial}' "$2/issued"
}

# No secret of the realm folders and member files that are there is in anything that was said: not as bytes, nor in
# hexadecimal digits, Z85 or base64.
check_secrets() { # LEAST: so many secrets there have to be
    perl -MMIME::Base64 -e '
    my @digits = split //, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%\$#";
    sub z85 { join "", map { my $n = $_; my $t = ""; for (1 .. 5) { $t = $digits[$n % 85] . $t; $n = int ($n / 85) } $t } unpack "N*", shift }
    my (%secrets, $count);
    for my $file (glob ("*.realm/realm.key* *.realm/door.key *.realm/*.member *.member host/*.member host/*/*.member")) {
        open my $in, "<", $file or die "$file: $!";
        while (<$in>) { $secrets{decode_base64 ("$1=" =~ tr|_-|/+|r)} = $file if /^(?:seed|door|identity) = (\S+)/ }
    }
    die "only " . keys (%secrets) . " secrets" if keys %secrets < $ARGV[0];
    for my $file (glob ("outputs/*")) {
        local $/;
        open my $in, "<", $file or die "$file: $!";
        my $said = <$in>;
        for my $secret (keys %secrets) {
            my $base64 = encode_base64 ($secret, "") =~ s/=+$//r;
            for my $form ($secret, unpack ("H*", $secret), uc unpack ("H*", $secret), $base64, $base64 =~ tr|/+|_-|r, z85 ($secret)) {
                die "$file holds a secret of $secrets{$secret}\n" if index ($said, $form) >= 0;
            }
        }
        $count++;
    }
    die "nothing was said" unless $count;' "$1" || fail "a secret was said"
}

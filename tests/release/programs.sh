#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs that were compiled for the last release run with the library of the working tree, and their source still
# compiles: programs.sh BUILD SOURCE MIXED, where MIXED is the program of mixed_test.c.
# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
mixed=$3
if [[ $new_series ]]; then
    echo "$now is of another series than $version: programs are compiled again, and may have to be changed"
    exit 0
fi
status=0
wrong() {
    echo "$*" >&2
    status=1
}

programs=$release/programs
mkdir -p "$programs"

# Every public struct of the release is in one of the programs, by its name or by the macro that makes it.
structs=$(sed -nE '/^typedef struct .*[^;]$/,/^\}/ s/^\} (godwit_\w+)_t;.*/\1/p' "$release"/source/include/godwit/*.h)
for struct in $structs; do
    if ! grep -qwiE "${struct}_t|$struct" "$source"/tests/release/programs/*.c; then
        wrong "no program in tests/release/programs uses ${struct}_t"
    fi
done

for file in "$source"/tests/release/programs/*.c; do
    name=$(basename "$file" .c)
    echo "--- $name"
    compile "$programs/$name" "$file"
    for library in "$release/build" "$build"; do
        LD_LIBRARY_PATH=$library "$programs/$name" || wrong "$name of release $version fails with the library in $library"
    done
    "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I"$source/include" "$file" ||
        wrong "$name does not compile any more"
done

echo "--- the examples of release $version, as source"
for file in "$release"/source/examples/*/*.c; do
    # shellcheck disable=SC2046 # the flags are words
    "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I"$source/include" \
        $(pkg-config --cflags libuv libsodium libzmq) "$file" || wrong "$file does not compile any more"
done

echo "--- nodes of release $version with the library of the tree"
export RELEASE_NODE=$release/node RELEASE_TOOL=$release/build/tools/godwit RELEASE_LIBRARY=$build
"$mixed" --color=never --filter 'mixed/all_meet_at_a_rendezvous_of_the_release' ||
    wrong "the nodes of release $version fail with the library of the tree"
exit $status

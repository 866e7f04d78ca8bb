#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# For the other scripts of this folder, which source it with the build and the source folder: sees to it that the last
# release is built, in BUILD/release/COMMIT. It is built from history once, and again when the compiler changes.
#
#     $version, $commit     of the file last_release
#     $now                  the version of the working tree
#     $new_series           empty if both are of one series (0.1.x, and from 1.0 on 1.x), in which there are only additions
#                           (docs/abi.md); otherwise the series of $now
#     $release/source       its source, $release/source/include its headers
#     $release/build        its library and the command godwit
#     $release/node         node*.c of this folder, compiled with its headers and linked with its library
#
# Ends the script with 77, skipped, where there is no history to take it from: a source that is no checkout, or a shallow
# one. A commit that a whole history does not have is a mistake in last_release.
set -euo pipefail
build=$(realpath "$1") source=$(realpath "$2")

skip() {
    echo "skipped: $*" >&2
    exit 77
}

version='' commit=''
read -r version commit < <(grep -E '^[0-9]' "$source/tests/release/last_release") || skip "there is no release yet"
release=$build/release/$commit
now=$(sed -nE 's/^#define GODWIT_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+).*/\2/p' "$source/include/godwit/version.h" | paste -sd .)

series_of() { # VERSION
    case $1 in
        0.*) cut -d . -f 1-2 <<<"$1" ;;
        *) cut -d . -f 1 <<<"$1" ;;
    esac
}
# shellcheck disable=SC2034
new_series=$(series_of "$now")
if [[ $new_series == "$(series_of "$version")" ]]; then new_series=''; fi

# Not the repository around a source that was unpacked inside of another project, and not one that a hook points to.
history() {
    env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git -c safe.directory="$source" -C "$source" "$@"
}

take_source() {
    if ! command -v git >/dev/null; then skip "git is not there, to take release $version from history"; fi
    if [[ $(history rev-parse --show-toplevel 2>/dev/null) != "$source" ]]; then
        skip "the source is no git checkout: release $version cannot be taken from history"
    fi
    if ! history merge-base --is-ancestor "$commit" HEAD 2>/dev/null; then
        if [[ $(history rev-parse --is-shallow-repository) == true ]]; then
            skip "the checkout is shallow and does not have release $version, commit $commit"
        fi
        echo "tests/release/last_release names $commit as release $version, but the history does not have it" >&2
        exit 1
    fi
    rm -rf "$release"
    mkdir -p "$release/source"
    history archive "$commit" | tar -x -C "$release/source"
}

# As the preset dev does it: abidiff needs the debug information, and both sides are optimised alike.
build_it() {
    echo "building release $version from $commit"
    cmake -S "$release/source" -B "$release/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -g" -DGODWIT_BUILD_TESTS=OFF -DGODWIT_BUILD_EXAMPLES=OFF \
        -DGODWIT_BUILD_BENCH=OFF >"$release/log"
    cmake --build "$release/build" --target godwit tool_godwit >>"$release/log" || {
        tail -20 "$release/log" >&2
        exit 1
    }
    echo "$CC" >"$release/complete"
}

compile() { # OUTPUT SOURCE...: a program of the release
    local output=$1
    shift
    "$CC" -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -I"$release/source/include" "$@" -o "$output" \
        -L"$release/build" -lgodwit -pthread
}

mkdir -p "$build/release"
exec {lock}>"$build/release/lock" # of two runs of the tests, one builds it
flock "$lock"
if [[ ! -e $release/complete ]]; then take_source; fi
if [[ $(cat "$release/complete" 2>/dev/null) != "$CC" ]]; then build_it; fi
if [[ ! -e $release/node || $(find "$source/tests/release" -name 'node*' -newer "$release/node") ]]; then
    compile "$release/node" "$source"/tests/release/node*.c
fi
exec {lock}>&-

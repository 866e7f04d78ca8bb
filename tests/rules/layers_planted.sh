#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The test of the layers is red when it should be: one arrow of each kind is planted in a small tree, and both ends are
# named: layers_planted.sh BUILD SOURCE
set -euo pipefail
source=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A tree that keeps the rules: the client uses a connection, which uses the base.
plant_tree() {
    rm -rf "$work/tree" "$work/build"
    mkdir -p "$work"/tree/{docs,src/{base,error,connection,client,discovery},drivers/zmq,matchmaker}
    cp "$source/docs/architecture.md" "$work/tree/docs"
    cd "$work/tree"
    echo 'int base_one (void);' >src/base/one.h
    echo 'int base_one (void) { return 1; }' >src/base/one.c
    printf '#include "src/base/one.h"\nint link_one (void); int link_one (void) { return base_one (); }\n' >src/connection/link.c
    printf 'int link_one (void);\nint call_one (void); int call_one (void) { return link_one (); }\n' >src/client/call.c
    echo 'int driver_one (void); int driver_one (void) { return 1; }' >drivers/zmq/driver.c
    echo 'int join_one (void); int join_one (void) { return 1; }' >matchmaker/join.c
}

# Compiles the tree and runs the test; its output is in $work/said.
run_layers() {
    local file object
    while read -r file; do
        object=$work/build/CMakeFiles/godwit_objects.dir/$file.o
        mkdir -p "$(dirname "$object")"
        "${CC:-cc}" -I. -c -o "$object" "$file"
    done < <(find . -name '*.c' -printf '%P\n')
    bash "$source/tests/rules/layers.sh" "$work/build" . >"$work/said" 2>&1
}

expect_red() { # NAME PATTERN...: the test fails, and says each of the patterns
    local name=$1
    shift
    if run_layers; then
        echo "$name: the test of the layers did not see it" >&2
        exit 1
    fi
    for pattern; do
        if ! grep -qE "$pattern" "$work/said"; then
            printf '%s: expected /%s/ in\n%s\n' "$name" "$pattern" "$(<"$work/said")" >&2
            exit 1
        fi
    done
}

plant_tree
if ! run_layers; then
    printf 'A tree that keeps the rules is red:\n%s\n' "$(<"$work/said")" >&2
    exit 1
fi

plant_tree
printf 'int call_one (void);\nint up (void); int up (void) { return call_one (); }\n' >src/connection/up.c
expect_red 'a call upward' 'src/connection/up.c uses call_one of src/client/call.c: connection may not use client'

plant_tree
sed -i '1i #include "src/error/error.h"' src/base/one.h
echo 'int error_one (void);' >src/error/error.h
expect_red 'an include upward' 'src/base/one.h includes src/error/error.h: base may not use error'

plant_tree
printf 'int driver_one (void);\nint direct (void); int direct (void) { return driver_one (); }\n' >src/client/direct.c
expect_red 'a room that names a driver' 'src/client/direct.c uses driver_one of drivers/zmq/driver.c: client may not use drivers/zmq'

plant_tree
printf 'int join_one (void);\nint sees (void); int sees (void) { return join_one (); }\n' >drivers/zmq/sees.c
expect_red 'neighbours that do not know each other' 'drivers/zmq/sees.c uses join_one of matchmaker/join.c'

plant_tree
printf 'int there (void);\nint here (void); int here (void) { return there (); }\n' >src/discovery/here.c
printf 'int call_one (void);\nint there (void); int there (void) { return call_one (); }\n' >src/client/there.c
sed -i 's/return link_one ()/return link_one () + here ()/; 1i int here (void);' src/client/call.c
expect_red 'a circle between rooms' 'src/discovery/here.c uses there of src/client/there.c: discovery may not use client'

plant_tree
printf 'int b (void);\nint a (void); int a (void) { return b (); }\n' >src/client/a.c
printf 'int a (void);\nint b (void); int b (void) { return a (); }\n' >src/client/b.c
expect_red 'a circle inside a room' 'src/client/a.c -> src/client/b.c' 'src/client/b.c -> src/client/a.c'
printf '# Client\n\n## Circles\n\na.c and b.c are one machine.\n' >src/client/README.md
if ! run_layers; then
    printf 'A circle that is explained is red:\n%s\n' "$(<"$work/said")" >&2
    exit 1
fi

plant_tree
mkdir src/attic
echo 'int old (void); int old (void) { return 1; }' >src/attic/old.c
expect_red 'a folder that is no room' 'src/attic/old.c: its folder is no room'

plant_tree
echo 'int loose (void); int loose (void) { return 1; }' >src/loose.c
expect_red 'a file outside of the rooms' 'src/loose.c'

echo "nine plants were seen"

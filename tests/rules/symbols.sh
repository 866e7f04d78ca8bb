#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shared libraries, the core's and those of the components that are built, export under the version of their SONAME
# (GODWIT_0.1, GODWIT_SPOOL_0.1) exactly the functions that their public headers declare with GODWIT_EXPORT. The static ones define
# no global name that could meet a user's: symbols.sh BUILD SOURCE
set -euo pipefail
build=$1
cd "$2/include"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
status=0

# The functions that the headers below folders declare. After the preprocessor a declaration is the mark, then text up to the first
# `(`; its last word is the name. Attributes such as __attribute__ ((x)) may come before it.
declared() { # FOLDER...
    local folder includes=()
    for folder in "$@"; do includes+=(-I"$folder"); done
    find "$@" -name '*.h' -printf '#include <%P>\n' |
        "$CC" -E -P "${includes[@]}" -std=c11 -DGODWIT_EXPORT=@export@ -x c - | tr '\n' ' ' | sed 's/@export@/\n&/g' |
        sed -nE 's/^@export@[^;{]*[^a-z0-9_](godwit_[a-z0-9_]+) *[[(;].*/\1/p' | sort -u
}

check_library() { # LIBRARY VERSION-PREFIX FOLDER: the folder has its headers; what it declares is in `declared`
    local library=$1 node marks
    node=$2_$(readelf --dynamic "$build/$library.so" | sed -n "s/.*SONAME.*$library\\.so\\.\\(.*\\)\\]/\\1/p")
    marks=$(grep -rhc --include='*.h' '^GODWIT_EXPORT' "$3" | awk '{ sum += $1 } END { print sum }')
    "$NM" --dynamic --defined-only --extern-only "$build/$library.so" |
        awk '$2 != "A" { print $3 }' | sort -u >"$temporary/versioned"
    sed "s/@@$node\$//" "$temporary/versioned" >"$temporary/exported"
    if ! diff "$temporary/declared" "$temporary/exported"; then
        echo "^ < is declared with GODWIT_EXPORT but not exported by $library.so, > is exported but not declared"
        status=1
    fi
    if grep -v "@@$node\$" "$temporary/versioned"; then
        echo "^ exported by $library.so without the version $node"
        status=1
    fi
    if (($(wc -l <"$temporary/declared") != marks)); then
        echo "this test found $(wc -l <"$temporary/declared") names for $marks declarations of $library that begin with GODWIT_EXPORT"
        status=1
    fi
    if "$NM" --defined-only --extern-only "$build/$library.a" | awk 'NF == 3 { print $3 }' | grep -vE '^godwit_'; then
        echo "^ a global name in $library.a that does not begin with godwit_"
        status=1
    fi
    if ((status == 0)); then echo "$library: $marks exported functions"; fi
}

declared . >"$temporary/declared"
cp "$temporary/declared" "$temporary/core"
check_library libgodwit GODWIT .
for component in ../components/*/; do
    name=$(basename "$component")
    if [[ ! -e $build/libgodwit-$name.so ]]; then continue; fi
    declared "$component/include" . | comm -23 - "$temporary/core" >"$temporary/declared"
    check_library "libgodwit-$name" "GODWIT_${name^^}" "$component/include"
done
exit $status

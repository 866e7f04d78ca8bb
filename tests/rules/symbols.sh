#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shared library exports, under the version of its SONAME (GODWIT_0.1), exactly the functions that the public headers
# declare with GODWIT_EXPORT; the static library defines no global name that could meet a user's: symbols.sh BUILD SOURCE
set -euo pipefail
build=$1
cd "$2/include"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# After the preprocessor a declaration is the mark, then text up to the first `(`; its last word is the name. Attributes
# such as __attribute__ ((x)) may come before it.
find . -name '*.h' -printf '#include <%P>\n' |
    "$CC" -E -P -I. -std=c11 -DGODWIT_EXPORT=@export@ -x c - | tr '\n' ' ' | sed 's/@export@/\n&/g' |
    sed -nE 's/^@export@[^;{]*[^a-z0-9_](godwit_[a-z0-9_]+) *[[(;].*/\1/p' | sort -u >"$temporary/declared"
node=GODWIT_$(readelf --dynamic "$build/libgodwit.so" | sed -n 's/.*SONAME.*libgodwit\.so\.\(.*\)\]/\1/p')
marks=$(grep -rhc --include='*.h' '^GODWIT_EXPORT' . | awk '{ sum += $1 } END { print sum }')

"$NM" --dynamic --defined-only --extern-only "$build/libgodwit.so" |
    awk '$2 != "A" { print $3 }' | sort -u >"$temporary/versioned"
sed "s/@@$node\$//" "$temporary/versioned" >"$temporary/exported"

status=0
if ! diff "$temporary/declared" "$temporary/exported"; then
    echo "^ < is declared with GODWIT_EXPORT but not exported, > is exported but not declared"
    status=1
fi
if grep -v "@@$node\$" "$temporary/versioned"; then
    echo "^ exported without the version $node"
    status=1
fi
if (($(wc -l <"$temporary/declared") != marks)); then
    echo "this test found $(wc -l <"$temporary/declared") names for $marks declarations that begin with GODWIT_EXPORT"
    status=1
fi
if "$NM" --defined-only --extern-only "$build/libgodwit.a" | awk 'NF == 3 { print $3 }' | grep -vE '^godwit_'; then
    echo "^ a global name in libgodwit.a that does not begin with godwit_"
    status=1
fi
if ((status == 0)); then echo "$marks exported functions"; fi
exit $status

#!/usr/bin/env bash
# Every public header compiles alone, twice over, as C99, C11 and C++17 without a warning: headers.sh BUILD SOURCE
set -euo pipefail
cd "$2/include"

warnings=(-Wall -Wextra -Wpedantic -Wundef -Wconversion -Werror -fsyntax-only)
failures=0
compile() { # HEADER LANGUAGE COMPILER FLAG...
    local header=$1 language=$2
    shift 2
    printf '#include <%s>\n#include <%s>\nint main (void);\n' "$header" "$header" |
        "$@" "${warnings[@]}" -I. -x "${language%%[0-9]*}" "-std=$language" - ||
        {
            echo "^ $header as $language"
            failures=$((failures + 1))
        }
}
count=0
while read -r header; do
    compile "$header" c99 "$CC" -Wshadow -Wstrict-prototypes
    compile "$header" c11 "$CC" -Wshadow -Wstrict-prototypes
    compile "$header" c++17 "$CXX" -Wold-style-cast
    count=$((count + 1))
done < <(find . -name '*.h' -printf '%P\n' | sort)

if ((failures || count == 0)); then exit 1; fi
echo "$count headers"

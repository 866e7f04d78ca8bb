#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every source file, script and CMake file says its licence in one of its first five lines: licence.sh BUILD SOURCE
set -euo pipefail
cd "$2"
line='SPDX-License-Identifier: Apache-2.0'

# What belongs to the tree: as git has it or, in a copy without git, all but the builds.
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard --deduplicate
    else
        find . -type f -not -path './build*' -not -path './.git/*' -printf '%P\n'
    fi
}

# A source file by its name, or a script by its first line; not data (.hex, .json, a corpus) and not a document (.md).
is_source() { # FILE
    local first
    case $1 in
        tests/fuzz/corpus/*) return 1 ;;
        *.c | *.h | *.cpp | *.sh | *.py | *.cmake | *.in | *.map | *.supp | *.[1-9] | CMakeLists.txt | */CMakeLists.txt) return 0 ;;
        *.md | *.hex | *.json | LICENSE) return 1 ;;
    esac
    IFS= read -rn 2 first <"$1" 2>/dev/null || true
    [[ $first == '#!' || $1 == .clang-* ]]
}

count=0
without=()
while IFS= read -r file; do
    if [[ ! -f $file ]] || ! is_source "$file"; then continue; fi
    count=$((count + 1))
    mapfile -tn 5 lines <"$file"
    if [[ "${lines[*]}" != *"$line"* ]]; then without+=("$file"); fi
done < <(files)

if ((count < 100)); then
    echo "only $count source files were found" >&2
    exit 1
fi
if ((${#without[@]})); then
    echo "${#without[@]} of $count files have no line \"$line\" (in a comment, at the top):" >&2
    printf '  %s\n' "${without[@]:0:20}" >&2
    if ((${#without[@]} > 20)); then echo "  ..." >&2; fi
    exit 1
fi
if ! grep -q 'Apache License' LICENSE || ! grep -q 'Version 2.0' LICENSE; then
    echo "LICENSE is not the text of the Apache License 2.0" >&2
    exit 1
fi
echo "$count files say their licence"

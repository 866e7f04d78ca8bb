#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every exported function and constant, and every public macro, has a manual page with a NAME line of its own. A page says which
# threads and which section of the contract it follows. All pages are clean for groff, and `man` finds them: man.sh BUILD SOURCE
set -euo pipefail
build=$1
source=$2
pages=$build/man
longest=80 # characters of a summary: whatis and apropos show one line
status=0

complain() {
    echo "$*" >&2
    status=1
}

# Sets text, a page without its headings, and summary, what its NAME line says.
read_page() { # PAGE
    local page
    page=$(<"$1")
    summary=${page#*.SH NAME$'\n'*' \- '}
    if [[ $summary == "$page" ]]; then summary=; fi
    summary=${summary%%$'\n'*}
    summary=${summary//\\-/-}
    summary=${summary//\\(aq/\'}
    text=${page//.SH OWNERSHIP AND THREADS/}
}

# A summary says what the function does, begins with a verb ("waits until ..."), and is no other function's.
check_summary() { # NAME
    local name=$1 words
    read -ra words <<<"$summary"
    if [[ ! $summary ]]; then
        complain "$name: its page has no summary, because its comment is missing"
        return
    fi
    if ((${#summary} > longest)); then complain "$name: its summary has ${#summary} characters, more than $longest: $summary"; fi
    if ((${#words[@]} < 3)); then complain "$name: its summary says too little: $summary"; fi
    if [[ $summary =~ ^([Tt]he same|[Aa]ll of|[Tt]hese|NULL|null|\"|accepts|borrowed|see|contract|for the macros) ]]; then
        complain "$name: its summary does not say what it is: $summary"
    fi
    if [[ $text == *$'\n'"$name ("* || $text == *$'\nLink with\n'* ]] && [[ ! $summary =~ ^[a-z]+s' ' ]]; then
        complain "$name: its summary does not begin with a verb, as in \"waits until\": $summary"
    fi
    if [[ ${named[$summary]:-} ]]; then complain "$name and ${named[$summary]} have the same summary: $summary"; fi
    named[$summary]=$name
}
declare -A named=()

shopt -s nullglob
libraries=("$build"/libgodwit.so "$build"/libgodwit-*.so) # the components that are built
includes=(-I"$source/include")
component_headers=()
for library in "${libraries[@]:1}"; do
    folder=$source/components/$(basename "$library" .so | sed 's/libgodwit-//')/include
    includes+=(-I"$folder")
    component_headers+=("$folder"/godwit/*.h)
done

exported=$("${NM:-nm}" -D --defined-only "${libraries[@]}" | awk '$2 ~ /^[TBDR]$/ {print $3}' | sed 's/@.*//' | sort)
# Macros of users': not those of export.h, which mark declarations, nor those whose name ends in '_'.
macros=$({
    printf '#include <godwit/%s.h>\n' godwit testing
    for header in "${component_headers[@]}"; do echo "#include \"$header\""; done
} | "${CC:-cc}" "${includes[@]}" -E -dM -x c - |
    sed -nE 's/^#define (GODWIT_[A-Z_]*[A-Z])\b.*/\1/p' | grep -v '_H$' |
    grep -vxFf <(sed -nE 's/^ *#define (\w+).*/\1/p' "$source/include/godwit/export.h") | sort)
for names in "$exported" "$macros"; do
    if (($(wc -l <<<"$names") < 20)); then complain "too few names were found: $names"; fi
done

for name in $exported $macros; do
    page=$pages/man3/$name.3
    if [[ ! -s $page ]]; then
        complain "$name has no manual page"
        continue
    fi
    read_page "$page"
    check_summary "$name"
    [[ $text == *[Tt]hread* ]] || complain "$name: neither its comment nor its header says which threads may call it"
    [[ $text =~ [Cc]ontract|docs/|[Ss]pecification ]] || complain "$name: no source of its behaviour is given"
done
for page in "$pages"/man7/*.7; do
    read_page "$page"
    if [[ ! $summary ]] || ((${#summary} > longest)); then complain "$page: its summary is missing or too long: $summary"; fi
done

# Every duration and size in a prototype says its unit.
if grep -nE '\b(int|int64_t|uint64_t) (timeout|delay|interval|period)\b' "$source"/include/godwit/*.h "${component_headers[@]}"; then
    complain "a duration without its unit"
fi

warnings=$(groff -man -Tutf8 -wall -wmac -z "$pages"/man[137]/* 2>&1 || true)
if [[ $warnings ]]; then complain "groff: $(head -5 <<<"$warnings")"; fi

for page in "$source"/tools/godwit/*.1; do # those of components may be left out
    page=man1/$(basename "$page")
    [[ -s $pages/$page || ($page == */godwit-spool.1 && ! -e $build/libgodwit-spool.so) ]] || complain "there is no $page"
done
[[ -s $pages/man7/godwit.7 ]] || complain "there is no man7/godwit.7"
for name in godwit_client_call GODWIT_ARGS; do
    man -P cat -M "$pages" 3 $name >/dev/null || complain "man 3 $name shows no page"
done
exit $status

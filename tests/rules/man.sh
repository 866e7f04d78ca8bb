#!/usr/bin/env bash
# Every exported function has a manual page, which says which threads and which section of the contract it follows;
# all pages are clean for groff, and `man` finds them: man.sh BUILD SOURCE
set -euo pipefail
build=$1
source=$2
pages=$build/man
status=0

complain() {
    echo "$*" >&2
    status=1
}

while read -r function; do
    page=$pages/man3/$function.3
    if [[ ! -s $page ]]; then
        complain "$function has no manual page"
        continue
    fi
    grep -qiE 'thread' "$page" || complain "$function: neither its comment nor its header says which threads may call it"
    grep -qE '[Cc]ontract|docs/|[Ss]pecification' "$page" || complain "$function: no source of its behaviour is given"
    case $(sed -n '/^.SH NAME/{n;p}' "$page") in
        *' \- '?*) ;;
        *) complain "$function: its page has no summary, because its comment is missing" ;;
    esac
done < <("${NM:-nm}" -D --defined-only "$build/libgodwit.so" | awk '$2 == "T" {print $3}' | sed 's/@.*//')

# Every duration and size in a prototype says its unit.
if grep -nE '\b(int|int64_t|uint64_t) (timeout|delay|interval|period)\b' "$source"/include/godwit/*.h; then
    complain "a duration without its unit"
fi

warnings=$(groff -man -Tutf8 -wall -z "$pages"/man[137]/* 2>&1 || true)
if [[ $warnings ]]; then complain "groff: $(head -5 <<<"$warnings")"; fi

for page in 'man1/godwit.1' 'man1/godwit-matchmaker.1'; do
    [[ -s $pages/$page ]] || complain "there is no $page"
done
man -P cat -M "$pages" 3 godwit_client_call >/dev/null || complain "man 3 godwit_client_call shows no page"
exit $status

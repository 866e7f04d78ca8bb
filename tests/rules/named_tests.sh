#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every row of the tables of docs/contract.md, docs/differences.md, docs/monitoring.md, docs/reliability.md and docs/zmtp.md names a
# test, and every test that they, SECURITY.md, docs/abi.md, docs/notifications.md, docs/security.md, docs/spool.md or
# docs/tracing.md name exists:
# named_tests.sh BUILD SOURCE. In docs/security.md that holds for the tables that have a column for tests.
set -euo pipefail
# shellcheck disable=SC2016 # the backticks are the pages'
tests='`(contract|conformance|interop|spool|otlp|unit|e2e|faults|fuzz|hosts|rules|example|release)\.[a-z0-9_.-]+`'
build=$1
status=0

known=$(ctest --test-dir "$build" --show-only | sed -n 's/.*Test *#[0-9]*: *//p')
pages=("$2"/docs/{abi,contract,differences,monitoring,notifications,reliability,security,zmtp}.md "$2"/SECURITY.md)
if grep -q '^spool\.' <<<"$known"; then pages+=("$2/docs/spool.md"); else no_spool=1; fi # the component
if grep -q '^otlp\.' <<<"$known"; then pages+=("$2/docs/tracing.md"); fi
# The rows of its tables, each with its line.
rows_of() { # PAGE
    awk -v only_with_tests="$([[ $1 == */security.md ]] && echo 1)" '
        !/^\|/ {is_inside = 0; next}
        !is_inside {is_inside = 1; is_wanted = !only_with_tests || /\| test \|$/}
        is_wanted {print FNR ": " $0}' "$1"
}

for page in "${pages[@]}"; do
    while read -r name; do
        if [[ ${no_spool:-} && $name == spool.* ]]; then continue; fi
        if ! grep -qxF "$name" <<<"$known"; then
            echo "$page names $name, which is no test" >&2
            status=1
        fi
    done < <(grep -oE "$tests" "$page" | tr -d '`' | sort -u)

    if [[ $page == */@(abi|notifications|spool|tracing|SECURITY).md ]]; then continue; fi
    # A row of a table, which is no heading and no rule below one, ends with its tests.
    if rows_of "$page" | grep -vE "\| (---|test) \|\$|$tests \|\$"; then
        echo "$page: these rows name no test" >&2
        status=1
    fi
done
exit $status

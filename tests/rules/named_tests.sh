#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every row of the tables of docs/contract.md, docs/differences.md, docs/reliability.md and docs/zmtp.md names a test, and
# every test that they, docs/abi.md, docs/notifications.md, docs/security.md or docs/spool.md name exists: named_tests.sh BUILD SOURCE
set -euo pipefail
# shellcheck disable=SC2016 # the backticks are the pages'
tests='`(contract|conformance|interop|spool|unit|e2e|faults|fuzz|hosts|rules|example|release)\.[a-z0-9_.-]+`'
build=$1
status=0

known=$(ctest --test-dir "$build" --show-only | sed -n 's/.*Test *#[0-9]*: *//p')
pages=("$2"/docs/{abi,contract,differences,notifications,reliability,security,zmtp}.md)
if grep -q '^spool\.' <<<"$known"; then pages+=("$2/docs/spool.md"); else no_spool=1; fi # the component
for page in "${pages[@]}"; do
    while read -r name; do
        if [[ ${no_spool:-} && $name == spool.* ]]; then continue; fi
        if ! grep -qxF "$name" <<<"$known"; then
            echo "$page names $name, which is no test" >&2
            status=1
        fi
    done < <(grep -oE "$tests" "$page" | tr -d '`' | sort -u)

    if [[ $page == */@(abi|notifications|security|spool).md ]]; then continue; fi
    # A row of a table, which is no heading and no rule below one, ends with its tests.
    if grep -nE '^\|' "$page" | grep -vE "\| (---|test) \|\$|$tests \|\$"; then
        echo "$page: these rows name no test" >&2
        status=1
    fi
done
exit $status

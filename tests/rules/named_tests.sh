#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every row of the tables of docs/contract.md, docs/differences.md, docs/reliability.md and docs/zmtp.md names a test, and
# every test that they, docs/abi.md or docs/notifications.md name exists: named_tests.sh BUILD SOURCE
set -euo pipefail
# shellcheck disable=SC2016 # the backticks are the pages'
tests='`(contract|conformance|interop|unit|e2e|faults|fuzz|hosts|rules|example|release|spool)\.[a-z0-9_.-]+`'
build=$1
status=0

known=$(ctest --test-dir "$build" --show-only | sed -n 's/.*Test *#[0-9]*: *//p')
for page in "$2"/docs/{abi,contract,differences,notifications,reliability,zmtp}.md; do
    while read -r name; do
        if ! grep -qxF "$name" <<<"$known"; then
            echo "$page names $name, which is no test" >&2
            status=1
        fi
    done < <(grep -oE "$tests" "$page" | tr -d '`' | sort -u)

    if [[ $page == */abi.md || $page == */notifications.md ]]; then continue; fi
    # A row of a table, which is no heading and no rule below one, ends with its tests.
    if grep -nE '^\|' "$page" | grep -vE "\| (---|test) \|\$|$tests \|\$"; then
        echo "$page: these rows name no test" >&2
        status=1
    fi
done
exit $status

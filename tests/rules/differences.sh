#!/usr/bin/env bash
# Every row of docs/differences.md names a test, and every test that it names exists: differences.sh BUILD SOURCE
set -euo pipefail
# shellcheck disable=SC2016 # the backticks are the page's
tests='`(contract|conformance|unit|e2e|rules|example)\.[a-z0-9_.-]+`'
build=$1
page=$2/docs/differences.md
status=0

known=$(ctest --test-dir "$build" --show-only | sed -n 's/.*Test *#[0-9]*: *//p')
while read -r name; do
    if ! grep -qxF "$name" <<<"$known"; then
        echo "$page names $name, which is no test" >&2
        status=1
    fi
done < <(grep -oE "$tests" "$page" | tr -d '`' | sort -u)

# A row of a table, which is no heading and no rule below one, ends with its tests.
if grep -nE '^\|' "$page" | grep -vE "\| (---|test) \|\$|$tests \|\$"; then
    echo "these rows name no test" >&2
    status=1
fi
exit $status

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a test program with nodes of the last release and of the working tree: mixed.sh BUILD SOURCE PROGRAM OPTION...
# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
shift 2

export RELEASE_NODE=$release/node RELEASE_TOOL=$release/build/tools/godwit RELEASE_LIBRARY=$release/build
exec "$@"

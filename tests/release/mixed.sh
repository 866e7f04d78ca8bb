#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a test program with nodes of the last release and of the working tree: mixed.sh BUILD SOURCE PROGRAM OPTION...
# With both=1 the nodes of the release run with the library of the working tree instead.
. "$(dirname "$0")/release.sh"
shift 2

export RELEASE_NODE=$release/node RELEASE_TOOL=$release/build/tools/godwit RELEASE_LIBRARY=$release/build
if [[ ${both:-} ]]; then export RELEASE_LIBRARY=$build; fi
exec "$@"

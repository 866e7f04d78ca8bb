#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lives of connections of the engine, with seeds that are always the same: interleavings.sh BUILD SOURCE
# GODWIT_LIVES says how many; a million is what a change of the engine is worth.
set -euo pipefail
"$1/tests/faults/interleavings" --seed 1 --count "${GODWIT_LIVES:-5000}"
# A link that went down with more left to read than a leader reads at once, and the driver's reactor leads.
"$1/tests/faults/interleavings" --seed 73593 --count 1

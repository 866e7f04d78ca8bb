/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/matchmaker_conformance.h"

static const world_kind_t local = {&godwit__matchmaker_local, &godwit__inproc_driver};

MATCHMAKER_CONFORMANCE (local_matchmaker, &local)

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"inproc", "", false, NULL};
static const core_kind_t one_transport = {"inproc", "", true, NULL};

CORE_CONFORMANCE (core_inproc, &two_transports)
CORE_CONFORMANCE (core_inproc_shared, &one_transport)
CORE_STRESS (core_inproc, &two_transports)
CORE_STRESS (core_inproc_shared, &one_transport)

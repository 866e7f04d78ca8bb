/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"zmq", "", false};
static const core_kind_t one_transport = {"zmq", "", true};

CORE_CONFORMANCE (core_zmq, &two_transports)
CORE_CONFORMANCE (core_zmq_shared, &one_transport)

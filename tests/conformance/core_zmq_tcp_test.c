/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"zmq", "?paths=tcp&insecure=true", false, NULL};
static const core_kind_t one_transport = {"zmq", "?paths=tcp&insecure=true", true, NULL};

CORE_CONFORMANCE (core_zmq_tcp, &two_transports)
CORE_CONFORMANCE (core_zmq_tcp_shared, &one_transport)
CORE_STRESS (core_zmq_tcp, &two_transports)

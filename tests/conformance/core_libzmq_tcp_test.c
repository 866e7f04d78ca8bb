/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"zmq+libzmq", "?paths=tcp&insecure=true", false, NULL};
static const core_kind_t one_transport = {"zmq+libzmq", "?paths=tcp&insecure=true", true, NULL};

CORE_CONFORMANCE (core_libzmq_tcp, &two_transports)
CORE_CONFORMANCE (core_libzmq_tcp_shared, &one_transport)
CORE_STRESS (core_libzmq_tcp, &two_transports)

/* SPDX-License-Identifier: Apache-2.0 */
/* The engine and the driver on libzmq in one cluster: either serves the other. */
#include "tests/conformance/core_conformance.h"

static const core_kind_t served_by_libzmq = {"zmq+libzmq", "?paths=tcp&insecure=true", false, "zmq"};
static const core_kind_t served_by_engine = {"zmq", "?paths=tcp&insecure=true", false, "zmq+libzmq"};

CORE_CONFORMANCE (core_libzmq_serves_tcp, &served_by_libzmq)
CORE_CONFORMANCE (core_engine_serves_tcp, &served_by_engine)
CORE_STRESS (core_libzmq_serves_tcp, &served_by_libzmq)
CORE_STRESS (core_engine_serves_tcp, &served_by_engine)

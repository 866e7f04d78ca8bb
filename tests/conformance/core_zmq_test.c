/* SPDX-License-Identifier: Apache-2.0 */
/* As programs use it. In one process the shortest path is inproc: one transport that reaches itself is tried
 * in core_inproc_test.c and core_zmq_tcp_test.c. */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"zmq", "", false, NULL};

CORE_CONFORMANCE (core_zmq, &two_transports)
CORE_STRESS (core_zmq, &two_transports)

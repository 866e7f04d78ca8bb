/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_conformance.h"

static const core_kind_t two_transports = {"zmq+libzmq", "?paths=ipc", false, NULL};

CORE_CONFORMANCE (core_libzmq_ipc, &two_transports)
CORE_STRESS (core_libzmq_ipc, &two_transports)

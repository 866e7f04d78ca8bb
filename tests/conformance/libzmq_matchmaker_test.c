/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/rendezvous_conformance.h"

static const world_kind_t over_libzmq = {&godwit__matchmaker_rendezvous, &godwit__zmq_driver};

RENDEZVOUS_CONFORMANCE (rendezvous_over_libzmq, &over_libzmq)

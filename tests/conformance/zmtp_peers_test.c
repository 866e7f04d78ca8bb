/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/peers_conformance.h"

static const driver_conformance_t subject = {
    .ops = &godwit__zmtp_driver, .address_count = 2, .needs_reactor = true};

PEERS_CONFORMANCE (zmtp_peers, &subject)

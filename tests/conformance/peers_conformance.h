/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for a driver with a network whatever becomes of its peers. An instance:
 *
 *   static const driver_conformance_t subject = {.ops = &godwit__..._driver, .address_count = 2};
 *   PEERS_CONFORMANCE (its_peers, &subject)
 */
#ifndef GODWIT_TESTS_PEERS_CONFORMANCE_H
#define GODWIT_TESTS_PEERS_CONFORMANCE_H

#include "tests/conformance/driver_conformance.h"

#define PEERS_CONFORMANCE_LIST(X, suite_, subject_)                                                          \
    X (suite_, subject_, the_death_of_a_process_is_seen_at_once)                                             \
    X (suite_, subject_, a_process_that_stops_is_down_after_the_heartbeat_timeout)                           \
    X (suite_, subject_, two_processes_cannot_listen_at_one_address)                                         \
    X (suite_, subject_, a_listener_that_says_nothing_is_down_in_time)                                       \
    X (suite_, subject_, a_link_that_connects_has_no_room_yet)                                               \
    X (suite_, subject_, a_peer_that_floods_and_dies_does_no_harm)

#define PEERS_CONFORMANCE_DECLARE(suite_, subject_, name_)                                                   \
    void peers_conformance_##name_ (const driver_conformance_t *subject);
PEERS_CONFORMANCE_LIST (PEERS_CONFORMANCE_DECLARE, , )

#define PEERS_CONFORMANCE_TEST(suite_, subject_, name_)                                                      \
    Test (suite_, name_, .timeout = 60)                                                                      \
    {                                                                                                        \
        peers_conformance_##name_ (subject_);                                                                \
    }
#define PEERS_CONFORMANCE(suite_, subject_) PEERS_CONFORMANCE_LIST (PEERS_CONFORMANCE_TEST, suite_, subject_)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite of drivers: every sentence of src/interface/driver.h, for any driver. An instance is
 * a file with
 *
 *   static const driver_conformance_t subject = {.ops = &godwit__..._driver, ...};
 *   DRIVER_CONFORMANCE (subject)
 */
#ifndef GODWIT_TESTS_DRIVER_CONFORMANCE_H
#define GODWIT_TESTS_DRIVER_CONFORMANCE_H

#include "src/interface/driver.h"

#include <criterion/criterion.h>

struct side;

typedef struct driver_conformance {
    const godwit__driver_ops_t *ops;
    /* Writes an address that open_port can be told to listen at, and that nobody uses. */
    void (*make_address) (char address[GODWIT__ADDRESS_SIZE]);
    /* One that open_link tries, and at which nobody will ever listen. */
    const char *dead_address;
    /* Which of a port's addresses the suite uses; a case runs with each. */
    size_t address_count;
    /* What does not fit into the system's buffers is written by the reactor: it runs while the test waits. */
    bool needs_reactor;
    /* Of a driver with a time of its own; NULL for others. Opens reactor and driver of a side, closes them,
     * and lets a little time pass for both (true: it may be worth doing so again at once). */
    void (*open_side) (struct side *side, const godwit__driver_options_t *options);
    void (*close_side) (struct side *side);
    bool (*turn) (void);
    bool in_realm; /* a publisher has to be told which topics keys belong to */
} driver_conformance_t;

/* What one thread can do; and what needs several, or measures time by the system's clock. */
#define DRIVER_CONFORMANCE_ONE_THREAD_LIST(X)                                                                \
    X (speaks_its_own_addresses)                                                                             \
    X (frames_travel_both_ways)                                                                              \
    X (large_frames)                                                                                         \
    X (inserts_travel_in_place)                                                                              \
    X (inserts_are_given_back_once)                                                                          \
    X (lent_bytes_are_given_back_once)                                                                       \
    X (too_large_is_refused)                                                                                 \
    X (too_large_for_the_peer_costs_the_link)                                                                \
    X (routing_ids_tell_links_apart)                                                                         \
    X (a_dead_address_is_down_once)                                                                          \
    X (a_closed_port_is_down_once)                                                                           \
    X (what_had_arrived_is_received_after_down)                                                              \
    X (nothing_is_delivered_after_down)                                                                      \
    X (a_gone_routing_id_is_closed)                                                                          \
    X (a_watched_port_tells_of_links_that_are_gone)                                                          \
    X (closing_with_traffic_in_flight)                                                                       \
    X (an_address_in_use)                                                                                    \
    X (everything_is_given_back)                                                                             \
    X (what_was_queued_leaves_with_flush)                                                                    \
    X (what_was_queued_leaves_with_what_is_sent)                                                             \
    X (it_knows_of_frames_that_came_together)                                                                \
    X (what_stays_is_read_until_its_flush)                                                                   \
    X (queue_says_what_send_says)                                                                            \
    X (a_queue_that_nobody_flushes_says_again)                                                               \
    X (ready_comes_when_there_is_something)                                                                  \
    X (no_ready_comes_after_detach)                                                                          \
    X (a_full_link_tells_a_reactor_of_room)                                                                  \
    X (a_reactor_leads)                                                                                      \
    X (publications_reach_who_subscribed)                                                                    \
    X (publications_of_many_sizes)                                                                           \
    X (publications_with_inserts)                                                                            \
    X (news_of_subscriptions)                                                                                \
    X (a_publisher_can_disconnect)                                                                           \
    X (a_late_publisher_hears_of_keys_first)                                                                 \
    X (a_full_subscriber_stops_the_publisher)                                                                \
    X (publications_and_frames_are_both_received)

#define DRIVER_CONFORMANCE_THREADS_LIST(X)                                                                   \
    X (frames_are_whole_and_in_order)                                                                        \
    X (a_full_link_says_again_until_there_is_room)                                                           \
    X (a_full_port_says_again_until_there_is_room)                                                           \
    X (wake_ends_the_wait_that_runs_or_the_next)                                                             \
    X (wait_ends_at_its_timeout)                                                                             \
    X (down_ends_a_wait)                                                                                     \
    X (queue_and_send_keep_their_order)                                                                      \
    X (another_reactor_can_lead)                                                                             \
    X (a_thread_can_lead_where_a_source_is_attached)                                                         \
    X (no_wake_up_is_lost_while_others_send)                                                                 \
    X (no_wake_up_is_lost_while_workers_answer)

#define DRIVER_CONFORMANCE_LIST(X)                                                                           \
    DRIVER_CONFORMANCE_ONE_THREAD_LIST (X)                                                                   \
    DRIVER_CONFORMANCE_THREADS_LIST (X)

#define DRIVER_CONFORMANCE_DECLARE(name) void driver_conformance_##name (const driver_conformance_t *subject);
DRIVER_CONFORMANCE_LIST (DRIVER_CONFORMANCE_DECLARE)

#define DRIVER_CONFORMANCE_TEST(name)                                                                        \
    Test (driver, name, .timeout = 60)                                                                       \
    {                                                                                                        \
        driver_conformance_##name (driver_conformance_subject);                                              \
    }
#define DRIVER_CONFORMANCE(subject)                                                                          \
    static const driver_conformance_t *const driver_conformance_subject = &(subject);                        \
    DRIVER_CONFORMANCE_LIST (DRIVER_CONFORMANCE_TEST)

/* For a driver that belongs to one thread. */
#define DRIVER_CONFORMANCE_ONE_THREAD(subject)                                                               \
    static const driver_conformance_t *const driver_conformance_subject = &(subject);                        \
    DRIVER_CONFORMANCE_ONE_THREAD_LIST (DRIVER_CONFORMANCE_TEST)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How long a method usually takes, and requests that have less time left: the run_time by itself, and servers
 * whose clock is moved by their handlers. */
#include "src/server/run_time.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <godwit/client.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define MS GODWIT__NS_PER_MS

/* ---- the run_time ---- */

static void
run (godwit__run_time_t *run_time, int64_t duration_ns, int times)
{
    for (int i = 0; i < times; i++)
        if (godwit__run_time_concerns (run_time, duration_ns))
            godwit__run_time_add (run_time, duration_ns);
}

Test (run_time, needs_eight_long_runs)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    run (&run_time, 200 * MS, 7);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 0);
    run (&run_time, 200 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 200 * MS);
}

Test (run_time, is_of_no_concern_to_short_methods)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    cr_assert_not (godwit__run_time_concerns (&run_time, MS - 1));
    /* A busy machine: seven times in a row is the most that it is held up. */
    for (int i = 0; i < 100; i++) {
        run (&run_time, 50 * MS, 7);
        run (&run_time, MS / 10, 1);
        cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 0);
        cr_assert_not (godwit__run_time_concerns (&run_time, MS / 10));
    }
}

Test (run_time, begins_with_the_shortest)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    run (&run_time, 60000 * MS, 1); /* the first one: everything was cold, and somebody had stopped it */
    run (&run_time, 20 * MS, 5);
    run (&run_time, 10 * MS, 1);
    run (&run_time, 30 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 10 * MS);
}

Test (run_time, one_outlier_changes_little)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    run (&run_time, 16 * MS, 8);
    run (&run_time, 60000 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 18 * MS);
    run (&run_time, 16 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 17 * MS);
}

Test (run_time, falls_fast_and_rises_slowly)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    run (&run_time, 200 * MS, 8);
    run (&run_time, 2 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 101 * MS);
    run (&run_time, MS / 100, 7);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 0); /* short, as if it had never been long */
    run (&run_time, 200 * MS, 7);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 0);
    run (&run_time, 100 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 100 * MS);
    run (&run_time, 1000 * MS, 1);
    cr_assert_eq (godwit__run_time_estimate_ns (&run_time), 100 * MS + 100 * MS / 8);
    run (&run_time, 1000 * MS, 100);
    cr_assert_geq (godwit__run_time_estimate_ns (&run_time), 990 * MS);
    cr_assert_leq (godwit__run_time_estimate_ns (&run_time), 1000 * MS);
}

/* One of four is short: those that could be done in 20 ms are not refused because of the others. */
Test (run_time, stays_near_the_short_ones)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    run (&run_time, 200 * MS, 8);
    for (int i = 0; i < 50; i++) {
        run (&run_time, 2 * MS, 1);
        run (&run_time, 200 * MS, 3);
    }
    cr_assert_leq (godwit__run_time_estimate_ns (&run_time), 20 * MS);
}

Test (run_time, is_not_believed_for_ever)
{
    godwit__run_time_t run_time;
    godwit__run_time_init (&run_time);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < GODWIT__RUN_TIME_REFUSALS; i++)
            cr_assert (godwit__run_time_refuses (&run_time));
        cr_assert_not (godwit__run_time_refuses (&run_time));
    }
    /* A run that is measured says so as well. */
    cr_assert (godwit__run_time_refuses (&run_time));
    run (&run_time, 200 * MS, 1);
    for (int i = 0; i < GODWIT__RUN_TIME_REFUSALS; i++)
        cr_assert (godwit__run_time_refuses (&run_time));
    cr_assert_not (godwit__run_time_refuses (&run_time));
}

/* ---- servers: their methods take as long as they say ---- */

static _Atomic (int64_t) hand_ns;

static int64_t
read_hand (void *user)
{
    (void) user;
    return atomic_load (&hand_ns);
}

static const godwit__clock_t hand = {.now_ns = read_hand};

typedef struct world {
    raw_server_t raw;
    uint64_t id;
} world_t;

static void
start (world_t *world, const godwit__driver_ops_t *driver)
{
    atomic_store (&hand_ns, INT64_C (1000000) * MS);
    raw_server_start_at (&world->raw, driver, hand, NULL);
    world->id = 0;
}

/* A run is measured after its reply was sent. */
static void
await_measured (world_t *world)
{
    godwit__pool_t *const pool = world->raw.transport->pool;
    for (bool is_over = false; !is_over; sched_yield ()) {
        godwit__pool_lock (pool);
        is_over = world->raw.server->active == 0;
        godwit__pool_unlock (pool);
    }
}

/* What comes of a call of a method that takes x ms, with a budget in ms (0: none). */
static raw_answer_t
call (world_t *world, const char *method, int64_t x, uint32_t budget_ms)
{
    godwit__header_t header = raw_header_of (&world->raw, ++world->id);
    header.budget_ms = budget_ms;
    raw_request (&world->raw.peer, &header, method, x);
    raw_answer_t answer = raw_receive (&world->raw.peer, RAW_WAIT_LIMIT_NS);
    cr_assert (answer.came);
    cr_assert_eq (answer.header.id, world->id);
    await_measured (world);
    return answer;
}

static void
expect_run (world_t *world, const char *method, int64_t x, uint32_t budget_ms)
{
    const unsigned ran = raw_server_count (&world->raw, &world->raw.ran);
    raw_answer_t answer = call (world, method, x, budget_ms);
    cr_assert_eq (answer.header.type, GODWIT__REPLY, "type %u", answer.header.type);
    raw_answer_release (&answer);
    cr_assert_eq (raw_server_count (&world->raw, &world->raw.ran), ran + 1);
}

static void
expect_refusal (world_t *world, const char *method, uint32_t budget_ms, const char *says)
{
    const unsigned ran = raw_server_count (&world->raw, &world->raw.ran);
    raw_answer_t answer = call (world, method, 0, budget_ms);
    cr_assert_eq (answer.header.type, GODWIT__NACK, "type %u", answer.header.type);
    cr_assert_eq (answer.header.aux, GODWIT__NACK_EXPIRED);
    cr_assert_str_eq (godwit_value_as_str (answer.body, ""), says);
    raw_answer_release (&answer);
    cr_assert_eq (raw_server_count (&world->raw, &world->raw.ran), ran);
}

RAW_TEST (what_cannot_be_done_in_time_is_refused)
{
    world_t world;
    godwit_transport_stats_t stats;
    start (&world, driver);
    world.raw.hand_ns = &hand_ns;
    for (int i = 0; i < 8; i++)
        expect_run (&world, "take", 200, 50); /* while nobody can know, it is tried */
    for (int i = 0; i < 8; i++)
        expect_refusal (&world, "take", 50, "50 ms are left, and the method usually takes 200 ms");
    expect_run (&world, "take", 200, 50); /* and once in a while again */
    expect_refusal (&world, "take", 50, "50 ms are left, and the method usually takes 200 ms");
    expect_refusal (&world, "take", 199, "199 ms are left, and the method usually takes 200 ms");
    expect_run (&world, "take", 200, 300);
    expect_run (&world, "take", 200, 0); /* it does not expire */
    expect_run (&world, "echo", 0, 1);
    godwit_transport_stats (world.raw.transport, &stats, sizeof stats);
    cr_assert_eq (stats.requests_refused, 10);
    raw_server_end (&world.raw);
}

RAW_TEST (a_method_that_became_fast_is_called_again)
{
    world_t world;
    start (&world, driver);
    world.raw.hand_ns = &hand_ns;
    for (int i = 0; i < 8; i++)
        expect_run (&world, "take", 200, 1000);
    int refused = 0;
    for (int ran = 0; ran < 20;) {
        raw_answer_t answer = call (&world, "take", 0, 50);
        refused += answer.header.type == GODWIT__NACK;
        ran = answer.header.type == GODWIT__NACK ? 0 : ran + 1;
        raw_answer_release (&answer);
        cr_assert_leq (refused, 3 * GODWIT__RUN_TIME_REFUSALS, "it is not believed");
    }
    cr_assert_geq (refused, GODWIT__RUN_TIME_REFUSALS);
    raw_server_end (&world.raw);
}

RAW_TEST (casts_and_late_ones_always_run)
{
    world_t world;
    start (&world, driver);
    world.raw.hand_ns = &hand_ns;
    for (int i = 0; i < 20; i++)
        expect_run (&world, "take_late", 200, 50);
    for (int i = 0; i < 8; i++)
        expect_run (&world, "take", 200, 1000);
    for (unsigned i = 1; i <= 20; i++) {
        const unsigned ran = raw_server_count (&world.raw, &world.raw.ran);
        godwit__header_t header = raw_header_of (&world.raw, ++world.id);
        header.flags = GODWIT__FLAG_CAST;
        raw_request (&world.raw.peer, &header, "take", 200);
        raw_server_await (&world.raw, &world.raw.ran, ran + 1);
        await_measured (&world);
    }
    raw_server_end (&world.raw);
}

/* A request that was kept takes until its reply. */
RAW_TEST (kept_requests_count_until_their_reply)
{
    world_t world;
    start (&world, driver);
    for (size_t i = 0; i < 8; i++) {
        const godwit__header_t header = raw_header_of (&world.raw, ++world.id);
        raw_request (&world.raw.peer, &header, "keep", 0);
        raw_server_await_kept (&world.raw, i + 1);
        await_measured (&world); /* the handler has returned */
        atomic_fetch_add (&hand_ns, 300 * MS);
        cr_assert_eq (godwit_request_reply (world.raw.kept[i], GODWIT_NIL (NULL)), GODWIT_OK);
        cr_assert (raw_expect (&world.raw.peer, GODWIT__REPLY, world.id));
        atomic_fetch_add (&hand_ns, 5000 * MS); /* what is done after that is nobody's time */
        godwit_request_destroy (&world.raw.kept[i]);
    }
    expect_refusal (&world, "keep", 100, "100 ms are left, and the method usually takes 300 ms");
    raw_server_end (&world.raw);
}

/* How long failures take, and what was given up, says nothing about the others. */
RAW_TEST (failures_and_what_is_cut_short_do_not_count)
{
    world_t world;
    start (&world, driver);
    world.raw.hand_ns = &hand_ns;
    for (int i = 0; i < 8; i++)
        expect_run (&world, "take", 200, 1000);
    for (int i = 0; i < 8; i++) {
        raw_answer_t answer = call (&world, "take", -1, 1000); /* it fails, at once */
        cr_assert_eq (answer.header.type, GODWIT__FAILURE);
        raw_answer_release (&answer);
    }
    expect_refusal (&world, "take", 50, "50 ms are left, and the method usually takes 200 ms");

    for (size_t i = 0; i < 16; i++) {
        const godwit__header_t header = raw_header_of (&world.raw, ++world.id);
        raw_request (&world.raw.peer, &header, "keep", 0);
        raw_server_await_kept (&world.raw, i + 1);
        await_measured (&world); /* the handler has returned */
        atomic_fetch_add (&hand_ns, 100 * MS);
        cr_assert_not (godwit_request_is_cancelled (world.raw.kept[i]));
        raw_header (
            &world.raw.peer,
            &(godwit__header_t){.type = GODWIT__CANCEL, .target = world.raw.server->id, .id = world.id});
        raw_header (&world.raw.peer, &(godwit__header_t){.type = GODWIT__PING, .id = 1});
        cr_assert (raw_expect (&world.raw.peer, GODWIT__PONG, 1));
        cr_assert (godwit_request_is_cancelled (world.raw.kept[i]));
        cr_assert_eq (godwit_request_reply (world.raw.kept[i], GODWIT_NIL (NULL)), GODWIT_OK);
        cr_assert (raw_expect (&world.raw.peer, GODWIT__REPLY, world.id));
        godwit_request_destroy (&world.raw.kept[i]);
    }
    const godwit__header_t header = {
        .type = GODWIT__REQUEST, .target = world.raw.server->id, .id = ++world.id, .budget_ms = 10};
    raw_request (&world.raw.peer, &header, "keep", 0);
    raw_server_await_kept (&world.raw, 17); /* nothing is known about it */
    godwit_request_destroy (&world.raw.kept[16]);
    raw_server_end (&world.raw);
}

/* Together: the client is told at once, and what it makes of it. */
Test (run_time, a_client_is_told_why)
{
    world_t world;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    start (&world, &godwit__inproc_driver);
    world.raw.hand_ns = &hand_ns;
    for (int i = 0; i < 8; i++)
        expect_run (&world, "take", 200, 1000);
    const unsigned ran = raw_server_count (&world.raw, &world.raw.ran);
    cr_assert_eq (godwit_client_new (&client, world.raw.transport, GODWIT_TARGET (.topic = "calc"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = 50), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_wait_servers (client, 1, 20000, NULL), GODWIT_OK);
    cr_assert_eq (
        godwit_client_call (client, NULL, "take", GODWIT_ARGS (GODWIT_INT ("x", 200)), NULL, &error),
        GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_REJECTED);
    static const char says[] =
        "No reply within 50 ms: the server refused it: 50 ms are left, and the method "
        "usually takes 200 ms; method \"take\" of <Target topic=calc>, server \"one\" at ";
    cr_assert (!strncmp (godwit_error_message (error), says, sizeof says - 1), "%s",
               godwit_error_message (error));
    godwit_error_destroy (&error);
    cr_assert_eq (raw_server_count (&world.raw, &world.raw.ran), ran);
    godwit_client_destroy (&client);
    raw_server_end (&world.raw);
}

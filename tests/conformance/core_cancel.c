/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that give up, and handlers that hear of it. */
#include "tests/conformance/core_conformance.h"

static godwit_client_t *
with_timeout (godwit_client_t *client, int64_t timeout_ms)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.timeout_ms = timeout_ms), &error));
    return other;
}

static uint64_t
cancelled_count (godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return stats.requests_cancelled;
}

/* On a busy machine the time may be spent before the request runs: then a longer one. The handler knows when
 * it is spent, too, and its reply may still be in time. */
static void
call_until_it_runs (core_t *core)
{
    for (int64_t timeout_ms = 50; service_get (&core->one, &core->one.runs) == 0; timeout_ms *= 2) {
        godwit_client_t *hasty = with_timeout (core->client, timeout_ms);
        const godwit_status_t status = godwit_client_call (hasty, NULL, "watch", GODWIT_NO_ARGS, NULL, NULL);
        cr_assert (status == GODWIT_ERR_TIMEOUT || status == GODWIT_OK, "%s", godwit_status_type (status));
        godwit_client_destroy (&hasty);
    }
}

void
core_a_caller_whose_time_is_spent_is_missed (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    call_until_it_runs (&core);
    service_wait (&core.one, &core.one.told, 1);
    cr_assert_geq (cancelled_count (core.serving), 1u);
    core_close (&core);
}

void
core_a_future_that_is_destroyed_is_missed (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    for (uint64_t i = 1; i <= 10; i++) {
        godwit_future_t *future = NULL;
        MUST (godwit_client_call_future (core.client, NULL, "watch", GODWIT_NO_ARGS, &future, &error));
        service_wait (&core.one, &core.one.runs, i);
        cr_assert_eq (service_get (&core.one, &core.one.told), i - 1);
        godwit_future_destroy (&future);
        service_wait (&core.one, &core.one.told, i);
    }
    cr_assert_eq (cancelled_count (core.serving), 10u);
    core_close (&core);
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status, (void) result, (void) error;
    tally_add (user);
}

void
core_a_client_that_is_destroyed_is_missed (const core_kind_t *kind)
{
    core_t core;
    tally_t ended;
    core_open (&core, kind);
    tally_open (&ended);
    for (uint64_t i = 1; i <= 5; i++) {
        godwit_client_t *client = core_client (core.calling, NULL);
        MUST (godwit_client_call_async (client, NULL, "watch", GODWIT_NO_ARGS, on_reply, &ended, &error));
        service_wait (&core.one, &core.one.runs, i);
        godwit_client_destroy (&client);
        tally_wait (&ended, i);
        service_wait (&core.one, &core.one.told, i);
    }
    cr_assert_eq (cancelled_count (core.serving), 5u);
    tally_close (&ended);
    core_close (&core);
}

static void
on_cancel (godwit_request_t *request, void *user)
{
    if (godwit_request_is_cancelled (request))
        tally_add (user);
}

/* hold_inline runs on the caller's thread, if that is in the same transport. */
void
core_kept_requests_are_cancelled (const core_kind_t *kind)
{
    static const char *const methods[] = {"hold", "hold_inline"};
    core_t core;
    tally_t told;
    core_open (&core, kind);
    tally_open (&told);
    for (uint64_t i = 0; i < 2; i++) {
        godwit_client_t *hasty = NULL;
        godwit_request_t *request = NULL;
        size_t held = 0;
        for (int64_t timeout_ms = 50; held == 0; timeout_ms *= 2) {
            hasty = with_timeout (core.client, timeout_ms);
            TIMES_OUT (godwit_client_call (hasty, NULL, methods[i], GODWIT_NO_ARGS, NULL, &error));
            godwit_client_destroy (&hasty);
            pthread_mutex_lock (&core.one.lock);
            held = core.one.held_count;
            pthread_mutex_unlock (&core.one.lock);
        }
        request = service_take (&core.one);
        MUST (godwit_request_on_cancel (request, on_cancel, &told));
        tally_wait (&told, i + 1);
        cr_assert (godwit_request_is_cancelled (request));
        /* It may reply, which nobody hears. */
        MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
        godwit_request_destroy (&request);
        cr_assert_eq (tally_get (&told), i + 1);
    }
    cr_assert_geq (cancelled_count (core.serving), 2u);
    tally_close (&told);
    core_close (&core);
}

/* All of it on one thread. */
typedef struct inside {
    godwit_transport_t *transport;
    pthread_t thread;
    unsigned told;
} inside_t;

static void
on_cancel_inside (godwit_request_t *request, void *user)
{
    inside_t *inside = user;
    cr_assert (pthread_equal (inside->thread, pthread_self ()));
    cr_assert (godwit_request_is_cancelled (request));
    /* A callback must not block. */
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "handler or a callback",
           godwit_transport_process (inside->transport, 0, &error));
    inside->told++;
}

void
core_cancelled_in_an_external_loop (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    inside_t inside = {.thread = pthread_self ()};
    inside.transport = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    service_start (&core.one, inside.transport, "one", NULL);
    godwit_client_t *client = core_client (inside.transport, NULL);
    for (unsigned i = 0; i < 3; i++) {
        godwit_future_t *future = NULL;
        MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
        while (core.one.held_count == 0)
            MUST (godwit_transport_process (inside.transport, WAIT_LIMIT_MS, &error));
        godwit_request_t *request = service_take (&core.one);
        MUST (godwit_request_on_cancel (request, on_cancel_inside, &inside));
        godwit_future_destroy (&future);
        cr_assert_eq (inside.told, i);
        while (inside.told == i)
            MUST (godwit_transport_process (inside.transport, WAIT_LIMIT_MS, &error));
        godwit_request_destroy (&request);
    }
    cr_assert_eq (cancelled_count (inside.transport), 3u);
    godwit_client_destroy (&client);
    service_end (&core.one);
    godwit_transport_destroy (&inside.transport);
    core_close (&core);
}

/* Futures that are destroyed while their calls begin, run and end. */
enum { GIVERS = 3, GIVEN = 150 };

static void *
give_up (void *user)
{
    godwit_client_t *client = user;
    for (int i = 0; i < GIVEN; i++) {
        godwit_future_t *futures[3] = {NULL};
        for (int j = 0; j < 3; j++)
            MUST (godwit_client_call_future (client, NULL, j == 2 ? "nothing" : "watch", GODWIT_NO_ARGS,
                                             &futures[j], &error));
        for (volatile int spin = 0; spin < i % 16 * 500; spin++) {
        }
        for (int j = 0; j < 3; j++)
            godwit_future_destroy (&futures[j]);
    }
    return NULL;
}

void
core_given_up_from_all_sides (const core_kind_t *kind)
{
    core_t core;
    pthread_t threads[GIVERS];
    core_open (&core, kind);
    service_open_gate (&core.one); /* "watch" ends at once: its callback races with that */
    for (int i = 0; i < GIVERS; i++)
        pthread_create (&threads[i], NULL, give_up, core.client);
    for (int i = 0; i < GIVERS; i++)
        pthread_join (threads[i], NULL);
    /* All is in order afterwards. */
    cr_assert_eq (call_who (core.client), 'e');
    cr_assert_leq (service_get (&core.one, &core.one.told), (uint64_t) (GIVERS * GIVEN * 2));
    core_close (&core);
}

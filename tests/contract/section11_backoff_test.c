/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: clients that back off.
 *
 * Most of these calls go to a topic that nobody serves, with the default of 60 s; a clock that leaps an hour
 * each time the test's own thread looks at it makes them time out at once. Chance is what the test says, and
 * sleeps are written down instead of slept. */
#include "tests/contract/contract.h"

#include "src/client/backoff.h"
#include "src/runtime/transport.h"

#include <godwit/service.h>

#include <stdio.h>

#define SLEEP_MAX 64
#define NS_PER_S INT64_C (1000000000)

static _Thread_local bool leaps;
static _Thread_local int64_t leapt_ns;

static struct {
    double part;              /* what chance says */
    bool real;                /* sleeps are slept */
    bool then_real_time;      /* and after chance was asked, time is as it is */
    int64_t slept[SLEEP_MAX]; /* nanoseconds */
    size_t slept_count;
    tally_t asked; /* chance was */
} nap;

static int64_t
leaping_now (void *user)
{
    (void) user;
    if (leaps)
        leapt_ns += 3600 * NS_PER_S;
    return godwit__clock_now (&godwit__clock_system) + leapt_ns;
}

static double
chance (void *user)
{
    (void) user;
    if (nap.then_real_time)
        leaps = false;
    tally_add (&nap.asked);
    return nap.part;
}

static void
write_down (void *user, int64_t duration_ns)
{
    (void) user;
    if (nap.slept_count < SLEEP_MAX)
        nap.slept[nap.slept_count++] = duration_ns;
}

static void
set_clock (void *transport)
{
    ((godwit_transport_t *) transport)->clock.now_ns = leaping_now;
}

static void
be_chance (double part)
{
    nap.part = part;
    tally_open (&nap.asked);
    godwit__backoff_inject (
        &(godwit__backoff_source_t){.random = chance, .sleep = nap.real ? NULL : write_down});
}

/* A transport whose calls time out at once, if this thread makes them to nobody. */
static godwit_transport_t *
leaping_transport (const core_t *core)
{
    godwit_transport_t *transport = core_transport (core, NULL);
    cr_assert (godwit__control_run (transport, set_clock, transport));
    be_chance (1.0);
    leaps = true;
    return transport;
}

static godwit_client_t *
backing_off (godwit_transport_t *transport, const godwit_client_options_t *options)
{
    godwit_client_t *client = NULL;
    MUST (godwit_backing_off_client_new (&client, transport, GODWIT_TARGET (.topic = "nobody"), options,
                                         &error));
    return client;
}

/* The call times out, and had so many seconds. */
static void
times_out (godwit_client_t *client, const char *method, int seconds)
{
    char says[64];
    snprintf (says, sizeof says, "No reply within %d000 ms", seconds);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, says,
           godwit_client_call (client, NULL, method, GODWIT_NO_ARGS, NULL, &error));
}

/* What was slept since the last look, in seconds; -1: it was not once. */
static int64_t
slept_s (void)
{
    const int64_t slept = nap.slept_count == 1 ? nap.slept[0] / NS_PER_S : -1;
    nap.slept_count = 0;
    return slept;
}

/* ---- the sequence ---- */

static void
sequence (core_t *core)
{
    static const int timeouts[] = {60, 120, 240, 480, 600, 600};
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        times_out (client, "update", timeouts[i]);
        cr_assert_eq (slept_s (), 60); /* min (current, default) */
    }
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
random_sleep (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    nap.part = 0.25;
    times_out (client, "update", 60);
    cr_assert_eq (slept_s (), 15);
    nap.part = 0.0;
    times_out (client, "update", 120);
    cr_assert_eq (slept_s (), 0);
    MUST (godwit_backing_off_client_set_max_timeout (20000, &error));
    nap.part = 0.5;
    times_out (client, "update", 20);
    cr_assert_eq (slept_s (), 10);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
names (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    godwit_client_t *vim = NULL, *other = NULL;
    MUST (godwit_client_prepare (&vim, client, GODWIT_OVERRIDES (.name_space = "vim"), &error));
    MUST (godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.name_space = "other"), &error));
    times_out (client, "update", 60);
    times_out (vim, "update", 60);
    times_out (vim, "update", 120);
    times_out (client, "update", 120);
    times_out (other, "update", 60);
    times_out (client, "vim.update", 240); /* the same name */
    times_out (client, "delete", 60);
    godwit_client_destroy (&other);
    godwit_client_destroy (&vim);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
process_wide (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *first = backing_off (transport, NULL);
    times_out (first, "update", 60);
    godwit_client_destroy (&first);
    godwit_transport_destroy (&transport);
    transport = leaping_transport (core);
    godwit_client_t *second = NULL;
    MUST (godwit_backing_off_client_new (&second, transport, GODWIT_TARGET (.topic = "elsewhere"), NULL,
                                         &error));
    times_out (second, "update", 120);
    godwit_client_destroy (&second);
    godwit_transport_destroy (&transport);
}

/* ---- whom it concerns ---- */

static void
explicit_timeouts (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    godwit_client_t *given = backing_off (transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = 7000));
    godwit_client_t *none = backing_off (transport, GODWIT_CLIENT_OPTIONS (.timeout_ms = GODWIT_CLEAR_INT));
    godwit_client_t *prepared = NULL, *cleared = NULL, *again = NULL;
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.timeout_ms = 8000), &error));
    MUST (
        godwit_client_prepare (&cleared, client, GODWIT_OVERRIDES (.timeout_ms = GODWIT_CLEAR_INT), &error));
    MUST (
        godwit_client_prepare (&again, prepared, GODWIT_OVERRIDES (.timeout_ms = GODWIT_CLEAR_INT), &error));
    times_out (client, "update", 60);
    cr_assert_eq (slept_s (), 60);
    times_out (given, "update", 7);
    times_out (none, "update", 60);
    times_out (prepared, "update", 8);
    times_out (cleared, "update", 60); /* the default, not the 120 that its method has by now */
    times_out (again, "update", 60);
    cr_assert_eq (nap.slept_count, 0u);
    times_out (client, "update", 120);
    godwit_client_destroy (&again);
    godwit_client_destroy (&cleared);
    godwit_client_destroy (&prepared);
    godwit_client_destroy (&none);
    godwit_client_destroy (&given);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
nested_prepare (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    godwit_client_t *child = NULL, *grandchild = NULL;
    MUST (godwit_client_prepare (&child, client, GODWIT_OVERRIDES (.version = "1.1"), &error));
    MUST (godwit_client_prepare (&grandchild, child, GODWIT_OVERRIDES (.server = "one"), &error));
    godwit_client_destroy (&client);
    godwit_client_destroy (&child);
    times_out (grandchild, "update", 60);
    times_out (grandchild, "update", 120);
    godwit_client_destroy (&grandchild);
    godwit_transport_destroy (&transport);
}

static void
ordinary_clients (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    godwit_client_t *ordinary = NULL;
    MUST (godwit_client_new (&ordinary, transport, GODWIT_TARGET (.topic = "nobody"), NULL, &error));
    times_out (client, "update", 60);
    nap.slept_count = 0;
    times_out (ordinary, "update", 60);
    times_out (ordinary, "update", 60);
    cr_assert_eq (nap.slept_count, 0u);
    times_out (client, "update", 120);
    godwit_client_destroy (&ordinary);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* ---- the ceiling ---- */

static void
max_timeout (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    for (int seconds = 60; seconds < 480; seconds *= 2)
        times_out (client, "update", seconds);
    MUST (godwit_backing_off_client_set_max_timeout (100000, &error)); /* caps what is tracked */
    times_out (client, "update", 100);
    times_out (client, "update", 100);
    MUST (godwit_backing_off_client_set_max_timeout (500000, &error)); /* only lowers */
    times_out (client, "update", 100);
    times_out (client, "delete", 60); /* not seen yet: min (default, v) */
    times_out (client, "delete", 100);
    MUST (godwit_backing_off_client_set_max_timeout (30000, &error));
    times_out (client, "delete", 30);
    times_out (client, "create", 30);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
max_timeout_above (core_t *core)
{
    godwit_transport_t *transport = leaping_transport (core);
    godwit_client_t *client = backing_off (transport, NULL);
    MUST (godwit_backing_off_client_set_max_timeout (3600000, &error));
    static const int timeouts[] = {60, 120, 240, 480, 600, 600};
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
        times_out (client, "update", timeouts[i]);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
max_timeout_zero (core_t *core)
{
    (void) core;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "timeout_ms: expected at least 1, got 0",
           godwit_backing_off_client_set_max_timeout (0, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "timeout_ms: expected at least 1, got -5",
           godwit_backing_off_client_set_max_timeout (-5, &error));
}

/* ---- what counts: calls that are served ---- */

/* Of topic "work", on a transport with a default of its own. */
static godwit_client_t *
quick_client (core_t *core, godwit_transport_t **transport, int64_t default_ms)
{
    godwit_client_t *client = NULL;
    *transport = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.rpc_response_timeout_ms = default_ms));
    be_chance (1.0);
    MUST (godwit_backing_off_client_new (&client, *transport,
                                         GODWIT_TARGET (.topic = "work", .version = "1.0"), NULL, &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    return client;
}

static void
same_error_no_retry (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = quick_client (core, &transport, 500);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 500 ms: the server did not answer",
           godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (nap.slept_count, 1u);
    cr_assert_eq (nap.slept[0], 500000000);
    service_wait_held (&core->one, 1);
    /* Without an error to write to, the same happens. */
    cr_assert_eq (godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, NULL), GODWIT_ERR_TIMEOUT);
    service_wait_held (&core->one, 2);
    cr_assert_eq (service_get (&core->one, &core->one.runs), 2u);
    cr_assert_eq (godwit__backoff_timeout ("hold", 500), 2000);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
other_failures (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = quick_client (core, &transport, WAIT_LIMIT_MS);
    godwit_client_t *nobody = NULL;
    MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (godwit_client_call (client, NULL, "fail", GODWIT_NO_ARGS, NULL, NULL));
    cr_assert (godwit_client_call (client, NULL, "deny", GODWIT_NO_ARGS, NULL, NULL));
    cr_assert_eq (godwit_client_call (client, NULL, "absent", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_NO_SUCH_METHOD);
    MUST (godwit_client_prepare (&nobody, client,
                                 GODWIT_OVERRIDES (.topic = "nobody", .retry = GODWIT_RETRY_NONE), &error));
    cr_assert_eq (godwit_client_call (nobody, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (godwit_client_cast (nobody, NULL, "nothing", GODWIT_NO_ARGS, NULL),
                  GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (nap.slept_count, 0u);
    cr_assert_eq (godwit__backoff_count (), 0u);
    godwit_client_destroy (&nobody);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* The handler's own call timed out; its server answered. */
static void
remote_timeout (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = quick_client (core, &transport, WAIT_LIMIT_MS);
    godwit_error_t *error = NULL;
    service_relay_to (&core->one, core->serving, "absent", 20);
    cr_assert (godwit_client_call (client, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "nothing")),
                                   NULL, &error));
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
    cr_assert (strstr (godwit_error_print (error), "within 20 ms"), "%s", godwit_error_print (error));
    cr_assert_eq (nap.slept_count, 0u);
    cr_assert_eq (godwit__backoff_count (), 0u);
    godwit_error_destroy (&error);
    service_relay_to (&core->one, NULL, NULL, 0);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void *
call_hold (void *client)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, &error),
                  GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_print (error), "connection was lost"), "%s", godwit_error_print (error));
    godwit_error_destroy (&error);
    return NULL;
}

/* Its server is gone, which comes as a MessagingTimeout too, only sooner. */
static void
lost_server (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = quick_client (core, &transport, WAIT_LIMIT_MS);
    pthread_t caller;
    cr_assert_eq (pthread_create (&caller, NULL, call_hold, client), 0);
    service_wait_held (&core->one, 1);
    godwit_transport_destroy (&core->serving);
    pthread_join (caller, NULL);
    cr_assert_eq (nap.slept_count, 1u);
    cr_assert_eq (godwit__backoff_timeout ("hold", WAIT_LIMIT_MS), 2 * WAIT_LIMIT_MS);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    (void) error;
    if (status == GODWIT_ERR_TIMEOUT)
        tally_add (user);
}

static void
asynchronous_calls (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = quick_client (core, &transport, 500);
    godwit_future_t *future = NULL;
    tally_t ended;
    tally_open (&ended);
    MUST (godwit_client_call_async (client, NULL, "hold", GODWIT_NO_ARGS, on_reply, &ended, &error));
    tally_wait (&ended, 1);
    cr_assert_eq (godwit__backoff_timeout ("hold", 500), 1000);
    MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 1000 ms",
           godwit_future_wait (future, -1, NULL, NULL, &error));
    cr_assert_eq (godwit__backoff_timeout ("hold", 500), 2000);
    cr_assert_eq (nap.slept_count, 0u);
    godwit_future_destroy (&future);
    tally_close (&ended);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* ---- the sleep ends early ---- */

static void *
call_and_sleep (void *client)
{
    leaps = true;
    return godwit_client_call (client, NULL, "update", GODWIT_NO_ARGS, NULL, NULL) == GODWIT_ERR_TIMEOUT
               ? client
               : NULL;
}

/* The caller sleeps for the default's 60 s when this returns. */
static pthread_t
put_to_sleep (core_t *core, godwit_transport_t **transport, godwit_client_t **client)
{
    pthread_t caller;
    nap.real = nap.then_real_time = true;
    *transport = leaping_transport (core);
    *client = backing_off (*transport, NULL);
    leaps = false;
    cr_assert_eq (pthread_create (&caller, NULL, call_and_sleep, *client), 0);
    tally_wait (&nap.asked, 1);
    return caller;
}

static void
has_woken (pthread_t caller, int64_t since_ms)
{
    void *result = NULL;
    pthread_join (caller, &result);
    cr_assert_not_null (result);
    cr_assert (now_ms () - since_ms < 50000, "it slept for %lld ms", (long long) (now_ms () - since_ms));
}

static void
sleep_ends_with_the_client (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    const int64_t since_ms = now_ms ();
    const pthread_t caller = put_to_sleep (core, &transport, &client);
    godwit_client_destroy (&client);
    has_woken (caller, since_ms);
    godwit_transport_destroy (&transport);
}

static void
sleep_ends_with_the_transport (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    const int64_t since_ms = now_ms ();
    const pthread_t caller = put_to_sleep (core, &transport, &client);
    godwit_transport_destroy (&transport);
    has_woken (caller, since_ms);
    godwit_client_destroy (&client);
}

static const contract_row_t rows[] = {
    {"11: Default 60: 60,120,240,480,600,600.", sequence},
    {"11: ... sleep uniform(0, min(current, default)) ...", random_sleep},
    {"11: ... the timeout of \"namespace.method\" (or \"method\") ...", names},
    {"11: ... comes from a process-wide table, default rpc_response_timeout.", process_wide},
    {"11: An explicit timeout, also None, bypasses it.", explicit_timeouts},
    {"11: Fix: ... a nested prepare keeps backing off.", nested_prepare},
    {"11: BackingOffClient: ... (and no other client)", ordinary_clients},
    {"11: set_max_timeout(v) only lowers and caps what is tracked. Fix: a method not seen yet starts at "
     "min(default, v) ...",
     max_timeout},
    {"11: Ceiling = set_max_timeout's, or 10 x default.", max_timeout_above},
    {"11: Fix: ... 0 is refused ...", max_timeout_zero},
    {"11: ... fail with the same error; no retry.", same_error_no_retry},
    {"11: On MessagingTimeout only ...", other_failures},
    {"11: On MessagingTimeout only: not one that the server sent.", remote_timeout},
    {"11: On MessagingTimeout ... (3: whatever the cause).", lost_server},
    {"11: Asynchronous calls double the timeout and do not sleep.", asynchronous_calls},
    {"11: The sleep ends with the client ...", sleep_ends_with_the_client},
    {"11: ... and with the transport.", sleep_ends_with_the_transport},
};
CONTRACT (section11_backoff, rows)

/* SPDX-License-Identifier: Apache-2.0 */
/* When a client sends CANCEL: once for each call that it gives up, and never for another. */
#include "tests/support/fake_server.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

static void
expect_cancel_of (fake_t *fake, const godwit__header_t *request)
{
    const godwit__header_t cancel = fake_expect (fake, GODWIT__CANCEL);
    cr_assert_eq (cancel.id, request->id);
    cr_assert_eq (cancel.target, request->target);
}

static godwit_client_t *
with_timeout (const fake_t *fake, int64_t timeout_ms)
{
    godwit_client_t *client = NULL;
    cr_assert_eq (
        godwit_client_prepare (&client, fake->patient, GODWIT_OVERRIDES (.timeout_ms = timeout_ms), NULL),
        GODWIT_OK);
    return client;
}

/* What is sent next is a request: nothing of what was done before is under way still. fake_settle says so,
 * too, because it expects its request next. */
Test (cancel_client, a_caller_whose_time_is_spent, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    fake_start (&fake);
    godwit_client_t *client = with_timeout (&fake, 100);
    for (int i = 0; i < 3; i++) {
        fake_call (&caller, client);
        const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
        atomic_fetch_add (&fake_time_ms, 100);
        pthread_join (caller.thread, NULL);
        cr_assert_eq (caller.status, GODWIT_ERR_TIMEOUT);
        cr_assert_eq (godwit_error_outcome (caller.error), GODWIT_OUTCOME_MAYBE_RUN);
        godwit_error_destroy (&caller.error);
        expect_cancel_of (&fake, &request);
        fake_say_header (&fake, GODWIT__REPLY, request.id); /* too late */
        fake_settle (&fake);
    }
    godwit_client_destroy (&client);
    fake_end (&fake);
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result, (void) error;
    atomic_store ((atomic_int *) user, (int) status);
}

Test (cancel_client, an_asynchronous_call_whose_time_is_spent, .timeout = 60)
{
    fake_t fake;
    atomic_int ended = -1;
    fake_start (&fake);
    godwit_client_t *client = with_timeout (&fake, 100);
    cr_assert_eq (godwit_client_call_async (client, NULL, "any", GODWIT_NO_ARGS, on_reply, &ended, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (atomic_load (&ended), -1);
    atomic_fetch_add (&fake_time_ms, 100);
    expect_cancel_of (&fake, &request);
    fake_settle (&fake);
    godwit_client_destroy (&client);
    cr_assert_eq (atomic_load (&ended), GODWIT_ERR_TIMEOUT);
    fake_end (&fake);
}

Test (cancel_client, a_future_that_is_destroyed, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    bool finished = true;
    fake_start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.patient, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (godwit_future_wait (future, 0, &finished, NULL, NULL), GODWIT_ERR_TIMEOUT);
    cr_assert_not (finished); /* and a wait that ends gives nothing up */
    fake_settle (&fake);
    godwit_future_destroy (&future);
    expect_cancel_of (&fake, &request);
    fake_settle (&fake);
    fake_end (&fake);
}

/* It has ended: there is nothing to give up. */
Test (cancel_client, a_future_that_is_destroyed_late, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    uint8_t data[GODWIT__HEADER_SIZE + 1];
    fake_start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.patient, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = request.id});
    data[GODWIT__HEADER_SIZE] = 0xc0; /* nil */
    fake_say (&fake, data, sizeof data);
    cr_assert_eq (godwit_future_wait (future, -1, NULL, &result, NULL), GODWIT_OK);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    fake_settle (&fake);
    fake_end (&fake);
}

/* A refusal may be under way, or the call wait for a server: it is not handed over again. */
Test (cancel_client, a_future_whose_call_is_refused, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    uint8_t data[GODWIT__HEADER_SIZE];
    fake_start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.patient, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    godwit__header_write (
        data, &(godwit__header_t){.type = GODWIT__NACK, .id = request.id, .aux = GODWIT__NACK_OVERLOADED});
    fake_say (&fake, data, sizeof data);
    fake_settle (&fake); /* the refusal was received; the call backs off */
    godwit_transport_stats_t stats = {0};
    for (godwit_future_destroy (&future); stats.calls_failed == 0; sched_yield ())
        godwit_transport_stats (fake.transport, &stats, sizeof stats);
    /* The back-off ends, but nothing comes of it. */
    atomic_fetch_add (&fake_time_ms, 1000);
    fake_settle (&fake);
    fake_settle (&fake);
    fake_end (&fake);
}

Test (cancel_client, a_client_that_is_destroyed, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    atomic_int ended = -1;
    godwit__header_t requests[2];
    fake_start (&fake);
    godwit_client_t *client = with_timeout (&fake, 100000);
    cr_assert_eq (godwit_client_call_async (client, NULL, "any", GODWIT_NO_ARGS, on_reply, &ended, NULL),
                  GODWIT_OK);
    requests[0] = fake_expect (&fake, GODWIT__REQUEST);
    fake_call (&caller, client);
    requests[1] = fake_expect (&fake, GODWIT__REQUEST);
    godwit_client_destroy (&client);
    pthread_join (caller.thread, NULL);
    cr_assert_eq (caller.status, GODWIT_ERR_CLOSED);
    godwit_error_destroy (&caller.error);
    cr_assert_eq (atomic_load (&ended), GODWIT_ERR_CLOSED);
    uint64_t cancelled = 0;
    for (int i = 0; i < 2; i++)
        cancelled += fake_expect (&fake, GODWIT__CANCEL).id; /* in any order */
    cr_assert_eq (cancelled, requests[0].id + requests[1].id);
    fake_settle (&fake);
    fake_end (&fake);
}

/* The connection says goodbye after that. */
Test (cancel_client, a_transport_that_is_destroyed, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    fake_start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.patient, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    godwit_transport_destroy (&fake.transport);
    expect_cancel_of (&fake, &request);
    fake_expect (&fake, GODWIT__GOODBYE);
    godwit_future_destroy (&future);
    fake_end (&fake);
}

/* Who has answered that the server's process leaves gives calls up as before. */
Test (cancel_client, a_caller_of_a_server_that_leaves, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    fake_start (&fake);
    godwit_client_t *client = with_timeout (&fake, 100);
    fake_call (&caller, client);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    fake_say_header (&fake, GODWIT__GOODBYE, 0);
    fake_expect (&fake, GODWIT__GOODBYE);
    atomic_fetch_add (&fake_time_ms, 100);
    pthread_join (caller.thread, NULL);
    cr_assert_eq (caller.status, GODWIT_ERR_TIMEOUT);
    godwit_error_destroy (&caller.error);
    expect_cancel_of (&fake, &request);
    godwit_client_destroy (&client);
    fake_end (&fake);
}

/* ---- what a refusal says ---- */

static void
refuse (fake_t *fake, uint64_t id, const char *body, size_t size)
{
    uint8_t data[GODWIT__HEADER_SIZE + 400];
    godwit__header_write (data,
                          &(godwit__header_t){.type = GODWIT__NACK, .id = id, .aux = GODWIT__NACK_EXPIRED});
    memcpy (data + GODWIT__HEADER_SIZE, body, size);
    fake_say (fake, data, GODWIT__HEADER_SIZE + size);
}

static const char *
message_after (fake_t *fake, fake_caller_t *caller, const char *body, size_t size)
{
    fake_call (caller, fake->patient);
    refuse (fake, fake_expect (fake, GODWIT__REQUEST).id, body, size);
    pthread_join (caller->thread, NULL);
    cr_assert_eq (caller->status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (caller->error), GODWIT_OUTCOME_REJECTED);
    return godwit_error_message (caller->error);
}

Test (cancel_client, what_an_expired_refusal_says, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    char large[303] = "\xda\x01\x2c"; /* 300 bytes */
    memset (large + 3, '%', 300);
    fake_start (&fake);
    const char *message = message_after (&fake, &caller, "", 0);
    cr_assert (strstr (message, ": the server refused it because its time was spent"), "%s", message);
    godwit_error_destroy (&caller.error);
    message = message_after (&fake, &caller,
                             "\xa9"
                             "%s is %n.",
                             10);
    cr_assert (strstr (message, ": the server refused it: %s is %n."), "%s", message);
    godwit_error_destroy (&caller.error);
    message = message_after (&fake, &caller, large, sizeof large);
    cr_assert (strstr (message, ": the server refused it: %%%%"), "%s", message);
    cr_assert_lt (strlen (message), 400 + strlen (getenv ("GODWIT_DIR") ? getenv ("GODWIT_DIR") : ""));
    godwit_error_destroy (&caller.error);
    /* No text, and no value at all: the refusal counts. */
    message = message_after (&fake, &caller, "\x05", 1);
    cr_assert (strstr (message, ": the server refused it"), "%s", message);
    godwit_error_destroy (&caller.error);
    message = message_after (&fake, &caller, "\xdf\xff\xff\xff\xff", 5);
    cr_assert (strstr (message, ": the server refused it"), "%s", message);
    godwit_error_destroy (&caller.error);
    fake_settle (&fake);
    fake_end (&fake);
}

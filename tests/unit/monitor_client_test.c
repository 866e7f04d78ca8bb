/* SPDX-License-Identifier: Apache-2.0 */
/* The call monitor's client, with a clock that is moved by hand, and a server that says what the test says.
 * Nothing here waits for a time to pass. */
#include "tests/support/fake_server.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect_end (fake_caller_t *caller, const char *says)
{
    pthread_join (caller->thread, NULL);
    cr_assert_eq (caller->status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (caller->error), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert (strstr (godwit_error_message (caller->error), says), "%s",
               godwit_error_message (caller->error));
    godwit_error_destroy (&caller->error);
}

static const char monitor_ended[] =
    "The call monitor ended the call: the server gave no sign of life for 50 ms";

Test (monitor_client, silence_ends_the_call, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    fake_start (&fake);
    fake_call (&caller, fake.monitored);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (request.aux, 50u);
    cr_assert_eq (request.budget_ms, 120u);
    atomic_fetch_add (&fake_time_ms, 49);
    fake_settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&fake_time_ms, 1);
    expect_end (&caller, monitor_ended);
    const godwit__header_t cancel = fake_expect (&fake, GODWIT__CANCEL);
    cr_assert_eq (cancel.id, request.id);
    cr_assert_eq (cancel.target, request.target);
    /* A reply that comes now is nobody's. */
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_settle (&fake);
    fake_end (&fake);
}

Test (monitor_client, news_restarts_the_monitor_and_not_the_total, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    fake_start (&fake);
    fake_call (&caller, fake.monitored);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&fake_time_ms, 40);
    fake_say_header (&fake, GODWIT__ACCEPTED, request.id);
    fake_settle (&fake);
    atomic_fetch_add (&fake_time_ms, 40); /* 80: more than 50 from the beginning */
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&fake_time_ms, 39); /* 119 */
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&fake_time_ms, 1); /* 120 */
    expect_end (&caller, "No reply within 120 ms");
    fake_end (&fake);
}

Test (monitor_client, each_news_counts_once, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    fake_start (&fake);
    fake_call (&caller, fake.monitored);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&fake_time_ms, 30);
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id + 1000); /* not about this call */
    fake_settle (&fake);
    atomic_fetch_add (&fake_time_ms, 49); /* 79 */
    fake_settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id + 1000);
    fake_settle (&fake);
    atomic_fetch_add (&fake_time_ms, 1); /* 80 */
    expect_end (&caller, monitor_ended);
    fake_end (&fake);
}

/* A call that is not monitored is not moved by heartbeats, whoever sends them. */
Test (monitor_client, news_of_other_calls_is_ignored, .timeout = 60)
{
    fake_t fake;
    fake_caller_t caller;
    godwit_client_t *client = NULL;
    fake_start (&fake);
    cr_assert_eq (godwit_client_prepare (&client, fake.monitored,
                                         GODWIT_OVERRIDES (.call_monitor_timeout_ms = GODWIT_CLEAR_INT),
                                         NULL),
                  GODWIT_OK);
    fake_call (&caller, client);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (request.aux, 0u);
    atomic_fetch_add (&fake_time_ms, 119);
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&fake_time_ms, 1);
    expect_end (&caller, "No reply within 120 ms");
    godwit_client_destroy (&client);
    fake_end (&fake);
}

/* The same on the completion reactor. */
Test (monitor_client, asynchronous_calls, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    bool finished = true;
    fake_start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.monitored, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = fake_expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&fake_time_ms, 45);
    fake_say_header (&fake, GODWIT__HEARTBEAT, request.id);
    fake_settle (&fake);
    atomic_fetch_add (&fake_time_ms, 49);
    fake_settle (&fake);
    godwit_future_wait (future, 0, &finished, NULL, NULL);
    cr_assert_not (finished);
    atomic_fetch_add (&fake_time_ms, 1);
    cr_assert_eq (godwit_future_wait (future, -1, &finished, NULL, &error), GODWIT_ERR_TIMEOUT);
    cr_assert (finished && strstr (godwit_error_message (error), monitor_ended));
    godwit_error_destroy (&error);
    godwit_future_destroy (&future);
    cr_assert_eq (fake_expect (&fake, GODWIT__CANCEL).id, request.id);
    fake_end (&fake);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous calls that nobody is there for, on a transport that never had a connection. */
#include <godwit/client.h>

#include <criterion/criterion.h>

#include <pthread.h>
#include <time.h>

typedef struct call_end {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    godwit_status_t status;
    godwit_outcome_t outcome;
} call_end_t;

#define CALL_END                                                                                             \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                               \
    }

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    call_end_t *call_end = user;
    cr_assert_null (result);
    cr_assert_neq (godwit_error_print (error)[0], '\0');
    pthread_mutex_lock (&call_end->lock);
    call_end->count++;
    call_end->status = status;
    call_end->outcome = godwit_error_outcome (error);
    pthread_cond_signal (&call_end->changed);
    pthread_mutex_unlock (&call_end->lock);
}

static void
call (godwit_client_t **client, godwit_transport_t **transport, call_end_t *call_end, int64_t timeout_ms)
{
    cr_assert_eq (godwit_transport_new (transport, "inproc://stalled/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (client, *transport, GODWIT_TARGET (.topic = "nobody"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_call_async (*client, NULL, "any", GODWIT_NO_ARGS, on_reply, call_end, NULL),
                  GODWIT_OK);
}

static double
cpu_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

Test (stalled_calls, end_by_their_own_time, .timeout = 30)
{
    static call_end_t call_end = CALL_END;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    const double before = cpu_seconds ();
    call (&client, &transport, &call_end, 1000);
    pthread_mutex_lock (&call_end.lock);
    while (!call_end.count)
        pthread_cond_wait (&call_end.changed, &call_end.lock);
    pthread_mutex_unlock (&call_end.lock);
    cr_assert_eq (call_end.status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (call_end.outcome, GODWIT_OUTCOME_NOT_SENT);
    const double used = cpu_seconds () - before;
    cr_assert_lt (used, 0.1, "waiting for a second took %f s of the processor", used);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    cr_assert_eq (call_end.count, 1u);
}

Test (stalled_calls, end_with_their_client, .timeout = 30)
{
    static call_end_t call_end = CALL_END;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    call (&client, &transport, &call_end, 1000000);
    godwit_client_destroy (&client);
    cr_assert_eq (call_end.count, 1u);
    cr_assert_eq (call_end.status, GODWIT_ERR_CLOSED);
    godwit_transport_destroy (&transport);
}

Test (stalled_calls, end_with_their_transport, .timeout = 30)
{
    static call_end_t call_end = CALL_END;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    call (&client, &transport, &call_end, 1000000);
    godwit_transport_destroy (&transport);
    cr_assert_eq (call_end.count, 1u);
    cr_assert_eq (call_end.status, GODWIT_ERR_CLOSED);
    godwit_client_destroy (&client);
}

/* Asynchronous calls that nobody is there for, on a transport that never had a connection. */
#include <godwit/client.h>

#include <criterion/criterion.h>

#include <pthread.h>
#include <time.h>

typedef struct ending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    godwit_status_t status;
    godwit_outcome_t outcome;
} ending_t;

#define ENDING                                                                                               \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                               \
    }

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    ending_t *ending = user;
    cr_assert_null (result);
    cr_assert_neq (godwit_error_print (error)[0], '\0');
    pthread_mutex_lock (&ending->lock);
    ending->count++;
    ending->status = status;
    ending->outcome = godwit_error_outcome (error);
    pthread_cond_signal (&ending->changed);
    pthread_mutex_unlock (&ending->lock);
}

static void
call (godwit_client_t **client, godwit_transport_t **transport, ending_t *ending, int64_t timeout_ms)
{
    cr_assert_eq (godwit_transport_new (transport, "inproc://stalled/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (client, *transport, GODWIT_TARGET (.topic = "nobody"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_call_async (*client, NULL, "any", GODWIT_NO_ARGS, on_reply, ending, NULL),
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
    static ending_t ending = ENDING;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    const double before = cpu_seconds ();
    call (&client, &transport, &ending, 1000);
    pthread_mutex_lock (&ending.lock);
    while (!ending.count)
        pthread_cond_wait (&ending.changed, &ending.lock);
    pthread_mutex_unlock (&ending.lock);
    cr_assert_eq (ending.status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (ending.outcome, GODWIT_OUTCOME_NOT_SENT);
    const double used = cpu_seconds () - before;
    cr_assert_lt (used, 0.1, "waiting for a second took %f s of the processor", used);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    cr_assert_eq (ending.count, 1u);
}

Test (stalled_calls, end_with_their_client, .timeout = 30)
{
    static ending_t ending = ENDING;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    call (&client, &transport, &ending, 1000000);
    godwit_client_destroy (&client);
    cr_assert_eq (ending.count, 1u);
    cr_assert_eq (ending.status, GODWIT_ERR_CLOSED);
    godwit_transport_destroy (&transport);
}

Test (stalled_calls, end_with_their_transport, .timeout = 30)
{
    static ending_t ending = ENDING;
    godwit_client_t *client = NULL;
    godwit_transport_t *transport = NULL;
    call (&client, &transport, &ending, 1000000);
    godwit_transport_destroy (&transport);
    cr_assert_eq (ending.count, 1u);
    cr_assert_eq (ending.status, GODWIT_ERR_CLOSED);
    godwit_client_destroy (&client);
}

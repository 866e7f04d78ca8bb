/* SPDX-License-Identifier: Apache-2.0 */
/* Many callers, methods short and long, few workers, and servers that come and go: every call ends, and as it
 * should. */
#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLERS 6
#define CALLS 300

static atomic_uint inside;
static atomic_uint most_inside;

static void
note_inside (void)
{
    const unsigned now = atomic_fetch_add (&inside, 1) + 1;
    unsigned most = atomic_load (&most_inside);
    while (now > most && !atomic_compare_exchange_weak (&most_inside, &most, now)) {
    }
}

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    note_inside ();
    const godwit_status_t status = godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "x")));
    atomic_fetch_sub (&inside, 1);
    return status;
}

/* Mostly short, sometimes long: no average tells. */
static godwit_status_t
uneven (godwit_request_t *request, void *self)
{
    (void) self;
    note_inside ();
    const int64_t x = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "x"), 0);
    if (x % 16 == 0)
        nanosleep (&(struct timespec){.tv_nsec = 3000000}, NULL);
    atomic_fetch_sub (&inside, 1);
    return godwit_request_reply (request, GODWIT_INT (NULL, x));
}

static void *
reply_later (void *argument)
{
    godwit_request_t *request = argument;
    godwit_request_reply (request, godwit_field_from (godwit_value_get (godwit_request_args (request), "x")));
    godwit_request_destroy (&request);
    return NULL;
}

static godwit_status_t
later (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init (&attributes);
    pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create (&thread, &attributes, reply_later, godwit_request_keep (request)))
        abort ();
    pthread_attr_destroy (&attributes);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("echo", echo, 0), GODWIT_METHOD ("uneven", uneven, 0), GODWIT_METHOD ("later", later, 0),
    GODWIT_METHOD ("here", echo, GODWIT_METHOD_INLINE)};
static const char *const names[] = {"echo", "uneven", "later", "here"};

typedef struct caller {
    godwit_client_t *client;
    unsigned number;
    unsigned wrong;
} caller_t;

static void *
call (void *argument)
{
    caller_t *const caller = argument;
    for (int64_t i = 0; i < CALLS; i++) {
        godwit_value_t *result = NULL;
        godwit_error_t *error = NULL;
        const char *const name = names[(caller->number + i) % 4];
        if (godwit_client_call (caller->client, NULL, name, GODWIT_ARGS (GODWIT_INT ("x", i)), &result,
                                &error) ||
            godwit_value_as_int (result, -1) != i) {
            cr_log_error ("%s %d: %s", name, (int) i, godwit_error_print (error));
            caller->wrong++;
        }
        godwit_error_destroy (&error);
        godwit_value_unref (&result);
    }
    return NULL;
}

static void
stress (const char *url, bool same_transport, int concurrency)
{
    godwit_transport_t *near = NULL, *far = NULL;
    godwit_server_t *servers[2] = {NULL, NULL};
    caller_t callers[CALLERS];
    pthread_t threads[CALLERS];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    cr_assert_eq (godwit_transport_new (&near, url, GODWIT_TRANSPORT_OPTIONS (.worker_limit = 4), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_transport_new (&far, url, NULL, NULL), GODWIT_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq (godwit_server_new (&servers[i], near,
                                         GODWIT_TARGET (.topic = "work", .server = i ? "b" : "a"), &endpoint,
                                         1, GODWIT_SERVER_OPTIONS (.concurrency = concurrency), NULL),
                      GODWIT_OK);
        cr_assert_eq (godwit_server_start (servers[i], NULL, NULL), GODWIT_OK);
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){.number = i};
        cr_assert_eq (godwit_client_new (&callers[i].client, same_transport ? near : far,
                                         GODWIT_TARGET (.topic = "work"), NULL, NULL),
                      GODWIT_OK);
        cr_assert_eq (pthread_create (&threads[i], NULL, call, &callers[i]), 0);
    }
    /* One of the two is always there: no call may notice. */
    for (int i = 0; i < 20; i++) {
        cr_assert_eq (godwit_server_stop (servers[i % 2], NULL, NULL), GODWIT_OK);
        cr_assert_eq (godwit_server_wait (servers[i % 2], NULL, NULL), GODWIT_OK);
        cr_assert_eq (godwit_server_start (servers[i % 2], NULL, NULL), GODWIT_OK);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join (threads[i], NULL);
    for (int i = 0; i < CALLERS; i++) {
        cr_assert_eq (callers[i].wrong, 0);
        godwit_client_destroy (&callers[i].client);
    }
    cr_assert_leq (atomic_load (&most_inside), 2 * (unsigned) concurrency);
    for (int i = 0; i < 2; i++)
        godwit_server_destroy (&servers[i]);
    godwit_transport_destroy (&far);
    godwit_transport_destroy (&near);
}

Test (stress, inproc)
{
    stress ("inproc://stress/", false, 2);
}

Test (stress, same_transport)
{
    stress ("inproc://stress/", true, 1);
}

/* An address of nobody: the error names the target and the cause, and the transport stays of use. */
Test (server, says_why_it_cannot_listen)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    cr_assert_eq (godwit_transport_new (&transport, "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1",
                                        GODWIT_TRANSPORT_OPTIONS (.host = "192.0.2.77"), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = "a"),
                                     &endpoint, 1, NULL, NULL),
                  GODWIT_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq (godwit_server_start (server, NULL, &error), GODWIT_ERR_SERVER_LISTEN);
        cr_assert (strstr (godwit_error_message (error), "topic=work"));
        cr_assert (godwit_error_cause (error));
        godwit_error_destroy (&error);
    }
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Replies later, from another thread: the handler takes an order and returns, the cook answers it when it is
 * ready. So one handler at a time is enough, however long the cook takes. */
#include <godwit/godwit.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_MAX 16 /* also the server's concurrency: an order counts towards it until it is given back */

/* The orders that wait, in the order in which they came. */
typedef struct kitchen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    godwit_request_t *orders[ORDER_MAX];
    size_t count;
    bool is_closed;
} kitchen_t;

struct order_args {
    char dish[32];
};

static const godwit_slot_t order_slots[] = {GODWIT_SLOT (struct order_args, dish)};

/* ---- the handler ---- */

static godwit_status_t
order (godwit_request_t *request, void *self)
{
    kitchen_t *kitchen = self;
    pthread_mutex_lock (&kitchen->lock);
    const bool has_room = kitchen->count < ORDER_MAX;
    if (has_room)
        kitchen->orders[kitchen->count++] = godwit_request_keep (request);
    pthread_cond_signal (&kitchen->changed);
    pthread_mutex_unlock (&kitchen->lock);
    /* OK without a reply, because the request was kept: somebody else replies. */
    return has_room ? GODWIT_OK : GODWIT_ERR_OVERLOADED;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("order", order, struct order_args, order_slots, 0),
};

/* ---- the cook ---- */

/* NULL: the kitchen is closed, and there is no order any more. */
static godwit_request_t *
take_order (kitchen_t *kitchen)
{
    godwit_request_t *request = NULL;
    pthread_mutex_lock (&kitchen->lock);
    while (!kitchen->count && !kitchen->is_closed)
        pthread_cond_wait (&kitchen->changed, &kitchen->lock);
    if (kitchen->count) {
        request = kitchen->orders[0];
        memmove (kitchen->orders, kitchen->orders + 1, --kitchen->count * sizeof (godwit_request_t *));
    }
    pthread_mutex_unlock (&kitchen->lock);
    return request;
}

static void *
cook (void *user)
{
    godwit_request_t *request;
    while ((request = take_order (user))) {
        const struct order_args *args = godwit_request_params (request);
        char text[64];
        printf ("cooking %s\n", args->dish);
        fflush (stdout);
        snprintf (text, sizeof text, "%s, served", args->dish);
        godwit_request_reply (request, GODWIT_STR (NULL, text));
        godwit_request_destroy (&request); /* what was kept has to be given back */
    }
    return NULL;
}

/* ---- life ---- */

static godwit_status_t
serve (godwit_transport_t *transport, kitchen_t *kitchen, const sigset_t *signals, godwit_error_t **error)
{
    godwit_server_t *server = NULL;
    godwit_status_t status =
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "kitchen", .server = "one"),
                           &GODWIT_ENDPOINT (methods, .self = kitchen), 1,
                           GODWIT_SERVER_OPTIONS (.concurrency = ORDER_MAX), error);
    if (status == GODWIT_OK)
        status = godwit_server_start (server, NULL, error);
    if (status == GODWIT_OK) {
        puts ("open");
        fflush (stdout);
        sigwait (signals, &(int){0});
        status = godwit_server_stop (server, NULL, error);
    }
    if (status == GODWIT_OK) /* until all orders that were taken have been given back */
        status = godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 5000), error);
    godwit_server_destroy (&server);
    return status;
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    kitchen_t kitchen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    pthread_t thread;
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);
    if (pthread_create (&thread, NULL, cook, &kitchen))
        return EXIT_FAILURE;

    godwit_status_t status = godwit_transport_new (&transport, url ? url : "zmq://", NULL, &error);
    if (status == GODWIT_OK)
        status = serve (transport, &kitchen, &signals, &error);
    if (status)
        fprintf (stderr, "kitchen: %s\n", godwit_error_print (error));
    pthread_mutex_lock (&kitchen.lock);
    kitchen.is_closed = true;
    pthread_cond_signal (&kitchen.changed);
    pthread_mutex_unlock (&kitchen.lock);
    pthread_join (thread, NULL);
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

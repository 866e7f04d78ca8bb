/* SPDX-License-Identifier: Apache-2.0 */
/* Replies later, from another thread: the handler takes an order and returns, the cook answers it when the
 * dish is ready. So no handler waits, however long the cook takes. */
#include <godwit/godwit.h>

#include <pthread.h>
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
    bool has_cook;
    pthread_t cook;
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

/* Makes the cook's thread where the signals are blocked, so that it does not get the one that ends the
 * server. */
static void
open_kitchen (void *user)
{
    kitchen_t *kitchen = user;
    if (pthread_create (&kitchen->cook, NULL, cook, kitchen) != 0) {
        fprintf (stderr, "kitchen: no thread for the cook\n");
        exit (EXIT_FAILURE);
    }
    kitchen->has_cook = true;
    puts ("open");
    fflush (stdout);
}

static void
close_kitchen (kitchen_t *kitchen)
{
    pthread_mutex_lock (&kitchen->lock);
    kitchen->is_closed = true;
    pthread_cond_signal (&kitchen->changed);
    pthread_mutex_unlock (&kitchen->lock);
    if (kitchen->has_cook)
        pthread_join (kitchen->cook, NULL);
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    kitchen_t kitchen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    /* The run ends when all orders that were taken have been given back. */
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "kitchen", .server = "one"),
                           &GODWIT_ENDPOINT (methods, .self = &kitchen), 1,
                           GODWIT_SERVER_OPTIONS (.concurrency = ORDER_MAX), &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = open_kitchen, .user = &kitchen), &error) ==
            GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "kitchen: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    close_kitchen (&kitchen);
    godwit_transport_destroy (&transport);
    return result;
}

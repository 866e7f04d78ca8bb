/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts durable casts; takes a spool over, and gives it back. */
#include "src/client/durable.h"

#include "src/address/target.h"
#include "src/base/thread.h"
#include "src/base/wall.h"
#include "src/client/call_explain.h"
#include "src/client/client_settings.h"
#include "src/client/durable_inside.h"
#include "src/client/encoded_request.h"
#include "src/delivery/spool_name.h"
#include "src/error/error.h"

#include <stdlib.h>

/* The first part of the names of its streams. */
#define KIND "cast"
#define POOL "servers"

/* ---- queues ---- */

static void
free_queue (godwit__queue_t *queue)
{
    for (godwit__job_t *at; (at = GODWIT__FIRST (&queue->waiting, godwit__job_t, in_queue));) {
        godwit__list_remove (&at->in_queue);
        godwit__job_free (at);
    }
    godwit_client_destroy (&queue->sender);
    godwit__spans_release (&queue->done);
    free (queue->stream);
    free (queue);
}

/* Without the lock. NULL: the transport ends, or memory is short. */
static godwit__queue_t *
new_queue (godwit__durable_t *durable, const char *exchange, const char *topic)
{
    const char *const parts[] = {KIND, exchange, topic};
    godwit_spool_t *none = NULL;
    godwit__queue_t *const queue = calloc (1, sizeof *queue);
    if (!queue)
        return NULL;
    godwit__list_init (&queue->waiting);
    godwit__list_init (&queue->sent);
    godwit__list_init (&queue->ended);
    queue->durable = durable;
    queue->read_from = 1;
    queue->stream = godwit__spool_name_join (parts, 3);
    if (!queue->stream ||
        godwit__client_make (&queue->sender, durable->transport,
                             GODWIT_TARGET (.exchange = exchange, .topic = topic), NULL, &none, NULL)) {
        free_queue (queue);
        return NULL;
    }
    return queue;
}

/* With the lock. NULL: there is none. */
static godwit__queue_t *
find (const godwit__durable_t *durable, const char *exchange, const char *topic)
{
    for (godwit__queue_t *at = GODWIT__FIRST (&durable->queues, godwit__queue_t, in_durable); at;
         at = GODWIT__NEXT (&durable->queues, at, godwit__queue_t, in_durable))
        if (strcmp (at->sender->target.exchange, exchange) == 0 &&
            strcmp (at->sender->target.topic, topic) == 0)
            return at;
    return NULL;
}

/* Without the lock. The first cast to a topic makes its queue. NULL as of new_queue. */
static godwit__queue_t *
find_or_make (godwit__durable_t *durable, const char *exchange, const char *topic)
{
    pthread_mutex_lock (&durable->lock);
    godwit__queue_t *queue = find (durable, exchange, topic);
    pthread_mutex_unlock (&durable->lock);
    if (queue)
        return queue;
    godwit__queue_t *const made = new_queue (durable, exchange, topic);
    if (!made)
        return NULL;
    pthread_mutex_lock (&durable->lock);
    queue = find (durable, exchange, topic);
    if (!queue)
        godwit__list_append (&durable->queues, &made->in_durable);
    pthread_mutex_unlock (&durable->lock);
    if (!queue)
        return made;
    free_queue (made); /* another thread was faster */
    return queue;
}

/* ---- casting ---- */

static int64_t
wall_ms (void)
{
    return godwit__wall_ns () / 1000000;
}

/* The spool has the cast. */
static void
on_safe (void *user, const godwit_spool_item_t *items, size_t count)
{
    godwit__queue_t *const queue = user;
    (void) count; /* one */
    pthread_mutex_lock (&queue->durable->lock);
    queue->last_number = items->number;
    godwit__change_tell (&queue->durable->changed);
    pthread_mutex_unlock (&queue->durable->lock);
}

/* The name of the server, and the body of the request: the caller's; NULL when memory is short. */
static uint8_t *
make_item (const godwit_client_t *client, godwit__encoded_request_t *request, size_t *size)
{
    const char *const server = client->target.server ? client->target.server : "";
    const size_t server_size = strlen (server) + 1;
    const godwit__message_t message = godwit__encoded_request_message (request);
    const size_t message_size = godwit__message_size (&message);
    /* The header, in front of the body, is overwritten by the name, or the name is put in front of it. */
    uint8_t *const item = malloc (server_size + message_size);
    if (!item)
        return NULL;
    godwit__message_gather (&message, item + server_size);
    memmove (item + server_size, item + server_size + GODWIT__HEADER_SIZE,
             message_size - GODWIT__HEADER_SIZE);
    memcpy (item, server, server_size);
    *size = server_size + message_size - GODWIT__HEADER_SIZE;
    return item;
}

static godwit_status_t
append (godwit__durable_t *durable, const godwit_client_t *client, godwit__encoded_request_t *request,
        godwit_error_t **error)
{
    const char *const exchange =
        client->target.exchange ? client->target.exchange : durable->transport->control_exchange;
    godwit_spool_t *const spool = durable->spool;
    godwit__queue_t *const queue = find_or_make (durable, exchange, client->target.topic);
    godwit_spool_item_t item = {.data = NULL};
    uint8_t *const data = queue ? make_item (client, request, &item.size) : NULL;
    if (!data) {
        const godwit_status_t status = godwit__transport_check (durable->transport, error);
        return status ? status : godwit__error_no_memory (error);
    }
    item.stream = queue->stream;
    item.data = data;
    pthread_mutex_lock (&durable->lock);
    const bool is_stored = queue->is_stored;
    pthread_mutex_unlock (&durable->lock);
    godwit_status_t status =
        is_stored ? GODWIT_OK : spool->ops->set_pool (spool, queue->stream, POOL, 0, wall_ms (), error);
    if (!status && !is_stored) {
        pthread_mutex_lock (&durable->lock);
        queue->is_stored = true;
        pthread_mutex_unlock (&durable->lock);
    }
    if (!status)
        status = spool->ops->append (spool, &item, 1, on_safe, queue, error);
    free (data);
    return status;
}

static godwit_status_t
check (const godwit_client_t *client, godwit_error_t **error)
{
    if (!client->root->durable)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "A durable cast needs a spool: give the client the option `spool`");
    if (client->target.fanout == GODWIT_YES)
        return godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &client->target,
                                     "A durable cast cannot be used with fanout: ", "");
    return GODWIT_OK;
}

godwit_status_t
godwit__durable_cast (godwit_client_t *client, const godwit_value_t *context, const char *method,
                      const godwit_fields_t *args, godwit_error_t **error)
{
    godwit__encoded_request_t request;
    godwit_status_t status = check (client, error);
    if (!status)
        status = godwit__client_enter (client, error);
    if (status) {
        godwit__client_tell_where (client, method, error);
        return status;
    }
    status = godwit__encode_request (&request, client, context, method, args, error);
    if (!status) {
        GODWIT__COUNT (client->transport, casts);
        status = append (client->root->durable, client, &request, error);
    }
    godwit__encoded_request_release (&request);
    if (status)
        godwit__client_tell_where (client, method, error);
    godwit__client_leave (client);
    return status;
}

/* ---- opening and closing ---- */

/* Streams of others, notifiers' say, are left alone. */
static bool
take_over (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
           size_t pool_count)
{
    godwit__durable_t *const durable = user;
    const char *parts[3];
    char *const copy = strdup (name);
    godwit__queue_t *queue = NULL;
    (void) pools;
    const bool is_mine = copy && godwit__spool_name_split (copy, KIND, parts, 3);
    if (is_mine)
        queue = new_queue (durable, parts[1], parts[2]);
    free (copy);
    if (queue) {
        queue->last_number = queue->doubtful = last_number;
        queue->is_stored = pool_count > 0;
        godwit__list_append (&durable->queues, &queue->in_durable);
    }
    return copy && (queue || !is_mine);
}

static godwit_status_t
open_spool (godwit__durable_t *durable, godwit_error_t **error)
{
    const godwit_status_t status = durable->spool->ops->streams (durable->spool, take_over, durable, error);
    if (status)
        return status;
    if (godwit__thread_start (&durable->thread, godwit__durable_main, durable))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "The thread for durable casts could not be started");
    durable->has_thread = true;
    return GODWIT_OK;
}

godwit_status_t
godwit__durable_open (godwit__durable_t **durable, godwit_transport_t *transport, godwit_spool_t *spool,
                      godwit_error_t **error)
{
    godwit__durable_t *const made = calloc (1, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&made->lock, NULL);
    godwit__list_init (&made->queues);
    made->transport = transport;
    made->spool = spool;
    *durable = made;
    const godwit_status_t status = open_spool (made, error);
    if (status)
        godwit__durable_close (durable, false);
    return status;
}

/* Ends what is on its way; it has ended when its client is gone. */
static void
end_sent (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    pthread_mutex_lock (&durable->lock);
    for (godwit__job_t *at; (at = GODWIT__FIRST (&queue->sent, godwit__job_t, in_queue));) {
        godwit_client_t *client = at->client;
        at->client = NULL;
        pthread_mutex_unlock (&durable->lock);
        godwit_client_destroy (&client);
        pthread_mutex_lock (&durable->lock);
    }
    while (godwit__durable_collect (queue))
        ;
    godwit__durable_tell (queue);
    pthread_mutex_unlock (&durable->lock);
}

void
godwit__durable_close (godwit__durable_t **durable, bool forked)
{
    godwit__durable_t *const self = *durable;
    *durable = NULL;
    if (!self || forked) /* in the child of a fork its thread is not there, and its locks may be held */
        return;
    if (self->has_thread) {
        pthread_mutex_lock (&self->lock);
        self->closed = true;
        pthread_mutex_unlock (&self->lock);
        godwit__change_tell (&self->changed);
        pthread_join (self->thread, NULL);
    }
    for (godwit__queue_t *at; (at = GODWIT__FIRST (&self->queues, godwit__queue_t, in_durable));) {
        end_sent (at);
        godwit__list_remove (&at->in_durable);
        free_queue (at);
    }
    self->spool->ops->flush (self->spool, NULL);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

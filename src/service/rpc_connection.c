/* SPDX-License-Identifier: Apache-2.0 */
#include "src/service/rpc_connection.h"

#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/runtime/transport.h"
#include "src/service/rpc.h"

#include <stdlib.h>

struct godwit_rpc_connection {
    godwit__rpc_t rpc; /* transport NULL: a VoidConnection */

    pthread_mutex_t turn; /* create_consumer, consume_in_threads and close, one at a time */
    size_t started_count; /* of the servers, from the first on */
    bool is_closed;

    pthread_mutex_t lock; /* what the getters read; below turn */
    godwit_server_t **servers;
    size_t server_count;
    size_t server_capacity;
};

/* ---- making ---- */

static godwit_status_t
new_connection (godwit_rpc_connection_t **connection, const godwit__rpc_t *rpc, godwit_error_t **error)
{
    godwit_rpc_connection_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    if (rpc)
        self->rpc = *rpc;
    pthread_mutex_init (&self->turn, NULL);
    pthread_mutex_init (&self->lock, NULL);
    *connection = self;
    return GODWIT_OK;
}

static godwit_status_t
check_given (const void *given, const char *name, godwit_error_t **error)
{
    return given ? GODWIT_OK
                 : godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                      name);
}

godwit_status_t
godwit_rpc_connection_new (godwit_rpc_connection_t **connection, godwit_error_t **error)
{
    godwit__rpc_t rpc;
    godwit_status_t status = check_given (connection, "connection", error);
    if (status == GODWIT_OK)
        status = godwit__rpc_enter (&rpc, "godwit_rpc_connection_new", error);
    if (status)
        return status;
    const bool is_void = rpc.is_disabled;
    status = new_connection (connection, is_void ? NULL : &rpc, error);
    if (status || is_void)
        godwit__rpc_leave (&rpc);
    return status;
}

godwit_status_t
godwit_rpc_connection_new_void (godwit_rpc_connection_t **connection, godwit_error_t **error)
{
    const godwit_status_t status = check_given (connection, "connection", error);
    return status ? status : new_connection (connection, NULL, error);
}

/* ---- servers ---- */

/* Takes the server on success. */
static godwit_status_t
keep (godwit_rpc_connection_t *self, godwit_server_t *server, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    pthread_mutex_lock (&self->lock);
    if (self->server_count == self->server_capacity) {
        const size_t capacity = self->server_capacity ? 2 * self->server_capacity : 4;
        godwit_server_t **servers = realloc (self->servers, capacity * sizeof (godwit_server_t *));
        if (servers) {
            self->servers = servers;
            self->server_capacity = capacity;
        } else {
            status = godwit__error_no_memory (error);
        }
    }
    if (status == GODWIT_OK)
        self->servers[self->server_count++] = server;
    pthread_mutex_unlock (&self->lock);
    return status;
}

static godwit_status_t
check_open (const godwit_rpc_connection_t *self, godwit_error_t **error)
{
    return self->is_closed ? godwit__error_set (error, GODWIT_ERR_CLOSED, "The connection is closed")
                           : GODWIT_OK;
}

godwit_status_t
godwit_rpc_connection_create_consumer (godwit_rpc_connection_t *connection, const char *topic,
                                       const godwit_endpoint_t *endpoints, size_t endpoint_count, bool fanout,
                                       const char *exchange, const char *host,
                                       const godwit_serializer_t *serializer, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_server_t *server = NULL;
    godwit_status_t status = check_given (connection, "connection", error);
    if (status || !connection->rpc.transport)
        return status;
    status = check_given (topic, "topic", error);
    if (status == GODWIT_OK)
        status = godwit__transport_check (connection->rpc.transport, error);
    if (status)
        return status;
    pthread_mutex_lock (&connection->turn);
    status = check_open (connection, error);
    if (status == GODWIT_OK)
        status = godwit__rpc_server_new (&server, &connection->rpc,
                                         GODWIT_TARGET (.exchange = exchange, .topic = topic,
                                                        .server = host ? host : connection->rpc.host,
                                                        .fanout = fanout ? GODWIT_YES : GODWIT_UNSET),
                                         endpoints, endpoint_count, serializer, error);
    if (status == GODWIT_OK) {
        status = keep (connection, server, error);
        if (status)
            godwit_server_destroy (&server);
    }
    pthread_mutex_unlock (&connection->turn);
    return status;
}

/* Does a step with each started server from first on. *status becomes the first failure; a failure does not
 * end the loop. */
static void
for_started (const godwit_rpc_connection_t *self, size_t first,
             godwit_status_t step (godwit_server_t *, const godwit_step_options_t *, godwit_error_t **),
             godwit_status_t *status, godwit_error_t **error)
{
    for (size_t i = first; i < self->started_count; i++) {
        const godwit_status_t done = step (self->servers[i], NULL, *status ? NULL : error);
        if (*status == GODWIT_OK)
            *status = done;
    }
}

godwit_status_t
godwit_rpc_connection_consume_in_threads (godwit_rpc_connection_t *connection, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_status_t status = check_given (connection, "connection", error);
    if (status || !connection->rpc.transport)
        return status;
    status = godwit__transport_check (connection->rpc.transport, error);
    if (status)
        return status;
    pthread_mutex_lock (&connection->turn);
    status = check_open (connection, error);
    const size_t first = connection->started_count;
    while (status == GODWIT_OK && connection->started_count < connection->server_count) {
        status = godwit_server_start (connection->servers[connection->started_count], NULL, error);
        if (status == GODWIT_OK)
            connection->started_count++;
    }
    if (status) {
        godwit_status_t undone = status;
        for_started (connection, first, godwit_server_stop, &undone, NULL);
        for_started (connection, first, godwit_server_wait, &undone, NULL);
        connection->started_count = first;
    }
    pthread_mutex_unlock (&connection->turn);
    return status;
}

size_t
godwit_rpc_connection_server_count (const godwit_rpc_connection_t *connection)
{
    if (!connection)
        return 0;
    pthread_mutex_t *lock = (pthread_mutex_t *) (uintptr_t) &connection->lock; /* which changes nothing */
    pthread_mutex_lock (lock);
    const size_t count = connection->server_count;
    pthread_mutex_unlock (lock);
    return count;
}

godwit_server_t *
godwit_rpc_connection_server (const godwit_rpc_connection_t *connection, size_t index)
{
    if (!connection)
        return NULL;
    pthread_mutex_t *lock = (pthread_mutex_t *) (uintptr_t) &connection->lock;
    pthread_mutex_lock (lock);
    godwit_server_t *server = index < connection->server_count ? connection->servers[index] : NULL;
    pthread_mutex_unlock (lock);
    return server;
}

godwit_transport_t *
godwit__rpc_connection_transport (const godwit_rpc_connection_t *connection)
{
    return connection->rpc.transport;
}

/* ---- the end ---- */

godwit_status_t
godwit__rpc_connection_stop (godwit_rpc_connection_t *connection, bool graceful, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    if (connection->rpc.transport)
        status = godwit__transport_check (connection->rpc.transport, error);
    if (status == GODWIT_ERR_FORKED) /* a thread that the child does not have may hold the locks */
        return status;
    pthread_mutex_lock (&connection->turn);
    if (!connection->is_closed) {
        connection->is_closed = true;
        for_started (connection, 0, godwit_server_stop, &status, error);
        if (graceful)
            for_started (connection, 0, godwit_server_wait, &status, error);
    }
    pthread_mutex_unlock (&connection->turn);
    return status;
}

godwit_status_t
godwit_rpc_connection_close (godwit_rpc_connection_t *connection, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    const godwit_status_t status = check_given (connection, "connection", error);
    if (status)
        return status;
    return godwit__rpc_connection_stop (connection, true, error);
}

void
godwit_rpc_connection_destroy (godwit_rpc_connection_t **connection)
{
    if (!connection || !*connection)
        return;
    godwit_rpc_connection_t *self = *connection;
    *connection = NULL;
    godwit__rpc_connection_stop (self, true, NULL);
    for (size_t i = 0; i < self->server_count; i++)
        godwit_server_destroy (&self->servers[i]);
    free (self->servers);
    if (self->rpc.transport)
        godwit__rpc_leave (&self->rpc);
    pthread_mutex_destroy (&self->turn);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

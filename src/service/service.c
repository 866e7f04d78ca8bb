/* SPDX-License-Identifier: Apache-2.0 */
/* Services: a connection with one consumer, and a manager that is asked in between (contract 11).
 *
 *     stopped --start--> connection -> consumer -> hook -> consume --> started --stop--> stopped
 *                             |           |         |         |
 *                             +-----------+----+----+---------+ a failure: the connection is destroyed
 */
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/transport.h"
#include "src/server/endpoints.h"
#include "src/service/rpc_connection.h"

#include <stdlib.h>

struct godwit_service {
    char *host; /* NULL: this host's name */
    char *topic;
    const godwit_serializer_t *serializer;
    godwit_endpoint_t *endpoints; /* without on_destroy: a service is started several times */
    size_t endpoint_count;
    void (**on_destroy) (void *self); /* of the endpoints */
    void *user;
    godwit_status_t (*hook) (void *user, godwit_service_t *service, godwit_error_t **error);

    pthread_mutex_t lock; /* not held while the hook runs, or while handlers are waited for */
    pthread_cond_t settled;
    bool is_changing;                    /* a thread starts or stops it ... */
    bool is_stopping;                    /* ... and it is a stop */
    godwit_rpc_connection_t *connection; /* from the consumer's making on; NULL: stopped */
    godwit_rpc_connection_t *left;       /* stopped, but not gracefully: handlers may run */
};

/* ---- making ---- */

static void
free_service (godwit_service_t *self)
{
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->settled);
    godwit__endpoints_free (self->endpoints, self->endpoint_count);
    free (self->on_destroy);
    free (self->host);
    free (self->topic);
    free (self);
}

static godwit_status_t
copy_manager (godwit_service_t *self, const godwit_manager_t *given, godwit_error_t **error)
{
    godwit_manager_t manager;
    godwit_status_t status = godwit__struct_read (&godwit__struct_manager, &manager, given, error);
    if (status)
        return status;
    self->user = manager.user;
    self->hook = manager.initialize_service_hook;
    status = godwit__endpoints_copy (&self->endpoints, manager.endpoints, manager.endpoint_count, error);
    if (status)
        return status;
    self->endpoint_count = manager.endpoint_count;
    self->on_destroy = calloc (self->endpoint_count + 1, sizeof *self->on_destroy);
    if (!self->on_destroy)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < self->endpoint_count; i++) {
        self->on_destroy[i] = self->endpoints[i].on_destroy;
        self->endpoints[i].on_destroy = NULL;
    }
    return GODWIT_OK;
}

godwit_status_t
godwit_service_new (godwit_service_t **service, const char *host, const char *topic,
                    const godwit_manager_t *manager, const godwit_serializer_t *serializer,
                    godwit_error_t **error)
{
    if (!service || !topic)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  service ? "topic" : "service");
    godwit_service_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->settled, NULL);
    self->serializer = serializer;
    self->topic = strdup (topic);
    self->host = host ? strdup (host) : NULL;
    godwit_status_t status = GODWIT_OK;
    if (!self->topic || (host && !self->host))
        status = godwit__error_no_memory (error);
    if (status == GODWIT_OK)
        status = copy_manager (self, manager, error);
    if (status)
        free_service (self);
    else
        *service = self;
    return status;
}

/* ---- one change at a time ---- */

/* Waits for its turn. False (only with stop_is_enough): another thread is stopping the service, and that is
 * enough. The caller may be a handler that this stop waits for: so it must not wait in turn. */
static bool
begin_change (godwit_service_t *self, bool is_stop, bool stop_is_enough)
{
    pthread_mutex_lock (&self->lock);
    while (self->is_changing && !(stop_is_enough && self->is_stopping))
        pthread_cond_wait (&self->settled, &self->lock);
    const bool is_mine = !self->is_changing;
    if (is_mine) {
        self->is_changing = true;
        self->is_stopping = is_stop;
    }
    pthread_mutex_unlock (&self->lock);
    return is_mine;
}

static void
set_connection (godwit_service_t *self, godwit_rpc_connection_t *connection)
{
    pthread_mutex_lock (&self->lock);
    self->connection = connection;
    pthread_mutex_unlock (&self->lock);
}

static void
end_change (godwit_service_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->is_changing = false;
    pthread_cond_broadcast (&self->settled);
    pthread_mutex_unlock (&self->lock);
}

/* ---- starting and stopping ---- */

static godwit_status_t
run_hook (godwit_service_t *self, godwit_error_t **error)
{
    godwit_error_t *given = NULL;
    if (!self->hook)
        return GODWIT_OK;
    const godwit_status_t status = self->hook (self->user, self, &given);
    if (status && !given)
        return godwit__error_set (error, status, "The manager's initialize_service_hook failed");
    if (status && error)
        *error = given;
    else
        godwit_error_destroy (&given);
    return status;
}

/* The connection exists, and the hook knows it: servers that the hook adds consume with the rest. */
static godwit_status_t
serve (godwit_service_t *self, godwit_rpc_connection_t *connection, godwit_error_t **error)
{
    godwit_status_t status =
        godwit_rpc_connection_create_consumer (connection, self->topic, self->endpoints, self->endpoint_count,
                                               false, NULL, self->host, self->serializer, error);
    if (status)
        return status;
    set_connection (self, connection);
    status = run_hook (self, error);
    return status ? status : godwit_rpc_connection_consume_in_threads (connection, error);
}

static godwit_status_t
start (godwit_service_t *self, godwit_error_t **error)
{
    godwit_rpc_connection_t *connection = NULL;
    godwit_rpc_connection_destroy (&self->left); /* waits for the handlers of the life before */
    godwit_status_t status = godwit_rpc_connection_new (&connection, error);
    if (status == GODWIT_OK)
        status = serve (self, connection, error);
    if (status) {
        set_connection (self, NULL);
        godwit_rpc_connection_destroy (&connection);
    }
    return status;
}

godwit_status_t
godwit_service_start (godwit_service_t *service, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!service)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "service: expected a pointer, got NULL");
    begin_change (service, false, false);
    const godwit_status_t status = service->connection ? GODWIT_OK : start (service, error);
    end_change (service);
    return status;
}

static void
log_swallowed (const godwit_service_t *service, const godwit_error_t *error)
{
    const godwit_transport_t *transport = godwit__rpc_connection_transport (service->connection);
    if (transport && !godwit__transport_check (transport, NULL) &&
        godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING, "closing the service of topic %s: %s", service->topic,
                     godwit_error_message (error));
}

void
godwit_service_stop (godwit_service_t *service, bool graceful)
{
    GODWIT__UNCANCELLED;
    godwit_error_t *error = NULL;
    if (!service || !begin_change (service, true, !graceful))
        return;
    godwit_rpc_connection_t *connection = service->connection;
    if (connection) {
        if (godwit__rpc_connection_stop (connection, graceful, &error))
            log_swallowed (service, error);
        godwit_error_destroy (&error);
        set_connection (service, NULL);
        if (graceful)
            godwit_rpc_connection_destroy (&connection);
        else
            service->left = connection;
    }
    end_change (service);
}

godwit_rpc_connection_t *
godwit_service_connection (godwit_service_t *service)
{
    if (!service)
        return NULL;
    pthread_mutex_lock (&service->lock);
    godwit_rpc_connection_t *connection = service->connection;
    pthread_mutex_unlock (&service->lock);
    return connection;
}

void
godwit_service_destroy (godwit_service_t **service)
{
    if (!service || !*service)
        return;
    godwit_service_t *self = *service;
    *service = NULL;
    godwit_service_stop (self, true);
    godwit_rpc_connection_destroy (&self->left);
    for (size_t i = 0; i < self->endpoint_count; i++)
        if (self->on_destroy[i])
            self->on_destroy[i](self->endpoints[i].self);
    free_service (self);
}

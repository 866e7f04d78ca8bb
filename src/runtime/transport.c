#include "src/runtime/transport.h"

#include "src/base/host.h"
#include "src/client/client.h"
#include "src/client/publisher.h"
#include "src/connection/completion.h"
#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/error/error_classes.h"
#include "src/loop/clock.h"
#include "src/runtime/control.h"
#include "src/server/pool.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- references ---- */

godwit_transport_t *
godwit__transport_ref (godwit_transport_t *transport)
{
    atomic_fetch_add_explicit (&transport->refs, 1, memory_order_relaxed);
    return transport;
}

/* Only memory is left by now, except in the child of a fork, where the rest is not ours to touch. */
void
godwit__transport_unref (godwit_transport_t *transport)
{
    if (atomic_fetch_sub_explicit (&transport->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__directory_destroy (&transport->directory);
    godwit_url_destroy (&transport->url);
    /* In the child of a fork() it would wait for threads that waited on it in the parent. */
    if (!transport->alive || *transport->alive)
        pthread_cond_destroy (&transport->changed);
    godwit__error_classes_destroy (&transport->error_classes);
    godwit__fork_guard_free (transport->alive);
    godwit__metrics_destroy (&transport->metrics);
    pthread_mutex_destroy (&transport->lock);
    pthread_mutex_destroy (&transport->process_lock);
    free (transport->control_exchange);
    free (transport->host);
    free (transport->virtual_host);
    free (transport->host_id);
    free (transport);
}

godwit_status_t
godwit__transport_check (const godwit_transport_t *transport, godwit_error_t **error)
{
    if (!*transport->alive)
        return godwit__error_set (error, GODWIT_ERR_FORKED,
                                  "This transport belongs to the process before fork(): make a new one");
    if (atomic_load_explicit (&transport->closing, memory_order_relaxed))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    return GODWIT_OK;
}

/* ---- changes ---- */

void
godwit__transport_changed (godwit_transport_t *transport)
{
    transport->change_count++;
    pthread_cond_broadcast (&transport->changed);
    if (transport->completion && transport->completion->stalled_count)
        godwit__reactor_post (transport->completion->reactor, &transport->completion->advance_stalled);
}

void
godwit__transport_wait_changed (godwit_transport_t *transport, int64_t timeout_ns)
{
    if (transport->options.external_loop && !godwit__transport_is_processing (transport)) {
        /* Not for longer than a moment: what changes may come from another thread, which does not wake the
         * loop. */
        const int64_t moment_ns = 10 * GODWIT__NS_PER_MS;
        pthread_mutex_unlock (&transport->lock);
        godwit__transport_pump (transport, timeout_ns < moment_ns ? timeout_ns : moment_ns);
        pthread_mutex_lock (&transport->lock);
        return;
    }
    godwit__cond_wait (&transport->changed, &transport->lock, timeout_ns);
}

void
godwit__log (const godwit_transport_t *transport, godwit_log_level_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    transport->options.log (transport->options.log_user, level, text);
}

/* ---- what it knows ---- */

godwit_status_t
godwit_transport_register_error (godwit_transport_t *transport, const godwit_error_class_t *error_class,
                                 godwit_error_t **error)
{
    if (!transport || !error_class || !error_class->name || !*error_class->name)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got %s",
                                  !transport     ? "transport"
                                  : !error_class ? "error_class"
                                                 : "the class's name",
                                  transport && error_class && error_class->name ? "\"\"" : "NULL");
    const godwit_status_t status = godwit__transport_check (transport, error);
    return status ? status : godwit__error_classes_add (transport->error_classes, error_class, error);
}

/* ---- closing ---- */

static void
close_matchmaker (void *arg)
{
    godwit_transport_t *transport = arg;
    if (transport->matchmaker)
        transport->matchmaker->ops->close (transport->matchmaker);
    transport->matchmaker = NULL;
    godwit__peers_close (transport);
}

static void
close_drivers (void *arg)
{
    godwit_transport_t *transport = arg;
    godwit__reactor_disarm (transport->control, &transport->tick);
    godwit__publisher_destroy (&transport->publisher);
    godwit__pool_destroy (&transport->pool);
    while (transport->driver_count > 0) {
        godwit__driver_t *driver = transport->drivers[--transport->driver_count];
        driver->ops->close (driver);
    }
}

/* Every part is asked to end, then waited for, those that use others first. */
static void
close_parts (godwit_transport_t *transport)
{
    if (transport->pool) {
        godwit__pool_drain (transport->pool);
        godwit__pool_stop (transport->pool);
    }
    godwit__control_run (transport, close_matchmaker, transport);
    pthread_mutex_lock (&transport->lock);
    while (transport->connection_count > 0)
        godwit__transport_wait_changed (transport, GODWIT__NEVER);
    pthread_mutex_unlock (&transport->lock);
    if (transport->completion) /* not, if memory was short for it */
        godwit__completion_stop (transport->completion);
    godwit__control_run (transport, close_drivers, transport);
}

void
godwit_transport_destroy (godwit_transport_t **transport)
{
    if (!transport || !*transport)
        return;
    godwit_transport_t *self = *transport;
    *transport = NULL;
    if (self->alive && !*self->alive) {
        godwit__transport_unref (self);
        return;
    }
    pthread_mutex_lock (&self->lock);
    atomic_store (&self->closing, true);
    godwit__transport_changed (self);
    pthread_mutex_unlock (&self->lock);
    if (self->pool)
        godwit__pool_interrupt (self->pool);
    godwit__clients_close (self);
    if (self->control_runs || (self->control && self->options.external_loop))
        close_parts (self);
    godwit__control_stop (self);
    godwit__completion_destroy (&self->completion);
    if (self->control)
        godwit__reactor_destroy (&self->control);
    godwit__transport_unref (self);
}

/* ---- what is going on ---- */

void
godwit_transport_stats (const godwit_transport_t *transport, godwit_transport_stats_t *stats, size_t size)
{
    godwit_transport_stats_t now = {0};
    const godwit__counters_t *counters = &transport->counters;
#define COPY(name) now.name = atomic_load_explicit (&counters->name, memory_order_relaxed)
    COPY (calls_started);
    COPY (calls_succeeded);
    COPY (calls_failed);
    COPY (calls_retried);
    COPY (casts);
    COPY (fanouts);
    COPY (requests_received);
    COPY (requests_refused);
    COPY (requests_duplicate);
    COPY (fanouts_received);
    COPY (fanout_gaps);
    COPY (frames_malformed);
    COPY (frames_unknown);
    COPY (frames_dropped);
    COPY (workers);
    COPY (calls_repeated);
    COPY (retries_withheld);
    COPY (requests_cancelled);
#undef COPY
#define COPY(name) now.name = atomic_load_explicit (&transport->gauges.name, memory_order_relaxed)
    COPY (rendezvous_known);
    COPY (rendezvous_joined);
    COPY (rendezvous_hosted);
#undef COPY
    if (!atomic_load (&transport->closing) && *transport->alive) {
        pthread_mutex_t *lock =
            (pthread_mutex_t *) (uintptr_t) &transport->lock; /* locking changes nothing that shows */
        pthread_mutex_lock (lock);
        for (size_t i = 0; i < transport->driver_count; i++) {
            const godwit__driver_counters_t *driver =
                transport->drivers[i]->ops->counters (transport->drivers[i]);
            now.frames_malformed += atomic_load_explicit (&driver->malformed, memory_order_relaxed);
            /* What a driver drops is no reply (a rendezvous answers members that have left), or is counted by
             * who sent it. */
        }
        now.peers = transport->connection_count;
        now.servers_known = transport->directory->member_count;
        pthread_mutex_unlock (lock);
    }
    memcpy (stats, &now, size < sizeof now ? size : sizeof now);
}

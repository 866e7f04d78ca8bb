#include "src/transport.h"

#include "src/client.h"
#include "src/clock.h"
#include "src/completion.h"
#include "src/control.h"
#include "src/directory.h"
#include "src/error.h"
#include "src/host.h"
#include "src/options.h"
#include "src/pool.h"
#include "src/publisher.h"
#include "src/surroundings.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_NS (1000 * GODWIT__NS_PER_MS)

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
    godwit__fork_guard_free (transport->alive);
    pthread_mutex_destroy (&transport->lock);
    pthread_mutex_destroy (&transport->process_lock);
    pthread_cond_destroy (&transport->changed);
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

/* ---- surroundings ---- */

static void
system_random (void *user, void *bytes, size_t size)
{
    (void) user;
    randombytes_buf (bytes, size);
}

static int64_t
system_now_ns (void *user)
{
    (void) user;
    return godwit__clock_now (&godwit__clock_system);
}

const godwit__surroundings_t godwit__system_surroundings = {.clock = {system_now_ns, NULL, NULL},
                                                            .random = system_random};

/* ---- opening ---- */

static const godwit__driver_ops_t *const known_drivers[] = {&godwit__inproc_driver, &godwit__zmq_driver};

static const godwit__driver_ops_t *
find_driver (const char *name)
{
    for (size_t i = 0; i < sizeof known_drivers / sizeof known_drivers[0]; i++)
        if (!strcmp (known_drivers[i]->name, name))
            return known_drivers[i];
    return NULL;
}

static godwit_status_t
copy_text (char **to, const char *from, godwit_error_t **error)
{
    *to = strdup (from);
    return *to ? GODWIT_OK : godwit__error_no_memory (error);
}

static godwit_status_t
settle (godwit_transport_t *transport, const godwit_transport_options_t *given, godwit_error_t **error)
{
    const char *virtual_host = godwit_url_virtual_host (transport->url);
    godwit_status_t status =
        godwit__options_settle (&transport->options, &transport->paths, given, transport->url, error);
    if (status)
        return status;
    if (virtual_host && strlen (virtual_host) > 255)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "The virtual host has more than 255 bytes");
    status = copy_text (&transport->control_exchange, transport->options.control_exchange, error);
    if (status == GODWIT_OK)
        status = copy_text (&transport->virtual_host, virtual_host ? virtual_host : "", error);
    if (status == GODWIT_OK && transport->options.host)
        status = copy_text (&transport->host, transport->options.host, error);
    transport->options.control_exchange = transport->control_exchange;
    transport->options.host = transport->host;
    return status;
}

static godwit_status_t
open_driver (godwit_transport_t *transport, const godwit__driver_ops_t *ops, void *user,
             godwit_error_t **error)
{
    const godwit__driver_options_t options = {
        .reactor = transport->control,
        .max_message_size = transport->options.max_message_size,
        .queue_limit = transport->options.queue_limit,
        .connect_timeout_ms = transport->options.connect_timeout_ms,
        .heartbeat_ms = transport->options.heartbeat_ms,
        .heartbeat_timeout_ms = transport->options.heartbeat_timeout_ms,
        .host = transport->host,
        .port = transport->options.port,
        .user = user,
        .virtual_host = transport->virtual_host,
    };
    const godwit_status_t status = ops->open (&transport->drivers[transport->driver_count], &options, error);
    if (status == GODWIT_OK)
        transport->driver_count++;
    return status;
}

static godwit_status_t
open_matchmaker (godwit_transport_t *transport, godwit_error_t **error)
{
    const godwit__matchmaker_ops_t *ops =
        !strcmp (godwit_url_driver (transport->url), "inproc")    ? &godwit__matchmaker_local
        : godwit_url_query_get (transport->url, "static") != NULL ? &godwit__matchmaker_static
                                                                  : &godwit__matchmaker_rendezvous;
    const godwit__matchmaker_options_t options = {
        .reactor = transport->control,
        .driver = transport->drivers[transport->driver_count - 1],
        .url = transport->url,
        .instance = transport->instance,
        .virtual_host = transport->virtual_host,
        .control_exchange = transport->control_exchange,
        .refresh_ms = transport->options.refresh_ms,
        .seed = godwit__transport_random (transport, UINT64_MAX),
        .malformed = &transport->counters.frames_malformed,
    };
    return ops->open (&transport->matchmaker, &options, &godwit__directory_events, transport, error);
}

static void
on_tick (godwit__timer_t *timer)
{
    godwit_transport_t *transport = timer->user;
    godwit__peers_tick (transport);
    godwit__reactor_arm (transport->control, &transport->tick, godwit__transport_now (transport) + TICK_NS);
}

typedef struct opening {
    godwit_transport_t *transport;
    const godwit__driver_ops_t *driver;
    void *driver_user;
    godwit_status_t status;
    godwit_error_t *error;
} opening_t;

/* On the control thread. */
static void
open_parts (void *arg)
{
    opening_t *opening = arg;
    godwit_transport_t *transport = opening->transport;
    /* Shortest path first: what lives in this process is reached without a socket; but not in other
     * surroundings. */
    if (!opening->driver_user && opening->driver != &godwit__inproc_driver &&
        (transport->paths & GODWIT__PATH_INPROC))
        opening->status = open_driver (transport, &godwit__inproc_driver, NULL, &opening->error);
    if (opening->status == GODWIT_OK)
        opening->status = open_driver (transport, opening->driver, opening->driver_user, &opening->error);
    if (opening->status == GODWIT_OK)
        opening->status = open_matchmaker (transport, &opening->error);
    transport->tick = (godwit__timer_t){.fire = on_tick, .user = transport};
    on_tick (&transport->tick);
}

static godwit_status_t
allocate (godwit_transport_t **transport, const char *url, const godwit__surroundings_t *surroundings,
          godwit_error_t **error)
{
    godwit_transport_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    atomic_init (&self->refs, 1);
    pthread_mutex_init (&self->lock, NULL);
    pthread_mutex_init (&self->process_lock, NULL);
    godwit__cond_init (&self->changed);
    self->clock = surroundings->clock;
    self->random = surroundings->random;
    self->random_user = surroundings->random_user;
    self->random (self->random_user, self->instance, sizeof self->instance);
    self->incarnation = godwit__incarnation ();
    self->alive = godwit__fork_guard_new ();
    self->host_id = godwit__host_id ();
    self->directory = godwit__directory_new (self);
    *transport = self;
    if (!self->alive || !self->host_id || !self->directory)
        return godwit__error_no_memory (error);
    return godwit_url_parse (&self->url, url, error);
}

godwit_status_t
godwit_transport_new (godwit_transport_t **transport, const char *url,
                      const godwit_transport_options_t *options, godwit_error_t **error)
{
    return godwit__transport_new_in (transport, url, options, &godwit__system_surroundings, error);
}

godwit_status_t
godwit__transport_new_in (godwit_transport_t **transport, const char *url,
                          const godwit_transport_options_t *options,
                          const godwit__surroundings_t *surroundings, godwit_error_t **error)
{
    godwit_transport_t *self = NULL;
    if (!transport || !url)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  transport ? "url" : "transport");
    if (sodium_init () < 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "libsodium could not be initialised");

    godwit_status_t status = allocate (&self, url, surroundings, error);
    const godwit__driver_ops_t *driver = status                 ? NULL
                                         : surroundings->driver ? surroundings->driver
                                                                : find_driver (godwit_url_driver (self->url));
    if (status == GODWIT_OK && !driver)
        status = godwit__error_set (error, GODWIT_ERR_DRIVER_LOAD,
                                    "Failed to load transport driver \"%s\": expected zmq or inproc",
                                    godwit_url_driver (self->url));
    if (status == GODWIT_OK)
        status = settle (self, options, error);
    if (status == GODWIT_OK)
        status = godwit__reactor_new (&self->control, &self->clock, error);
    if (status == GODWIT_OK)
        status = godwit__completion_new (&self->completion, self, error);
    if (status == GODWIT_OK)
        status = godwit__control_start (self, error);
    if (status == GODWIT_OK) {
        opening_t opening = {self, driver, surroundings->driver_user, GODWIT_OK, NULL};
        godwit__control_run (self, open_parts, &opening);
        status = opening.status;
        if (status && error)
            *error = opening.error;
        else
            godwit_error_destroy (&opening.error);
    }
    if (status) {
        if (self)
            godwit_transport_destroy (&self);
        return status;
    }
    *transport = self;
    return GODWIT_OK;
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
        godwit__pool_farewell (transport->pool);
        godwit__pool_stop (transport->pool);
    }
    godwit__control_run (transport, close_matchmaker, transport);
    pthread_mutex_lock (&transport->lock);
    while (transport->connection_count > 0)
        godwit__transport_wait_changed (transport, GODWIT__NEVER);
    pthread_mutex_unlock (&transport->lock);
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
#undef COPY
    if (!atomic_load (&transport->closing) && *transport->alive) {
        pthread_mutex_t *lock =
            (pthread_mutex_t *) (uintptr_t) &transport->lock; /* locking changes nothing that shows */
        pthread_mutex_lock (lock);
        for (size_t i = 0; i < transport->driver_count; i++) {
            const godwit__driver_counters_t *driver =
                transport->drivers[i]->ops->counters (transport->drivers[i]);
            now.frames_malformed += atomic_load_explicit (&driver->malformed, memory_order_relaxed);
            now.frames_dropped += atomic_load_explicit (&driver->dropped, memory_order_relaxed);
        }
        now.peers = transport->connection_count;
        now.servers_known = transport->directory->member_count;
        pthread_mutex_unlock (lock);
    }
    memcpy (stats, &now, size < sizeof now ? size : sizeof now);
}

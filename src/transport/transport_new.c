/* SPDX-License-Identifier: Apache-2.0 */
/* Making a transport: its options are settled, then its drivers, its matchmaker and its control thread
 * start. */
#include "src/base/uncancelled.h"
#include "src/transport/transport_end.h"

#include "src/address/url_redact.h"
#include "src/base/host.h"
#include "src/client/async.h"
#include "src/client/future.h"
#include "src/config/options.h"
#include "src/connection/led.h"
#include "src/delivery/outboxes.h"
#include "src/discovery/discovery.h"
#include "src/discovery/peer.h"
#include "src/error/error.h"
#include "src/error/error_classes.h"
#include "src/introspection/introspector.h"
#include "src/runtime/control.h"
#include "src/runtime/environment.h"
#include "src/runtime/metrics.h"
#include "src/runtime/own_rights.h"
#include "src/runtime/warnings.h"
#include "src/server/announce.h"
#include "src/server/reach.h"
#include "src/transport/secure_defaults.h"
#include "src/transport/strangers.h"
#include "src/transport/transport_realm.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LABELS = 0x6c };

#define TICK_NS (1000 * GODWIT__NS_PER_MS)

/* The sources of a transport's settings. */
typedef struct settings_sources {
    const godwit_config_t *config; /* may be NULL */
    const godwit_transport_options_t *options;
    const char *url_where; /* where the URL was said, for errors */
} settings_sources_t;

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

const godwit__environment_t godwit__system_environment = {
    .clock = {.now_ns = system_now_ns}, .random = system_random, .keeps_bulletins = true};

static const godwit__driver_ops_t *const known_drivers[] = {&godwit__inproc_driver, &godwit__zmtp_driver,
                                                            &godwit__zmq_driver};

static const godwit__driver_ops_t *
find_driver (const char *name)
{
    for (size_t i = 0; i < sizeof known_drivers / sizeof known_drivers[0]; i++)
        if (!strcmp (known_drivers[i]->name, name))
            return known_drivers[i];
    return NULL;
}

/* Makes *text the transport's own; it is freed with the transport. */
static godwit_status_t
own (char **copy, const char **text, godwit_error_t **error)
{
    if (!*text)
        return GODWIT_OK;
    *copy = strdup (*text);
    if (!*copy)
        return godwit__error_no_memory (error);
    *text = *copy;
    return GODWIT_OK;
}

static godwit_status_t
settle (godwit_transport_t *transport, const settings_sources_t *from, godwit__settings_t *settings,
        godwit_error_t **error)
{
    const char *virtual_host = godwit_url_virtual_host (transport->url);
    godwit_status_t status = godwit__options_settle (settings, from->config, from->options, transport->url,
                                                     from->url_where, error);
    if (status)
        return status;
    if (!virtual_host)
        virtual_host = "";
    if (strlen (virtual_host) > 255)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "The virtual host has more than 255 bytes");
    status = own (&transport->virtual_host, &virtual_host, error);
    if (status == GODWIT_OK)
        status = own (&transport->control_exchange, &settings->known.control_exchange, error);
    if (status == GODWIT_OK)
        status = own (&transport->host, &settings->known.host, error);
    if (status == GODWIT_OK)
        status = own (&transport->runtime_dir, &settings->known.runtime_dir, error);
    if (status == GODWIT_OK)
        status = own (&transport->realm_name, &settings->known.realm, error);
    if (status == GODWIT_OK)
        status = godwit__error_classes_new (&transport->error_classes, settings->known.allowed_remote_exmods,
                                            error);
    transport->options = settings->known;
    transport->options.allowed_remote_exmods =
        status ? NULL : godwit__error_classes_allowed (transport->error_classes);
    transport->paths = (unsigned) settings->paths;
    return status;
}

static void
on_stranger (void *user, const char *at, const char *peer, const char *reason)
{
    godwit__stranger_came (user, at, peer, reason);
}

static void
on_ended (void *user, const char *at, const char *peer, const char *reason)
{
    godwit__stranger_ended (user, at, peer, reason);
}

static void
on_driver_warning (void *user, const char *text)
{
    godwit__transport_note (user, GODWIT_LOG_WARNING, text);
}

static godwit_status_t
open_driver (godwit_transport_t *transport, const godwit__driver_ops_t *ops, void *user,
             godwit_error_t **error)
{
    const godwit__driver_options_t options = {
        .reactor = transport->control,
        .max_message_size = transport->options.max_message_size,
        .queue_limit = transport->options.queue_limit,
        .max_queue_size = transport->options.max_queue_size,
        .connect_timeout_ms = transport->options.connect_timeout_ms,
        .heartbeat_ms = transport->options.heartbeat_ms,
        .heartbeat_timeout_ms = transport->options.heartbeat_timeout_ms,
        .host = transport->host,
        .runtime_dir = transport->runtime_dir,
        .port = transport->options.port,
        .user = user,
        .virtual_host = transport->virtual_host,
        .stranger = godwit__logs (transport, GODWIT_LOG_WARNING) ? on_stranger : NULL,
        .ended = godwit__logs (transport, GODWIT_LOG_WARNING) ? on_ended : NULL,
        .stranger_user = transport,
        .external_loop = transport->options.external_loop,
        .loopback = transport->realm || !(transport->paths & GODWIT__PATH_IPC),
        .warn = on_driver_warning,
        .warn_user = transport,
        .realm = transport->realm,
        .insecure = transport->options.insecure,
    };
    const godwit_status_t status = ops->open (&transport->drivers[transport->driver_count], &options, error);
    if (status == GODWIT_OK)
        transport->driver_count++;
    return status;
}

/* The matchmaker's events: first the directory learns, then the servers of this transport. */

static void
on_seen (void *user, godwit__record_t *record)
{
    if (godwit__discovery_seen (user, record))
        godwit__server_warn_duplicate (user, record);
}

static void
on_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    godwit__discovery_gone (user, instance, server_id, withdrawn);
}

static void
on_synced (void *user)
{
    godwit__discovery_synced (user);
}

static void
on_names (void *user, godwit__names_state_t state, const char *text)
{
    godwit__discovery_names (user, state, text);
}

static void
on_reached (void *user)
{
    godwit__transport_reached (user);
}

static const godwit__matchmaker_events_t matchmaker_events = {on_seen, on_gone, on_synced, on_names};

/* Its members would not join it. In a private folder nobody has to have the right. */
static godwit_status_t
check_hosting (const godwit_transport_t *transport, const godwit__settings_t *settings,
               godwit_error_t **error)
{
    return settings->host_rendezvous
               ? godwit__own_right (transport, &(godwit__deed_t){.verb = GODWIT__VERB_HOST}, error)
               : GODWIT_OK;
}

static godwit_status_t
open_matchmaker (godwit_transport_t *transport, const godwit__settings_t *settings, godwit_error_t **error)
{
    const godwit_status_t status = check_hosting (transport, settings, error);
    if (status)
        return status;
    const bool listed = settings->static_list || settings->static_file;
    const godwit__matchmaker_ops_t *ops = !strcmp (godwit_url_driver (transport->url), "inproc")
                                              ? &godwit__matchmaker_local
                                          : listed ? &godwit__matchmaker_static
                                                   : &godwit__matchmaker_rendezvous;
    transport->has_rendezvous = ops->set_hosts != NULL;
    const godwit__matchmaker_options_t options = {
        .reactor = transport->control,
        .driver = transport->drivers[transport->driver_count - 1],
        .url = transport->url,
        .instance = transport->instance,
        .virtual_host = transport->virtual_host,
        .control_exchange = transport->control_exchange,
        .static_list = settings->static_list,
        .static_where = godwit__settings_where (settings, "static"),
        .static_file = settings->static_file,
        .refuses_tcp = transport->refuses_tcp,
        .runtime_dir = transport->runtime_dir,
        .realm = transport->realm,
        .host_rendezvous = settings->host_rendezvous,
        .refresh_ms = transport->options.refresh_ms,
        .seed = godwit__transport_random (transport, UINT64_MAX),
        .is_repeatable = transport->clock.waiter != NULL,
        .malformed = &transport->counters.frames_malformed,
        .gauges = &transport->gauges,
        .points = &transport->points,
        .note = godwit__logs (transport, GODWIT_LOG_ERROR) ? godwit__transport_note : NULL,
        .note_user = transport,
        .reached = on_reached,
        .reached_user = transport,
    };
    return ops->open (&transport->matchmaker, &options, &matchmaker_events, transport, error);
}

static void
warn_of_labels (const godwit_transport_t *transport)
{
    static const char *const sides[] = {"clients", "servers"};
    for (int side = 0; side < GODWIT__SIDE_COUNT; side++)
        if (godwit__metrics_take_full (transport->metrics, (godwit__side_t) side))
            godwit__warn (
                transport, KEY_LABELS + (uint64_t) side,
                "the metrics of %s have %d labels, which is the limit: what has another label is counted "
                "together as the method \"...\"",
                sides[side], GODWIT__METRIC_LIMIT);
}

static void
on_tick (godwit__timer_t *timer)
{
    godwit_transport_t *transport = timer->user;
    warn_of_labels (transport);
    godwit__strange_frames_look (transport);
    godwit__peers_tick (transport);
    godwit__discovery_tick (transport);
    godwit__warnings_tell (transport, false);
    godwit__box_tick (transport->box);
    godwit__transport_remind (transport);
    godwit__reactor_arm (transport->control, &transport->tick, godwit__transport_now (transport) + TICK_NS);
}

typedef struct opening {
    godwit_transport_t *transport;
    const godwit__driver_ops_t *driver;
    void *driver_user;
    const godwit__settings_t *settings;
    godwit_status_t status;
    godwit_error_t *error;
} opening_t;

/* On the control thread. */
static void
open_parts (void *arg)
{
    opening_t *opening = arg;
    godwit_transport_t *transport = opening->transport;
    /* Shortest path first: servers in this process are reached without a socket. Not so if the environment
     * gives a driver of its own. */
    if (!opening->driver_user && opening->driver != &godwit__inproc_driver &&
        (transport->paths & GODWIT__PATH_INPROC))
        opening->status = open_driver (transport, &godwit__inproc_driver, NULL, &opening->error);
    if (opening->status == GODWIT_OK)
        opening->status = open_driver (transport, opening->driver, opening->driver_user, &opening->error);
    if (opening->status == GODWIT_OK)
        opening->status = open_matchmaker (transport, opening->settings, &opening->error);
    if (opening->status != GODWIT_OK)
        return;
    godwit__transport_watch_realm (transport);
    transport->tick = (godwit__timer_t){.fire = on_tick, .user = transport};
    on_tick (&transport->tick);
}

static int64_t
expire (godwit__completion_t *completion, int64_t now_ns)
{
    const int64_t next_ns = godwit__led_expire (completion, now_ns);
    godwit__stalled_advance (completion->transport);
    return next_ns;
}

static const godwit__completion_hooks_t completion_hooks = {.expire = expire, .tick = godwit__led_tick};

static void
on_changed (godwit_transport_t *transport)
{
    godwit__stalled_wake (transport);
    godwit__outboxes_changed (transport);
}

static const godwit__transport_hooks_t hooks = {
    .changed = on_changed, .ask = godwit__introspector_ask, .release = godwit__transport_release};

static godwit_status_t
allocate (godwit_transport_t **transport, const char *url, const godwit__environment_t *environment,
          godwit_error_t **error)
{
    godwit_transport_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->hooks = &hooks;
    self->log_from = GODWIT__LOG_NOTHING;
    atomic_init (&self->refs, 1);
    pthread_mutex_init (&self->lock, NULL);
    godwit__list_init (&self->clients);
    godwit__list_init (&self->end_hooks);
    pthread_mutex_init (&self->process_lock, NULL);
    pthread_mutex_init (&self->points.lock, NULL);
    self->clock = environment->clock;
    self->random = environment->random;
    self->random_user = environment->random_user;
    self->random (self->random_user, self->instance, sizeof self->instance);
    godwit__trace_source_init (&self->traces, self->instance);
    self->incarnation = environment->incarnation ? environment->incarnation : godwit__incarnation ();
    self->alive = godwit__fork_guard_new ();
    self->host_id = environment->host_id ? strdup (environment->host_id) : godwit__host_id ();
    self->metrics = godwit__metrics_new ();
    *transport = self;
    if (!self->alive || !self->host_id || !self->metrics)
        return godwit__error_no_memory (error);
    const godwit_status_t status = godwit__discovery_open (self, error);
    return status ? status : godwit_url_parse (&self->url, url, error);
}

/* A setting that would have no effect is an error. */
static godwit_status_t
check_use (const godwit_transport_t *transport, const godwit__settings_t *settings, godwit_error_t **error)
{
    const bool inproc = !strcmp (godwit_url_driver (transport->url), "inproc");
    const bool listed = settings->static_list || settings->static_file;
    const char *const list = settings->static_list ? "static" : "static_file";
    const bool is_member = settings->known.realm && strcmp (settings->known.realm, "none") != 0;
    const char *const network = listed                        ? list
                                : settings->host_rendezvous   ? "host_rendezvous"
                                : settings->known.port        ? "port"
                                : settings->known.runtime_dir ? "runtime_dir"
                                : settings->known.insecure    ? "insecure"
                                : is_member                   ? "realm"
                                                              : NULL;
    if (inproc && network)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option %s (%s): expected a driver with a network, got inproc", network,
                                  godwit__settings_where (settings, network));
    if (listed && settings->host_rendezvous)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option host_rendezvous (%s): expected it or %s (%s), not both",
                                  godwit__settings_where (settings, "host_rendezvous"), list,
                                  godwit__settings_where (settings, list));
    return GODWIT_OK;
}

static void
log_warning (const godwit_transport_t *transport)
{
    const char *const warning = godwit_url_warning (transport->url);
    if (warning && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING, "The transport's URL: %s", warning);
}

/* Without a file it is as good while the process lives. */
static godwit_status_t
open_box (godwit_transport_t *transport, bool in_file, godwit_error_t **error)
{
    char *why = NULL;
    godwit__box_options_t options = {
        .size = transport->options.black_box_size < 0 ? 0 : (size_t) transport->options.black_box_size,
        .in_memory = !in_file,
        .runtime_dir = transport->runtime_dir,
        .now_ns = godwit__transport_now (transport),
    };
    memcpy (options.instance, transport->instance, sizeof options.instance);
    const godwit_status_t status = godwit__box_new (&transport->box, &options, &why, error);
    if (why && godwit__logs (transport, GODWIT_LOG_INFO))
        godwit__log (transport, GODWIT_LOG_INFO, "The black box will not outlive this process: %s", why);
    free (why);
    return status;
}

/* Starts what runs. */
static godwit_status_t
start (godwit_transport_t *transport, const godwit__driver_ops_t *driver, void *driver_user,
       const godwit__settings_t *settings, godwit_error_t **error)
{
    godwit_status_t status = godwit__reactor_new (&transport->control, &transport->clock, error);
    if (status == GODWIT_OK)
        status = godwit__completion_new (&transport->completion, transport, &completion_hooks, error);
    if (status == GODWIT_OK)
        status = godwit__stalled_open (transport, error);
    if (status == GODWIT_OK)
        status = godwit__given_up_open (transport, error);
    if (status == GODWIT_OK && !transport->options.without_introspection)
        status = godwit__introspector_open (transport, error);
    if (status == GODWIT_OK)
        status = godwit__control_start (transport, error);
    if (status)
        return status;
    opening_t opening = {transport, driver, driver_user, settings, GODWIT_OK, NULL};
    godwit__control_run (transport, open_parts, &opening);
    if (opening.status && error)
        *error = opening.error;
    else
        godwit_error_destroy (&opening.error);
    return opening.status;
}

static godwit_status_t
new_transport (godwit_transport_t **transport, const char *url, const settings_sources_t *from,
               const godwit__environment_t *environment, godwit_error_t **error)
{
    godwit_transport_t *self = NULL;
    godwit__settings_t settings;
    if (sodium_init () < 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "libsodium could not be initialised");

    godwit_status_t status = allocate (&self, url, environment, error);
    const godwit__driver_ops_t *driver = environment->driver;
    if (!driver && status == GODWIT_OK)
        driver = find_driver (godwit_url_transport (self->url));
    if (!driver && status == GODWIT_OK)
        driver = find_driver (godwit_url_driver (self->url));
    if (status == GODWIT_OK && !driver)
        status = godwit__error_with (
            error,
            godwit__error_set (error, GODWIT_ERR_DRIVER_LOAD,
                               "Failed to load transport driver \"%s\": expected zmq, zmq+libzmq or inproc",
                               godwit_url_transport (self->url)),
            "driver", godwit_url_transport (self->url));
    if (status == GODWIT_OK)
        status = godwit__url_error (error, settle (self, from, &settings, error), url);
    if (status == GODWIT_OK)
        status = check_use (self, &settings, error);
    if (status == GODWIT_OK) {
        godwit__log_open (self);
        if (godwit__logs (self, GODWIT_LOG_WARNING))
            self->warnings = godwit__warnings_new ();
        log_warning (self);
        status = godwit__transport_open_realm (self, &settings, driver, environment, error);
    }
    if (status == GODWIT_OK)
        status = godwit__secure_defaults_check (self, &settings, from->url_where, error);
    if (status == GODWIT_OK)
        status = open_box (self, driver != &godwit__inproc_driver && !environment->driver, error);
    if (status == GODWIT_OK)
        status = start (self, driver, environment->driver_user, &settings, error);
    if (status) {
        if (self)
            godwit_transport_destroy (&self);
        return status;
    }
    *transport = self;
    return GODWIT_OK;
}

godwit_status_t
godwit__transport_new_in (godwit_transport_t **transport, const char *url,
                          const godwit_transport_options_t *options, const godwit__environment_t *environment,
                          godwit_error_t **error)
{
    if (!transport || !url)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  transport ? "url" : "transport");
    const settings_sources_t from = {NULL, options, "URL"};
    return new_transport (transport, url, &from, environment, error);
}

godwit_status_t
godwit_transport_new (godwit_transport_t **transport, const char *url,
                      const godwit_transport_options_t *options, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    return godwit__transport_new_in (transport, url, options, &godwit__system_environment, error);
}

godwit_status_t
godwit_transport_new_from_config (godwit_transport_t **transport, const godwit_config_t *config,
                                  const char *url, const godwit_transport_options_t *options,
                                  godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    char where[160] = "URL";
    if (!transport || !config)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  transport ? "config" : "transport");
    if (!url) {
        url = godwit_config_get (config, "DEFAULT", "transport_url");
        if (url)
            snprintf (where, sizeof where, "URL, %s",
                      godwit_config_where (config, "DEFAULT", "transport_url"));
    }
    const settings_sources_t from = {config, options, where};
    return new_transport (transport, url ? url : "zmq://", &from, &godwit__system_environment, error);
}

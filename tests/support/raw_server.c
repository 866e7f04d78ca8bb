/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/raw_server.h"

#include "src/runtime/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
count (raw_server_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->ran++;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    count (self);
    return godwit_request_reply (request,
                                 godwit_field_from (godwit_value_get (godwit_request_args (request), "x")));
}

static godwit_status_t
block (godwit_request_t *request, void *user)
{
    raw_server_t *const self = user;
    (void) request;
    pthread_mutex_lock (&self->lock);
    self->ran++;
    self->entered++;
    self->inside++;
    if (self->inside > self->most_inside)
        self->most_inside = self->inside;
    pthread_cond_broadcast (&self->changed);
    while (!self->open && !self->spins)
        pthread_cond_wait (&self->changed, &self->lock);
    while (!self->open) {
        pthread_mutex_unlock (&self->lock);
        pthread_mutex_lock (&self->lock);
    }
    self->inside--;
    pthread_mutex_unlock (&self->lock);
    return GODWIT_OK;
}

static void
tell (godwit_request_t *request, void *user)
{
    raw_server_t *const self = user;
    pthread_mutex_lock (&self->lock);
    if (godwit_request_is_cancelled (request))
        self->told++;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

static godwit_status_t
watch (godwit_request_t *request, void *user)
{
    raw_server_t *const self = user;
    pthread_mutex_lock (&self->lock);
    const unsigned told = self->told;
    pthread_mutex_unlock (&self->lock);
    const godwit_status_t status = godwit_request_on_cancel (request, tell, self);
    pthread_mutex_lock (&self->lock);
    self->ran++;
    self->entered++;
    self->inside++;
    pthread_cond_broadcast (&self->changed);
    while (!self->open && self->told == told)
        pthread_cond_wait (&self->changed, &self->lock);
    pthread_mutex_unlock (&self->lock);
    const bool saw = godwit_request_is_cancelled (request);
    pthread_mutex_lock (&self->lock);
    self->inside--;
    self->saw += saw;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
    return status;
}

static godwit_status_t
keep (godwit_request_t *request, void *user)
{
    raw_server_t *const self = user;
    godwit_request_keep (request);
    if (self->kept_callback)
        godwit_request_on_cancel (request, self->kept_callback, self->kept_user);
    pthread_mutex_lock (&self->lock);
    self->ran++;
    self->kept[self->kept_count++] = request;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
    return GODWIT_OK;
}

static godwit_status_t
take (godwit_request_t *request, void *user)
{
    raw_server_t *const self = user;
    const int64_t ms = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "x"), 0);
    atomic_fetch_add (self->hand_ns, ms > 0 ? ms * GODWIT__NS_PER_MS : 0);
    count (self);
    return ms < 0 ? GODWIT_ERR_FAILED : GODWIT_OK;
}

static godwit_status_t
fail (godwit_request_t *request, void *self)
{
    (void) request;
    count (self);
    return GODWIT_ERR_NOT_FOUND;
}

static godwit_status_t
typed (godwit_request_t *request, void *self)
{
    count (self);
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "%d left", 0);
    return godwit_request_fail (request, &error);
}

static godwit_status_t
twice (godwit_request_t *request, void *self)
{
    raw_server_t *const server = self;
    const godwit_status_t first = godwit_request_reply (request, GODWIT_INT (NULL, 1));
    const godwit_status_t second = godwit_request_reply (request, GODWIT_INT (NULL, 2));
    const bool is_refused = first == GODWIT_OK && second == GODWIT_ERR_INVALID_ARGUMENT;
    pthread_mutex_lock (&server->lock);
    server->refused += is_refused;
    pthread_mutex_unlock (&server->lock);
    count (server);
    return is_refused ? GODWIT_OK : GODWIT_ERR_FAILED;
}

/* x bytes. */
static godwit_status_t
large (godwit_request_t *request, void *self)
{
    count (self);
    const size_t size =
        (size_t) godwit_value_as_int (godwit_value_get (godwit_request_args (request), "x"), 0);
    void *const data = calloc (1, size);
    const godwit_status_t status = godwit_request_reply (request, GODWIT_BIN (NULL, data, size));
    free (data);
    return status;
}

typedef struct small_params {
    int64_t x;
} small_params_t;
static const godwit_slot_t small_slots[] = {GODWIT_SLOT (small_params_t, x)};

typedef struct big_params {
    int64_t x;
    char room[1000];
} big_params_t;
static const godwit_slot_t big_slots[] = {GODWIT_SLOT (big_params_t, x)};

static godwit_status_t
small (godwit_request_t *request, void *self)
{
    count (self);
    const small_params_t *const params = godwit_request_params (request);
    return godwit_request_reply (request, GODWIT_INT (NULL, params->x));
}

static godwit_status_t
big (godwit_request_t *request, void *self)
{
    count (self);
    const big_params_t *const params = godwit_request_params (request);
    return godwit_request_reply (request, GODWIT_INT (NULL, params->x + params->room[999]));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("echo", echo, 0),
    GODWIT_METHOD ("block", block, 0),
    GODWIT_METHOD ("watch", watch, 0),
    GODWIT_METHOD ("keep", keep, 0),
    GODWIT_METHOD ("take", take, 0),
    GODWIT_METHOD ("take_late", take, GODWIT_METHOD_RUNS_LATE),
    GODWIT_METHOD ("fail", fail, 0),
    GODWIT_METHOD ("typed", typed, 0),
    GODWIT_METHOD ("twice", twice, 0),
    GODWIT_METHOD ("large", large, 0),
    GODWIT_METHOD ("inline", echo, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("inline_keep", keep, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("_denied", echo, 0),
    GODWIT_METHOD_WITH ("small", small, small_params_t, small_slots, 0),
    GODWIT_METHOD_WITH ("big", big, big_params_t, big_slots, 0),
};

static void
on_destroy (void *user)
{
    ((raw_server_t *) user)->destroyed = true;
}

/* So that the test knows what stops it. */
static void
must (godwit_status_t status, godwit_error_t **error)
{
    if (!status)
        return;
    fprintf (stderr, "%s\n", godwit_error_print (*error));
    abort ();
}

godwit_status_t
raw_server_add (raw_server_t *self, const char *topic, const char *name, godwit_server_t **server)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = self);
    const godwit_status_t status = godwit_server_new (
        server, self->transport, GODWIT_TARGET (.topic = topic, .server = name), &endpoint, 1, NULL, NULL);
    return status ? status : godwit_server_start (*server, NULL, NULL);
}

void
raw_server_start (raw_server_t *self, const godwit__driver_ops_t *driver,
                  const godwit_server_options_t *options, const godwit_transport_options_t *transport_options)
{
    raw_server_start_quiet (self, driver, options, transport_options);
    raw_server_greet (self, &self->peer);
}

static void
start (raw_server_t *self, const godwit__driver_ops_t *driver, const godwit_server_options_t *options,
       const godwit_transport_options_t *transport_options, const godwit__environment_t *environment)
{
    godwit_error_t *error = NULL;
    memset (self, 0, sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    /* Nobody is to be found by name here, so there is no need for a rendezvous. */
    const char *const url = driver == &godwit__inproc_driver
                                ? "inproc://raw/"
                                : "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1";
    must (godwit__transport_new_in (&self->transport, url, transport_options, environment, &error), &error);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = self, .on_destroy = on_destroy);
    must (godwit_server_new (&self->server, self->transport, GODWIT_TARGET (.topic = "calc", .server = "one"),
                             &endpoint, 1, options, &error),
          &error);
    must (godwit_server_start (self->server, NULL, &error), &error);
}

void
raw_server_start_quiet (raw_server_t *self, const godwit__driver_ops_t *driver,
                        const godwit_server_options_t *options,
                        const godwit_transport_options_t *transport_options)
{
    start (self, driver, options, transport_options, &godwit__system_environment);
}

void
raw_server_start_at (raw_server_t *self, const godwit__driver_ops_t *driver, godwit__clock_t clock,
                     const godwit_server_options_t *options)
{
    godwit__environment_t environment = godwit__system_environment;
    environment.clock = clock;
    start (self, driver, options, NULL, &environment);
    raw_server_greet (self, &self->peer);
}

static void
run_loop (void *user)
{
    const raw_server_t *self = user;
    godwit_transport_process (self->transport, 0, NULL);
}

void
raw_server_connect (raw_server_t *self, raw_peer_t *peer)
{
    const bool external = self->transport->options.external_loop;
    const godwit__pool_t *const pool = self->transport->pool;
    const godwit__port_t *const port = &pool->ports[pool->port_count - 1];
    if (!raw_open_with (peer, port->driver->ops, port->addresses.links[0], self->transport->virtual_host,
                        external ? run_loop : NULL, self))
        abort ();
}

void
raw_server_greet (raw_server_t *self, raw_peer_t *peer)
{
    raw_server_connect (self, peer);
    raw_hello (peer, self->transport->instance, self->transport->virtual_host);
    if (!raw_expect (peer, GODWIT__WELCOME, 0))
        abort ();
}

void
raw_server_end (raw_server_t *self)
{
    raw_server_let_go (self);
    raw_close (&self->peer);
    godwit_server_destroy (&self->server);
    godwit_transport_destroy (&self->transport);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
}

void
raw_server_let_go (raw_server_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->open = true;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

void
raw_server_hold (raw_server_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->open = false;
    pthread_mutex_unlock (&self->lock);
}

unsigned
raw_server_count (raw_server_t *self, const unsigned *number)
{
    pthread_mutex_lock (&self->lock);
    const unsigned value = *number;
    pthread_mutex_unlock (&self->lock);
    return value;
}

void
raw_server_await (raw_server_t *self, const unsigned *number, unsigned least)
{
    pthread_mutex_lock (&self->lock);
    while (*number < least)
        pthread_cond_wait (&self->changed, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

void
raw_server_await_entered (raw_server_t *self, unsigned entered)
{
    raw_server_await (self, &self->entered, entered);
}

void
raw_server_await_kept (raw_server_t *self, size_t kept)
{
    pthread_mutex_lock (&self->lock);
    while (self->kept_count < kept)
        pthread_cond_wait (&self->changed, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

godwit__header_t
raw_header_of (const raw_server_t *self, uint64_t id)
{
    return (godwit__header_t){.type = GODWIT__REQUEST, .target = self->server->id, .id = id};
}

godwit_transport_stats_t
raw_server_stats (const raw_server_t *self)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (self->transport, &stats, sizeof stats);
    return stats;
}

void
raw_server_ask (raw_server_t *self, uint64_t id, const char *method, int64_t x)
{
    const godwit__header_t header = raw_header_of (self, id);
    raw_request (&self->peer, &header, method, x);
}

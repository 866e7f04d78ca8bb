/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/core_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- time and counting ---- */

int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec
time_in_ms (int64_t ms)
{
    struct timespec then;
    clock_gettime (CLOCK_MONOTONIC, &then);
    then.tv_sec += ms / 1000;
    then.tv_nsec += (ms % 1000) * 1000000;
    then.tv_sec += then.tv_nsec / 1000000000;
    then.tv_nsec %= 1000000000;
    return then;
}

void
cond_open (pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (cond, &attributes);
    pthread_condattr_destroy (&attributes);
}

/* With lock held. False after WAIT_LIMIT_MS. */
static bool
wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, const uint64_t *what, uint64_t least)
{
    const struct timespec end = time_in_ms (WAIT_LIMIT_MS);
    while (*what < least)
        if (pthread_cond_timedwait (cond, lock, &end))
            return *what >= least;
    return true;
}

void
tally_open (tally_t *tally)
{
    pthread_mutex_init (&tally->lock, NULL);
    cond_open (&tally->changed);
    tally->value = 0;
}

void
tally_close (tally_t *tally)
{
    pthread_mutex_destroy (&tally->lock);
    pthread_cond_destroy (&tally->changed);
}

void
tally_add (tally_t *tally)
{
    pthread_mutex_lock (&tally->lock);
    tally->value++;
    pthread_cond_broadcast (&tally->changed);
    pthread_mutex_unlock (&tally->lock);
}

void
tally_wait (tally_t *tally, uint64_t least)
{
    pthread_mutex_lock (&tally->lock);
    const bool reached = wait_until (&tally->changed, &tally->lock, &tally->value, least);
    const uint64_t value = tally->value;
    pthread_mutex_unlock (&tally->lock);
    cr_assert (reached, "waited for %llu, got %llu", (unsigned long long) least, (unsigned long long) value);
}

uint64_t
tally_get (tally_t *tally)
{
    pthread_mutex_lock (&tally->lock);
    const uint64_t value = tally->value;
    pthread_mutex_unlock (&tally->lock);
    return value;
}

/* ---- the methods ---- */

static service_t *
begin (void *self)
{
    service_t *service = self;
    pthread_mutex_lock (&service->lock);
    service->runs++;
    pthread_cond_broadcast (&service->changed);
    pthread_mutex_unlock (&service->lock);
    return service;
}

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    begin (self);
    return godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
}

struct add_args {
    int64_t a;
    int64_t b;
};

static const godwit_slot_t add_slots[] = {GODWIT_SLOT (struct add_args, a), GODWIT_SLOT (struct add_args, b)};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const struct add_args *args = godwit_request_params (request);
    begin (self);
    return godwit_request_reply (request, GODWIT_INT (NULL, args->a + args->b));
}

static godwit_status_t
whoami (godwit_request_t *request, void *self)
{
    const service_t *service = begin (self);
    return godwit_request_reply (request, GODWIT_STR (NULL, service->name));
}

static godwit_status_t
context (godwit_request_t *request, void *self)
{
    begin (self);
    return godwit_request_reply (request, godwit_field_from (godwit_request_context (request)));
}

static godwit_status_t
remaining (godwit_request_t *request, void *self)
{
    const int64_t ms = godwit_request_remaining_ms (request);
    begin (self);
    if (ms == GODWIT_CLEAR_INT)
        return godwit_request_reply (request, GODWIT_STR (NULL, "none"));
    return godwit_request_reply (request, GODWIT_INT (NULL, ms));
}

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    begin (self);
    return GODWIT_OK;
}

static godwit_status_t
count (godwit_request_t *request, void *self)
{
    service_t *service = begin (self);
    (void) request;
    pthread_mutex_lock (&service->lock);
    service->counted++;
    pthread_cond_broadcast (&service->changed);
    pthread_mutex_unlock (&service->lock);
    return GODWIT_OK;
}

static godwit_status_t
hold (godwit_request_t *request, void *self)
{
    service_t *service = begin (self);
    pthread_mutex_lock (&service->lock);
    if (service->held_count < HELD_MAX)
        service->held[service->held_count++] = godwit_request_keep (request);
    pthread_cond_broadcast (&service->changed);
    pthread_mutex_unlock (&service->lock);
    return GODWIT_OK;
}

static godwit_status_t
block (godwit_request_t *request, void *self)
{
    service_t *service = begin (self);
    (void) request;
    pthread_mutex_lock (&service->lock);
    service->blocked++;
    pthread_cond_broadcast (&service->changed);
    while (!service->gate_open)
        pthread_cond_wait (&service->changed, &service->lock);
    service->blocked--;
    pthread_mutex_unlock (&service->lock);
    return GODWIT_OK;
}

static void
tell (godwit_request_t *request, void *user)
{
    service_t *service = user;
    pthread_mutex_lock (&service->lock);
    service->told += godwit_request_is_cancelled (request);
    pthread_cond_broadcast (&service->changed);
    pthread_mutex_unlock (&service->lock);
}

static godwit_status_t
watch (godwit_request_t *request, void *self)
{
    service_t *service = begin (self);
    pthread_mutex_lock (&service->lock);
    const uint64_t told = service->told;
    pthread_mutex_unlock (&service->lock);
    const godwit_status_t status = godwit_request_on_cancel (request, tell, service);
    pthread_mutex_lock (&service->lock);
    service->blocked++;
    pthread_cond_broadcast (&service->changed);
    while (!service->gate_open && service->told == told)
        pthread_cond_wait (&service->changed, &service->lock);
    service->blocked--;
    pthread_mutex_unlock (&service->lock);
    return status;
}

static godwit_status_t
drop (godwit_request_t *request, void *self)
{
    godwit_request_t *kept = godwit_request_keep (request);
    begin (self);
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

static godwit_status_t
fail (godwit_request_t *request, void *self)
{
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea");
    begin (self);
    return godwit_request_fail (request, &error);
}

static godwit_status_t
deny (godwit_request_t *request, void *self)
{
    (void) request;
    begin (self);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

static godwit_status_t
twice (godwit_request_t *request, void *self)
{
    begin (self);
    const godwit_status_t first = godwit_request_reply (request, GODWIT_INT (NULL, 1));
    const godwit_status_t second = godwit_request_reply (request, GODWIT_INT (NULL, 2));
    return first == GODWIT_OK && second == GODWIT_ERR_INVALID_ARGUMENT ? GODWIT_OK : GODWIT_ERR_FAILED;
}

static godwit_status_t
relay (godwit_request_t *request, void *self)
{
    service_t *service = begin (self);
    godwit_error_t *error = NULL;
    godwit_value_t *result = NULL;
    const char *method = godwit_value_as_str (godwit_value_get (godwit_request_args (request), "method"), "");
    pthread_mutex_lock (&service->lock);
    godwit_client_t *onward = service->onward;
    pthread_mutex_unlock (&service->lock);
    if (godwit_client_call (onward, godwit_request_context (request), method, GODWIT_NO_ARGS, &result,
                            &error))
        return godwit_request_fail (request, &error);
    const godwit_status_t status = godwit_request_reply (request, godwit_field_from (result));
    godwit_value_unref (&result);
    return status;
}

static godwit_status_t
big (godwit_request_t *request, void *self)
{
    const int64_t size = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "size"), 0);
    begin (self);
    char *bytes = calloc (1, (size_t) size + 1);
    const godwit_status_t status = godwit_request_reply (request, GODWIT_BIN (NULL, bytes, (size_t) size));
    free (bytes);
    return status;
}

static _Thread_local int this_thread;

/* The caller says which thread it is, by an address that only this process understands. */
static godwit_status_t
quick (godwit_request_t *request, void *self)
{
    const int64_t caller =
        godwit_value_as_int (godwit_value_get (godwit_request_args (request), "thread"), 0);
    begin (self);
    return godwit_request_reply (request,
                                 GODWIT_INT (NULL, caller == (int64_t) (uintptr_t) &this_thread ? 1 : 0));
}

int64_t
core_this_thread (void)
{
    return (int64_t) (uintptr_t) &this_thread;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("echo", echo, 0),
    GODWIT_METHOD_WITH ("add", add, struct add_args, add_slots, 0),
    GODWIT_METHOD ("whoami", whoami, 0),
    GODWIT_METHOD ("context", context, 0),
    GODWIT_METHOD ("remaining", remaining, 0),
    GODWIT_METHOD ("nothing", nothing, 0),
    GODWIT_METHOD ("count", count, 0),
    GODWIT_METHOD ("hold", hold, 0),
    GODWIT_METHOD ("block", block, 0),
    GODWIT_METHOD ("watch", watch, 0),
    GODWIT_METHOD ("drop", drop, 0),
    GODWIT_METHOD ("fail", fail, 0),
    GODWIT_METHOD ("deny", deny, 0),
    GODWIT_METHOD ("twice", twice, 0),
    GODWIT_METHOD ("relay", relay, 0),
    GODWIT_METHOD ("big", big, 0),
    GODWIT_METHOD ("quick", quick, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("hold_inline", hold, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("_hidden", nothing, 0),
};

static void
on_destroy (void *self)
{
    service_t *service = self;
    pthread_mutex_lock (&service->lock);
    service->destroyed++;
    pthread_mutex_unlock (&service->lock);
}

/* ---- a service ---- */

void
service_start (service_t *service, godwit_transport_t *transport, const char *name,
               const godwit_server_options_t *options)
{
    memset (service, 0, sizeof *service);
    snprintf (service->name, sizeof service->name, "%s", name);
    pthread_mutex_init (&service->lock, NULL);
    cond_open (&service->changed);
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (methods, .version = "1.3", .self = service, .on_destroy = on_destroy),
        GODWIT_ENDPOINT (methods, .name_space = "other", .version = "2.0", .self = service),
    };
    MUST (godwit_server_new (&service->server, transport, GODWIT_TARGET (.topic = "work", .server = name),
                             endpoints, 2, options, &error));
    MUST (godwit_server_start (service->server, NULL, &error));
}

void
service_open_gate (service_t *service)
{
    pthread_mutex_lock (&service->lock);
    service->gate_open = true;
    pthread_cond_broadcast (&service->changed);
    pthread_mutex_unlock (&service->lock);
}

void
service_close_gate (service_t *service)
{
    pthread_mutex_lock (&service->lock);
    service->gate_open = false;
    pthread_mutex_unlock (&service->lock);
}

void
service_relay_to (service_t *service, godwit_transport_t *transport, const char *server, int64_t timeout_ms)
{
    godwit_client_t *onward = NULL;
    if (transport)
        MUST (godwit_client_new (&onward, transport, GODWIT_TARGET (.topic = "work", .server = server),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), &error));
    pthread_mutex_lock (&service->lock);
    godwit_client_t *before = service->onward;
    service->onward = onward;
    pthread_mutex_unlock (&service->lock);
    godwit_client_destroy (&before);
}

void
service_end (service_t *service)
{
    service_open_gate (service);
    godwit_server_destroy (&service->server);
    for (size_t i = 0; i < service->held_count; i++)
        godwit_request_destroy (&service->held[i]); /* which may outlive it */
    cr_assert_eq (service->destroyed, 1u);
    pthread_mutex_destroy (&service->lock);
    pthread_cond_destroy (&service->changed);
}

void
service_wait (service_t *service, const uint64_t *what, uint64_t least)
{
    pthread_mutex_lock (&service->lock);
    const bool reached = wait_until (&service->changed, &service->lock, what, least);
    pthread_mutex_unlock (&service->lock);
    cr_assert (reached, "server %s: waited in vain for %llu", service->name, (unsigned long long) least);
}

void
service_wait_held (service_t *service, size_t least)
{
    const struct timespec end = time_in_ms (WAIT_LIMIT_MS);
    pthread_mutex_lock (&service->lock);
    while (service->held_count < least)
        if (pthread_cond_timedwait (&service->changed, &service->lock, &end))
            break;
    const size_t held = service->held_count;
    pthread_mutex_unlock (&service->lock);
    cr_assert (held >= least, "server %s holds %zu of %zu", service->name, held, least);
}

uint64_t
service_get (service_t *service, const uint64_t *what)
{
    pthread_mutex_lock (&service->lock);
    const uint64_t value = *what;
    pthread_mutex_unlock (&service->lock);
    return value;
}

godwit_request_t *
service_take (service_t *service)
{
    pthread_mutex_lock (&service->lock);
    godwit_request_t *request = NULL;
    if (service->held_count > 0) {
        request = service->held[0];
        service->held_count--;
        memmove (service->held, service->held + 1, service->held_count * sizeof service->held[0]);
    }
    pthread_mutex_unlock (&service->lock);
    return request;
}

/* ---- the world ---- */

/* Of the world that was opened last. */
static atomic_uint transports;

void
core_url (char *url, size_t size, const core_kind_t *kind)
{
    static atomic_uint number;
    atomic_store (&transports, 0);
    snprintf (url, size, "%s:///test-%ld-%u%s", kind->driver, (long) getpid (), atomic_fetch_add (&number, 1),
              kind->query);
}

godwit_transport_t *
core_transport (const core_t *core, const godwit_transport_options_t *options)
{
    godwit_transport_t *transport = NULL;
    const char *const driver =
        atomic_fetch_add (&transports, 1) % 2 && core->kind->other ? core->kind->other : core->kind->driver;
    char url[sizeof core->url + 32];
    snprintf (url, sizeof url, "%s%s", driver, core->url + strlen (core->kind->driver));
    MUST (godwit_transport_new (&transport, url, options, &error));
    return transport;
}

godwit_client_t *
core_client (godwit_transport_t *transport, const godwit_client_options_t *options)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"),
                             options ? options : GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS),
                             &error));
    return client;
}

void
core_open_empty (core_t *core, const core_kind_t *kind)
{
    memset (core, 0, sizeof *core);
    core->kind = kind;
    core_url (core->url, sizeof core->url, kind);
    core->serving = core_transport (core, NULL);
    core->calling = kind->shared ? core->serving : core_transport (core, NULL);
    core->client = core_client (core->calling, NULL);
}

void
core_open (core_t *core, const core_kind_t *kind)
{
    core_open_empty (core, kind);
    service_start (&core->one, core->serving, "one", NULL);
    MUST (godwit_client_wait_servers (core->client, 1, WAIT_LIMIT_MS, &error));
}

void
core_close (core_t *core)
{
    godwit_client_destroy (&core->client);
    if (core->one.server)
        service_end (&core->one);
    if (core->calling != core->serving)
        godwit_transport_destroy (&core->calling);
    godwit_transport_destroy (&core->serving);
}

int64_t
call_int (godwit_client_t *client, const char *method)
{
    godwit_value_t *result = NULL;
    godwit_client_call (client, NULL, method, GODWIT_NO_ARGS, &result, NULL);
    const int64_t number = godwit_value_as_int (result, -1);
    godwit_value_unref (&result);
    return number;
}

char
call_who (godwit_client_t *client)
{
    godwit_value_t *result = NULL;
    godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, &result, NULL);
    const char *name = godwit_value_as_str (result, "?");
    const char last = *name ? name[strlen (name) - 1] : '?';
    godwit_value_unref (&result);
    return last;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "godwit_side.h"
#include "die.h"

#include "tests/support/realm_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOW_MS = 50, WAIT_LIMIT_MS = 10000 };

void
bench_godwit_check (godwit_status_t status, godwit_error_t **error, const char *what)
{
    if (status != GODWIT_OK)
        bench_die ("%s: %s", what,
                   *error != NULL ? godwit_error_print (*error) : godwit_status_text (status));
}

/* ---- the methods ---- */

typedef struct {
    int64_t a;
    int64_t b;
} add_params_t;

static const godwit_slot_t add_slots[] = {GODWIT_SLOT (add_params_t, a), GODWIT_SLOT (add_params_t, b)};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const add_params_t *params = godwit_request_params (request);
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, params->a + params->b));
}

static godwit_status_t
slow (godwit_request_t *request, void *self)
{
    const struct timespec pause = {.tv_nsec = SLOW_MS * 1000000L};
    (void) request;
    (void) self;
    nanosleep (&pause, NULL);
    return GODWIT_OK;
}

typedef struct {
    godwit_bytes_t data;
} store_params_t;

static const godwit_slot_t store_slots[] = {GODWIT_SLOT (store_params_t, data)};

static godwit_status_t
store (godwit_request_t *request, void *self)
{
    const store_params_t *params = godwit_request_params (request);
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, (int64_t) params->data.size));
}

/* "slow" is not marked as such: that it must not hold up the others is for the library to find out. */
static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("add", add, add_params_t, add_slots, 0),
    GODWIT_METHOD_WITH ("add_inline", add, add_params_t, add_slots, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("slow", slow, 0),
    GODWIT_METHOD_WITH ("store", store, store_params_t, store_slots, 0),
};

/* ---- server ---- */

typedef struct {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit__test_realm_t *realm; /* NULL: none */
} server_t;

const char *
bench_godwit_scheme (void)
{
    const char *scheme = getenv ("GODWIT_BENCH_SCHEME");
    return scheme != NULL && *scheme != '\0' ? scheme : "zmq";
}

godwit_status_t
bench_godwit_server (godwit_server_t **server, godwit_transport_t *transport, const char *name,
                     godwit_error_t **error)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_status_t status = godwit_server_new (
        server, transport, GODWIT_TARGET (.topic = BENCH_TOPIC, .server = name), &endpoint, 1, NULL, error);
    if (status == GODWIT_OK)
        status = godwit_server_start (*server, NULL, error);
    if (status != GODWIT_OK)
        godwit_server_destroy (server);
    return status;
}

void
bench_godwit_url (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    static unsigned count;

    /* The virtual host keeps whatever else runs on this machine out. Within a process the library takes the
     * short path by itself; between processes the pair says which one it measures. */
    snprintf (where, BENCH_WHERE_SIZE, "%s:///godwit-bench-%ld-%u", bench_godwit_scheme (), (long) getpid (),
              count++);
    if (strcmp (setup->transport, "inproc") != 0) {
        size_t length = strlen (where);
        snprintf (where + length, BENCH_WHERE_SIZE - length, "?%spaths=%s",
                  setup->in_realm ? "" : "insecure=true&", setup->transport);
    }
}

/* A realm in a folder of its own, with one member file for all: it goes into the URL. The sockets of this
 * machine are in the same folder: who has no realm has the usual one, and the two do not meet. */
static godwit__test_realm_t *
make_realm (char where[BENCH_WHERE_SIZE])
{
    godwit__test_realm_t *realm = godwit__test_realm_new ((uint64_t) getpid ());
    const char *member = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "bench"));
    const size_t length = strlen (where);
    snprintf (where + length, BENCH_WHERE_SIZE - length, "&realm=%s&runtime_dir=%s", member,
              godwit__test_realm_folder (realm));
    return realm;
}

void *
bench_godwit_serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    server_t *self = bench_alloc (sizeof *self);
    godwit_error_t *error = NULL;

    bench_godwit_url (setup, where);
    if (setup->in_realm)
        self->realm = make_realm (where);
    bench_godwit_check (godwit_transport_new (&self->transport, where, NULL, &error), &error,
                        "server's transport");
    bench_godwit_check (bench_godwit_server (&self->server, self->transport, "one", &error), &error,
                        "server");
    return self;
}

void
bench_godwit_unserve (void *server)
{
    server_t *self = server;
    godwit_server_destroy (&self->server);
    godwit_transport_destroy (&self->transport);
    godwit__test_realm_destroy (&self->realm);
    free (self);
}

/* ---- client ---- */

void
bench_godwit_open (bench_godwit_client_t *self, const bench_setup_t *setup, size_t servers)
{
    bench_godwit_open_within (self, setup, servers, WAIT_LIMIT_MS);
}

void
bench_godwit_open_within (bench_godwit_client_t *self, const bench_setup_t *setup, size_t servers,
                          int64_t limit_ms)
{
    godwit_error_t *error = NULL;

    if (setup->server != NULL) {
        self->transport = ((server_t *) setup->server)->transport;
    } else {
        bench_godwit_check (godwit_transport_new (&self->transport, setup->where, NULL, &error), &error,
                            "client's transport");
        self->own_transport = true;
    }
    bench_godwit_check (godwit_client_new (&self->client, self->transport,
                                           GODWIT_TARGET (.topic = BENCH_TOPIC, .version = "1.0"), NULL,
                                           &error),
                        &error, "client");
    bench_godwit_check (godwit_value_new_map (&self->context,
                                              GODWIT_ARGS (GODWIT_STR ("request_id", "req-0123456789"),
                                                           GODWIT_STR ("user", "bench")),
                                              &error),
                        &error, "context");
    bench_godwit_check (godwit_client_wait_servers (self->client, servers, limit_ms, &error), &error,
                        "waiting for the servers");
}

void
bench_godwit_close (bench_godwit_client_t *self)
{
    godwit_client_destroy (&self->client);
    godwit_value_unref (&self->context);
    if (self->own_transport)
        godwit_transport_destroy (&self->transport);
}

void
bench_godwit_add (const bench_godwit_client_t *self, const char *method, int64_t a)
{
    godwit_value_t *sum = NULL;
    godwit_error_t *error = NULL;

    bench_godwit_check (godwit_client_call (self->client, self->context, method,
                                            GODWIT_ARGS (GODWIT_INT ("a", a), GODWIT_INT ("b", 3)), &sum,
                                            &error),
                        &error, method);
    if (godwit_value_as_int (sum, -1) != a + 3)
        bench_die ("%s: a wrong sum", method);
    godwit_value_unref (&sum);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* All steps of a server's life at once, from several threads, in an order that a seed decides. */
#include "src/server/server_table.h"
#include "tests/support/steps.h"

#include <godwit/client.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#define WAIT_LIMIT_MS 20000

static atomic_uint ran;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    atomic_fetch_add (&ran, 1);
    return godwit_request_reply (request, GODWIT_INT (NULL, 1));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

enum { THREADS = 4, STEPS = 60, ROUNDS = 5, CALLERS = 2 };

typedef struct chaos {
    godwit_server_t *server;
    godwit_client_t *client;
    unsigned seed;
    atomic_bool *stop;
    atomic_uint *wrong;
    atomic_uint *done;
} chaos_t;

static unsigned
next (unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void *
take_steps (void *user)
{
    static step_fn *const steps[] = {godwit_server_start, godwit_server_stop, godwit_server_wait,
                                     godwit_server_reset};
    chaos_t *const chaos = user;
    for (int i = 0; i < STEPS; i++) {
        step_fn *const step = steps[next (&chaos->seed) % 4];
        const bool hurries = next (&chaos->seed) % 4 == 0;
        const godwit_status_t status = step (
            chaos->server,
            GODWIT_STEP_OPTIONS (.timeout_ms = hurries ? 1 + next (&chaos->seed) % 3 : 0, .log_after_ms = -1),
            NULL);
        if (status && !(hurries && status == GODWIT_ERR_TASK_TIMEOUT) &&
            !(step == godwit_server_reset && status == GODWIT_ERR_INVALID_ARGUMENT))
            atomic_fetch_add (chaos->wrong, 1);
    }
    atomic_fetch_add (chaos->done, 1);
    return NULL;
}

/* Whatever comes of it: what matters is what runs. */
static void *
call_on (void *user)
{
    chaos_t *const chaos = user;
    while (!atomic_load (chaos->stop))
        godwit_client_call (chaos->client, NULL, "work", GODWIT_NO_ARGS, NULL, NULL);
    return NULL;
}

/* It still works, and what was told to the cluster was told once for each start and once for each stop. */
static void
check_quiet (godwit_server_t *server, godwit_client_t *client)
{
    godwit_client_t *patient = NULL;
    cr_assert_eq (godwit_server_start (server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (
        godwit_client_prepare (&patient, client, GODWIT_OVERRIDES (.timeout_ms = WAIT_LIMIT_MS), NULL),
        GODWIT_OK);
    cr_assert_eq (godwit_client_call (patient, NULL, "work", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    godwit_client_destroy (&patient);
    cr_assert_eq (godwit_server_stop (server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (server->visitors, 0u);
    cr_assert_eq (server->state, GODWIT__SERVER_STOPPED);
    cr_assert_eq ((uint64_t) server->revision, 2 * server->life, "%u announcements in %llu lives",
                  server->revision, (unsigned long long) server->life);
    /* Nothing is taken any more. */
    const unsigned before = atomic_load (&ran);
    for (int i = 0; i < 10; i++)
        cr_assert_neq (godwit_client_call (client, NULL, "work", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    cr_assert_eq (atomic_load (&ran), before);
    cr_assert_leq (server->pool->servers.by_id.mask + 1, 8u);
}

static void
stress (const char *driver, const char *query, unsigned seed)
{
    char url[100];
    snprintf (url, sizeof url, "%s:///steps-%ld%s", driver, (long) getpid (), query); /* not to meet others */
    godwit_transport_t *serving = NULL, *calling = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    cr_assert_eq (godwit_transport_new (&serving, url, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_transport_new (&calling, url, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_new (&server, serving, GODWIT_TARGET (.topic = "t", .server = "s"), &endpoint,
                                     1, NULL, NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "t"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = 20), NULL),
                  GODWIT_OK);
    for (int round = 0; round < ROUNDS; round++) {
        chaos_t chaos[THREADS + CALLERS];
        pthread_t threads[THREADS + CALLERS];
        atomic_bool stop = false;
        atomic_uint wrong = 0, done = 0;
        for (int i = 0; i < THREADS + CALLERS; i++) {
            chaos[i] =
                (chaos_t){server, client, seed * 1000 + (unsigned) (round * 100 + i), &stop, &wrong, &done};
            pthread_create (&threads[i], NULL, i < THREADS ? take_steps : call_on, &chaos[i]);
        }
        /* Who waits when the others have ended, waits for these. */
        while (atomic_load (&done) < THREADS) {
            cr_assert_eq (godwit_server_start (server, NULL, NULL), GODWIT_OK);
            cr_assert_eq (godwit_server_stop (server, NULL, NULL), GODWIT_OK);
        }
        atomic_store (&stop, true);
        for (int i = 0; i < THREADS + CALLERS; i++)
            pthread_join (threads[i], NULL);
        cr_assert_eq (wrong, 0u, "seed %u, round %d", seed, round);
        check_quiet (server, client);
    }
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&calling);
    godwit_transport_destroy (&serving);
}

TestSuite (lifecycle, .timeout = 120);

Test (lifecycle, stands_all_steps_at_once_inproc)
{
    stress ("inproc", "", 1);
}

Test (lifecycle, stands_all_steps_at_once_zmq)
{
    stress ("zmq", "?paths=tcp&insecure=true", 2);
}

/* ---- numbers ---- */

Test (table, gives_each_number_once)
{
    static godwit_server_t a, b;
    godwit__server_table_t table;
    uint32_t last = 0;
    godwit__server_table_init (&table);
    godwit__server_table_add (&table, &a);
    cr_assert_eq (a.id, 1u);
    for (int i = 0; i < 10000; i++) {
        if (i % 2) /* else it gets another number, as with a restart */
            godwit__server_table_remove (&table, &b);
        godwit__server_table_add (&table, &b);
        cr_assert_gt (b.id, last);
        cr_assert_neq (b.id, a.id);
        cr_assert_eq (godwit__server_table_find (&table, b.id), &b);
        cr_assert_eq (godwit__server_table_find (&table, a.id), &a);
        cr_assert_null (godwit__server_table_find (&table, last));
        cr_assert_null (godwit__server_table_find (&table, b.id + 8)); /* the same bucket */
        last = b.id;
    }
    cr_assert_eq (table.by_id.count, 2u);
    godwit__server_table_remove (&table, &b);
    godwit__server_table_remove (&table, &b);
    cr_assert_null (godwit__server_table_find (&table, last));
    cr_assert_eq (table.by_id.count, 1u);
    cr_assert_eq (table.by_id.mask + 1, 8u);
    cr_assert_null (godwit__server_table_find (&table, 0));
    godwit__server_table_release (&table);
}

Test (table, finds_all_of_many_and_wraps)
{
    enum { MANY = 1000 };
    static godwit_server_t servers[MANY];
    godwit__server_table_t table;
    godwit__server_table_init (&table);
    table.last_id = UINT32_MAX - MANY / 2;
    for (int i = 0; i < MANY; i++) {
        godwit__server_table_add (&table, &servers[i]);
        cr_assert_neq (servers[i].id, 0u);
    }
    for (int i = 0; i < MANY; i++)
        cr_assert_eq (godwit__server_table_find (&table, servers[i].id), &servers[i]);
    size_t found = 0;
    for (const godwit_server_t *at = godwit__server_table_first (&table); at;
         at = godwit__server_table_next (&table, at))
        cr_assert_eq (at, &servers[found++]);
    cr_assert_eq (found, (size_t) MANY);
    cr_assert_leq (table.by_id.mask + 1, 4u * MANY);
    for (int i = 0; i < MANY; i++)
        godwit__server_table_remove (&table, &servers[i]);
    cr_assert_eq (table.by_id.count, 0u);
    godwit__server_table_release (&table);
}

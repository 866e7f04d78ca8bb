/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads share one client; what each of them gets back is its own. */
#include "tests/conformance/core_conformance.h"

#include <sched.h>
#include <stdlib.h>

enum { THREADS = 16, CALLS = 300, EVERY_CAST = 5, EVERY_ASYNC = 3, EVERY_HELD = 2, EVERY_LARGE = 50 };
/* Calls that are answered late, while hundreds of later ones come and go. */
enum { HELD = 100 };

typedef struct stress {
    godwit_client_t *client;
    atomic_uint mixed_up;
    atomic_uint failed;
    atomic_uint accepted;
    tally_t ended;
} stress_t;

typedef struct asked {
    stress_t *stress;
    int64_t number;
    atomic_uint times;
} asked_t;

static void
on_echo (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    asked_t *asked = user;
    (void) error;
    if (status)
        atomic_fetch_add (&asked->stress->failed, 1);
    else if (godwit_value_as_int (result, -1) != asked->number)
        atomic_fetch_add (&asked->stress->mixed_up, 1);
    atomic_fetch_add (&asked->times, 1);
    tally_add (&asked->stress->ended);
}

static void
call_large (stress_t *stress, int64_t number)
{
    enum { SIZE = 5000 };
    int64_t numbers[SIZE / sizeof (int64_t)];
    godwit_value_t *result = NULL;
    const void *data = NULL;
    size_t size = 0;
    for (size_t i = 0; i < SIZE / sizeof (int64_t); i++)
        numbers[i] = number;
    if (godwit_client_call (stress->client, NULL, "echo",
                            GODWIT_ARGS (GODWIT_BIN ("value", numbers, sizeof numbers)), &result, NULL))
        atomic_fetch_add (&stress->failed, 1);
    else if (godwit_value_get_bin (result, &data, &size, NULL) || size != sizeof numbers ||
             memcmp (data, numbers, size))
        atomic_fetch_add (&stress->mixed_up, 1);
    godwit_value_unref (&result);
}

static void
call_small (stress_t *stress, int64_t number)
{
    godwit_value_t *result = NULL;
    if (godwit_client_call (stress->client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("value", number)), &result,
                            NULL))
        atomic_fetch_add (&stress->failed, 1);
    else if (godwit_value_as_int (result, -1) != number)
        atomic_fetch_add (&stress->mixed_up, 1);
    godwit_value_unref (&result);
}

typedef struct worker {
    stress_t *stress;
    int64_t base;
    asked_t asked[CALLS / EVERY_ASYNC + 1];
} worker_t;

static void *
work (void *user)
{
    worker_t *worker = user;
    stress_t *stress = worker->stress;
    for (int i = 0; i < CALLS; i++) {
        const int64_t number = worker->base + i;
        if (i % EVERY_CAST == 0 && godwit_client_cast (stress->client, NULL, "count", GODWIT_NO_ARGS, NULL))
            atomic_fetch_add (&stress->failed, 1);
        if (i % EVERY_ASYNC == 0) {
            asked_t *asked = &worker->asked[i / EVERY_ASYNC];
            asked->stress = stress;
            asked->number = number;
            const bool held = i / EVERY_ASYNC % EVERY_HELD == 0;
            if (godwit_client_call_async (stress->client, NULL, held ? "hold" : "echo",
                                          GODWIT_ARGS (GODWIT_INT ("value", number)), on_echo, asked, NULL))
                atomic_fetch_add (&stress->failed, 1);
            else
                atomic_fetch_add (&stress->accepted, 1);
        }
        if (i % EVERY_LARGE == 0)
            call_large (stress, number);
        call_small (stress, number);
    }
    return NULL;
}

/* Answers what a service has kept with the argument of the call, all but the newest. */
static bool
answer_held (service_t *service, size_t but)
{
    bool answered = false;
    for (;;) {
        pthread_mutex_lock (&service->lock);
        const bool enough = service->held_count > but;
        pthread_mutex_unlock (&service->lock);
        godwit_request_t *request = enough ? service_take (service) : NULL;
        if (!request)
            return answered;
        godwit_request_reply (request,
                              godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
        godwit_request_destroy (&request);
        answered = true;
    }
}

typedef struct answerer {
    service_t *services[2];
    atomic_bool stop; /* soon there is nothing more to keep: answer the rest */
    atomic_bool ended;
} answerer_t;

static void *
answer (void *user)
{
    answerer_t *answerer = user;
    while (!atomic_load (&answerer->ended))
        for (int i = 0; i < 2; i++)
            if (!answer_held (answerer->services[i], atomic_load (&answerer->stop) ? 0 : HELD))
                sched_yield ();
    return NULL;
}

void
core_stress (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    stress_t stress = {.mixed_up = 0};
    pthread_t threads[THREADS];
    worker_t *workers = calloc (THREADS, sizeof *workers);
    core_open_empty (&core, kind);
    service_start (&core.one, core.serving, "one", GODWIT_SERVER_OPTIONS (.concurrency = HELD_MAX));
    service_start (&two, core.serving, "two", GODWIT_SERVER_OPTIONS (.concurrency = HELD_MAX));
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));
    tally_open (&stress.ended);
    stress.client = core.client;
    answerer_t answerer = {.services = {&core.one, &two}};
    pthread_t answering;
    pthread_create (&answering, NULL, answer, &answerer);
    for (int i = 0; i < THREADS; i++) {
        workers[i].stress = &stress;
        workers[i].base = (int64_t) i << 32;
        pthread_create (&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    atomic_store (&answerer.stop, true);
    tally_wait (&stress.ended, stress.accepted);
    atomic_store (&answerer.ended, true);
    pthread_join (answering, NULL);
    cr_assert_eq (stress.mixed_up, 0u, "%u calls took another's reply", stress.mixed_up);
    cr_assert_eq (stress.failed, 0u);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < CALLS; k += EVERY_ASYNC)
            cr_assert_eq (workers[i].asked[k / EVERY_ASYNC].times, 1u);
    const uint64_t casts = (uint64_t) THREADS * (CALLS / EVERY_CAST);
    int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (service_get (&core.one, &core.one.counted) + service_get (&two, &two.counted) < casts &&
           now_ms () < end)
        MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.counted) + service_get (&two, &two.counted), casts);
    service_end (&two);
    core_close (&core);
    tally_close (&stress.ended);
    free (workers);
}

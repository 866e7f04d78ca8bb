/* SPDX-License-Identifier: Apache-2.0 */
/* Servers are replaced one after the other while clients call, cast and call asynchronously as fast as they
 * can: nothing fails, nothing is refused, nothing is lost, nothing runs twice. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/process.h"
#include "tests/support/run_log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER GODWIT_BUILD_DIR "/tests/e2e/programs/life_server"
#define CLIENT GODWIT_BUILD_DIR "/tests/e2e/programs/life_client"

enum { SERVERS = 5, CLIENTS = 2, ROUNDS = 3 };

typedef struct scene {
    char url[128];
    char runs[64], results[64]; /* files */
    godwit_transport_t *host;   /* of the rendezvous */
    process_t servers[SERVERS];
    process_t clients[CLIENTS];
    unsigned long long ran, refused, calls, casts, failed, retried;
} scene_t;

static const char *const names[SERVERS] = {"one", "two", "three", "four", "five"};

/* What a process says at its end is read up to there. */
static const char *
read_to_end (process_t *process)
{
    for (;;) {
        const ssize_t got =
            read (process->output, process->text + process->size, sizeof process->text - 1 - process->size);
        if (got <= 0)
            break;
        process->size += (size_t) got;
    }
    process->text[process->size] = '\0';
    return process->text + process->seen;
}

static void
start_server (scene_t *scene, int i)
{
    process_start (&scene->servers[i], SERVER, scene->url, names[i]);
    process_expect (&scene->servers[i], "up");
}

static void
end_server (scene_t *scene, int i)
{
    process_t *const server = &scene->servers[i];
    unsigned long long ran = 0, refused = 0;
    kill (server->pid, SIGTERM);
    const char *said = read_to_end (server);
    cr_assert_eq (sscanf (said, "ran %llu refused %llu", &ran, &refused), 2, "%s: \"%s\"", names[i], said);
    scene->ran += ran;
    scene->refused += refused;
    process_finish (server, 0);
}

static void
end_client (scene_t *scene, int i)
{
    process_t *const client = &scene->clients[i];
    unsigned long long calls = 0, casts = 0, failed = 0, retried = 0;
    close (client->input);
    client->input = -1;
    const char *said = read_to_end (client);
    cr_assert_eq (
        sscanf (said, "calls %llu casts %llu failed %llu retried %llu", &calls, &casts, &failed, &retried), 4,
        "\"%s\"", said);
    cr_assert_eq (failed, 0u, "%s", said);
    scene->calls += calls;
    scene->casts += casts;
    scene->retried += retried;
    int status = 0;
    cr_assert_eq (waitpid (client->pid, &status, 0), client->pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
    close (client->output);
}

static void *
read_file (const char *path, size_t item_size, size_t *count)
{
    FILE *file = fopen (path, "rb");
    cr_assert_not_null (file, "%s", path);
    fseek (file, 0, SEEK_END);
    *count = (size_t) ftell (file) / item_size;
    rewind (file);
    void *items = calloc (*count + 1, item_size);
    cr_assert_eq (fread (items, item_size, *count, file), *count);
    fclose (file);
    unlink (path);
    return items;
}

static void
check_logs (const scene_t *scene)
{
    run_log_t log;
    size_t cast_runs = 0, casts_accepted = 0;
    run_log_open (&log);
    log.runs = read_file (scene->runs, sizeof *log.runs, &log.run_count);
    log.results = read_file (scene->results, sizeof *log.results, &log.result_count);
    cr_assert_eq (log.result_count, scene->calls + scene->casts);
    const run_faults_t faults = run_log_check (&log);
    for (size_t i = 0; i < log.run_count; i++)
        cast_runs += log.runs[i].kind == RUN_CAST;
    for (size_t i = 0; i < log.result_count; i++)
        casts_accepted += log.results[i].kind == RUN_CAST && log.results[i].status == GODWIT_OK;
    cr_assert_eq (faults.twice, 0u);
    cr_assert_eq (faults.missing, 0u);
    cr_assert_eq (faults.denied, 0u);
    cr_assert_eq (faults.unknown, 0u);
    cr_assert_eq (cast_runs, casts_accepted, "%zu of %zu casts were lost", casts_accepted - cast_runs,
                  casts_accepted);
    run_log_close (&log);
}

/* A client that stands still for a while must not be given up: the limit is a long one. */
static void
restart_rolling (const char *query)
{
    static scene_t scene;
    godwit_error_t *error = NULL;
    char number[12];
    memset (&scene, 0, sizeof scene);
    snprintf (scene.url, sizeof scene.url, "zmq://:%d/?heartbeat_timeout_ms=60000%s", free_port (), query);
    snprintf (scene.runs, sizeof scene.runs, "/tmp/godwit-drain-%ld.runs", (long) getpid ());
    snprintf (scene.results, sizeof scene.results, "/tmp/godwit-drain-%ld.results", (long) getpid ());
    setenv ("LIFE_RUNS", scene.runs, 1);
    setenv ("LIFE_RESULTS", scene.results, 1);
    cr_assert_eq (godwit_transport_new (&scene.host, scene.url, NULL, &error), GODWIT_OK, "%s",
                  godwit_error_print (error));
    for (int i = 0; i < SERVERS; i++)
        start_server (&scene, i);
    for (int i = 0; i < CLIENTS; i++) {
        snprintf (number, sizeof number, "%d", i + 1);
        process_start (&scene.clients[i], CLIENT, scene.url, number);
        process_expect (&scene.clients[i], "up");
    }
    for (int i = 0; i < ROUNDS * SERVERS; i++) {
        process_tell (&scene.servers[i % SERVERS], "await");
        process_expect (&scene.servers[i % SERVERS], "awaited");
        end_server (&scene, i % SERVERS);
        start_server (&scene, i % SERVERS);
    }
    for (int i = 0; i < CLIENTS; i++)
        end_client (&scene, i);
    for (int i = 0; i < SERVERS; i++)
        end_server (&scene, i);
    fprintf (
        stderr,
        "%d restarts: %llu calls, %llu casts, %llu run, %llu refused by a server that stops, %llu retried\n",
        ROUNDS * SERVERS, scene.calls, scene.casts, scene.ran, scene.refused, scene.retried);
    check_logs (&scene);
    /* "Seen by every client before the server refuses work". */
    cr_assert_eq (scene.refused, 0u);
    godwit_transport_destroy (&scene.host);
}

Test (drain, a_rolling_restart_loses_repeats_and_refuses_nothing, .timeout = 120)
{
    restart_rolling ("");
}

Test (drain, a_rolling_restart_loses_repeats_and_refuses_nothing_over_tcp, .timeout = 120)
{
    restart_rolling ("&paths=tcp&insecure=true");
}

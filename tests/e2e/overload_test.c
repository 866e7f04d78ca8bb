/* Memory stays bounded, and nobody else is disturbed, when a peer takes nothing: a server that stands still, a
 * subscriber that does, a client that never reads, clients that ask for more than can be done. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVER GODWIT_BUILD_DIR "/tests/e2e/programs/life_server"
#define PATIENCE_MS PROCESS_PATIENCE_MS
#define MIB (1024 * 1024)
enum { PAYLOAD = 512 * 1024 };
/* The bound that the tests set, and what else there is: buffers of the system are not counted, arenas are. */
#define QUEUE_MIB 8
#define SLACK_MIB 24

#define MUST(call_)                                                                                          \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t status_ = (call_);                                                             \
        cr_assert (status_ == GODWIT_OK, "%s: %s", #call_, godwit_error_print (error));                      \
    } while (0)

/* Sanitizers keep what was freed. */
static bool
is_sanitized (void)
{
    const char *const text = getenv ("GODWIT_SANITIZE");
    return text && *text;
}

/* "VmRSS:" or "VmHWM:" of a process, in MiB. */
static double
memory_of (pid_t pid, const char *field)
{
    char path[64], line[256];
    long kib = 0;
    snprintf (path, sizeof path, "/proc/%ld/status", (long) pid);
    FILE *file = fopen (path, "r");
    cr_assert_not_null (file);
    while (fgets (line, sizeof line, file))
        if (!strncmp (line, field, strlen (field)))
            kib = strtol (line + strlen (field), NULL, 10);
    fclose (file);
    cr_assert_gt (kib, 0);
    return (double) kib / 1024;
}

static void
expect_bounded (pid_t pid, double before, double most, const char *who)
{
    const double grown = memory_of (pid, "VmHWM:") - before;
    fprintf (stderr, "%s: grew by %.1f MiB at most\n", who, grown);
    if (!is_sanitized ())
        cr_assert_lt (grown, most, "%s", who);
}

typedef struct scene {
    char rendezvous[32];
    char url[160];
    godwit_transport_t *host;
    godwit_transport_t *transport;
    godwit_client_t *client;
    godwit_client_t *to_one;
    char payload[PAYLOAD];
} scene_t;

static void
open_scene (scene_t *scene, const char *query)
{
    memset (scene, 0, sizeof *scene);
    snprintf (scene->rendezvous, sizeof scene->rendezvous, "zmq://:%d/", free_port ());
    snprintf (scene->url, sizeof scene->url, "%s?max_queue_size=%d%s", scene->rendezvous, QUEUE_MIB * MIB, query);
    MUST (godwit_transport_new (&scene->host, scene->rendezvous, NULL, &error));
    MUST (godwit_transport_new (&scene->transport, scene->url, NULL, &error));
    MUST (godwit_client_new (&scene->client, scene->transport, GODWIT_TARGET (.topic = "life"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = PATIENCE_MS), &error));
    MUST (godwit_client_prepare (&scene->to_one, scene->client, GODWIT_OVERRIDES (.server = "one"), &error));
}

static void
close_scene (scene_t *scene)
{
    godwit_client_destroy (&scene->to_one);
    godwit_client_destroy (&scene->client);
    godwit_transport_destroy (&scene->transport);
    godwit_transport_destroy (&scene->host);
}

static void
start (process_t *server, const scene_t *scene, const char *name)
{
    process_start (server, SERVER, scene->url, name);
    process_expect (server, "up");
}

static unsigned long long
stat_of (process_t *server, const char *name)
{
    unsigned long long value = 0;
    const size_t from = server->seen;
    process_tell (server, "stats");
    process_wait (server, process_count (server, "stats ran") + 1, "stats ran");
    while (!strchr (server->text + from, '\n'))
        process_wait (server, process_count (server, "\n") + 1, "\n");
    const char *line = server->text + from;
    const char *at = strstr (line, name);
    cr_assert (at && sscanf (at + strlen (name), "%llu", &value) == 1, "%s in \"%s\"", name, line);
    server->seen = server->size;
    return value;
}

static void
await_stat (process_t *server, const char *name, unsigned long long least)
{
    const int64_t end_ms = process_now_ms () + PATIENCE_MS;
    unsigned long long value;
    while ((value = stat_of (server, name)) < least) /* each look is a round trip to the process */
        cr_assert_lt (process_now_ms (), end_ms, "%s is %llu", name, value);
}

#define BYTES(scene_) GODWIT_ARGS (GODWIT_BIN ("data", (scene_)->payload, PAYLOAD))

/* ---- a server that stands still ---- */

/* Casts until one is not accepted. Returns how many were. */
static unsigned
cast_until_full (scene_t *scene, godwit_client_t *client)
{
    enum { MOST = 20000 };
    for (unsigned accepted = 0; accepted < MOST; accepted++) {
        godwit_error_t *error = NULL;
        const godwit_status_t status = godwit_client_cast (client, NULL, "take", BYTES (scene), &error);
        if (status == GODWIT_OK)
            continue;
        fprintf (stderr, "%u casts were accepted, then: %s\n", accepted, godwit_error_print (error));
        cr_assert_eq (status, GODWIT_ERR_DELIVERY_FAILURE);
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
        cr_assert (strstr (godwit_error_message (error), "queue is full"), "%s", godwit_error_message (error));
        godwit_error_destroy (&error);
        return accepted;
    }
    cr_assert_fail ("%d casts were accepted", MOST);
    return 0;
}

static void
stall_a_server (const char *query)
{
    static scene_t scene;
    process_t one;
    godwit_client_t *hasty = NULL;
    godwit_future_t *out = NULL;
    open_scene (&scene, query);
    start (&one, &scene, "one");
    MUST (godwit_client_prepare (&hasty, scene.to_one, GODWIT_OVERRIDES (.timeout_ms = 100), &error));
    MUST (godwit_client_call (scene.to_one, NULL, "take", BYTES (&scene), NULL, &error));
    const double before = memory_of (getpid (), "VmHWM:");
    kill (one.pid, SIGSTOP);
    MUST (godwit_client_call_future (scene.to_one, NULL, "nothing", GODWIT_NO_ARGS, &out, &error));
    cast_until_full (&scene, hasty);
    expect_bounded (getpid (), before, QUEUE_MIB + SLACK_MIB, "a client of a server that stands still");
    /* It is found dead although nothing more could be written to it: not even a heartbeat. */
    godwit_error_t *failure = NULL;
    const int64_t from_ms = process_now_ms ();
    cr_assert_eq (godwit_future_wait (out, -1, NULL, NULL, &failure), GODWIT_ERR_TIMEOUT);
    fprintf (stderr, "%s after %lld ms more\n", godwit_error_print (failure),
             (long long) (process_now_ms () - from_ms));
    cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert_lt (process_now_ms () - from_ms, PATIENCE_MS / 2, "only its time ended the call");
    godwit_error_destroy (&failure);
    godwit_future_destroy (&out);
    /* And it is used again when it goes on. */
    kill (one.pid, SIGCONT);
    MUST (godwit_client_call (scene.to_one, NULL, "take", BYTES (&scene), NULL, &error));
    godwit_client_destroy (&hasty);
    process_finish (&one, SIGKILL);
    close_scene (&scene);
}

Test (overload, a_server_that_stands_still, .timeout = 60)
{
    stall_a_server ("");
}

Test (overload, a_server_that_stands_still_over_tcp, .timeout = 60)
{
    stall_a_server ("&paths=tcp");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose life is a test's subject: life_server URL NAME. It says "up". A SIGTERM lets it drain and
 * end; what it ran is in the file that LIFE_RUNS names (run_t after run_t), if that is set, and the last line
 * that it says is "ran N refused N". Its standard input says, a word a line: "await" (says "awaited" when it
 * has run 500 requests since it came up), "stats" (says "stats" and numbers), "release" (answers what is
 * held, says "released"), "refuse" (stops for good, says "stopped").
 *
 * Methods: nothing, hold (keeps the request), run (notes client and number), take (of a payload), fetch
 * (replies with so many bytes), slow (takes 20 ms).
 */
#include <godwit/godwit.h>

#include "tests/support/run_log.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define HELD_MAX 8192
#define ENOUGH 500

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static godwit_request_t *held[HELD_MAX];
static size_t held_count;
static run_log_t runs;
static uint64_t ran, taken;

static void
check (godwit_status_t status, godwit_error_t *error)
{
    if (status == GODWIT_OK)
        return;
    printf ("failed: %s\n", godwit_error_print (error));
    fflush (stdout);
    exit (1);
}

/* ---- methods ---- */

static void
count (uint64_t *number)
{
    pthread_mutex_lock (&lock);
    ++*number;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
}

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    count (&ran);
    return GODWIT_OK;
}

static godwit_status_t
hold (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_mutex_lock (&lock);
    if (held_count < HELD_MAX)
        held[held_count++] = godwit_request_keep (request);
    pthread_mutex_unlock (&lock);
    count (&ran);
    return GODWIT_OK;
}

static int64_t
argument (const godwit_request_t *request, const char *name)
{
    int64_t number = 0;
    godwit_value_get_int (godwit_value_get (godwit_request_args (request), name), &number, NULL);
    return number;
}

static godwit_status_t
run (godwit_request_t *request, void *self)
{
    (void) self;
    run_log_run (&runs, (run_t){godwit_request_is_cast (request) ? RUN_CAST : RUN_CALL,
                                (uint32_t) argument (request, "client"),
                                (uint32_t) argument (request, "number"), (uint32_t) getpid ()});
    count (&ran);
    return GODWIT_OK;
}

static godwit_status_t
take (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    count (&taken);
    return GODWIT_OK;
}

static godwit_status_t
fetch (godwit_request_t *request, void *self)
{
    (void) self;
    const size_t size = (size_t) argument (request, "size");
    char *data = calloc (size ? size : 1, 1);
    if (!data)
        return GODWIT_ERR_OUT_OF_MEMORY;
    godwit_request_reply (request, GODWIT_BIN (NULL, data, size));
    free (data);
    count (&ran);
    return GODWIT_OK;
}

static godwit_status_t
slow (godwit_request_t *request, void *self)
{
    const struct timespec pause = {0, 20000000};
    (void) request;
    (void) self;
    nanosleep (&pause, NULL);
    count (&ran);
    return GODWIT_OK;
}

/* ---- words ---- */

static void
say (const char *word)
{
    puts (word);
    fflush (stdout);
}

static void
release (void)
{
    pthread_mutex_lock (&lock);
    while (held_count > 0) {
        godwit_request_reply (held[--held_count], GODWIT_INT (NULL, 1));
        godwit_request_destroy (&held[held_count]);
    }
    pthread_mutex_unlock (&lock);
}

static void
say_stats (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    pthread_mutex_lock (&lock);
    printf ("stats ran %llu taken %llu received %llu refused %llu dropped %llu gaps %llu\n",
            (unsigned long long) ran, (unsigned long long) taken,
            (unsigned long long) stats.requests_received, (unsigned long long) stats.requests_refused,
            (unsigned long long) stats.frames_dropped, (unsigned long long) stats.fanout_gaps);
    pthread_mutex_unlock (&lock);
    fflush (stdout);
}

static void
do_word (const char *word, godwit_transport_t *transport, godwit_server_t *server)
{
    godwit_error_t *error = NULL;
    if (!strcmp (word, "await")) {
        pthread_mutex_lock (&lock);
        while (ran < ENOUGH)
            pthread_cond_wait (&changed, &lock);
        pthread_mutex_unlock (&lock);
        say ("awaited");
    } else if (!strcmp (word, "stats")) {
        say_stats (transport);
    } else if (!strcmp (word, "release")) {
        release ();
        say ("released");
    } else if (!strcmp (word, "refuse")) {
        check (godwit_server_stop (server, NULL, &error), error);
        say ("stopped");
    }
}

/* Until its input ends, or SIGTERM. */
static void
listen_to_words (int signals, godwit_transport_t *transport, godwit_server_t *server)
{
    char text[4096];
    size_t size = 0;
    struct pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
    for (;;) {
        if (poll (sources, 2, -1) < 0 || sources[1].revents)
            return;
        const ssize_t got = read (STDIN_FILENO, text + size, sizeof text - 1 - size);
        if (got <= 0)
            return;
        size += (size_t) got;
        text[size] = '\0';
        for (char *end; (end = strchr (text, '\n')); memmove (text, end + 1, size + 1)) {
            *end = '\0';
            size -= (size_t) (end + 1 - text);
            do_word (text, transport, server);
        }
    }
}

static void
write_runs (void)
{
    const char *path = getenv ("LIFE_RUNS");
    FILE *file = path ? fopen (path, "ab") : NULL;
    if (file && runs.run_count &&
        fwrite (runs.runs, sizeof *runs.runs, runs.run_count, file) != runs.run_count)
        exit (1);
    if (file && fclose (file))
        exit (1);
}

int
main (int argc, char **argv)
{
    static const godwit_method_t methods[] = {
        GODWIT_METHOD ("nothing", nothing, 0), GODWIT_METHOD ("hold", hold, 0),
        GODWIT_METHOD ("run", run, 0),         GODWIT_METHOD ("take", take, 0),
        GODWIT_METHOD ("fetch", fetch, 0),     GODWIT_METHOD ("slow", slow, GODWIT_METHOD_SLOW),
    };
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    godwit_transport_stats_t stats;
    sigset_t terminate;
    if (argc != 3)
        return 2;
    const char *concurrency = getenv ("LIFE_CONCURRENCY");
    const char *queue_limit = getenv ("LIFE_QUEUE_LIMIT");
    sigemptyset (&terminate);
    sigaddset (&terminate, SIGTERM);
    sigprocmask (SIG_BLOCK, &terminate, NULL);
    const int signals = signalfd (-1, &terminate, SFD_CLOEXEC);
    run_log_open (&runs);
    check (godwit_transport_new (&transport, argv[1], NULL, &error), error);
    check (godwit_server_new (
               &server, transport, GODWIT_TARGET (.topic = "life", .server = argv[2]), &endpoint, 1,
               GODWIT_SERVER_OPTIONS (.concurrency = concurrency ? atoi (concurrency) : HELD_MAX,
                                      .queue_limit = queue_limit ? atoi (queue_limit) : 1000000),
               &error),
           error);
    check (godwit_server_start (server, NULL, &error), error);
    say ("up");
    listen_to_words (signals, transport, server);
    check (godwit_server_stop (server, NULL, &error), error);
    release ();
    check (godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 30000), &error), error);
    godwit_transport_stats (transport, &stats, sizeof stats);
    printf ("ran %llu refused %llu\n", (unsigned long long) ran, (unsigned long long) stats.requests_refused);
    fflush (stdout);
    write_runs ();
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    run_log_close (&runs);
    close (signals);
    return 0;
}

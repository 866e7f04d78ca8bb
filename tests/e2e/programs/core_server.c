/* SPDX-License-Identifier: Apache-2.0 */
/* A server as a process of its own: core_server URL NAME. It says "up", then does what its standard input
 * says, a word a line: "stop" (drains, says "stopped"), "start" ("up" again), "release" (replies to all that
 * is held, says "released"), "held 3" (says "held" when that many are), "counted 3" (the same with
 * "counted"); at its end it drains and goes.
 *
 * CORE_VERSION is what it serves, 1.0 unless it is set.
 *
 * Methods: whoami (NAME), nothing, hold (keeps the request), count (counts).
 */
#include <godwit/godwit.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t counted;
static godwit_request_t *held[HELD_MAX];
static size_t held_count;
static const char *name;

static godwit_status_t
whoami (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, name));
}

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static godwit_status_t
hold (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_mutex_lock (&lock);
    if (held_count < HELD_MAX)
        held[held_count++] = godwit_request_keep (request);
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

static godwit_status_t
count (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    pthread_mutex_lock (&lock);
    counted++;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

/* As many as standard input says. */
static void
wait_for (const size_t *what)
{
    size_t least = 0;
    if (scanf ("%zu", &least) != 1)
        return;
    pthread_mutex_lock (&lock);
    while (*what < least)
        pthread_cond_wait (&changed, &lock);
    pthread_mutex_unlock (&lock);
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
check (godwit_status_t status, godwit_error_t *error)
{
    if (status == GODWIT_OK)
        return;
    printf ("failed: %s\n", godwit_error_print (error));
    fflush (stdout);
    exit (1);
}

static void
say (const char *word)
{
    puts (word);
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    static const godwit_method_t methods[] = {
        GODWIT_METHOD ("whoami", whoami, 0),
        GODWIT_METHOD ("nothing", nothing, 0),
        GODWIT_METHOD ("hold", hold, 0),
        GODWIT_METHOD ("count", count, 0),
    };
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    char word[32];
    if (argc != 3)
        return 2;
    name = argv[2];
    const char *const version = getenv ("CORE_VERSION");
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = version ? version : "1.0");
    check (godwit_transport_new (&transport, argv[1], NULL, &error), error);
    check (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = name), &endpoint,
                              1, GODWIT_SERVER_OPTIONS (.concurrency = HELD_MAX), &error),
           error);
    check (godwit_server_start (server, NULL, &error), error);
    say ("up");
    while (scanf ("%31s", word) == 1) {
        if (!strcmp (word, "stop")) {
            check (godwit_server_stop (server, NULL, &error), error);
            check (godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 20000), &error), error);
            say ("stopped");
        } else if (!strcmp (word, "start")) {
            check (godwit_server_start (server, NULL, &error), error);
            say ("up");
        } else if (!strcmp (word, "release")) {
            release ();
            say ("released");
        } else if (!strcmp (word, "held")) {
            wait_for (&held_count);
            say ("held");
        } else if (!strcmp (word, "counted")) {
            wait_for (&counted);
            say ("counted");
        }
    }
    check (godwit_server_stop (server, NULL, &error), error);
    release ();
    check (godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 20000), &error), error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return 0;
}

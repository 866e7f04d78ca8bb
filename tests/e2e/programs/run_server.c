/* SPDX-License-Identifier: Apache-2.0 */
/* A server that runs until a signal comes: run_server URL MODE. "wait": drains without a limit, "limit": for
 * 200 ms, "loop": without a limit, with a loop of its own. Says what happens; "go" lets the handler return.
 */
#include <godwit/godwit.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef _Atomic (godwit_request_t *) kept_t;

static godwit_server_t *server;
static sem_t may_go;

static godwit_status_t
hang (godwit_request_t *request, void *self)
{
    (void) self;
    printf ("entered\n");
    while (sem_wait (&may_go) && errno == EINTR)
        ;
    return godwit_request_reply (request, GODWIT_INT ("", 1));
}

/* With a loop of the program's own nobody else could let a handler go. */
static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    atomic_store ((kept_t *) self, godwit_request_keep (request));
    printf ("entered\n");
    return GODWIT_OK;
}

static godwit_status_t
stop (godwit_request_t *request, void *self)
{
    (void) self;
    (void) request;
    return godwit_server_stop (server, NULL, NULL);
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("hang", hang, GODWIT_METHOD_SLOW),
                                          GODWIT_METHOD ("keep", keep, 0), GODWIT_METHOD ("stop", stop, 0)};

/* Lines from the test. The program's own thread: it inherits the blocked signals. */
static void *
listen_to_test (void *user)
{
    kept_t *const kept = user;
    char line[64];
    while (fgets (line, sizeof line, stdin)) {
        if (strcmp (line, "go\n") == 0)
            sem_post (&may_go);
        else if (strcmp (line, "reply\n") == 0) {
            godwit_request_t *request = atomic_exchange (kept, NULL);
            godwit_request_reply (request, GODWIT_INT ("", 1));
            godwit_request_destroy (&request);
        }
    }
    return NULL;
}

static void
say (void *user, godwit_log_level_t level, const char *text)
{
    (void) user;
    if (level == GODWIT_LOG_ERROR) /* the matchmaker warns of other things */
        printf ("log: %s\n", text);
}

static void
must (godwit_status_t status, godwit_error_t *error)
{
    if (status) {
        printf ("failed: %s\n", godwit_error_print (error));
        _Exit (1);
    }
}

static void
started (void *user)
{
    (void) user;
    printf ("runs\n");
}

static bool
takes_signals (void)
{
    sigset_t blocked;
    pthread_sigmask (SIG_SETMASK, NULL, &blocked);
    return !sigismember (&blocked, SIGTERM) && !sigismember (&blocked, SIGINT);
}

int
main (int argc, char **argv)
{
    static kept_t kept;
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    pthread_t thread;
    if (argc != 3)
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    sem_init (&may_go, 0, 0);
    sigset_t signals, before;
    sigemptyset (&signals);
    sigaddset (&signals, SIGTERM);
    sigaddset (&signals, SIGINT);
    pthread_sigmask (SIG_BLOCK, &signals, &before);
    pthread_create (&thread, NULL, listen_to_test, &kept);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    must (godwit_transport_new (
              &transport, argv[1],
              GODWIT_TRANSPORT_OPTIONS (.external_loop = !strcmp (argv[2], "loop"), .log = say), &error),
          error);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &kept);
    must (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "run", .server = "one"), &endpoint,
                             1, NULL, &error),
          error);
    const godwit_status_t status = godwit_server_run (
        server,
        GODWIT_RUN_OPTIONS (.drain_timeout_ms = strcmp (argv[2], "limit") ? -1 : 200, .started = started),
        &error);
    printf ("%s\n", status ? godwit_error_print (error) : "ok");
    printf ("%s\n", takes_signals () ? "takes signals" : "BLOCKS SIGNALS");
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    printf ("done\n");
    pthread_join (thread, NULL); /* at the end of the input */
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The library's threads: their names, and the signals that reach the program's own handlers on them. */
#include <godwit/client.h>
#include <godwit/server.h>

#include <criterion/criterion.h>

#include <dirent.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAUGHT 42

/* ---- a process with a client and a server ---- */

/* Not an assertion of Criterion, which a child of the test's own cannot report. */
static void
must (godwit_status_t status)
{
    if (status == GODWIT_OK)
        return;
    fprintf (stderr, "%s\n", godwit_status_text (status));
    _exit (EXIT_FAILURE);
}

static int signal_to_raise;
static sem_t replied;

static godwit_status_t
handle_raise (godwit_request_t *request, void *self)
{
    (void) self;
    if (signal_to_raise)
        raise (signal_to_raise); /* on this thread */
    return godwit_request_reply (request, (godwit_field_t){.type = GODWIT_TYPE_NIL});
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("raise", handle_raise, 0)};

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user;
    (void) status;
    (void) result;
    (void) error;
    sem_post (&replied);
}

typedef struct world {
    godwit_transport_t *transports[2];
    godwit_server_t *server;
    godwit_client_t *client;
} world_t;

/* The client in one transport calls the server in another one, so all kinds of threads are there. */
static void
open_world (world_t *world)
{
    const godwit_target_t *const target = GODWIT_TARGET (.topic = "threads", .server = "only");
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    memset (world, 0, sizeof *world);
    for (int i = 0; i < 2; i++)
        must (godwit_transport_new (&world->transports[i], "inproc://threads/", NULL, NULL));
    must (godwit_server_new (&world->server, world->transports[0], target, &endpoint, 1, NULL, NULL));
    must (godwit_server_start (world->server, NULL, NULL));
    must (godwit_client_new (&world->client, world->transports[1], target, NULL, NULL));
}

static void
close_world (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_server_destroy (&world->server);
    for (int i = 0; i < 2; i++)
        godwit_transport_destroy (&world->transports[i]);
}

static void
call (const world_t *world, int signal_number)
{
    signal_to_raise = signal_number;
    sem_init (&replied, 0, 0);
    must (godwit_client_call_async (world->client, NULL, "raise", GODWIT_NO_ARGS, on_reply, NULL, NULL));
    while (sem_wait (&replied))
        ;
}

/* ---- names ---- */

/* How many threads of this process have a name that begins like this. */
static unsigned
count_threads (const char *name)
{
    unsigned found = 0;
    DIR *const tasks = opendir ("/proc/self/task");
    cr_assert_not_null (tasks);
    for (struct dirent *task; (task = readdir (tasks));) {
        char path[300], comm[32] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *const file = fopen (path, "r");
        if (file && fgets (comm, sizeof comm, file))
            found += strncmp (comm, name, strlen (name)) == 0;
        if (file)
            fclose (file);
    }
    closedir (tasks);
    return found;
}

Test (threads, have_names, .timeout = 60)
{
    world_t world;
    open_world (&world);
    call (&world, 0);
    cr_assert_eq (count_threads ("godwit-control\n"), 2u);
    cr_assert_eq (count_threads ("godwit-done\n"), 1u);
    cr_assert_geq (count_threads ("godwit-work-1\n"), 1u);
    close_world (&world);
    cr_assert_eq (count_threads ("godwit-"), 0u);
}

/* ---- signals ---- */

static void
on_signal (int number)
{
    (void) number;
    _exit (CAUGHT);
}

/* In a process of its own: a handler of a method gets the signal, and the program's own handler ends the
 * process. A blocked signal would end it without that handler, or be without effect. */
static void
expect_reaches_program (int number)
{
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        world_t world;
        setrlimit (RLIMIT_CORE, &no_core);
        signal (number, on_signal);
        open_world (&world);
        call (&world, number);
        _exit (EXIT_SUCCESS);
    }
    int status = 0;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == CAUGHT, "signal %d: the status is %x", number,
               (unsigned) status);
}

Test (threads, let_signals_of_their_own_making_reach_the_program, .timeout = 60)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        expect_reaches_program (numbers[i]);
}

/* The signals that a thread of this name blocks; one bit for each, that of 1 first. */
static unsigned long long
blocked_by (const char *name)
{
    unsigned long long blocked = 0;
    DIR *const tasks = opendir ("/proc/self/task");
    cr_assert_not_null (tasks);
    for (struct dirent *task; (task = readdir (tasks));) {
        char path[300], line[256];
        bool is_it = false;
        snprintf (path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *const file = fopen (path, "r");
        while (file && fgets (line, sizeof line, file)) {
            if (strncmp (line, "Name:\t", 6) == 0)
                is_it = strncmp (line + 6, name, strlen (name)) == 0;
            else if (is_it && strncmp (line, "SigBlk:\t", 8) == 0)
                blocked = strtoull (line + 8, NULL, 16);
        }
        if (file)
            fclose (file);
    }
    closedir (tasks);
    return blocked;
}

Test (threads, block_what_comes_from_outside, .timeout = 60)
{
    static const char *const names[] = {"godwit-control", "godwit-done", "godwit-work-1"};
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGPIPE};
    world_t world;
    open_world (&world);
    call (&world, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            cr_assert (blocked_by (names[i]) & (1ULL << (numbers[k] - 1)), "%s, signal %d", names[i],
                       numbers[k]);
    close_world (&world);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/victim.h"

#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/hostile_server"
#define BATCH 100 /* calls whose slowest but one is taken */
#define BATCHES 5 /* of which the median is taken */
/* A machine that is busy with something else is measured again, so often. */
#define TRIES 20
#define KEPT_SIZE (16 << 20) /* an allocator's own */

bool
victim_is_sanitized (void)
{
    const char *const text = getenv ("GODWIT_SANITIZE");
    return text && *text;
}

static int64_t
now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- what the server uses ---- */

int64_t
victim_descriptors (const victim_t *victim)
{
    char path[64];
    int64_t count = 0;
    snprintf (path, sizeof path, "/proc/%d/fd", victim->pid);
    DIR *const listing = opendir (path);
    cr_assert_not_null (listing, "the server is gone");
    while (readdir (listing))
        count++;
    closedir (listing);
    return count;
}

static int64_t
resident (const victim_t *victim)
{
    char path[64];
    long pages = 0;
    snprintf (path, sizeof path, "/proc/%d/statm", victim->pid);
    FILE *const file = fopen (path, "r");
    cr_assert_not_null (file, "the server is gone");
    cr_assert_eq (fscanf (file, "%*s %ld", &pages), 1);
    fclose (file);
    return pages * sysconf (_SC_PAGESIZE);
}

int64_t
victim_growth (const victim_t *victim)
{
    return resident (victim) - victim->resident;
}

int64_t
victim_cpu_ns (const victim_t *victim)
{
    clockid_t clock;
    struct timespec used;
    cr_assert_eq (clock_getcpuclockid (victim->pid, &clock), 0);
    cr_assert_eq (clock_gettime (clock, &used), 0);
    return (int64_t) used.tv_sec * 1000000000 + used.tv_nsec;
}

/* ---- calls ---- */

static void
call (godwit_client_t *client)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("x", 7)), &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 7);
    godwit_value_unref (&result);
}

void
victim_call (const victim_t *victim)
{
    call (victim->client);
}

static void
new_client (const victim_t *victim, godwit_transport_t **transport, godwit_client_t **client)
{
    MUST (godwit_transport_new (transport, victim->url, NULL, &error));
    MUST (godwit_client_new (client, *transport, GODWIT_TARGET (.topic = "hostile"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = VICTIM_WAIT_LIMIT_MS), &error));
    MUST (godwit_client_wait_servers (*client, 1, VICTIM_WAIT_LIMIT_MS, &error));
}

void
victim_call_anew (const victim_t *victim)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    new_client (victim, &transport, &client);
    call (client);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* ---- pace ---- */

static void *
echo_bare (void *argument)
{
    const int fd = *(int *) argument;
    char byte;
    while (recv (fd, &byte, 1, 0) == 1 && send (fd, &byte, 1, 0) == 1)
        ;
    return NULL;
}

static int
compare (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return x < y ? -1 : x > y;
}

static double
slowest_but_one (double *all)
{
    qsort (all, BATCH, sizeof *all, compare);
    return all[BATCH - 2];
}

static victim_pace_t
measure (const victim_t *victim)
{
    int pair[2];
    pthread_t thread;
    double calls[BATCHES], bares[BATCHES];
    cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq (pthread_create (&thread, NULL, echo_bare, &pair[1]), 0);
    for (int i = 0; i < BATCHES; i++) {
        double call_us[BATCH], bare_us[BATCH];
        for (int j = 0; j < BATCH; j++) {
            char byte = 0;
            const int64_t begin = now_ns ();
            victim_call (victim);
            const int64_t middle = now_ns ();
            cr_assert (send (pair[0], &byte, 1, 0) == 1 && recv (pair[0], &byte, 1, 0) == 1);
            bare_us[j] = (double) (now_ns () - middle) / 1000;
            call_us[j] = (double) (middle - begin) / 1000;
        }
        calls[i] = slowest_but_one (call_us);
        bares[i] = slowest_but_one (bare_us);
    }
    shutdown (pair[0], SHUT_RDWR);
    pthread_join (thread, NULL);
    close (pair[0]);
    close (pair[1]);
    qsort (calls, BATCHES, sizeof *calls, compare);
    qsort (bares, BATCHES, sizeof *bares, compare);
    return (victim_pace_t){calls[BATCHES / 2], bares[BATCHES / 2]};
}

/* A machine that is busier now than before makes calls slower by as much as it does bare round trips. */
static bool
keeps_pace (victim_pace_t before, victim_pace_t now)
{
    const double busier = now.bare_us > before.bare_us ? now.bare_us / before.bare_us : 1;
    return now.call_us <= 2 * before.call_us * busier;
}

void
victim_expect_pace (const victim_t *victim)
{
    victim_pace_t now = {0, 0};
    for (int i = 0; i < TRIES; i++) {
        now = measure (victim);
        if (keeps_pace (victim->pace, now) || victim_is_sanitized ())
            return;
    }
    cr_assert (false,
               "calls took %.0f us before the attack (a bare round trip %.0f us), and now %.0f us (%.0f us)",
               victim->pace.call_us, victim->pace.bare_us, now.call_us, now.bare_us);
}

/* ---- life ---- */

static void
read_line (victim_t *victim, const char *line)
{
    char word[16] = "", rest[256] = "";
    cr_assert_eq (sscanf (line, "%15s %255s", word, rest), 2, "%s", line);
    if (!strcmp (word, "link"))
        strcpy (strncmp (rest, "ipc", 3) ? victim->tcp : victim->ipc, rest);
    else if (!strcmp (word, "fanout"))
        strcpy (victim->fanout, rest);
}

static void
start_server (victim_t *victim, unsigned descriptor_limit)
{
    int input[2], output[2];
    char line[512];
    cr_assert_eq (pipe2 (input, O_CLOEXEC) | pipe2 (output, O_CLOEXEC), 0);
    victim->pid = fork ();
    cr_assert (victim->pid >= 0);
    if (victim->pid == 0) {
        const struct rlimit limit = {descriptor_limit, descriptor_limit};
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (descriptor_limit && setrlimit (RLIMIT_NOFILE, &limit) < 0)
            _exit (126);
        dup2 (input[0], STDIN_FILENO);
        dup2 (output[1], STDOUT_FILENO);
        execl (PROGRAM, PROGRAM, victim->url, (char *) NULL);
        _exit (127);
    }
    close (input[0]);
    close (output[1]);
    victim->input = input[1];
    FILE *const lines = fdopen (output[0], "r");
    cr_assert_not_null (lines);
    while (fgets (line, sizeof line, lines) && strcmp (line, "ready\n") != 0)
        read_line (victim, line);
    cr_assert_str_eq (line, "ready\n");
    fclose (lines);
}

void
victim_start (victim_t *victim, unsigned descriptor_limit)
{
    *victim = (victim_t){.pid = -1};
    snprintf (victim->url, sizeof victim->url, "zmq://:%d/", zmtp_free_port ());
    start_server (victim, descriptor_limit);
    new_client (victim, &victim->transport, &victim->client);
    victim_call_anew (victim);
    victim->pace = measure (victim);
    victim->descriptors = victim_descriptors (victim);
    victim->resident = resident (victim);
}

void
victim_finish (victim_t *victim)
{
    const int64_t end = now_ns () + INT64_C (1000000) * VICTIM_WAIT_LIMIT_MS;
    int status = 0;
    victim_call (victim);
    victim_call_anew (victim);
    victim_expect_pace (victim);
    while (victim_descriptors (victim) > victim->descriptors && now_ns () < end)
        victim_call (victim);
    cr_assert_leq (victim_descriptors (victim), victim->descriptors, "%d descriptors before, now %d",
                   (int) victim->descriptors, (int) victim_descriptors (victim));
    if (!victim_is_sanitized ())
        cr_assert_leq (victim_growth (victim), KEPT_SIZE, "%d KiB are not given back",
                       (int) (victim_growth (victim) / 1024));
    godwit_client_destroy (&victim->client);
    godwit_transport_destroy (&victim->transport);
    close (victim->input);
    cr_assert_eq (waitpid (victim->pid, &status, 0), victim->pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
}

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
#define CALLS 100 /* the slowest tenth does not count */
#define SERVED 1000
#define BATCHES 7 /* of which the median is taken */
/* An attacker has his turns, and his connections are looked at; but he is not served first. */
#define AHEAD_FACTOR 10
/* What the system says of a thread that runs is as old as the last tick of its clock: 4 ms, as a rule. */
#define AHEAD_BUSY_US 10000
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
    MUST (godwit_transport_new (transport, victim->client_url, NULL, &error));
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

static int
compare (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return x < y ? -1 : x > y;
}

/* Time would say how busy the machine is; the server's processor time says what it did first. */
static double
ahead_us (const victim_t *victim)
{
    double all[CALLS];
    for (int i = 0; i < CALLS; i++) {
        godwit_value_t *result = NULL;
        const int64_t before_ns = victim_cpu_ns (victim);
        MUST (godwit_client_call (victim->client, NULL, "spent", GODWIT_NO_ARGS, &result, &error));
        all[i] = (double) (godwit_value_as_int (result, 0) - before_ns) / 1000;
        godwit_value_unref (&result);
    }
    qsort (all, CALLS, sizeof *all, compare);
    return all[CALLS * 9 / 10];
}

/* Of several batches, because a client that has to wait for a processor between its look at the clock and its
 * call sees what the server does meanwhile. */
static double
median_ahead_us (const victim_t *victim)
{
    double all[BATCHES];
    for (int i = 0; i < BATCHES; i++)
        all[i] = ahead_us (victim);
    qsort (all, BATCHES, sizeof *all, compare);
    return all[BATCHES / 2];
}

static void
expect_ahead (const victim_t *victim, double limit_us)
{
    const double now_us = median_ahead_us (victim);
    cr_assert_leq (now_us, limit_us,
                   "before a call the server spent %.1f us before the attack, and now %.1f us",
                   victim->ahead_us, now_us);
}

void
victim_expect_pace (const victim_t *victim)
{
    expect_ahead (victim, AHEAD_FACTOR * victim->ahead_us);
}

void
victim_expect_turns (const victim_t *victim)
{
    expect_ahead (victim, AHEAD_BUSY_US);
}

/* Which thread serves, and what it has spent so far. */
static int64_t
look_at_thread (const victim_t *victim, int64_t *thread)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (victim->client, NULL, "spent_here", GODWIT_NO_ARGS, &result, &error));
    const int64_t spent_ns = godwit_value_as_int (godwit_value_get (result, "spent"), 0);
    *thread = godwit_value_as_int (godwit_value_get (result, "thread"), 0);
    godwit_value_unref (&result);
    return spent_ns;
}

double
victim_serving_us (const victim_t *victim)
{
    double all[SERVED];
    int64_t thread = 0, last_ns = 0;
    for (int i = 0; i < SERVED;) {
        int64_t now;
        const int64_t spent_ns = look_at_thread (victim, &now);
        if (now == thread) /* otherwise there is nothing to compare with */
            all[i++] = (double) (spent_ns - last_ns) / 1000;
        thread = now;
        last_ns = spent_ns;
    }
    qsort (all, SERVED, sizeof *all, compare);
    return all[SERVED * 99 / 100];
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
        execl (PROGRAM, PROGRAM, victim->url, victim->member, (char *) NULL);
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

static void
start (victim_t *victim, unsigned descriptor_limit)
{
    start_server (victim, descriptor_limit);
    new_client (victim, &victim->transport, &victim->client);
    victim_call_anew (victim);
    ahead_us (victim); /* warms it up */
    victim->ahead_us = median_ahead_us (victim);
    victim->descriptors = victim_descriptors (victim);
    victim->resident = resident (victim);
}

void
victim_start (victim_t *victim, unsigned descriptor_limit)
{
    *victim = (victim_t){.pid = -1};
    snprintf (victim->url, sizeof victim->url, "zmq://:%d/", zmtp_free_port ());
    snprintf (victim->client_url, sizeof victim->client_url, "%s", victim->url);
    start (victim, descriptor_limit);
}

void
victim_start_in_realm (victim_t *victim, unsigned descriptor_limit, const char *member,
                       const char *client_member)
{
    *victim = (victim_t){.pid = -1, .member = member};
    const int port = zmtp_free_port ();
    snprintf (victim->rendezvous, sizeof victim->rendezvous, "tcp://127.0.0.1:%d", port);
    snprintf (victim->url, sizeof victim->url, "zmq://127.0.0.1:%d/?host_rendezvous=true&paths=tcp", port);
    snprintf (victim->client_url, sizeof victim->client_url, "zmq://127.0.0.1:%d/?paths=tcp&realm=%s", port,
              client_member);
    start (victim, descriptor_limit);
}

void
victim_finish (victim_t *victim)
{
    const int64_t end = now_ns () + INT64_C (1000000) * VICTIM_WAIT_LIMIT_MS;
    int status = 0;
    victim_call (victim);
    victim_call_anew (victim);
    while (victim_descriptors (victim) > victim->descriptors && now_ns () < end)
        victim_call (victim);
    cr_assert_leq (victim_descriptors (victim), victim->descriptors, "%d descriptors before, now %d",
                   (int) victim->descriptors, (int) victim_descriptors (victim));
    /* Now it has read what the attackers had sent. */
    victim_expect_pace (victim);
    if (!victim_is_sanitized ())
        cr_assert_leq (victim_growth (victim), KEPT_SIZE, "%d KiB are not given back",
                       (int) (victim_growth (victim) / 1024));
    godwit_client_destroy (&victim->client);
    godwit_transport_destroy (&victim->transport);
    close (victim->input);
    cr_assert_eq (waitpid (victim->pid, &status, 0), victim->pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the system has too little of: descriptors, memory, threads. A program that meets a limit works, or is
 * told so by a status: it is never ended, and never hangs. One that meets it while it serves does not spin,
 * and recovers. */
#include "tests/support/must.h"
#include "tests/support/victim.h"
#include "tests/support/zmtp.h"

#include <godwit/server.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/frugal"
#define MIB (INT64_C (1024) * 1024)
#define RUN_LIMIT_MS 30000 /* of a small program, on the busiest machine */
#define TOGETHER 4

TestSuite (limits, .timeout = 110);

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
pause_ms (int ms)
{
    const struct timespec moment = {ms / 1000, (long) (ms % 1000) * 1000000};
    nanosleep (&moment, NULL);
}

/* ---- small programs within limits ---- */

typedef struct run {
    pid_t pid;
    int64_t limit;
    char error[256]; /* the beginning of what it says */
    int output;
} run_t;

static void
begin_run (run_t *run, const char *option, int64_t limit)
{
    char text[32];
    int output[2];
    snprintf (text, sizeof text, "%lld", (long long) limit);
    *run = (run_t){.limit = limit};
    cr_assert_eq (pipe2 (output, O_CLOEXEC), 0);
    run->pid = fork ();
    cr_assert_geq (run->pid, 0);
    if (run->pid == 0) {
        dup2 (output[1], STDERR_FILENO);
        execl (PROGRAM, PROGRAM, option, text, (char *) NULL);
        _exit (3);
    }
    close (output[1]);
    run->output = output[0];
}

/* False: it has not ended in time. */
static bool
wait_run (const run_t *run)
{
    struct pollfd item = {pidfd_open (run->pid, 0), POLLIN, 0};
    cr_assert_geq (item.fd, 0);
    const bool has_ended = poll (&item, 1, RUN_LIMIT_MS) == 1;
    close (item.fd);
    return has_ended;
}

/* Returns whether it worked. */
static bool
end_run (run_t *run, const char *option)
{
    const bool has_ended = wait_run (run);
    int status = 0;
    if (!has_ended)
        kill (run->pid, SIGKILL);
    cr_assert_eq (waitpid (run->pid, &status, 0), run->pid);
    const ssize_t size = has_ended ? read (run->output, run->error, sizeof run->error - 1) : 0;
    run->error[size > 0 ? size : 0] = '\0';
    close (run->output);
    cr_assert (has_ended, "with %s %lld it hangs", option, (long long) run->limit);
    cr_assert (WIFEXITED (status), "with %s %lld it is ended by signal %d: %s", option,
               (long long) run->limit, WTERMSIG (status), run->error);
    /* 127: the dynamic linker has met the limit before the program began. */
    const int code = WEXITSTATUS (status);
    cr_assert (code == 0 || code == 127 || (code == 1 && run->error[0]),
               "with %s %lld it ends with %d and says: %s", option, (long long) run->limit, code, run->error);
    return code == 0;
}

/* All limits, a few programs at a time. Returns how many worked. */
static unsigned
try_limits (const char *option, int64_t first, int64_t last, int64_t step)
{
    unsigned worked = 0;
    while (first <= last) {
        run_t runs[TOGETHER];
        int count = 0;
        for (; count < TOGETHER && first <= last; first += step)
            begin_run (&runs[count++], option, first);
        for (int i = 0; i < count; i++)
            worked += end_run (&runs[i], option);
    }
    return worked;
}

Test (limits, programs_with_9_to_64_descriptors)
{
    cr_assert_gt (try_limits ("-n", 9, 64, 1), 8u, "it works with less than 56");
}

Test (limits, programs_with_1_to_24_processes)
{
    if (victim_is_sanitized ())
        cr_skip_test ("a sanitizer's own threads meet the limit");
    try_limits ("-u", 1, 24, 1);
}

Test (limits, programs_with_little_address_space)
{
    if (victim_is_sanitized ())
        cr_skip_test ("a sanitizer's own memory meets the limit");
    cr_assert_gt (try_limits ("-v", 8 * MIB, 400 * MIB, 7 * MIB), 4u, "it works with 400 MiB");
}

/* ---- descriptors run out while a server serves ---- */

enum { LIMIT = 64, CROWD = 200 };

/* Until fewer than LIMIT of the crowd are not hung up on. */
static void
wait_shed (const int *crowd)
{
    struct pollfd items[CROWD];
    int stay = CROWD;
    for (int i = 0; i < CROWD; i++)
        items[i] = (struct pollfd){crowd[i], POLLRDHUP, 0};
    while (stay >= LIMIT) {
        cr_assert_gt (poll (items, CROWD, VICTIM_WAIT_LIMIT_MS), 0, "%d of %d stay", stay, CROWD);
        for (int i = 0; i < CROWD; i++)
            if (items[i].fd >= 0 && items[i].revents) {
                items[i].fd = -1;
                stay--;
            }
    }
}

Test (limits, descriptors_run_out_while_a_server_serves)
{
    victim_t victim;
    int crowd[CROWD];
    victim_start (&victim, LIMIT);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = zmtp_connect (i % 2 ? victim.tcp : victim.ipc);
        cr_assert_geq (crowd[i], 0);
        if (victim_descriptors (&victim) < LIMIT)
            zmtp_handshake (crowd[i], "DEALER", NULL, 0); /* they stay */
    }
    /* Whom it has no descriptor for is hung up on soon, and not left to wait. */
    wait_shed (crowd);
    victim_call (&victim);
    /* A second, in which nobody comes, and one in which somebody tries all the time. It is slept through on
     * purpose: what is looked for is what happens while nothing has to happen. */
    for (int tries = 0; tries < 2; tries++) {
        const int64_t begin_ms = now_ms ();
        const int64_t begin_ns = victim_cpu_ns (&victim);
        while (now_ms () < begin_ms + 1000) {
            if (tries)
                close (zmtp_connect (victim.tcp));
            pause_ms (20);
        }
        const double load =
            (double) (victim_cpu_ns (&victim) - begin_ns) / 1e6 / (double) (now_ms () - begin_ms);
        if (!victim_is_sanitized ())
            cr_assert_lt (load, 0.02, "at the limit of descriptors it takes %.1f %% of a core", 100 * load);
    }
    for (int i = 0; i < CROWD; i++)
        close (crowd[i]);
    victim_finish (&victim);
}

/* ---- many transports ---- */

static godwit_status_t
on_echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT ("", 7));
}

static void
call_once (godwit_client_t *client)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "echo", GODWIT_NO_ARGS, &result, &error));
    godwit_value_unref (&result);
}

/* libzmq ended such a process. */
Test (limits, three_hundred_transports_in_one_process)
{
    enum { TRANSPORTS = 300 };
    static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", on_echo, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_transport_t *transports[TRANSPORTS];
    godwit_client_t *clients[TRANSPORTS];
    godwit_server_t *server = NULL;
    struct rlimit limit;
    char url[64];
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 10000)
        cr_skip_test ("too few descriptors");
    const int count = victim_is_sanitized () ? 60 : TRANSPORTS;
    const int64_t begin_ms = now_ms ();
    snprintf (url, sizeof url, "zmq://:%d/", zmtp_free_port ());
    for (int i = 0; i < count; i++) {
        transports[i] = NULL;
        clients[i] = NULL;
        MUST (godwit_transport_new (
            &transports[i], url, GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 500, .heartbeat_timeout_ms = 5000),
            &error));
        if (i == 0) {
            MUST (godwit_server_new (&server, transports[0], GODWIT_TARGET (.topic = "many", .server = "one"),
                                     &endpoint, 1, NULL, &error));
            MUST (godwit_server_start (server, NULL, &error));
        }
        MUST (godwit_client_new (&clients[i], transports[i], GODWIT_TARGET (.topic = "many"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = VICTIM_WAIT_LIMIT_MS), &error));
        call_once (clients[i]);
    }
    /* Some heartbeats later all are still connected: nobody was given up. They are slept through on purpose.
     */
    pause_ms (1500);
    for (int i = 0; i < count; i++) {
        godwit_transport_stats_t stats;
        godwit_transport_stats (transports[i], &stats, sizeof stats);
        cr_assert_geq (stats.peers, 1u);
        call_once (clients[i]);
    }
    for (int i = count - 1; i >= 0; i--) {
        godwit_client_destroy (&clients[i]);
        if (i == 0)
            godwit_server_destroy (&server);
        godwit_transport_destroy (&transports[i]);
    }
    cr_assert_lt (now_ms () - begin_ms, 100000);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_MS 20000
#define END_MS 10000

extern char **environ;

/* The worker's only line says that it is ready. */
static bool
wait_ready (int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int count;
    do
        count = poll (&ready, 1, READY_MS);
    while (count < 0 && errno == EINTR);
    char text[8];
    return count == 1 && read (fd, text, sizeof text) > 0;
}

/* In a group of its own: Ctrl-C is for the coordinator, which ends its workers itself. */
static int
spawn (const demo_fleet_t *fleet, demo_worker_t *worker, int output)
{
    char parent[24];
    snprintf (parent, sizeof parent, "%ld", (long) getpid ());
    char url_option[] = "--url";
    char parent_option[] = "--parent";
    char *url = strdup (fleet->url);
    char *arguments[] = {fleet->program, url_option, url, parent_option, parent, worker->name, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2 (&actions, output, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init (&attributes);
    posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETPGROUP);
    const int status =
        url ? posix_spawn (&worker->pid, fleet->program, &actions, &attributes, arguments, environ) : ENOMEM;
    posix_spawnattr_destroy (&attributes);
    posix_spawn_file_actions_destroy (&actions);
    free (url);
    return status;
}

demo_worker_t *
demo_fleet_start (demo_fleet_t *fleet, const char *remark)
{
    if (fleet->count == WORKER_MAX)
        return NULL;
    demo_worker_t *worker = &fleet->workers[fleet->count];
    *worker = (demo_worker_t){.remark = remark};
    snprintf (worker->name, sizeof worker->name, "worker-%zu", fleet->count + 1);
    int output[2];
    if (pipe2 (output, O_CLOEXEC) != 0) {
        perror ("demo: pipe");
        return NULL;
    }
    const int status = spawn (fleet, worker, output[1]);
    close (output[1]);
    if (status != 0) {
        fprintf (stderr, "demo: %s: %s\n", fleet->program, strerror (status));
        worker = NULL;
    } else {
        fleet->count++;
        worker->was = worker->pid;
        if (!wait_ready (output[0])) {
            fprintf (stderr, "demo: %s does not get ready\n", worker->name);
            worker = NULL;
        }
    }
    close (output[0]);
    return worker;
}

void
demo_fleet_kill (demo_worker_t *worker)
{
    if (worker->pid == 0)
        return;
    kill (worker->pid, SIGKILL);
    waitpid (worker->pid, NULL, 0);
    worker->pid = 0;
}

unsigned
demo_fleet_check (demo_fleet_t *fleet)
{
    unsigned lost = 0;
    for (size_t at = 0; at < fleet->count; at++) {
        demo_worker_t *worker = &fleet->workers[at];
        int status;
        if (worker->pid == 0 || waitpid (worker->pid, &status, WNOHANG) != worker->pid)
            continue;
        fprintf (stderr, "demo: %s ended by itself, %s %d\n", worker->name,
                 WIFSIGNALED (status) ? "signal" : "status",
                 WIFSIGNALED (status) ? WTERMSIG (status) : WEXITSTATUS (status));
        worker->pid = 0;
        lost++;
    }
    return lost;
}

/* Waits for the end of one process until the deadline. */
static bool
reap (demo_worker_t *worker, int64_t deadline_ms)
{
    int status = 0;
    struct timespec now;
    while (waitpid (worker->pid, &status, WNOHANG) == 0) {
        clock_gettime (CLOCK_MONOTONIC, &now);
        if (now.tv_sec * 1000 + now.tv_nsec / 1000000 > deadline_ms) {
            fprintf (stderr, "demo: %s does not end\n", worker->name);
            demo_fleet_kill (worker);
            return false;
        }
        nanosleep (&(const struct timespec){.tv_nsec = 2000000}, NULL);
    }
    worker->pid = 0;
    if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
        return true;
    fprintf (stderr, "demo: %s ended badly\n", worker->name);
    return false;
}

bool
demo_fleet_end (demo_fleet_t *fleet)
{
    bool good = true;
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    const int64_t deadline_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + END_MS;
    for (size_t at = 0; at < fleet->count; at++) {
        if (fleet->workers[at].pid)
            kill (fleet->workers[at].pid, SIGTERM);
    }
    for (size_t at = 0; at < fleet->count; at++) {
        if (fleet->workers[at].pid)
            good = reap (&fleet->workers[at], deadline_ms) && good;
    }
    return good;
}

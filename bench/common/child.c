/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"
#include "clock.h"
#include "die.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 32, STOP_MS = 5000 };

void
bench_child_start (bench_child_t *child, const char *const *arguments, const int *fds, size_t fds_count)
{
    char program[4096];
    ssize_t length = readlink ("/proc/self/exe", program, sizeof program - 1);
    bench_check (length > 0, "/proc/self/exe");
    program[length] = '\0';

    char *argv[MAX_ARGUMENTS] = {program};
    for (size_t i = 0; arguments[i] != NULL && i < MAX_ARGUMENTS - 2; i++)
        argv[i + 1] = (char *) (uintptr_t) arguments[i]; /* posix_spawn does not write to them */

    int input[2] = {-1, -1}, output[2] = {-1, -1};
    bench_check (pipe2 (input, O_CLOEXEC) == 0 && pipe2 (output, O_CLOEXEC) == 0, "pipe");

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2 (&actions, output[1], STDOUT_FILENO);
    for (size_t i = 0; i < fds_count; i++)
        posix_spawn_file_actions_adddup2 (&actions, fds[i], BENCH_CHILD_FD + (int) i);

    errno = posix_spawn (&child->pid, program, &actions, NULL, argv, environ);
    bench_check (errno == 0, "posix_spawn");
    posix_spawn_file_actions_destroy (&actions);
    close (input[0]);
    close (output[1]);
    child->input = input[1];
    child->output = fdopen (output[0], "r");
    bench_check (child->output != NULL, "fdopen");
}

int
bench_child_line (bench_child_t *child, char *line, size_t size)
{
    if (fgets (line, (int) size, child->output) == NULL)
        return -1;
    line[strcspn (line, "\n")] = '\0';
    return 0;
}

int
bench_child_stop (bench_child_t *child)
{
    int status = 0;
    uint64_t deadline = bench_now_ns () + STOP_MS * UINT64_C (1000000);
    const struct timespec pause = {.tv_nsec = 2000000};

    close (child->input);
    while (waitpid (child->pid, &status, WNOHANG) == 0) {
        if (bench_now_ns () > deadline) {
            kill (child->pid, SIGKILL);
            waitpid (child->pid, &status, 0);
            break;
        }
        nanosleep (&pause, NULL);
    }
    fclose (child->output);
    return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

void
bench_child_wait_for_parent (void)
{
    char byte;
    while (read (STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
        errno = 0;
}

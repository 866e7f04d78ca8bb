/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"
#include "clock.h"
#include "die.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 32, STOP_MS = 5000, PATH_SIZE = 4096 };

static void
find_program (const char *name, char path[PATH_SIZE])
{
    ssize_t length = readlink ("/proc/self/exe", path, PATH_SIZE - 1);
    bench_check (length > 0, "/proc/self/exe");
    path[length] = '\0';
    if (name == NULL)
        return;
    char *file = strrchr (path, '/') + 1;
    snprintf (file, (size_t) (path + PATH_SIZE - file), "%s", name);
}

bool
bench_child_exists (const char *program)
{
    char path[PATH_SIZE];
    find_program (program, path);
    return access (path, X_OK) == 0;
}

static void
spawn (bench_child_t *child, const bench_child_options_t *options, int input, int output)
{
    char program[PATH_SIZE];
    char *argv[MAX_ARGUMENTS] = {program};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    find_program (options->program, program);
    for (size_t i = 0; options->arguments[i] != NULL; i++) {
        bench_check (i < MAX_ARGUMENTS - 2, "too many arguments");
        argv[i + 1] = (char *) (uintptr_t) options->arguments[i]; /* posix_spawn does not write to them */
    }
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2 (&actions, output, STDOUT_FILENO);
    for (size_t i = 0; i < options->fds_count; i++)
        posix_spawn_file_actions_adddup2 (&actions, options->fds[i], BENCH_CHILD_FD + (int) i);
    posix_spawnattr_init (&attributes);
    if (options->grouped) {
        posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setpgroup (&attributes, options->group);
    }
    errno = posix_spawn (&child->pid, program, &actions, &attributes, argv, environ);
    bench_check (errno == 0, program);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
}

void
bench_child_start (bench_child_t *child, const bench_child_options_t *options)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1};

    bench_check (pipe2 (input, O_CLOEXEC) == 0 && pipe2 (output, O_CLOEXEC) == 0, "pipe");
    spawn (child, options, input[0], output[1]);
    close (input[0]);
    close (output[1]);
    child->input = input[1];
    child->output = fdopen (output[0], "r");
    bench_check (child->output != NULL, "fdopen");
}

void
bench_child_tell (bench_child_t *child, const char *line)
{
    bench_check (dprintf (child->input, "%s\n", line) > 0, "a process of the benchmark has ended");
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
bench_child_begin (void)
{
    /* A parent that has ended before this has closed our standard input, too. */
    prctl (PR_SET_PDEATHSIG, SIGKILL);
}

void
bench_child_wait_for_parent (void)
{
    char byte;
    while (read (STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
        errno = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/child.h"
#include "tests/hosts/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_MS = 20000 };

static child_t *running;

/* In the child. Its own group: ^C is for us, and we end it. */
_Noreturn static void
become (const child_options_t *options, int input, int output)
{
    char path[256];
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    setpgid (0, 0);
    if (options->net) {
        snprintf (path, sizeof path, "/run/netns/%s", options->net);
        const int net = open (path, O_RDONLY | O_CLOEXEC);
        if (net < 0 || setns (net, CLONE_NEWNET) != 0)
            _exit (126);
        /* A host has a private folder of its own. */
        const char *const folder = getenv ("GODWIT_DIR");
        snprintf (path, sizeof path, "%s-%s", folder ? folder : "/tmp/godwit-hosts", options->net);
        setenv ("GODWIT_DIR", path, 1);
    }
    if (options->errors) {
        const int errors = open (options->errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (errors >= 0)
            dup2 (errors, STDERR_FILENO);
    }
    dup2 (input, STDIN_FILENO);
    dup2 (output, STDOUT_FILENO);
    signal (SIGPIPE, SIG_DFL);
    execvp (options->arguments[0], (char *const *) (uintptr_t) options->arguments);
    _exit (127);
}

void
child_start (child_t *child, const child_options_t *options)
{
    int input[2], output[2];
    const pid_t parent = getpid ();
    memset (child, 0, sizeof *child);
    snprintf (child->name, sizeof child->name, "%s", options->name);
    if (pipe2 (input, O_CLOEXEC) != 0 || pipe2 (output, O_CLOEXEC) != 0)
        hosts_fail ("%s: no pipe: %s", child->name, strerror (errno));
    fflush (NULL);
    child->pid = fork ();
    if (child->pid == 0) {
        if (getppid () != parent)
            _exit (125);
        become (options, input[0], output[1]);
    }
    if (child->pid < 0)
        hosts_fail ("%s: no process: %s", child->name, strerror (errno));
    close (input[0]);
    close (output[1]);
    child->input = input[1];
    child->output = output[0];
    child->pidfd = pidfd_open (child->pid, 0);
    child->next = running;
    running = child;
    if (child->pidfd < 0)
        hosts_fail ("%s: no pidfd: %s", child->name, strerror (errno));
}

void
child_tell (const child_t *child, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start (args, format);
    const int length = vsnprintf (line, sizeof line - 1, format, args);
    va_end (args);
    line[length] = '\n';
    if (write (child->input, line, (size_t) length + 1) != length + 1)
        hosts_fail ("%s: does not listen to \"%s\": %s", child->name, line, strerror (errno));
}

/* False: the end of the output, or of the time. */
static bool
read_more (child_t *child, int64_t end_ms)
{
    if (!hosts_wait (child->output, end_ms - hosts_now_ms ()))
        return false;
    const ssize_t got = read (child->output, child->text + child->size, sizeof child->text - 1 - child->size);
    if (got > 0)
        child->size += (size_t) got;
    return got > 0;
}

bool
child_line (child_t *child, char *line, size_t size, int64_t wait_limit_ms)
{
    const int64_t end_ms = hosts_now_ms () + wait_limit_ms;
    const char *end;
    while (!(end = memchr (child->text, '\n', child->size)))
        if (child->size == sizeof child->text - 1 || !read_more (child, end_ms))
            return false;
    const size_t length = (size_t) (end - child->text);
    snprintf (line, size, "%.*s", (int) length, child->text);
    child->size -= length + 1;
    memmove (child->text, end + 1, child->size);
    return true;
}

void
child_expect (child_t *child, const char *start, int64_t wait_limit_ms)
{
    char line[CHILD_TEXT_SIZE];
    if (!child_line (child, line, sizeof line, wait_limit_ms))
        hosts_fail ("%s: \"%s\" did not come within %d ms", child->name, start, (int) wait_limit_ms);
    if (strncmp (line, start, strlen (start)) != 0)
        hosts_fail ("%s: expected \"%s\", got \"%s\"", child->name, start, line);
}

void
child_signal (const child_t *child, int number)
{
    if (child->pid > 0)
        kill (child->pid, number);
}

static int
forget (child_t *child, int status)
{
    for (child_t **at = &running; *at; at = &(*at)->next) {
        if (*at == child) {
            *at = child->next;
            break;
        }
    }
    if (child->input >= 0)
        close (child->input);
    close (child->output);
    if (child->pidfd >= 0)
        close (child->pidfd);
    child->pid = 0;
    return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

int
child_end (child_t *child, int64_t wait_limit_ms)
{
    int status = 0;
    if (child->pid == 0)
        return 0;
    close (child->input);
    child->input = -1;
    if (!hosts_wait (child->pidfd, wait_limit_ms))
        kill (child->pid, SIGKILL);
    while (waitpid (child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return forget (child, status);
}

void
child_kill (child_t *child)
{
    if (child->pid > 0)
        kill (child->pid, SIGKILL);
    child_end (child, INT32_MAX);
}

bool
child_is_running (const child_t *child)
{
    return child->pid > 0;
}

/* Also at the end of the program: looks for no signals, and fails nobody. */
void
child_kill_all (void)
{
    for (const child_t *child = running; child; child = child->next)
        kill (child->pid, SIGKILL);
    while (running) {
        while (waitpid (running->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        forget (running, 0);
    }
}

int
child_run (const child_options_t *options)
{
    child_t child;
    char rest[256];
    child_start (&child, options);
    while (child_line (&child, rest, sizeof rest, COMMAND_MS))
        ;
    return child_end (&child, COMMAND_MS);
}

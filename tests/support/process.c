/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 10000u
#define PORT_COUNT 20000u

int64_t
process_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
free_port (void)
{
    static unsigned looked;
    for (;;) {
        const unsigned port = FIRST_PORT + ((unsigned) getpid () * 7919u + looked++) % PORT_COUNT;
        const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                            .sin_port = htons ((uint16_t) port)};
        cr_assert (fd >= 0 && looked < PORT_COUNT, "no port is free");
        const bool is_free = bind (fd, (const struct sockaddr *) &address, sizeof address) == 0;
        close (fd);
        if (is_free)
            return (int) port;
    }
}

void
process_start (process_t *process, const char *program, const char *first, const char *second)
{
    int input[2];
    int output[2];
    memset (process, 0, sizeof *process);
    cr_assert_eq (pipe2 (input, O_CLOEXEC) | pipe2 (output, O_CLOEXEC), 0);
    process->pid = fork ();
    cr_assert (process->pid >= 0);
    if (process->pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL); /* a frozen one would outlive a test that failed */
        dup2 (input[0], STDIN_FILENO);
        dup2 (output[1], STDOUT_FILENO);
        execl (program, program, first, second, (char *) NULL);
        _exit (127);
    }
    close (input[0]);
    close (output[1]);
    process->input = input[1];
    process->output = output[0];
}

void
process_tell (const process_t *process, const char *line)
{
    cr_assert (dprintf (process->input, "%s\n", line) > 0);
}

static void
read_more (process_t *process, const char *text, int64_t end_ms)
{
    struct pollfd output = {process->output, POLLIN, 0};
    cr_assert (process_now_ms () < end_ms && poll (&output, 1, PROCESS_WAIT_LIMIT_MS) == 1,
               "no \"%s\" in:\n%s", text, process->text);
    const ssize_t got =
        read (process->output, process->text + process->size, sizeof process->text - 1 - process->size);
    cr_assert (got > 0, "it ended before \"%s\":\n%s", text, process->text);
    process->size += (size_t) got;
    process->text[process->size] = '\0';
}

void
process_expect (process_t *process, const char *line)
{
    const int64_t end_ms = process_now_ms () + PROCESS_WAIT_LIMIT_MS;
    const char *at = process->text + process->seen;
    const char *end;
    while (!(end = strchr (at, '\n')))
        read_more (process, line, end_ms);
    cr_assert (strlen (line) == (size_t) (end - at) && !strncmp (at, line, (size_t) (end - at)),
               "expected \"%s\", got \"%.*s\"", line, (int) (end - at), at);
    process->seen = (size_t) (end + 1 - process->text);
}

unsigned
process_count (const process_t *process, const char *text)
{
    unsigned found = 0;
    for (const char *at = process->text; (at = strstr (at, text)); at += strlen (text))
        found++;
    return found;
}

void
process_wait (process_t *process, unsigned times, const char *text)
{
    const int64_t end_ms = process_now_ms () + PROCESS_WAIT_LIMIT_MS;
    while (process_count (process, text) < times)
        read_more (process, text, end_ms);
}

void
process_stand_still (const process_t *process)
{
    int status = 0;
    kill (process->pid, SIGSTOP);
    cr_assert_eq (waitpid (process->pid, &status, WUNTRACED), process->pid);
    cr_assert (WIFSTOPPED (status), "status %d", status);
}

void
process_forget (process_t *process)
{
    process->size = process->seen = 0;
    process->text[0] = '\0';
}

/* Takes what it still says meanwhile: with a full pipe it could not end. */
static void
wait_for_end (const process_t *process)
{
    char rest[4096];
    const int ended = pidfd_open (process->pid, 0);
    struct pollfd fds[] = {{ended, POLLIN, 0}, {process->output, POLLIN, 0}};
    cr_assert_geq (ended, 0);
    do {
        cr_assert_gt (poll (fds, 2, -1), 0);
        if (fds[1].revents && read (process->output, rest, sizeof rest) <= 0)
            fds[1].fd = -1;
    } while (!fds[0].revents);
    close (ended);
}

int
process_end (process_t *process, int signal_number)
{
    int status = 0;
    if (signal_number)
        kill (process->pid, signal_number);
    close (process->input);
    wait_for_end (process);
    cr_assert_eq (waitpid (process->pid, &status, 0), process->pid);
    close (process->output);
    return status;
}

void
process_finish (process_t *process, int signal_number)
{
    const int status = process_end (process, signal_number);
    if (!signal_number)
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
}

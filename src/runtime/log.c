/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/log.h"

#include "src/base/date.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- a line ---- */

/* "2026-11-29T15:10:11.123Z WARNING 4711/godwit-work-3: " */
static size_t
print_prefix (char *text, size_t size, godwit_log_level_t level)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    char thread[16] = "?";
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    pthread_getname_np (pthread_self (), thread, sizeof thread);
    const godwit__date_t date = godwit__date_of (now.tv_sec / 86400);
    const int seconds = (int) (now.tv_sec % 86400);
    const int used =
        snprintf (text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s %ld/%s: ", date.year, date.month,
                  date.day, seconds / 3600, seconds / 60 % 60, seconds % 60, (int) (now.tv_nsec / 1000000),
                  (unsigned) level <= GODWIT_LOG_ERROR ? levels[level] : "?", (long) getpid (), thread);
    return (size_t) used < size ? (size_t) used : size - 1;
}

/* A pipe whose reader is gone must not end the program: the signal that says so is not for it. */
static void
write_without_signal (int fd, const struct iovec *parts, int count)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe, before;
    ssize_t written;
    sigemptyset (&pipe);
    sigaddset (&pipe, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &pipe, &before);
    while ((written = writev (fd, parts, count)) < 0 && errno == EINTR)
        ;
    if (written < 0 && errno == EPIPE && !sigismember (&before, SIGPIPE))
        sigtimedwait (&pipe, NULL, &at_once);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
}

void
godwit__log_write (int fd, godwit_log_level_t level, const char *text)
{
    const int errno_before = errno;
    char prefix[128];
    const struct iovec parts[] = {
        {prefix, print_prefix (prefix, sizeof prefix, level)},
        {(void *) (uintptr_t) text, strlen (text)},
        {(void *) (uintptr_t) "\n", 1},
    };
    write_without_signal (fd, parts, 3);
    errno = errno_before;
}

void
godwit_log_stderr (void *user, godwit_log_level_t level, const char *text)
{
    (void) user;
    godwit__log_write (STDERR_FILENO, level, text);
}

/* ---- the variable ---- */

static godwit__log_variable_t variable = {GODWIT__LOG_NOTHING, STDERR_FILENO};

/* Without waiting for a reader, if it is a named pipe. */
static void
open_file (const char *path)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const int fd = open (path, flags, S_IRUSR | S_IWUSR | S_IRGRP);
    char text[512];
    if (fd >= 0) {
        variable.fd = fd;
        return;
    }
    snprintf (text, sizeof text, "GODWIT_LOG: cannot open the file \"%.256s\" (%s): the log goes to stderr",
              path, strerror (errno));
    godwit__log_write (STDERR_FILENO, GODWIT_LOG_WARNING, text);
}

static void
read_variable (void)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    const char *const value = secure_getenv ("GODWIT_LOG");
    char text[512];
    if (!value || !*value)
        return;
    const size_t size = strcspn (value, ":");
    for (int i = 0; i <= GODWIT_LOG_ERROR; i++)
        if (strlen (levels[i]) == size && strncasecmp (value, levels[i], size) == 0)
            variable.level = i;
    if (variable.level != GODWIT__LOG_NOTHING) {
        if (value[size] && value[size + 1])
            open_file (value + size + 1);
        return;
    }
    snprintf (
        text, sizeof text,
        "GODWIT_LOG: expected debug, info, warning or error, and optionally ':' and a file, got \"%.256s\": "
        "it is ignored",
        value);
    godwit__log_write (STDERR_FILENO, GODWIT_LOG_WARNING, text);
}

const godwit__log_variable_t *
godwit__log_variable (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, read_variable);
    return &variable;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_MAX 10
#define HEX_SIZE ((size_t) 2 * HASH_SIZE)

extern char **environ;

/* Ends with 9 if a part of it could not be run at all; that a file cannot be read is found out by comparing.
 */
static const char script[] =
    "command -v find >/dev/null && command -v xargs >/dev/null && command -v b2sum >/dev/null || exit 9\n"
    "find \"$1\" -type f -print0 | xargs -0 -r b2sum -z --\n"
    "status=$?\n"
    "if [ $status -ne 0 ] && [ $status -ne 123 ]; then exit 9; fi\n";

static FILE *
start_b2sum (const char *directory, pid_t *pid)
{
    int output[2];
    if (pipe2 (output, O_CLOEXEC) != 0)
        return NULL;
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char name[] = "b2sum";
    char *text = strdup (script);
    char *start = strdup (directory);
    char *arguments[] = {shell, option, text, name, start, NULL};
    posix_spawnattr_t attributes; /* Ctrl-C, which is blocked here, ends them */
    sigset_t none;
    sigemptyset (&none);
    posix_spawnattr_init (&attributes);
    posix_spawnattr_setsigmask (&attributes, &none);
    posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, output[1], STDOUT_FILENO);
    const bool started =
        text && start && posix_spawn (pid, shell, &actions, &attributes, arguments, environ) == 0;
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    free (text);
    free (start);
    close (output[1]);
    FILE *stream = started ? fdopen (output[0], "r") : NULL;
    if (!stream)
        close (output[0]);
    return stream;
}

static void
show (const char *what, const char *path, size_t *shown)
{
    if ((*shown)++ >= SHOWN_MAX)
        return;
    printf ("  %s: ", what);
    demo_print_path (path);
    putchar ('\n');
}

/* One record of b2sum: the hash in hexadecimal, two characters, the path. */
static void
compare_record (const demo_tree_t *tree, const char *record, size_t size, demo_result_t *result,
                size_t *shown)
{
    result->listed++;
    const char *path = size > HEX_SIZE + 2 ? record + HEX_SIZE + 2 : "";
    demo_file_t *file = demo_tree_find (tree, path);
    if (!file || file->answers == 0) {
        result->missing++;
        show ("missing", path, shown);
        if (file)
            file->listed++;
        return;
    }
    char hex[HEX_SIZE + 1];
    for (size_t at = 0; at < HASH_SIZE; at++)
        snprintf (hex + 2 * at, 3, "%02x", file->hash[at]);
    if (file->listed++ > 0)
        return;
    if (memcmp (hex, record, HEX_SIZE) == 0) {
        result->equal++;
    } else {
        result->different++;
        show ("another hash", path, shown);
    }
}

bool
demo_verify (const demo_tree_t *tree, const char *directory, demo_result_t *result)
{
    *result = (demo_result_t){0};
    pid_t pid = 0;
    size_t shown = 0;
    FILE *stream = start_b2sum (directory, &pid);
    if (!stream) {
        perror ("demo: b2sum cannot be started");
        return false;
    }
    char *record = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getdelim (&record, &room, '\0', stream)) > 0)
        compare_record (tree, record, (size_t) size, result, &shown);
    free (record);
    fclose (stream);
    int status = 0;
    waitpid (pid, &status, 0);
    if (!WIFEXITED (status) || WEXITSTATUS (status) == 9) {
        fprintf (stderr, "demo: find, xargs and b2sum did not run to their end\n");
        return false;
    }
    for (size_t at = 0; at < tree->count; at++) {
        const demo_file_t *file = &tree->files[at];
        if (file->answers > 1 || file->listed > 1) {
            result->twice++;
            show ("twice", file->path, &shown);
        }
        if (file->listed == 0 && file->answers > 0) {
            result->extra++;
            show ("not known to b2sum", file->path, &shown);
        }
        if (file->listed == 0 && file->answers == 0)
            result->unread++;
    }
    if (shown > SHOWN_MAX)
        printf ("  ... and %zu more\n", shown - SHOWN_MAX);
    return true;
}

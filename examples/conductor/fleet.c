/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_LIMIT_S 15

extern char **environ;

void
fleet_open (fleet_t *fleet, const char *monitor, const char *config)
{
    pthread_condattr_t attributes;
    *fleet = (fleet_t){.monitor = monitor, .config = config};
    pthread_mutex_init (&fleet->lock, NULL);
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&fleet->changed, &attributes);
    pthread_condattr_destroy (&attributes);
}

/* With the lock. id "": a free place. */
static vim_t *
find (fleet_t *fleet, const char *id)
{
    for (size_t i = 0; i < VIM_MAX; i++)
        if (strcmp (fleet->vims[i].id, id) == 0)
            return &fleet->vims[i];
    return NULL;
}

/* ---- processes ---- */

/* Not a copy of this process and its threads: another program, with signals as they are by default. */
static int
spawn (const fleet_t *fleet, vim_t *vim)
{
    sigset_t none;
    posix_spawnattr_t attributes;
    char parent[24];
    sigemptyset (&none);
    posix_spawnattr_init (&attributes);
    posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask (&attributes, &none);
    snprintf (parent, sizeof parent, "%ld", (long) getpid ());
    /* posix_spawn does not change them, but its parameter is not const. */
    char *arguments[] = {strdup (fleet->monitor),
                         strdup ("--parent"),
                         strdup (parent),
                         strdup (vim->id),
                         strdup (vim->address),
                         NULL,
                         NULL,
                         NULL};
    if (fleet->config) {
        arguments[5] = strdup ("--config");
        arguments[6] = strdup (fleet->config);
    }
    const int failure = posix_spawn (&vim->pid, fleet->monitor, NULL, &attributes, arguments, environ);
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        free (arguments[i]);
    posix_spawnattr_destroy (&attributes);
    vim->last_report = 0;
    vim->status[0] = '\0';
    return failure;
}

const char *
fleet_add (fleet_t *fleet, const char *id, const char *address)
{
    const char *why = NULL;
    if (!*id || strlen (id) >= NAME_SIZE || !*address || strlen (address) >= NAME_SIZE)
        return "a name or an address that is empty or too long";
    pthread_mutex_lock (&fleet->lock);
    vim_t *vim = find (fleet, "");
    if (find (fleet, id))
        why = "it is registered already";
    else if (!vim)
        why = "there are too many";
    if (!why) {
        *vim = (vim_t){.pid = 0};
        snprintf (vim->id, sizeof vim->id, "%s", id);
        snprintf (vim->address, sizeof vim->address, "%s", address);
        /* With the lock: whoever reaps the process finds it entered. */
        const int failure = spawn (fleet, vim);
        if (failure) {
            why = strerror (failure);
            vim->id[0] = '\0';
        } else {
            printf ("%s: process %ld monitors %s\n", id, (long) vim->pid, address);
        }
    }
    pthread_mutex_unlock (&fleet->lock);
    return why;
}

static void
mourn (fleet_t *fleet, vim_t *vim, int status)
{
    const long pid = (long) vim->pid;
    if (vim->is_stopping) {
        printf ("%s: process %ld has ended with status %d\n", vim->id, pid,
                WIFEXITED (status) ? WEXITSTATUS (status) : -1);
        vim->id[0] = '\0';
        return;
    }
    if (WIFSIGNALED (status))
        printf ("%s: process %ld was killed by signal %d", vim->id, pid, WTERMSIG (status));
    else
        printf ("%s: process %ld ended without being asked to", vim->id, pid);
    const int failure = spawn (fleet, vim);
    if (failure) {
        printf (", and could not be replaced: %s\n", strerror (failure));
        vim->id[0] = '\0';
        return;
    }
    vim->replaced++;
    printf ("; process %ld takes over\n", (long) vim->pid);
}

void
fleet_reap (fleet_t *fleet)
{
    int status;
    pid_t pid;
    pthread_mutex_lock (&fleet->lock);
    while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < VIM_MAX; i++)
            if (fleet->vims[i].id[0] && fleet->vims[i].pid == pid) {
                mourn (fleet, &fleet->vims[i], status);
                break;
            }
    pthread_cond_broadcast (&fleet->changed);
    pthread_mutex_unlock (&fleet->lock);
}

/* ---- what is known of them ---- */

void
fleet_report (fleet_t *fleet, const char *id, pid_t pid, int64_t report, const char *status)
{
    pthread_mutex_lock (&fleet->lock);
    vim_t *vim = find (fleet, id);
    if (*id && vim && vim->pid == pid && report > vim->last_report) {
        vim->last_report = report;
        snprintf (vim->status, sizeof vim->status, "%s", status);
        printf ("%s: is %s, says process %ld (report %" PRId64 ")\n", id, vim->status, (long) pid, report);
        pthread_cond_broadcast (&fleet->changed);
    }
    pthread_mutex_unlock (&fleet->lock);
}

static struct timespec
in_seconds (time_t seconds)
{
    struct timespec then;
    clock_gettime (CLOCK_MONOTONIC, &then);
    then.tv_sec += seconds;
    return then;
}

bool
fleet_wait_report (fleet_t *fleet, const char *id, char status[NAME_SIZE])
{
    const struct timespec until = in_seconds (WAIT_LIMIT_S);
    const vim_t *vim;
    int result = 0;
    pthread_mutex_lock (&fleet->lock);
    while ((vim = find (fleet, id)) && !vim->status[0] && result == 0)
        result = pthread_cond_timedwait (&fleet->changed, &fleet->lock, &until);
    const bool is_there = vim && vim->status[0];
    if (is_there)
        memcpy (status, vim->status, NAME_SIZE);
    pthread_mutex_unlock (&fleet->lock);
    return is_there;
}

pid_t
fleet_let_end (fleet_t *fleet, const char *id)
{
    pid_t pid = 0;
    pthread_mutex_lock (&fleet->lock);
    vim_t *vim = *id ? find (fleet, id) : NULL;
    if (vim) {
        vim->is_stopping = true;
        pid = vim->pid;
    }
    pthread_mutex_unlock (&fleet->lock);
    return pid;
}

bool
fleet_wait_end (fleet_t *fleet, const char *id)
{
    const struct timespec until = in_seconds (WAIT_LIMIT_S);
    int result = 0;
    pthread_mutex_lock (&fleet->lock);
    while (find (fleet, id) && result == 0)
        result = pthread_cond_timedwait (&fleet->changed, &fleet->lock, &until);
    const bool is_gone = !find (fleet, id);
    pthread_mutex_unlock (&fleet->lock);
    return is_gone;
}

bool
fleet_any (fleet_t *fleet, char id[NAME_SIZE])
{
    id[0] = '\0';
    pthread_mutex_lock (&fleet->lock);
    for (size_t i = 0; i < VIM_MAX && !id[0]; i++)
        memcpy (id, fleet->vims[i].id, NAME_SIZE);
    pthread_mutex_unlock (&fleet->lock);
    return id[0] != '\0';
}

godwit_value_t *
fleet_list (fleet_t *fleet)
{
    godwit_value_t *list = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    pthread_mutex_lock (&fleet->lock);
    for (size_t i = 0; i < VIM_MAX; i++) {
        const vim_t *vim = &fleet->vims[i];
        if (!vim->id[0])
            continue;
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "vim_id", vim->id);
        godwit_builder_str (builder, "address", vim->address);
        godwit_builder_str (builder, "status", vim->status);
        godwit_builder_int (builder, "pid", vim->pid);
        godwit_builder_int (builder, "replaced", vim->replaced);
        godwit_builder_close (builder);
    }
    pthread_mutex_unlock (&fleet->lock);
    godwit_builder_close (builder);
    godwit_builder_finish (&builder, &list, NULL);
    return list;
}

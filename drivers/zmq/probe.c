/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/probe.h"

#include "src/base/thread.h"
#include "src/error/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* The first socket of a context takes 5 descriptors, a channel with its monitor and what it waits on 6, a
 * connection 1, and to look a name up a few for a moment. */
#define SPARE_DESCRIPTORS 16
/* A socket, its queues and those of a connection take less than a tenth of this. */
#define SPARE_MEMORY ((size_t) 1 << 20)
#define CONTEXT_THREADS 2

static int
open_descriptors (int fds[SPARE_DESCRIPTORS])
{
    int count = 0;
    fds[0] = eventfd (0, EFD_CLOEXEC);
    if (fds[0] >= 0)
        count++;
    while (count > 0 && count < SPARE_DESCRIPTORS && (fds[count] = dup (fds[0])) >= 0)
        count++;
    return count;
}

static godwit_status_t
probe_descriptors (godwit_error_t **error)
{
    int fds[SPARE_DESCRIPTORS];
    struct rlimit limit = {.rlim_cur = 0};
    const int count = open_descriptors (fds);
    const int failure = errno;
    for (int i = 0; i < count; i++)
        close (fds[i]);
    if (count == SPARE_DESCRIPTORS)
        return GODWIT_OK;
    getrlimit (RLIMIT_NOFILE, &limit);
    return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                              "%d descriptors are needed, and only %d can be had: %s. This process may have "
                              "%llu: raise its limit (ulimit -n, RLIMIT_NOFILE)",
                              SPARE_DESCRIPTORS, count, strerror (failure),
                              (unsigned long long) limit.rlim_cur);
}

static godwit_status_t
probe_memory (godwit_error_t **error)
{
    void *volatile memory = malloc (SPARE_MEMORY); /* volatile: or it would be optimised away */
    if (!memory)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "memory is short for a ZeroMQ socket: raise the limit of this process "
                                  "(ulimit -v, RLIMIT_AS)");
    free (memory);
    return GODWIT_OK;
}

godwit_status_t
godwit__probe_socket (godwit_error_t **error)
{
    const godwit_status_t status = probe_descriptors (error);
    return status ? status : probe_memory (error);
}

/* ---- threads ---- */

static void *
run_probe (void *gate)
{
    pthread_mutex_lock (gate);
    pthread_mutex_unlock (gate);
    return NULL;
}

/* They live at the same time. */
godwit_status_t
godwit__probe_context (godwit_error_t **error)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[CONTEXT_THREADS];
    int count = 0;
    int failure = 0;
    pthread_mutex_lock (&gate);
    while (count < CONTEXT_THREADS && !failure) {
        failure = godwit__thread_start (&threads[count], run_probe, &gate);
        count += !failure;
    }
    pthread_mutex_unlock (&gate);
    for (int i = 0; i < count; i++)
        pthread_join (threads[i], NULL);
    if (!failure)
        return godwit__probe_socket (error);
    return godwit__error_set (
        error, GODWIT_ERR_SYSTEM,
        "%d threads are needed for ZeroMQ, and only %d can be started: %s. Raise the "
        "limits of this user's threads and this process's memory (ulimit -u, ulimit -v)",
        CONTEXT_THREADS, count, strerror (failure));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A server that runs until a signal comes. The signals are blocked, and wait in a descriptor that the control
 * reactor watches: so they are seen whatever the thread waits for, also in the program's own loop. */
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/control.h"
#include "src/runtime/wait.h"
#include "src/server/abandon.h"
#include "src/server/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DRAIN_TIMEOUT_MS 30000

typedef struct run {
    godwit_server_t *server;
    godwit__source_t source;
    atomic_uint signals; /* that have come so far */
    sigset_t before;
    godwit_status_t status;
    godwit_error_t *error;
} run_t;

/* ---- signals; the control thread ---- */

static void
take_signals (run_t *run)
{
    struct signalfd_siginfo info;
    while (read (run->source.fd, &info, sizeof info) == (ssize_t) sizeof info)
        atomic_fetch_add (&run->signals, 1);
}

static void
on_signal (godwit__source_t *source)
{
    run_t *const run = source->user;
    godwit_transport_t *const transport = run->server->transport;
    godwit__pool_t *const pool = transport->pool;
    take_signals (run);
    pthread_mutex_lock (&transport->lock);
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
    if (!pool) /* the transport is being destroyed */
        return;
    godwit__pool_lock (pool);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

static void
watch (void *user)
{
    run_t *const run = user;
    run->status = godwit__reactor_watch (run->server->transport->control, &run->source, &run->error);
}

static void
unwatch (void *user)
{
    run_t *const run = user;
    godwit__reactor_unwatch (run->server->transport->control, &run->source);
}

static void
block_signals (sigset_t *signals, sigset_t *before)
{
    sigemptyset (signals);
    sigaddset (signals, SIGINT);
    sigaddset (signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, signals, before);
}

/* ---- until one comes ---- */

/* With transport.lock. */
static bool
goes_on (run_t *run)
{
    const godwit_server_t *const server = run->server;
    return atomic_load (&run->signals) == 0 && server->state == GODWIT__SERVER_UP &&
           !atomic_load (&server->transport->closing);
}

static void
wait_for_signal (run_t *run)
{
    godwit_transport_t *const transport = run->server->transport;
    pthread_mutex_lock (&transport->lock);
    while (goes_on (run)) {
        if (transport->options.external_loop) { /* the loop brings all that is waited for */
            godwit__transport_unlock (transport);
            godwit__wait (transport, NULL, NULL, GODWIT__NEVER);
            pthread_mutex_lock (&transport->lock);
        } else {
            godwit__transport_wait_changed (transport, GODWIT__NEVER);
        }
    }
    godwit__transport_unlock (transport);
}

/* ---- the end ---- */

static godwit_status_t
abandon (run_t *run, godwit_error_t **error)
{
    godwit_server_t *const server = run->server;
    godwit__pool_t *const pool = server->pool;
    char text[GODWIT__RUNNING_TEXT] = "";
    godwit_error_destroy (error);
    godwit__pool_lock (pool);
    godwit__running_print (server, text);
    const unsigned queued = server->queued, kept = server->occupied - server->active;
    godwit__abandon_running (pool, server, "The run of a server");
    godwit__pool_unlock (pool);
    return godwit__error_set (
        error, GODWIT_ERR_TASK_TIMEOUT,
        "The server did not end in time; %u requests are queued, %u are kept, and these "
        "handlers still run: %s",
        queued, kept, *text ? text : "none");
}

static godwit_status_t
drain (run_t *run, int64_t timeout_ms, godwit_error_t **error)
{
    godwit_error_t *late = NULL;
    const int64_t end_ns =
        timeout_ms > 0 ? godwit__clock_now (&run->server->clock) + timeout_ms * GODWIT__NS_PER_MS : 0;
    godwit_step_options_t options = {.struct_size = sizeof options, .timeout_ms = timeout_ms};
    godwit_status_t status = godwit__server_stop (run->server, &options, &run->signals, &late);
    if (status == GODWIT_OK && end_ns) {
        const int64_t left_ns = end_ns - godwit__clock_now (&run->server->clock);
        options.timeout_ms = left_ns > GODWIT__NS_PER_MS ? left_ns / GODWIT__NS_PER_MS : 1;
    }
    if (status == GODWIT_OK)
        status = godwit__server_wait (run->server, &options, &run->signals, &late);
    if (status == GODWIT_ERR_TASK_TIMEOUT)
        status = abandon (run, &late);
    if (error)
        *error = late;
    else
        godwit_error_destroy (&late);
    return status;
}

/* With the signals blocked. */
static godwit_status_t
run_blocked (run_t *run, const godwit_run_options_t *options, int64_t timeout_ms, godwit_error_t **error)
{
    godwit_transport_t *const transport = run->server->transport;
    godwit_status_t status = godwit_server_start (run->server, NULL, error);
    if (status)
        return status;
    if (!godwit__control_run (transport, watch, run))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    status = run->status;
    if (status) {
        if (error)
            *error = run->error;
        else
            godwit_error_destroy (&run->error);
        return status;
    }
    if (options->started)
        options->started (options->user);
    wait_for_signal (run);
    status = drain (run, timeout_ms, error);
    godwit__control_run (transport, unwatch, run);
    return status;
}

godwit_status_t
godwit_server_run (godwit_server_t *server, const godwit_run_options_t *given, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_run_options_t options = {0};
    sigset_t signals;
    if (!server)
        return godwit__error_null (error, "server");
    godwit_status_t status = godwit__struct_read (&godwit__struct_run_options, &options, given, error);
    if (status)
        return status;
    const int64_t timeout_ms = options.drain_timeout_ms < 0   ? 0
                               : options.drain_timeout_ms > 0 ? options.drain_timeout_ms
                                                              : DRAIN_TIMEOUT_MS;
    run_t run = {.server = server, .source = {.ready = on_signal}};
    run.source.user = &run;
    godwit_transport_t *const transport = server->transport;
    block_signals (&signals, &run.before);
    run.source.fd = signalfd (-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run.source.fd < 0) {
        status =
            godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot wait for signals: %s", strerror (errno));
    } else {
        godwit__transport_ref (transport); /* also if it is destroyed meanwhile */
        status = run_blocked (&run, &options, timeout_ms, error);
        take_signals (&run); /* those that come once more are no reason to die in the middle of the end */
        close (run.source.fd);
        godwit__transport_unref (transport);
    }
    pthread_sigmask (SIG_SETMASK, &run.before, NULL);
    return status;
}

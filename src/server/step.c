/* SPDX-License-Identifier: Apache-2.0 */
/* How a step of a server's life waits. */
#include "src/server/step.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/wait.h"

#define LOG_AFTER_MS 30000

/* ---- in and out ---- */

static int64_t
later (int64_t now_ns, int64_t ms)
{
    return ms > (INT64_MAX - now_ns) / GODWIT__NS_PER_MS - 1 ? GODWIT__NEVER
                                                             : now_ns + ms * GODWIT__NS_PER_MS;
}

static godwit__step_t
step_of (godwit_server_t *server, const char *name, godwit_step_options_t options)
{
    const int64_t now_ns = godwit__clock_now (&server->clock);
    return (godwit__step_t){
        .server = server,
        .name = name,
        .timeout_ms = options.timeout_ms,
        .end_ns = options.timeout_ms > 0 ? later (now_ns, options.timeout_ms) : GODWIT__NEVER,
        .log_at_ns = options.log_after_ms < 0
                         ? GODWIT__NEVER
                         : later (now_ns, options.log_after_ms ? options.log_after_ms : LOG_AFTER_MS),
        .pool_size = options.override_pool_size,
    };
}

godwit_status_t
godwit__step_enter (godwit__step_t *step, godwit_server_t *server, const char *name,
                    const godwit_step_options_t *options, godwit_error_t **error)
{
    if (!server)
        return godwit__error_null (error, "server");
    godwit_step_options_t given;
    godwit_status_t status = godwit__transport_check (server->transport, error);
    if (status == GODWIT_OK)
        status = godwit__struct_read (&godwit__struct_step_options, &given, options, error);
    if (status)
        return status;
    *step = step_of (server, name, given);
    pthread_mutex_lock (&server->transport->lock);
    server->visitors++;
    return GODWIT_OK;
}

godwit_status_t
godwit__step_leave (const godwit__step_t *step, godwit_status_t status)
{
    godwit_transport_t *const transport = step->server->transport;
    step->server->visitors--;
    godwit__change_tell (&transport->changed);
    godwit__transport_unlock (transport);
    return status;
}

/* ---- sleeping ---- */

static void
print_target (const godwit__step_t *step, char *text, size_t size)
{
    godwit_target_print (&step->server->target, text, size);
}

static void
warn (const godwit__step_t *step, const char *what)
{
    char target[256];
    if (!godwit__logs (step->server->transport, GODWIT_LOG_WARNING))
        return;
    print_target (step, target, sizeof target);
    godwit__log (step->server->transport, GODWIT_LOG_WARNING,
                 "Possible hang: %s of %s is waiting for %s to complete", step->name, target, what);
}

/* Whether, and for how long, a step may sleep until `what` is done. begun: another thread is doing it.
 * *is_hang: do not sleep yet, the log is to be told first. Needs no lock. */
static godwit_status_t
allow_sleep (const godwit__step_t *step, const char *what, bool begun, int64_t *left_ns, bool *is_hang,
             godwit_error_t **error)
{
    const godwit_transport_t *const transport = step->server->transport;
    char target[256];
    const godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    if (atomic_load (&step->server->ending))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The server is being destroyed");
    const int64_t now_ns = godwit__clock_now (&step->server->clock);
    const char *reason = NULL;
    if (transport->options.external_loop && godwit__transport_is_processing (transport))
        reason = "a handler or a callback runs, and the loop cannot run meanwhile";
    else if (transport->options.external_loop && !begun && step->end_ns == GODWIT__NEVER)
        reason = "nobody has asked for it, and with external_loop a wait needs timeout_ms";
    if (step->signals && atomic_load (step->signals) > 1)
        reason = "a second signal came";
    print_target (step, target, sizeof target);
    if (reason)
        return godwit__error_set (error, GODWIT_ERR_TASK_TIMEOUT, "%s of %s cannot wait for %s: %s",
                                  step->name, target, what, reason);
    if (now_ns >= step->end_ns)
        return godwit__error_set (error, GODWIT_ERR_TASK_TIMEOUT,
                                  "%s of %s is waiting for %s to complete, which was not done in %lld ms",
                                  step->name, target, what, (long long) step->timeout_ms);
    const int64_t next_ns = step->log_at_ns < step->end_ns ? step->log_at_ns : step->end_ns;
    *is_hang = now_ns >= step->log_at_ns;
    *left_ns = next_ns == GODWIT__NEVER ? GODWIT__NEVER : next_ns - now_ns;
    return GODWIT_OK;
}

/* With the lock, which is released meanwhile: sleeps until `changed`, or until it is time to look. */
static godwit_status_t
sleep_on (godwit__step_t *step, godwit__change_t *changed, pthread_mutex_t *lock, const char *what,
          bool begun, godwit_error_t **error)
{
    int64_t left_ns = 0;
    bool is_hang = false;
    const godwit_status_t status = allow_sleep (step, what, begun, &left_ns, &is_hang, error);
    if (status)
        return status;
    if (is_hang) {
        step->log_at_ns = GODWIT__NEVER;
        pthread_mutex_unlock (lock);
        warn (step, what);
        pthread_mutex_lock (lock);
    } else {
        godwit__wait (step->server->transport, changed, lock, left_ns);
    }
    return GODWIT_OK;
}

godwit_status_t
godwit__step_sleep (godwit__step_t *step, const char *what, bool begun, godwit_error_t **error)
{
    godwit_transport_t *const transport = step->server->transport;
    return sleep_on (step, &transport->changed, &transport->lock, what, begun, error);
}

godwit_status_t
godwit__step_sleep_in_pool (godwit__step_t *step, const char *what, godwit_error_t **error)
{
    godwit__pool_t *const pool = step->server->pool;
    pool->waiting++;
    const godwit_status_t status = sleep_on (step, &pool->changed, &pool->lock, what, true, error);
    pool->waiting--;
    return status;
}

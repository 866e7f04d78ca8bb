/* The steps of a server's life (contract 6).
 *
 *                start                 stop
 *      NEW ---(START)---> UP, life n ---(STOP)---> STOPPED, life n
 *       ^        |           ^  ^                    |    ^
 *       +-failed-+           |  +--------(START)-----+    |  start, once all requests of life n have ended;
 *                            |              |             |  life n + 1 then
 *                         start: OK         +---failed----+
 *
 * In brackets: `changing`, while one thread does the step and the others sleep. Whoever asks for a step names
 * the life that it is about: the present one, or, when there is none, the next. So a stop or a wait that came
 * before its start ends with the life that follows, however fast that is stopped and started again.
 *
 * All is guarded by transport.lock, and whoever sleeps here sleeps on transport.changed, because that is what
 * the end of the transport wakes; only wait's and a restart's look at what still runs is under pool.lock.
 * `visitors` are the threads in here: destroy says that the server is `ending`, and waits for the last one.
 */
#include "src/server/server.h"

#include <godwit/client.h>

#include "src/address/target.h"
#include "src/error/error.h"
#include "src/loop/clock.h"
#include "src/runtime/wait.h"

#include <stdio.h>
#include <string.h>

#define LOG_AFTER_MS 30000

/* One call of a step. */
typedef struct step {
    godwit_server_t *server;
    const char *name;
    int64_t timeout_ms;
    int64_t end_ns;    /* NEVER: no timeout */
    int64_t log_at_ns; /* NEVER: not any more, or not at all */
    int pool_size;
} step_t;

/* ---- in and out ---- */

static int64_t
later (int64_t now_ns, int64_t ms)
{
    return ms > (INT64_MAX - now_ns) / GODWIT__NS_PER_MS - 1 ? GODWIT__NEVER
                                                             : now_ns + ms * GODWIT__NS_PER_MS;
}

static step_t
step_of (godwit_server_t *server, const char *name, const godwit_step_options_t *given)
{
    godwit_step_options_t options = {0};
    if (given)
        memcpy (&options, given,
                given->struct_size && given->struct_size < sizeof options ? given->struct_size
                                                                          : sizeof options);
    const int64_t now_ns = godwit__clock_now (&server->clock);
    return (step_t){
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

/* OK: it has the lock, and is to leave. */
static godwit_status_t
enter (step_t *step, godwit_server_t *server, const char *name, const godwit_step_options_t *options,
       godwit_error_t **error)
{
    if (!server)
        return godwit__error_null (error, "server");
    const godwit_status_t status = godwit__transport_check (server->transport, error);
    if (status)
        return status;
    *step = step_of (server, name, options);
    pthread_mutex_lock (&server->transport->lock);
    server->visitors++;
    return GODWIT_OK;
}

static godwit_status_t
leave (const step_t *step, godwit_status_t status)
{
    godwit_transport_t *const transport = step->server->transport;
    step->server->visitors--;
    pthread_cond_broadcast (&transport->changed);
    pthread_mutex_unlock (&transport->lock);
    return status;
}

/* ---- sleeping ---- */

static void
print_target (const step_t *step, char *text, size_t size)
{
    godwit_target_print (&step->server->target, text, size);
}

static void
warn (const step_t *step, const char *what)
{
    char target[256];
    if (!godwit__logs (step->server->transport, GODWIT_LOG_WARNING))
        return;
    print_target (step, target, sizeof target);
    godwit__log (step->server->transport, GODWIT_LOG_WARNING,
                 "Possible hang: %s of %s is waiting for %s to complete", step->name, target, what);
}

/* Whether, and for how long, a step may sleep until `what` is done. begun: somebody is at it. *is_hang: not
 * at all yet, the log is to be told first. Looks at nothing that needs a lock. */
static godwit_status_t
allow_sleep (const step_t *step, const char *what, bool begun, int64_t *left_ns, bool *is_hang,
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
        reason = "a handler or a callback of the loop, which does nothing else meanwhile";
    else if (transport->options.external_loop && !begun && step->end_ns == GODWIT__NEVER)
        reason = "a program with its own loop without timeout_ms, and nobody has asked for it";
    print_target (step, target, sizeof target);
    if (reason)
        return godwit__error_set (error, GODWIT_ERR_TASK_TIMEOUT,
                                  "%s of %s cannot wait for %s: it was called from %s", step->name, target,
                                  what, reason);
    if (now_ns >= step->end_ns)
        return godwit__error_set (error, GODWIT_ERR_TASK_TIMEOUT,
                                  "%s of %s is waiting for %s to complete, which was not done in %lld ms",
                                  step->name, target, what, (long long) step->timeout_ms);
    const int64_t next_ns = step->log_at_ns < step->end_ns ? step->log_at_ns : step->end_ns;
    *is_hang = now_ns >= step->log_at_ns;
    *left_ns = next_ns == GODWIT__NEVER ? GODWIT__NEVER : next_ns - now_ns;
    return GODWIT_OK;
}

/* With the lock, which is let go of meanwhile: until something has changed, or it is time to look. */
static godwit_status_t
sleep_until_changed (step_t *step, const char *what, bool begun, godwit_error_t **error)
{
    godwit_transport_t *const transport = step->server->transport;
    int64_t left_ns = 0;
    bool is_hang = false;
    const godwit_status_t status = allow_sleep (step, what, begun, &left_ns, &is_hang, error);
    if (status)
        return status;
    if (is_hang) {
        step->log_at_ns = GODWIT__NEVER;
        pthread_mutex_unlock (&transport->lock);
        warn (step, what);
        pthread_mutex_lock (&transport->lock);
        return GODWIT_OK;
    }
    godwit__wait (transport, &transport->changed, &transport->lock, left_ns);
    return GODWIT_OK;
}

/* The same with pool.lock, for a change there. */
static godwit_status_t
sleep_until_pool_changed (step_t *step, const char *what, godwit_error_t **error)
{
    godwit__pool_t *const pool = step->server->pool;
    int64_t left_ns = 0;
    bool is_hang = false;
    const godwit_status_t status = allow_sleep (step, what, true, &left_ns, &is_hang, error);
    if (status)
        return status;
    if (is_hang) {
        step->log_at_ns = GODWIT__NEVER;
        godwit__pool_unlock (pool);
        warn (step, what);
        godwit__pool_lock (pool);
        return GODWIT_OK;
    }
    godwit__pool_wait (pool, left_ns);
    return GODWIT_OK;
}

/* With the lock, which is let go of meanwhile: until all that the present life has accepted has run, or that
 * life is over. */
static godwit_status_t
drain (step_t *step, godwit_error_t **error)
{
    godwit_server_t *const server = step->server;
    godwit__pool_t *const pool = server->pool;
    const uint64_t life = server->life;
    godwit_status_t status = GODWIT_OK;
    if (!pool)
        return GODWIT_OK;
    pthread_mutex_unlock (&server->transport->lock);
    godwit__pool_lock (pool);
    uint32_t left;
    while (!status && (left = server->occupied + server->queued) && server->life == life) {
        char what[64];
        snprintf (what, sizeof what, "%u request%s", left, left == 1 ? "" : "s");
        status = sleep_until_pool_changed (step, what, error);
    }
    godwit__pool_unlock (pool);
    pthread_mutex_lock (&server->transport->lock);
    return status;
}

/* ---- whose turn it is ---- */

static void
take_turn (godwit_server_t *server, godwit__server_change_t change)
{
    server->changing = change;
    pthread_mutex_unlock (&server->transport->lock);
}

static void
end_turn (godwit_server_t *server)
{
    pthread_mutex_lock (&server->transport->lock);
    server->changing = GODWIT__CHANGE_NONE;
    pthread_cond_broadcast (&server->transport->changed);
}

/* The life that a stop or a wait is about. */
static uint64_t
life_meant (const godwit_server_t *server)
{
    const bool is_settled = server->state == GODWIT__SERVER_UP || (server->state == GODWIT__SERVER_STOPPED &&
                                                                   server->changing != GODWIT__CHANGE_START);
    return is_settled ? server->life : server->life + 1;
}

/* Also if the start of that life has failed, and the server is as stopped as it was before. */
static bool
was_stopped (const godwit_server_t *server, uint64_t life)
{
    return server->life > life || (server->state == GODWIT__SERVER_STOPPED && !server->changing);
}

/* ---- start ---- */

/* With the lock, which is let go of: tells those who look at pool.lock's side. */
static void
wake_who_drains (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    if (!pool)
        return;
    pthread_mutex_unlock (&server->transport->lock);
    godwit__pool_lock (pool);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    pthread_mutex_lock (&server->transport->lock);
}

/* In its turn. */
static godwit_status_t
do_start (godwit_server_t *server, uint32_t pool_size, godwit_error_t **error)
{
    godwit_error_t *failure = NULL;
    take_turn (server, GODWIT__CHANGE_START);
    const godwit_status_t status = godwit__server_listen (server, pool_size, &failure);
    end_turn (server);
    server->start_count++;
    godwit_error_destroy (&server->start_failure);
    if (!status) {
        server->state = GODWIT__SERVER_UP;
        server->life++;
        wake_who_drains (server);
        return GODWIT_OK;
    }
    /* For those who waited for it: an error has one owner. */
    server->start_failure = godwit__error_copy (failure);
    if (error)
        *error = failure;
    else
        godwit_error_destroy (&failure);
    return status;
}

/* With the lock: waits for somebody else's start or stop. *result is what came of a start, if it failed. */
static godwit_status_t
wait_for_other (step_t *step, godwit_error_t **error)
{
    godwit_server_t *const server = step->server;
    const bool starts = server->changing == GODWIT__CHANGE_START;
    const uint64_t start_count = server->start_count;
    const godwit_status_t status = sleep_until_changed (step, starts ? "start" : "stop", true, error);
    if (status || !starts || server->start_count == start_count || !server->start_failure)
        return status;
    if (error)
        *error = godwit__error_copy (server->start_failure);
    return godwit_error_status (server->start_failure);
}

godwit_status_t
godwit_server_start (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    step_t step;
    uint64_t drained_life = UINT64_MAX;
    godwit_status_t status = enter (&step, server, "start", options, error);
    if (status)
        return status;
    if (!server->target.topic || !server->target.server)
        return leave (&step, godwit__target_error (
                                 error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &server->target,
                                 "A server's target must have topic and server names specified:", ""));
    if (step.pool_size < 0)
        return leave (&step,
                      godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                         "override_pool_size: expected 1 or more, got %d", step.pool_size));
    while (!status) {
        if (server->changing) {
            status = wait_for_other (&step, error);
        } else if (server->state == GODWIT__SERVER_UP) {
            break;
        } else if (server->state == GODWIT__SERVER_STOPPED && drained_life != server->life) {
            drained_life = server->life;
            status = drain (&step, error);
        } else {
            status = do_start (server, (uint32_t) step.pool_size, error);
            break;
        }
    }
    return leave (&step, status);
}

/* ---- stop, wait, reset ---- */

godwit_status_t
godwit_server_stop (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    step_t step;
    godwit_status_t status = enter (&step, server, "stop", options, error);
    if (status)
        return status;
    const uint64_t life = life_meant (server);
    while (!status && !was_stopped (server, life)) {
        if (server->state == GODWIT__SERVER_UP && !server->changing) {
            take_turn (server, GODWIT__CHANGE_STOP);
            godwit__server_unlisten (server);
            end_turn (server);
            server->state = GODWIT__SERVER_STOPPED;
        } else {
            const bool stops = server->changing == GODWIT__CHANGE_STOP;
            status = sleep_until_changed (&step, stops ? "stop" : "start",
                                          server->changing != GODWIT__CHANGE_NONE, error);
        }
    }
    return leave (&step, status);
}

godwit_status_t
godwit_server_wait (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    step_t step;
    godwit_status_t status = enter (&step, server, "wait", options, error);
    if (status)
        return status;
    const uint64_t life = life_meant (server);
    while (!status && !was_stopped (server, life))
        status = sleep_until_changed (&step, "stop", server->changing == GODWIT__CHANGE_STOP, error);
    /* A restart waited already, for what came before it. */
    if (!status && server->life <= life)
        status = drain (&step, error);
    return leave (&step, status);
}

godwit_status_t
godwit_server_reset (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    step_t step;
    godwit_status_t status = enter (&step, server, "reset", options, error);
    if (status)
        return status;
    while (!status && server->changing)
        status = sleep_until_changed (&step, server->changing == GODWIT__CHANGE_STOP ? "stop" : "start", true,
                                      error);
    if (!status && server->life == 0)
        status =
            godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "reset: the server was never started");
    return leave (&step, status);
}

/* ---- the end ---- */

void
godwit__server_end_steps (godwit_server_t *server)
{
    godwit_transport_t *const transport = server->transport;
    pthread_mutex_lock (&transport->lock);
    atomic_store (&server->ending, true);
    pthread_cond_broadcast (&transport->changed);
    while (server->changing)
        godwit__cond_wait (&transport->changed, &transport->lock, GODWIT__NEVER);
    wake_who_drains (server);
    while (server->visitors)
        godwit__cond_wait (&transport->changed, &transport->lock, GODWIT__NEVER);
    const bool is_up = server->state == GODWIT__SERVER_UP;
    server->state = GODWIT__SERVER_STOPPED;
    pthread_mutex_unlock (&transport->lock);
    if (is_up)
        godwit__server_unlisten (server);
}

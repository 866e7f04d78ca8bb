/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/inspect.h"

#include "src/base/hash.h"
#include "src/runtime/warnings.h"
#include "src/server/server.h"
#include "src/server/server_table.h"
#include "src/server/worker.h"

#include <stdio.h>

#define PERIOD_MAX_NS (1000 * GODWIT__NS_PER_MS)
#define PERIOD_MIN_NS GODWIT__NS_PER_MS
/* A handler that goes on is told again. */
#define AGAIN_NS (60000 * GODWIT__NS_PER_MS)
/* Lines that one look makes; what is left is for the next one. */
#define LINES 8
/* Room for the longest line: three names, a place and an address. */
#define LINE_SIZE 640

enum { KEY_HANDLER = 0x68, KEY_QUEUE, KEY_WORKERS, KEY_NO_THREAD };

/* They are made with the lock, and logged without. */
typedef struct lines {
    size_t count;
    struct {
        uint64_t key;
        char text[LINE_SIZE];
    } lines[LINES];
} lines_t;

static uint64_t
key_of (uint64_t kind, const godwit_server_t *server, const char *method)
{
    return godwit__hash_text (godwit__hash_text (kind ^ server->id, server->target.server), method);
}

/* ---- handlers that run long ---- */

static const char *
caller_of (const godwit_request_t *request, char text[64])
{
    if (!request->port)
        return "in this process";
    if (request->routing_id == GODWIT__ROUTING_ID_FANOUT)
        return "by a fanout";
    snprintf (text, 64, "by connection %lu", (unsigned long) (request->routing_id & UINT32_MAX));
    return text;
}

static void
describe (const godwit_request_t *request, int64_t duration_ns, const char *goes, const char *where,
          char *text, size_t size)
{
    const godwit_target_t *const target = &request->server->target;
    char caller[64];
    snprintf (text, size, "server %.64s of topic %.64s: the handler of %.64s %s for %lld ms%s, called %s%s%s",
              target->server, target->topic, request->route->method.name, goes,
              (long long) (duration_ns / GODWIT__NS_PER_MS), where, caller_of (request, caller),
              request->port ? " of " : "", request->port ? request->port->addresses.links[0] : "");
}

/* With the lock: a worker that has cleared `runs` needs the lock to give the request up, so a request that is
 * seen here stays. */
static void
look_at_worker (godwit__worker_t *worker, int64_t now_ns, lines_t *lines)
{
    const godwit_request_t *const request = atomic_load_explicit (&worker->runs, memory_order_acquire);
    char where[40];
    if (!request || lines->count == LINES)
        return;
    const int64_t started_ns = request->started_ns;
    const bool was_told = worker->told_start_ns == started_ns;
    if (now_ns - started_ns < worker->pool->inspection.handler_limit_ns ||
        (was_told && now_ns - worker->told_ns < AGAIN_NS))
        return;
    worker->told_start_ns = started_ns;
    worker->told_ns = now_ns;
    lines->lines[lines->count].key = key_of (KEY_HANDLER, request->server, request->route->method.name);
    snprintf (where, sizeof where, " on the thread godwit-work-%u", worker->number % 1000);
    describe (request, now_ns - started_ns, "has run", where, lines->lines[lines->count].text,
              sizeof lines->lines[0].text);
    lines->count++;
}

void
godwit__inspect_ran_long (const godwit_request_t *request, int64_t duration_ns)
{
    char text[LINE_SIZE];
    describe (request, duration_ns, "ran", "", text, sizeof text);
    godwit__warn (request->pool->transport,
                  key_of (KEY_HANDLER, request->server, request->route->method.name), "%s", text);
}

/* ---- limits ---- */

static void
look_at_server (const godwit__pool_t *pool, godwit_server_t *server, lines_t *lines)
{
    if (!server->overloads || lines->count == LINES)
        return;
    lines->lines[lines->count].key = key_of (KEY_QUEUE, server, "");
    snprintf (
        lines->lines[lines->count].text, sizeof lines->lines[0].text,
        "server %.64s of topic %.64s: refused %lu requests as OVERLOADED: %u run (concurrency %u), and %u "
        "wait with %zu bytes (queue_limit %u, max_queue_size %zu)",
        server->target.server, server->target.topic, (unsigned long) server->overloads, server->occupied,
        server->concurrency, server->queued, server->queued_size, server->queue_limit, pool->max_queue_size);
    server->overloads = 0;
    lines->count++;
}

static void
look_at_threads (godwit__pool_t *pool, lines_t *lines)
{
    if (pool->inspection.starved && lines->count < LINES) {
        pool->inspection.starved = false;
        lines->lines[lines->count].key = KEY_WORKERS;
        snprintf (lines->lines[lines->count].text, sizeof lines->lines[0].text,
                  "requests have to wait: all %zu worker threads are busy (worker_limit)",
                  pool->worker_limit);
        lines->count++;
    }
    if (pool->inspection.unstarted && lines->count < LINES) {
        lines->lines[lines->count].key = KEY_NO_THREAD;
        snprintf (lines->lines[lines->count].text, sizeof lines->lines[0].text,
                  "a worker thread could not be started beside %zu others: %.100s", pool->worker_count,
                  strerror (pool->inspection.unstarted));
        pool->inspection.unstarted = 0;
        lines->count++;
    }
}

/* ---- the timer ---- */

static void
arm (godwit__pool_t *pool, int64_t now_ns)
{
    const int64_t part_ns = pool->inspection.handler_limit_ns / 4;
    const int64_t period_ns = part_ns < PERIOD_MIN_NS   ? PERIOD_MIN_NS
                              : part_ns > PERIOD_MAX_NS ? PERIOD_MAX_NS
                                                        : part_ns;
    godwit__reactor_arm (pool->transport->control, &pool->inspection.timer, now_ns + period_ns);
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit__pool_t *const pool = timer->user;
    const int64_t now_ns = godwit__clock_now (&pool->clock);
    lines_t lines;
    lines.count = 0;
    if (godwit__logs (pool->transport, GODWIT_LOG_WARNING)) {
        godwit__pool_lock (pool);
        for (godwit__worker_t *worker = GODWIT__FIRST (&pool->workers, godwit__worker_t, in_workers); worker;
             worker = GODWIT__NEXT (&pool->workers, worker, godwit__worker_t, in_workers))
            look_at_worker (worker, now_ns, &lines);
        for (godwit_server_t *server = godwit__server_table_first (&pool->servers); server;
             server = godwit__server_table_next (&pool->servers, server))
            look_at_server (pool, server, &lines);
        look_at_threads (pool, &lines);
        godwit__pool_unlock (pool);
    }
    for (size_t i = 0; i < lines.count; i++)
        godwit__warn (pool->transport, lines.lines[i].key, "%s", lines.lines[i].text);
    arm (pool, now_ns);
}

void
godwit__inspect_begin (godwit__pool_t *pool)
{
    pool->inspection.timer = (godwit__timer_t){.fire = on_timer, .user = pool};
    arm (pool, godwit__clock_now (&pool->clock));
}

void
godwit__inspect_end (godwit__pool_t *pool)
{
    godwit__reactor_disarm (pool->transport->control, &pool->inspection.timer);
}

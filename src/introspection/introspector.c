/* SPDX-License-Identifier: Apache-2.0 */
#include "src/introspection/introspector.h"

#include "src/base/thread.h"
#include "src/error/error.h"
#include "src/introspection/look.h"
#include "src/server/pool.h"
#include "src/server/server_hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may wait. */
#define WAITING_MAX 64
/* The thread ends when nothing was asked for so long. */
#define IDLE_NS (5000 * GODWIT__NS_PER_MS)

typedef struct godwit__introspector godwit__introspector_t;

struct godwit__introspector {
    godwit_transport_t *transport;
    pthread_mutex_t lock;
    godwit__change_t changed;
    godwit__list_t waiting;
    size_t waiting_count;
    bool runs;       /* there is a thread, or it is about to start */
    bool has_thread; /* to be joined */
    bool is_stopped;
    pthread_t thread;
    godwit__task_t task; /* external_loop: answers */
};

/* ---- one request ---- */

typedef struct question {
    const char *method, *version;
    const godwit_value_t *args;
} question_t;

/* [context, method, args, namespace, version]; the namespace has led here. */
static bool
read_body (godwit__ask_t *ask, godwit__block_t **block, question_t *question)
{
    const godwit__limits_t *const limits = &ask->port->pool->limits;
    if (godwit__decode (block, &ask->frame, GODWIT__HEADER_SIZE, limits, NULL))
        return false;
    const godwit_value_t *const body = godwit__block_nodes (*block);
    *question = (question_t){.method = godwit_value_as_str (godwit_value_at (body, 1), NULL),
                             .version = godwit_value_as_str (godwit_value_at (body, 4), "1.0"),
                             .args = godwit_value_at (body, 2)};
    return question->method && godwit_value_type (question->args) == GODWIT_TYPE_MAP;
}

static void
answer_about (godwit__ask_t *ask, godwit_server_t *server, const question_t *question)
{
    godwit_error_t *error = NULL;
    godwit_value_t *value = NULL;
    char text[GODWIT__DEED_TEXT];
    const godwit__look_t look = {
        .transport = server->transport, .server = server, .caller = ask->caller, .args = question->args};
    if (!godwit__look_may (&look, godwit__server_exchange (server), server->target.topic)) {
        godwit__deed_refusal (text, godwit__caller_name (ask->caller),
                              &(godwit__deed_t){.verb = GODWIT__VERB_INSPECT,
                                                .exchange = godwit__server_exchange (server),
                                                .topic = server->target.topic});
        godwit__ask_refuse (ask, GODWIT__NACK_FORBIDDEN, text);
    } else if (godwit__look_check_version (question->version, question->method, &error) ||
               godwit__look (&look, question->method, &value, &error)) {
        godwit__ask_fail (ask, error);
    } else {
        godwit__ask_reply (ask, value);
    }
    godwit_value_unref (&value);
}

static void
answer (godwit__ask_t *ask)
{
    godwit__pool_t *const pool = ask->port->pool;
    godwit__block_t *block = NULL;
    question_t question;
    if (ask->deadline_ns <= godwit__clock_now (&pool->clock)) {
        godwit__ask_refuse (ask, GODWIT__NACK_EXPIRED, NULL);
        return;
    }
    const bool is_request = read_body (ask, &block, &question);
    godwit_server_t *const server = is_request ? godwit__server_hold (pool, ask->server_id) : NULL;
    if (server)
        answer_about (ask, server, &question);
    else
        godwit__ask_refuse (ask, is_request ? GODWIT__NACK_NOT_HERE : GODWIT__NACK_MALFORMED, NULL);
    if (server)
        godwit__server_let_go (server);
    if (block)
        godwit__block_unref (block);
}

/* ---- the queue ---- */

/* With the lock; NULL: nothing waits. */
static godwit__ask_t *
take (godwit__introspector_t *self)
{
    godwit__ask_t *const ask = GODWIT__FIRST (&self->waiting, godwit__ask_t, in_queue);
    if (ask) {
        godwit__list_remove (&ask->in_queue);
        self->waiting_count--;
    }
    return ask;
}

/* With the lock, which is released meanwhile. */
static void
answer_all (godwit__introspector_t *self)
{
    for (godwit__ask_t *ask; !self->is_stopped && (ask = take (self));) {
        pthread_mutex_unlock (&self->lock);
        answer (ask);
        godwit__ask_free (ask);
        pthread_mutex_lock (&self->lock);
    }
}

static void *
run (void *user)
{
    godwit__introspector_t *const self = user;
    godwit__thread_set_name ("godwit-look");
    pthread_mutex_lock (&self->lock);
    while (!self->is_stopped) {
        answer_all (self);
        if (self->is_stopped)
            break;
        godwit__change_wait (&self->changed, &self->lock, IDLE_NS);
        if (!self->waiting_count)
            break;
    }
    self->runs = false;
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

static void
on_task (godwit__task_t *task)
{
    godwit__introspector_t *const self = task->user;
    pthread_mutex_lock (&self->lock);
    answer_all (self);
    pthread_mutex_unlock (&self->lock);
}

/* With the lock. False: no thread can be started. */
static bool
have_it_answered (godwit__introspector_t *self)
{
    if (self->transport->options.external_loop) {
        godwit__reactor_post (self->transport->control, &self->task);
        return true;
    }
    if (self->runs) {
        godwit__change_tell (&self->changed);
        return true;
    }
    if (self->has_thread) /* it has ended, or is about to */
        pthread_join (self->thread, NULL);
    self->has_thread = self->runs = godwit__thread_start (&self->thread, run, self) == 0;
    return self->runs;
}

uint32_t
godwit__introspector_ask (godwit_transport_t *transport, godwit__ask_t *ask)
{
    godwit__introspector_t *const self = transport->introspector;
    uint32_t refused = 0;
    pthread_mutex_lock (&self->lock);
    if (self->is_stopped) {
        refused = GODWIT__NACK_DRAINING;
    } else if (self->waiting_count >= WAITING_MAX) {
        refused = GODWIT__NACK_OVERLOADED;
    } else {
        godwit__list_append (&self->waiting, &ask->in_queue);
        self->waiting_count++;
        if (!have_it_answered (self)) {
            godwit__list_remove (&ask->in_queue);
            self->waiting_count--;
            refused = GODWIT__NACK_OVERLOADED;
        }
    }
    pthread_mutex_unlock (&self->lock);
    return refused;
}

/* ---- life ---- */

godwit_status_t
godwit__introspector_open (godwit_transport_t *transport, godwit_error_t **error)
{
    godwit__introspector_t *const self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->transport = transport;
    pthread_mutex_init (&self->lock, NULL);
    godwit__list_init (&self->waiting);
    self->task = (godwit__task_t){.run = on_task, .user = self};
    transport->introspector = self;
    return GODWIT_OK;
}

void
godwit__introspector_stop (godwit_transport_t *transport)
{
    godwit__introspector_t *const self = transport->introspector;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->is_stopped = true;
    godwit__change_tell (&self->changed);
    const bool has_thread = self->has_thread;
    self->has_thread = false;
    pthread_mutex_unlock (&self->lock);
    if (has_thread)
        pthread_join (self->thread, NULL);
    if (transport->options.external_loop)
        godwit__reactor_unpost (transport->control, &self->task);
    for (godwit__ask_t *ask; (ask = take (self));)
        godwit__ask_free (ask);
}

void
godwit__introspector_close (godwit_transport_t *transport)
{
    godwit__introspector_t *const self = transport->introspector;
    if (!self)
        return;
    pthread_mutex_destroy (&self->lock);
    free (self);
    transport->introspector = NULL;
}

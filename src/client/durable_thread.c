/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of durable casts: it reads them from the spool, sends them, and tells the spool which have run.
 */
#include "src/base/thread.h"
#include "src/client/durable_inside.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"

enum { KEY_SPOOL = 0x6473, KEY_MALFORMED = 0x646d, KEY_DELAYED = 0x6464 };

#define READ_SIZE 262144
/* After a failure of the spool it is left alone for so long. */
#define AGAIN_NS (1000 * GODWIT__NS_PER_MS)
/* The log hears again of casts that are taken by no server after this time. */
#define TELL_NS (60000 * GODWIT__NS_PER_MS)
#define BACKOFF_FIRST_NS (20 * GODWIT__NS_PER_MS)
#define BACKOFF_MAX_NS (30000 * GODWIT__NS_PER_MS)

#define POOL "servers"

/* After a call of the spool, without the lock: locks again. False: it has failed, which is logged; it is
 * tried again later. */
static bool
locked_again (godwit__durable_t *durable, godwit_status_t status, godwit_error_t **error, const char *what)
{
    if (status)
        godwit__warn (durable->transport, KEY_SPOOL,
                      "the spool of durable casts: %s failed, and is tried again: %.512s", what,
                      *error ? godwit_error_message (*error) : godwit_status_text (status));
    godwit_error_destroy (error);
    pthread_mutex_lock (&durable->lock);
    if (status)
        durable->again_ns = godwit__transport_now (durable->transport) + AGAIN_NS;
    return status == GODWIT_OK;
}

/* ---- what has ended; with the lock ---- */

/* A job that is tried in vain no longer takes a place of those that were not tried yet. */
static void
count_failure (godwit__job_t *job)
{
    godwit__queue_t *const queue = job->queue;
    if (job->failures++)
        return;
    queue->count--;
    queue->delayed++;
    queue->delayed_size += job->size;
}

static void
count_run (const godwit__job_t *job)
{
    godwit__queue_t *const queue = job->queue;
    if (job->failures) {
        queue->delayed--;
        queue->delayed_size -= job->size;
    } else {
        queue->count--;
    }
}

static void
wait_again (godwit__job_t *job, int64_t now_ns)
{
    int64_t wait_ns = BACKOFF_FIRST_NS;
    for (unsigned i = 0; i < job->failures && wait_ns < BACKOFF_MAX_NS; i++)
        wait_ns *= 2;
    count_failure (job);
    job->due_ns = now_ns + (wait_ns < BACKOFF_MAX_NS ? wait_ns : BACKOFF_MAX_NS);
    godwit__list_node_t *at = job->queue->waiting.end.next;
    while (at != &job->queue->waiting.end &&
           GODWIT__CONTAINER (at, godwit__job_t, in_queue)->due_ns <= job->due_ns)
        at = at->next;
    godwit__list_insert_before (at, &job->in_queue);
}

bool
godwit__durable_collect (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    godwit__job_t *const job = GODWIT__FIRST (&queue->ended, godwit__job_t, in_queue);
    if (!job)
        return false;
    godwit__list_remove (&job->in_queue);
    if (!job->has_run) {
        wait_again (job, godwit__transport_now (durable->transport));
        return true;
    }
    count_run (job);
    godwit__spans_add (&queue->done, job->number, 1); /* or it runs again after a restart, marked */
    pthread_mutex_unlock (&durable->lock);
    godwit__job_free (job);
    pthread_mutex_lock (&durable->lock);
    return true;
}

bool
godwit__durable_tell (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_OK;
    godwit__spans_t done;
    size_t told = 0;
    if (!queue->done.count)
        return false;
    godwit__spans_move (&done, &queue->done);
    pthread_mutex_unlock (&durable->lock);
    while (!status && told < done.count) {
        status = durable->spool->ops->settle (durable->spool, queue->stream, POOL, done.spans[told].first,
                                              done.spans[told].count, &error);
        told += !status;
    }
    const bool good = locked_again (durable, status, &error, "telling it what has run");
    for (; told < done.count; told++)
        godwit__spans_add (&queue->done, done.spans[told].first, done.spans[told].count);
    godwit__spans_release (&done);
    return good;
}

/* ---- reading and sending; with the lock, which is released meanwhile ---- */

typedef struct reading {
    godwit__queue_t *queue;
    godwit__list_t jobs;
    uint64_t next; /* behind the last one that was read */
    size_t count;
    uint64_t malformed; /* the first of them; 0: none is */
    bool is_short;
} reading_t;

static bool
take_item (void *user, uint64_t number, const void *data, size_t size)
{
    reading_t *const reading = user;
    bool is_malformed;
    godwit__job_t *const job = godwit__job_new (reading->queue, number, data, size, &is_malformed);
    if (!job && !is_malformed) {
        reading->is_short = true;
        return false;
    }
    if (job) {
        godwit__list_append (&reading->jobs, &job->in_queue);
        reading->count++;
    } else if (!reading->malformed) { /* it stays in the spool, for `godwit spool` */
        reading->malformed = number;
    }
    reading->next = number + 1;
    return true;
}

/* Whether more of them may be read. */
static bool
has_room (const godwit__queue_t *queue)
{
    return queue->count < GODWIT__DURABLE_WINDOW && queue->delayed < GODWIT__DURABLE_DELAYED_MAX &&
           queue->delayed_size < GODWIT__DURABLE_DELAYED_SIZE;
}

/* Others wait because none of these is taken: the log hears of it now and then. No lock is held meanwhile:
 * the log function may cast. False: it has heard, or it is not so. */
static bool
tell_delayed (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    const size_t delayed = queue->delayed;
    const int64_t now_ns = godwit__transport_now (durable->transport);
    if (queue->count >= GODWIT__DURABLE_WINDOW || now_ns < queue->tell_ns)
        return false;
    queue->tell_ns = now_ns + TELL_NS;
    pthread_mutex_unlock (&durable->lock);
    godwit__warn (durable->transport, KEY_DELAYED,
                  "%zu durable casts to the topic %.64s are taken by no server, and those behind them wait: "
                  "`godwit spool` shows what is in the spool",
                  delayed, queue->sender->target.topic);
    pthread_mutex_lock (&durable->lock);
    return true;
}

/* Without the lock. */
static void
tell_malformed (const godwit__queue_t *queue, uint64_t number)
{
    if (number)
        godwit__warn (
            queue->durable->transport, KEY_MALFORMED,
            "the spool of durable casts: item %llu of the stream %.128s is malformed, and is left alone",
            (unsigned long long) number, queue->stream);
}

static bool
read_more (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    godwit_error_t *error = NULL;
    const uint64_t last_number = queue->last_number;
    const uint64_t from = queue->read_from;
    reading_t reading = {.queue = queue, .next = from};
    if (!queue->is_stored || from > last_number)
        return false;
    if (!has_room (queue))
        return tell_delayed (queue);
    const size_t room = GODWIT__DURABLE_WINDOW - queue->count;
    godwit__list_init (&reading.jobs);
    pthread_mutex_unlock (&durable->lock);
    const godwit_status_t status = durable->spool->ops->read (durable->spool, queue->stream, POOL, from, room,
                                                              READ_SIZE, take_item, &reading, &error);
    tell_malformed (queue, reading.malformed);
    const bool good = locked_again (durable, status, &error, "reading");
    godwit__list_move_all (&queue->waiting, &reading.jobs); /* due at once */
    queue->count += reading.count;
    queue->read_from = reading.next;
    if (good && reading.next == from && !reading.is_short)
        queue->read_from = last_number + 1; /* the rest has run already */
    return good && !reading.is_short;
}

static bool
send_due (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    godwit__job_t *const job = GODWIT__FIRST (&queue->waiting, godwit__job_t, in_queue);
    if (!job || job->due_ns > godwit__transport_now (durable->transport))
        return false;
    godwit__list_remove (&job->in_queue);
    godwit__list_append (&queue->sent, &job->in_queue);
    pthread_mutex_unlock (&durable->lock);
    const bool is_sent = godwit__job_send (job);
    pthread_mutex_lock (&durable->lock);
    if (is_sent) /* it may have ended by now */
        return true;
    godwit__list_remove (&job->in_queue);
    wait_again (job, godwit__transport_now (durable->transport));
    return true;
}

static bool
serve (godwit__queue_t *queue)
{
    godwit__durable_t *const durable = queue->durable;
    bool did = godwit__durable_collect (queue);
    if (godwit__transport_now (durable->transport) >= durable->again_ns) {
        did |= godwit__durable_tell (queue);
        did |= read_more (queue);
    }
    return send_due (queue) || did;
}

static int64_t
next_due_ns (const godwit__durable_t *durable, int64_t now_ns)
{
    int64_t due_ns = durable->again_ns > now_ns ? durable->again_ns : GODWIT__NEVER;
    for (const godwit__queue_t *at = GODWIT__FIRST (&durable->queues, godwit__queue_t, in_durable); at;
         at = GODWIT__NEXT (&durable->queues, at, godwit__queue_t, in_durable)) {
        const godwit__job_t *const job = GODWIT__FIRST (&at->waiting, godwit__job_t, in_queue);
        if (job && job->due_ns < due_ns)
            due_ns = job->due_ns;
    }
    return due_ns;
}

void *
godwit__durable_main (void *argument)
{
    godwit__durable_t *const durable = argument;
    godwit__thread_set_name ("godwit-casts");
    pthread_mutex_lock (&durable->lock);
    while (!durable->closed) {
        bool did = false;
        for (godwit__queue_t *at = GODWIT__FIRST (&durable->queues, godwit__queue_t, in_durable); at;
             at = GODWIT__NEXT (&durable->queues, at, godwit__queue_t, in_durable))
            did |= serve (at);
        const int64_t now_ns = godwit__transport_now (durable->transport);
        const int64_t due_ns = next_due_ns (durable, now_ns);
        if (!did && !durable->closed && due_ns > now_ns)
            godwit__change_wait (&durable->changed, &durable->lock,
                                 due_ns == GODWIT__NEVER ? due_ns : due_ns - now_ns);
    }
    pthread_mutex_unlock (&durable->lock);
    return NULL;
}

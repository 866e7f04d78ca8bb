/* SPDX-License-Identifier: Apache-2.0 */
/* Letters, and the pull form: a program takes them, and settles them. */
#include "src/listener/letters.h"

#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- queues ---- */

/* Pull: one queue for all, in the order in which they came. */
static unsigned
queue_of (const godwit_listener_t *listener, const godwit__letter_t *letter)
{
    return listener->options.pull ? 0 : (unsigned) letter->notification.priority;
}

/* With the lock: makes the descriptor readable, or not. */
static void
set_readable (const godwit_listener_t *listener, bool readable)
{
    uint64_t number = 1;
    if (listener->fd < 0)
        return;
    const ssize_t done =
        readable ? write (listener->fd, &number, sizeof number) : read (listener->fd, &number, sizeof number);
    (void) done; /* it is what it should be already */
}

void
godwit__letter_add (godwit_listener_t *listener, godwit__letter_t *letter)
{
    const unsigned queue = queue_of (listener, letter);
    pthread_mutex_lock (&listener->lock);
    if (listener->options.pull ? listener->stopped : listener->ends) { /* nobody would take it any more */
        pthread_mutex_unlock (&listener->lock);
        godwit__letter_settle (letter, GODWIT__UNSETTLED_RETURNED);
        return;
    }
    godwit__list_append (&listener->queues[queue], &letter->in_queue);
    const bool is_first = ++listener->queued[queue] == 1;
    const bool is_full = listener->queued[queue] >= (size_t) listener->options.batch_size;
    if (is_first && listener->options.pull)
        set_readable (listener, true);
    pthread_mutex_unlock (&listener->lock);
    if (listener->options.pull)
        godwit__change_tell (&listener->changed);
    else if (is_first || is_full)
        godwit__batches_wake (listener);
}

void
godwit__letter_settle (godwit__letter_t *letter, unsigned what)
{
    godwit__seen_ids_t *const seen = letter->receipt->receipts->seen;
    if (seen)
        godwit__seen_ids_end (seen, &letter->handling, !what);
    godwit__notification_release (&letter->notification);
    godwit__receipt_settle (letter->receipt, letter->index, what);
    free (letter);
}

bool
godwit__letter_drop_duplicate (godwit__letter_t *letter)
{
    godwit__seen_ids_t *const seen = letter->receipt->receipts->seen;
    const godwit__seen_before_t what =
        seen ? godwit__seen_ids_begin (seen, letter->notification.message_id, &letter->handling)
             : GODWIT__SEEN_NEW;
    if (what == GODWIT__SEEN_NEW)
        return false;
    godwit__letter_settle (letter, what == GODWIT__SEEN_RUNNING ? GODWIT__UNSETTLED_RETURNED : 0);
    return true;
}

void
godwit__letters_start (godwit_listener_t *listener)
{
    pthread_mutex_lock (&listener->lock);
    if (listener->stopped && listener->options.pull && !listener->queued[0])
        set_readable (listener, false);
    listener->stopped = false;
    pthread_mutex_unlock (&listener->lock);
}

void
godwit__letters_stop (godwit_listener_t *listener)
{
    godwit__list_t back;
    godwit__list_init (&back);
    pthread_mutex_lock (&listener->lock);
    listener->stopped = true;
    if (listener->options.pull) {
        godwit__list_move_all (&back, &listener->queues[0]);
        listener->queued[0] = 0;
        set_readable (listener, true); /* next does not wait any more */
    }
    pthread_mutex_unlock (&listener->lock);
    for (godwit__letter_t *at; (at = GODWIT__FIRST (&back, godwit__letter_t, in_queue));) {
        godwit__list_remove (&at->in_queue);
        godwit__letter_settle (at, GODWIT__UNSETTLED_RETURNED);
    }
    if (godwit__listener_batches (listener))
        godwit__batches_wake (listener);
    godwit__change_tell (&listener->changed);
}

/* ---- pulling ---- */

static godwit_status_t
check_pull (const godwit_listener_t *listener, godwit_error_t **error)
{
    if (!listener)
        return godwit__error_null (error, "listener");
    const godwit_status_t status = godwit__transport_check (listener->transport, error);
    if (status)
        return status;
    if (!listener->options.pull)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "The listener was made without the option pull: its endpoints get the "
                                  "notifications");
    return GODWIT_OK;
}

/* With the lock. NULL: none is there. */
static godwit__letter_t *
take (godwit_listener_t *listener)
{
    godwit__letter_t *const letter = GODWIT__FIRST (&listener->queues[0], godwit__letter_t, in_queue);
    if (!letter)
        return NULL;
    godwit__list_remove (&letter->in_queue);
    if (--listener->queued[0] == 0 && !listener->stopped)
        set_readable (listener, false);
    return letter;
}

/* Inside of the loop nothing would come meanwhile. */
static bool
may_wait (const godwit_listener_t *listener, int64_t timeout_ms)
{
    return timeout_ms && !godwit__transport_is_processing (listener->transport);
}

/* NULL: none came in time, or none comes any more (*is_over). */
static godwit__letter_t *
await_letter (godwit_listener_t *listener, int64_t end_ns, bool *is_over)
{
    godwit_transport_t *const transport = listener->transport;
    godwit__letter_t *letter;
    pthread_mutex_lock (&listener->lock);
    while (!(letter = take (listener)) && !listener->stopped) {
        const int64_t left_ns = end_ns == GODWIT__NEVER ? end_ns : end_ns - godwit__transport_now (transport);
        if (left_ns <= 0)
            break;
        godwit__wait (transport, &listener->changed, &listener->lock, left_ns);
    }
    *is_over = listener->stopped;
    pthread_mutex_unlock (&listener->lock);
    return letter;
}

godwit_status_t
godwit_listener_next (godwit_listener_t *listener, int64_t timeout_ms, godwit_notification_t **notification,
                      godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!notification)
        return godwit__error_null (error, "notification");
    godwit_status_t status = check_pull (listener, error);
    if (status)
        return status;
    const bool waits = may_wait (listener, timeout_ms);
    int64_t end_ns = GODWIT__NEVER;
    if (!waits)
        end_ns = 0;
    else if (timeout_ms > 0)
        end_ns = godwit__transport_now (listener->transport) + godwit__ns_of_ms (timeout_ms);
    bool is_over;
    godwit__letter_t *letter;
    do
        letter = await_letter (listener, end_ns, &is_over);
    while (letter && godwit__letter_drop_duplicate (letter));
    if (letter) {
        *notification = &letter->notification;
        return GODWIT_OK;
    }
    if (is_over)
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The listener was stopped");
    if (!waits && timeout_ms)
        return godwit__error_set (error, GODWIT_ERR_TIMEOUT,
                                  "No notification came, and inside of the loop none does");
    return godwit__error_set (error, GODWIT_ERR_TIMEOUT, "No notification came in %lld ms",
                              (long long) timeout_ms);
}

int
godwit_listener_fd (godwit_listener_t *listener, godwit_error_t **error)
{
    if (check_pull (listener, error))
        return -1;
    pthread_mutex_lock (&listener->lock);
    if (listener->fd < 0) {
        listener->fd = eventfd (listener->queued[0] || listener->stopped, EFD_NONBLOCK | EFD_CLOEXEC);
        if (listener->fd < 0)
            godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a descriptor: %s", strerror (errno));
    }
    const int fd = listener->fd;
    pthread_mutex_unlock (&listener->lock);
    return fd;
}

static void
settle_pulled (godwit_notification_t **notification, unsigned what)
{
    if (!notification || !*notification)
        return;
    godwit__letter_t *const letter = GODWIT__CONTAINER (*notification, godwit__letter_t, notification);
    *notification = NULL;
    godwit__letter_settle (letter, what);
}

void
godwit_notification_acknowledge (godwit_notification_t **notification)
{
    GODWIT__UNCANCELLED;
    settle_pulled (notification, 0);
}

void
godwit_notification_requeue (godwit_notification_t **notification)
{
    GODWIT__UNCANCELLED;
    const bool is_allowed = notification && *notification &&
                            GODWIT__CONTAINER (*notification, godwit__letter_t, notification)->allow_requeue;
    settle_pulled (notification, is_allowed ? GODWIT__UNSETTLED_REQUEUED : 0);
}

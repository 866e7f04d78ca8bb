/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/log_book.h"

#include "src/loop/clock.h"

#include <stdio.h>
#include <string.h>

#define WAIT_LIMIT_NS (20000 * GODWIT__NS_PER_MS)

void
log_book_open (log_book_t *book)
{
    memset (book, 0, sizeof *book);
    pthread_mutex_init (&book->lock, NULL);
    godwit__cond_init (&book->changed);
}

void
log_book_close (log_book_t *book)
{
    pthread_cond_destroy (&book->changed);
    pthread_mutex_destroy (&book->lock);
}

void
log_book_write (void *user, godwit_log_level_t level, const char *text)
{
    log_book_t *const book = user;
    pthread_mutex_lock (&book->lock);
    if (book->count < LOG_BOOK_LINES) {
        struct log_book_line *const line = &book->lines[book->count++];
        line->level = level;
        snprintf (line->text, sizeof line->text, "%s", text);
    }
    pthread_cond_broadcast (&book->changed);
    pthread_mutex_unlock (&book->lock);
}

/* With the lock. */
static size_t
count (const log_book_t *book, godwit_log_level_t level, const char *says)
{
    size_t found = 0;
    for (size_t i = 0; i < book->count; i++)
        found += book->lines[i].level == level && strstr (book->lines[i].text, says);
    return found;
}

size_t
log_book_count (log_book_t *book, godwit_log_level_t level, const char *says)
{
    pthread_mutex_lock (&book->lock);
    const size_t found = count (book, level, says);
    pthread_mutex_unlock (&book->lock);
    return found;
}

bool
log_book_wait (log_book_t *book, godwit_log_level_t level, const char *says, size_t least)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + WAIT_LIMIT_NS;
    pthread_mutex_lock (&book->lock);
    int64_t left_ns = WAIT_LIMIT_NS;
    while (count (book, level, says) < least && left_ns > 0) {
        godwit__cond_wait (&book->changed, &book->lock, left_ns);
        left_ns = end_ns - godwit__clock_now (&godwit__clock_system);
    }
    const bool found = count (book, level, says) >= least;
    pthread_mutex_unlock (&book->lock);
    return found;
}

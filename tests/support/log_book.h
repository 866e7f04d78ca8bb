/* SPDX-License-Identifier: Apache-2.0 */
/* A log hook that keeps the lines of a transport's log, for tests that wait for a line, or count lines. */
#ifndef GODWIT_TESTS_LOG_BOOK_H
#define GODWIT_TESTS_LOG_BOOK_H

#include <godwit/transport.h>

#include <pthread.h>
#include <stdbool.h>

#define LOG_BOOK_LINES 512
#define LOG_BOOK_TEXT 600

typedef struct log_book {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count; /* further lines than LOG_BOOK_LINES are not kept */
    struct log_book_line {
        godwit_log_level_t level;
        char text[LOG_BOOK_TEXT];
    } lines[LOG_BOOK_LINES];
} log_book_t;

/* Large: make it static. */
void log_book_open (log_book_t *book);
void log_book_close (log_book_t *book);
/* The hook (godwit_log_fn); user is the book. */
void log_book_write (void *user, godwit_log_level_t level, const char *text);
/* How many lines of the level contain `says`. */
size_t log_book_count (log_book_t *book, godwit_log_level_t level, const char *says);
/* Waits until there are at least `least` such lines. False after 20 s. */
bool log_book_wait (log_book_t *book, godwit_log_level_t level, const char *says, size_t least);

#endif

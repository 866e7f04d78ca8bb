/* SPDX-License-Identifier: Apache-2.0 */
/* Tests with too little memory: makes the n-th allocation fail. It replaces malloc in the program, which the
 * sanitizers do not allow; so only one source file of a program may include it. */
#ifndef GODWIT_TESTS_SUPPORT_SHORT_MEMORY_H
#define GODWIT_TESTS_SUPPORT_SHORT_MEMORY_H

#include <godwit/error.h>

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHORT_MEMORY_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SHORT_MEMORY_SANITIZED 1
#endif
#endif

#ifndef SHORT_MEMORY_SANITIZED

static _Thread_local bool counting;
static _Thread_local long allocations; /* while counting */
static _Thread_local long fail_at;     /* which of them fails, from 1 */
static atomic_long blocks;             /* allocated and not freed, by all threads */

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *memory, size_t size);
extern void __libc_free (void *memory);

static bool
refuse (void)
{
    return counting && ++allocations == fail_at;
}

static void *
count (void *memory)
{
    if (memory)
        atomic_fetch_add (&blocks, 1);
    return memory;
}

void *
malloc (size_t size)
{
    return refuse () ? NULL : count (__libc_malloc (size));
}

void *
calloc (size_t number, size_t size)
{
    return refuse () ? NULL : count (__libc_calloc (number, size));
}

void *
realloc (void *old, size_t size)
{
    if (refuse ())
        return NULL;
    void *const memory = __libc_realloc (old, size);
    return old ? memory : count (memory);
}

void
free (void *memory)
{
    if (memory)
        atomic_fetch_sub (&blocks, 1);
    __libc_free (memory);
}

typedef struct short_memory_row {
    const char *name;
    godwit_status_t (*run) (godwit_error_t **error);
    long at_least; /* allocations that it takes */
} short_memory_row_t;

/* Fails the first allocation, then the second, ... until there are no more. Returns how many there were. */
static inline long
short_memory_sweep (const short_memory_row_t *row)
{
    int timeouts = 0;
    for (long n = 1;; n++) {
        godwit_error_t *error = NULL;
        allocations = 0;
        fail_at = n;
        counting = true;
        const godwit_status_t status = row->run (&error);
        counting = false;
        const bool failed = allocations >= n;
        /* The calls have little time: on a busy machine one may not get its reply in time. Then all is run
         * again below.
         */
        if (!failed && status == GODWIT_ERR_TIMEOUT)
            timeouts++;
        /* A server without memory does not answer, so its caller in this process times out. */
        const bool allowed = status == GODWIT_OK ||
                             (!failed && status == GODWIT_ERR_TIMEOUT && timeouts < 100) ||
                             (failed && (status == GODWIT_ERR_OUT_OF_MEMORY || status == GODWIT_ERR_TIMEOUT ||
                                         status == GODWIT_ERR_DELIVERY_FAILURE));
        cr_assert (allowed, "%s, allocation %ld fails: %s", row->name, n, godwit_error_print (error));
        godwit_error_destroy (&error);
        if (!failed && status == GODWIT_OK)
            return n - 1;
        cr_assert (n < 10000, "%s: it does not end", row->name);
        /* It must be usable again: it is tried until what the failure has cost (a connection) is back. */
        godwit_status_t again = GODWIT_ERR_TIMEOUT;
        for (int i = 0; again == GODWIT_ERR_TIMEOUT && i < 100; i++) {
            godwit_error_destroy (&error);
            again = row->run (&error);
        }
        cr_assert (again == GODWIT_OK, "%s, after allocation %ld failed: %s", row->name, n,
                   godwit_error_print (error));
        godwit_error_destroy (&error);
    }
}

/* The same in a life of its own, of which nothing is left: it comes after one without failures, which filled
 * what the C library and the others keep for ever. */
static inline void
short_memory_check (const short_memory_row_t *row, void open_world (void), void close_world (void))
{
    godwit_error_t *error = NULL;
    open_world ();
    row->run (&error);
    godwit_error_destroy (&error);
    close_world ();

    const long before = atomic_load (&blocks);
    open_world ();
    const long made = short_memory_sweep (row);
    close_world ();
    const long after = atomic_load (&blocks);
    cr_assert_geq (made, row->at_least, "%s takes %ld allocations", row->name, made);
    cr_assert_eq (after, before, "%s: %ld, then %ld blocks are in use", row->name, before, after);
}

#endif

#endif

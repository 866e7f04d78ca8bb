/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/own_fd.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* A bit for each descriptor, in chunks. The kernel's usual limit is 2^20; what is above 2^26 is not noted. */
#define CHUNK_BITS 16384
#define CHUNKS 4096
#define WORD_BITS 64

typedef struct chunk {
    uint64_t words[CHUNK_BITS / WORD_BITS];
} chunk_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static chunk_t *chunks[CHUNKS];
static size_t chunk_count; /* of those that may be there */
static atomic_uint generation;

/* ---- with the lock ---- */

static chunk_t *
chunk_of (size_t at)
{
    if (at >= CHUNKS)
        return NULL;
    if (!chunks[at]) {
        const int before = errno;
        chunks[at] = calloc (1, sizeof *chunks[at]);
        errno = before;
    }
    if (chunks[at] && at >= chunk_count)
        chunk_count = at + 1;
    return chunks[at];
}

static uint64_t
bit_of (size_t fd)
{
    return UINT64_C (1) << (fd % WORD_BITS);
}

void
godwit__own_fd_add (int fd)
{
    const size_t number = (size_t) fd;
    chunk_t *chunk = fd < 0 ? NULL : chunk_of (number / CHUNK_BITS);
    if (chunk)
        chunk->words[number % CHUNK_BITS / WORD_BITS] |= bit_of (number);
}

static void
forget (size_t fd)
{
    chunk_t *chunk = fd / CHUNK_BITS < chunk_count ? chunks[fd / CHUNK_BITS] : NULL;
    if (chunk)
        chunk->words[fd % CHUNK_BITS / WORD_BITS] &= ~bit_of (fd);
}

/* ---- forks ---- */

static void
before_fork (void)
{
    pthread_mutex_lock (&lock);
}

static void
in_parent (void)
{
    pthread_mutex_unlock (&lock);
}

static void
close_word (size_t first, uint64_t word)
{
    for (size_t bit = 0; word; bit++, word >>= 1)
        if (word & 1)
            close ((int) (first + bit));
}

/* System calls and memory of this file alone: the parent may have had other threads. */
static void
in_child (void)
{
    for (size_t at = 0; at < chunk_count; at++)
        for (size_t i = 0; chunks[at] && i < CHUNK_BITS / WORD_BITS; i++) {
            close_word (at * CHUNK_BITS + i * WORD_BITS, chunks[at]->words[i]);
            chunks[at]->words[i] = 0;
        }
    atomic_fetch_add_explicit (&generation, 1, memory_order_relaxed);
    pthread_mutex_unlock (&lock);
}

static void
watch_forks (void)
{
    pthread_atfork (before_fork, in_parent, in_child);
}

/* ---- for others ---- */

void
godwit__own_fd_lock (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, watch_forks);
    pthread_mutex_lock (&lock);
}

void
godwit__own_fd_unlock (void)
{
    pthread_mutex_unlock (&lock);
}

unsigned
godwit__own_fd_generation (void)
{
    return atomic_load_explicit (&generation, memory_order_relaxed);
}

void
godwit__own_fd_close (int fd)
{
    if (fd < 0)
        return;
    pthread_mutex_lock (&lock);
    forget ((size_t) fd);
    close (fd);
    pthread_mutex_unlock (&lock);
}

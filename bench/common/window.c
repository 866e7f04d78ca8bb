/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"
#include "clock.h"
#include "die.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each subscriber's counter has a cache line of its own. */
typedef struct {
    _Alignas(64) _Atomic uint64_t received;
} counter_t;

/* A slot a chunk under way; a chunk's slot is reused only after the chunk was done. */
typedef struct {
    counter_t subscribers[BENCH_WINDOW_SUBSCRIBERS];
    _Atomic uint32_t finished[BENCH_WINDOW_CHUNKS];
    _Atomic uint64_t arrived_ns;
} shared_t;

struct bench_window {
    shared_t *shared;
    int memory_fd;
    int event_fd;
    uint64_t published; /* publisher only */
    uint64_t chunks_done;
};

bench_window_t *
bench_window_attach (int memory_fd, int event_fd)
{
    bench_window_t *window = bench_alloc (sizeof *window);
    window->memory_fd = memory_fd;
    window->event_fd = event_fd;
    window->shared = mmap (NULL, sizeof (shared_t), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    bench_check (window->shared != MAP_FAILED, "mmap");
    return window;
}

bench_window_t *
bench_window_new (void)
{
    int memory_fd = memfd_create ("godwit-bench-window", MFD_CLOEXEC);
    bench_check (memory_fd >= 0 && ftruncate (memory_fd, sizeof (shared_t)) == 0, "memfd_create");
    int event_fd = eventfd (0, EFD_CLOEXEC);
    bench_check (event_fd >= 0, "eventfd");
    return bench_window_attach (memory_fd, event_fd);
}

int
bench_window_memory_fd (const bench_window_t *window)
{
    return window->memory_fd;
}

int
bench_window_event_fd (const bench_window_t *window)
{
    return window->event_fd;
}

void
bench_window_destroy (bench_window_t **window_p)
{
    bench_window_t *window = *window_p;
    if (window == NULL)
        return;
    *window_p = NULL;
    munmap (window->shared, sizeof (shared_t));
    close (window->memory_fd);
    close (window->event_fd);
    free (window);
}

void
bench_window_received (bench_window_t *window, size_t index)
{
    uint64_t received = atomic_fetch_add (&window->shared->subscribers[index].received, 1) + 1;
    if (received % BENCH_WINDOW_CHUNK != 0)
        return;
    size_t slot = (received / BENCH_WINDOW_CHUNK - 1) % BENCH_WINDOW_CHUNKS;
    uint32_t finished = atomic_fetch_add (&window->shared->finished[slot], 1) + 1;
    if (finished % BENCH_WINDOW_SUBSCRIBERS == 0) {
        uint64_t one = 1;
        bench_check (write (window->event_fd, &one, sizeof one) == (ssize_t) sizeof one, "eventfd");
    }
}

static void
wait_chunk (bench_window_t *window)
{
    struct pollfd item = {.fd = window->event_fd, .events = POLLIN};
    uint64_t done = 0;

    if (poll (&item, 1, 10000) != 1)
        bench_die ("a fanout was not delivered to all of its subscribers in 10 s");
    bench_check (read (window->event_fd, &done, sizeof done) == (ssize_t) sizeof done, "eventfd");
    window->chunks_done += done;
}

void
bench_window_publish (bench_window_t *window)
{
    while (window->published / BENCH_WINDOW_CHUNK - window->chunks_done >= BENCH_WINDOW_CHUNKS)
        wait_chunk (window);
    window->published++;
}

void
bench_window_drain (bench_window_t *window)
{
    while (window->chunks_done < window->published / BENCH_WINDOW_CHUNK)
        wait_chunk (window);
}

void
bench_window_arrived (bench_window_t *window)
{
    const uint64_t one = 1;
    atomic_store (&window->shared->arrived_ns, bench_now_ns ());
    bench_check (write (window->event_fd, &one, sizeof one) == (ssize_t) sizeof one, "eventfd");
}

uint64_t
bench_window_arrival (bench_window_t *window)
{
    struct pollfd item = {.fd = window->event_fd, .events = POLLIN};
    uint64_t count = 0;

    if (poll (&item, 1, 10000) != 1)
        bench_die ("a message did not arrive in 10 s");
    bench_check (read (window->event_fd, &count, sizeof count) == (ssize_t) sizeof count, "eventfd");
    return atomic_load (&window->shared->arrived_ns);
}

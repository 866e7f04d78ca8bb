/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/history.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_CAPACITY (UINT64_C (4) << 20)
/* Space is taken, and pages are given back, in such pieces: a full disk is told by fallocate, not by SIGBUS,
 * and the memory of a writer does not grow. */
#define CHUNK_SIZE (UINT64_C (1) << 20)
#define CHUNK_RECORDS (CHUNK_SIZE / sizeof (history_record_t))
#define BEAT_NS 10000000 /* how often stalls are looked for */
#define STALL_NS 5000000 /* what is shorter is not noted */

struct history {
    int fd;
    uint8_t *mapped; /* the header, then the records */
    size_t mapped_size;
    history_header_t *header;
    history_record_t *records;
    _Atomic uint64_t ready; /* records that there is space for */
    _Atomic uint64_t next_id;
    pthread_mutex_t lock; /* of growing */
    pthread_t watcher;
    bool is_watched;
    history_lateness_t timer; /* the watcher's */
    uint64_t watched_ns;      /* since when */
    int wake[2];              /* a pipe: ends the watcher */
};

uint64_t
history_now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* Makes room for the record, or says that there is none. */
static bool
grow (history_t *history, uint64_t index)
{
    bool done = true;
    pthread_mutex_lock (&history->lock);
    while (done && index >= atomic_load (&history->ready)) {
        const uint64_t ready = atomic_load (&history->ready);
        const uint64_t offset = HISTORY_HEADER_SIZE + ready * sizeof (history_record_t);
        done = ready < history->header->capacity &&
               posix_fallocate (history->fd, (off_t) offset, (off_t) CHUNK_SIZE) == 0;
        if (done && ready >= 2 * CHUNK_RECORDS) /* who still writes there gets the page again */
            madvise (history->mapped + offset - HISTORY_HEADER_SIZE - 2 * CHUNK_SIZE, CHUNK_SIZE,
                     MADV_DONTNEED);
        if (done)
            atomic_store (&history->ready, ready + CHUNK_RECORDS);
    }
    pthread_mutex_unlock (&history->lock);
    return done;
}

static void
copy_name (char *to, const char *from, size_t size)
{
    if (from)
        snprintf (to, size, "%s", from);
}

static bool
map (history_t *history, const history_options_t *options)
{
    const uint64_t wanted = options->capacity ? options->capacity : DEFAULT_CAPACITY;
    const uint64_t capacity = (wanted + CHUNK_RECORDS - 1) / CHUNK_RECORDS * CHUNK_RECORDS;
    history->mapped_size = HISTORY_HEADER_SIZE + capacity * sizeof (history_record_t);
    if (posix_fallocate (history->fd, 0, HISTORY_HEADER_SIZE))
        return false;
    void *mapped = mmap (NULL, history->mapped_size, PROT_READ | PROT_WRITE, MAP_SHARED, history->fd, 0);
    if (mapped == MAP_FAILED)
        return false;
    history->mapped = mapped;
    history->header = mapped;
    history->records = (history_record_t *) (void *) (history->mapped + HISTORY_HEADER_SIZE);
    *history->header = (history_header_t){.header_size = HISTORY_HEADER_SIZE,
                                          .record_size = sizeof (history_record_t),
                                          .capacity = capacity,
                                          .seed = options->seed,
                                          .began_ns = history_now_ns (),
                                          .node = options->node,
                                          .pid = (uint32_t) getpid (),
                                          .roles = options->roles};
    copy_name (history->header->name, options->name, sizeof history->header->name);
    copy_name (history->header->host, options->host, sizeof history->header->host);
    memcpy (history->header->magic, HISTORY_MAGIC, sizeof history->header->magic);
    return true;
}

history_t *
history_open (const char *path, const history_options_t *options)
{
    history_t *history = calloc (1, sizeof *history);
    if (!history)
        return NULL;
    pthread_mutex_init (&history->lock, NULL);
    history->fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (history->fd < 0 || !map (history, options)) {
        const int why = errno;
        if (history->fd >= 0)
            close (history->fd);
        pthread_mutex_destroy (&history->lock);
        free (history);
        errno = why;
        return NULL;
    }
    history_put (history, (history_record_t){.event = HISTORY_PROCESS_BEGIN});
    return history;
}

void
history_put (history_t *history, history_record_t record)
{
    const uint64_t index = atomic_fetch_add (&history->header->claimed, 1);
    if (index >= atomic_load_explicit (&history->ready, memory_order_acquire) && !grow (history, index))
        return; /* lost: the reader sees more claimed than there is */
    history_record_t *place = &history->records[index];
    place->stamp_ns = record.stamp_ns ? record.stamp_ns : history_now_ns ();
    place->call = record.call;
    memcpy (&place->note, &record.note, sizeof record.note); /* the largest member */
    place->event = record.event;
    place->kind = record.kind;
    atomic_store_explicit (&place->mark, history_mark (index), memory_order_release);
}

uint64_t
history_next_id (history_t *history)
{
    return history_id (history->header->node, atomic_fetch_add (&history->next_id, 1) + 1);
}

static void *
watch (void *user)
{
    history_t *history = user;
    struct pollfd wake = {history->wake[0], POLLIN, 0};
    uint64_t before = history->watched_ns; /* that this thread starts late is a stall as well */
    while (poll (&wake, 1, BEAT_NS / 1000000) <= 0) {
        const uint64_t now = history_now_ns ();
        history->timer.counts[history_lateness_step (now - before > BEAT_NS ? now - before - BEAT_NS : 0)]++;
        if (now - before > BEAT_NS + STALL_NS)
            history_put (
                history,
                (history_record_t){.stamp_ns = now, .event = HISTORY_STALL, .value = now - before - BEAT_NS});
        before = now;
    }
    return NULL;
}

bool
history_watch_stalls (history_t *history)
{
    if (pipe2 (history->wake, O_CLOEXEC))
        return false;
    history->watched_ns = history_now_ns ();
    history->is_watched = pthread_create (&history->watcher, NULL, watch, history) == 0;
    if (!history->is_watched) {
        close (history->wake[0]);
        close (history->wake[1]);
    }
    return history->is_watched;
}

static void
end_watcher (history_t *history)
{
    if (!history->is_watched)
        return;
    close (history->wake[1]);
    pthread_join (history->watcher, NULL);
    close (history->wake[0]);
    history->is_watched = false;
}

void
history_abandon (history_t *history)
{
    if (!history)
        return;
    end_watcher (history);
    munmap (history->mapped, history->mapped_size);
    close (history->fd);
    pthread_mutex_destroy (&history->lock);
    free (history);
}

void
history_close (history_t *history)
{
    if (!history)
        return;
    if (history->is_watched) {
        end_watcher (history);
        history_put (history, (history_record_t){.event = HISTORY_TIMER, .lateness = history->timer});
    }
    history_put (history, (history_record_t){.event = HISTORY_PROCESS_END});
    const uint64_t claimed = atomic_load (&history->header->claimed);
    const uint64_t ready = atomic_load (&history->ready);
    const uint64_t used = claimed < ready ? claimed : ready;
    /* Only space that nothing was written to. */
    if (ftruncate (history->fd, (off_t) (HISTORY_HEADER_SIZE + used * sizeof (history_record_t))))
        perror ("history");
    history_abandon (history);
}

uint32_t
history_name (const char *name)
{
    uint32_t number = UINT32_C (2166136261); /* FNV-1a */
    for (; *name; name++)
        number = (number ^ (uint8_t) *name) * UINT32_C (16777619);
    return number ? number : 1;
}

void
history_call_begin (history_t *history, uint64_t id, history_kind_t kind, int64_t timeout_ms,
                    const char *server)
{
    history_record_t record = {.call = id, .event = HISTORY_CALL_BEGIN, .kind = (uint16_t) kind};
    record.of_call.allowed_ns = (uint64_t) timeout_ms * 1000000;
    record.of_call.target = server ? history_name (server) : 0;
    history_put (history, record);
}

void
history_fault_also (history_t *history, uint64_t fault_id, history_fault_t fault, uint32_t node,
                    const char *what)
{
    history_record_t record = {
        .call = fault_id, .event = HISTORY_FAULT_BEGIN, .note = {.node = node, .what = (uint16_t) fault}};
    copy_name (record.note.text, what, sizeof record.note.text);
    history_put (history, record);
}

uint64_t
history_fault_begin (history_t *history, history_fault_t fault, uint32_t node, const char *what)
{
    const uint64_t fault_id = history_next_id (history);
    history_fault_also (history, fault_id, fault, node, what);
    return fault_id;
}

void
history_fault_end (history_t *history, uint64_t fault_id)
{
    history_put (history, (history_record_t){.call = fault_id, .event = HISTORY_FAULT_END});
}

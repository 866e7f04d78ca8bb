/* SPDX-License-Identifier: Apache-2.0 */
/* The history itself: what was written is there after a SIGKILL, whole, in any number of threads. */
#include "tests/faults/history.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define RECORDS 50000

typedef struct place {
    char folder[32];
    char path[64];
} place_t;

static place_t
new_place (void)
{
    place_t place = {.folder = "/tmp/godwit-history-XXXXXX"};
    cr_assert (mkdtemp (place.folder));
    snprintf (place.path, sizeof place.path, "%s/one" HISTORY_SUFFIX, place.folder);
    return place;
}

static void
remove_place (const place_t *place)
{
    unlink (place->path);
    cr_assert_eq (rmdir (place->folder), 0);
}

typedef struct content {
    history_header_t *header;
    const history_record_t *records;
    size_t size;
} content_t;

static content_t
read_all (const place_t *place)
{
    struct stat about;
    const int fd = open (place->path, O_RDONLY);
    cr_assert (fd >= 0 && fstat (fd, &about) == 0);
    uint8_t *mapped = mmap (NULL, (size_t) about.st_size, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq (mapped, MAP_FAILED);
    close (fd);
    return (content_t){(history_header_t *) (void *) mapped,
                       (const history_record_t *) (const void *) (mapped + HISTORY_HEADER_SIZE),
                       (size_t) about.st_size};
}

typedef struct writer {
    history_t *history;
    _Atomic uint64_t *written; /* one counter for each thread */
    uint64_t count;
    uint32_t number;
} writer_t;

static void *
write_records (void *user)
{
    const writer_t *writer = user;
    for (uint64_t i = 1; i <= writer->count; i++) {
        history_put (writer->history,
                     (history_record_t){.event = HISTORY_GAPS, .call = writer->number, .value = i});
        atomic_store (writer->written, i);
    }
    return NULL;
}

static void
write_in_threads (history_t *history, _Atomic uint64_t *written, uint64_t count)
{
    pthread_t threads[THREADS];
    writer_t writers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        writers[i] = (writer_t){history, &written[i], count, i};
        cr_assert_eq (pthread_create (&threads[i], NULL, write_records, &writers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
}

/* How many of each thread's records are there; they are in order, and each is whole. */
static void
count_records (const content_t *content, uint64_t counts[THREADS])
{
    const uint64_t room = (content->size - HISTORY_HEADER_SIZE) / sizeof (history_record_t);
    memset (counts, 0, THREADS * sizeof counts[0]);
    for (uint64_t i = 0; i < room; i++) {
        const history_record_t *record = &content->records[i];
        if (record->mark != history_mark (i) || record->event != HISTORY_GAPS)
            continue;
        cr_assert (record->call < THREADS && record->stamp_ns > 0);
        cr_assert_eq (record->value, ++counts[record->call]);
    }
}

Test (history, a_sigkill_takes_nothing_that_was_written, .timeout = 60)
{
    const place_t place = new_place ();
    _Atomic uint64_t *written =
        mmap (NULL, THREADS * sizeof (uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (written, MAP_FAILED);
    const pid_t child = fork ();
    cr_assert (child >= 0);
    if (child == 0) {
        write_in_threads (history_open (place.path, &(const history_options_t){.node = 1, .name = "one"}),
                          written, UINT64_MAX - 1);
        _exit (1);
    }
    while (atomic_load (&written[0]) < RECORDS) /* beyond the first pieces of the file */
        sched_yield ();
    kill (child, SIGKILL);
    cr_assert_eq (waitpid (child, NULL, 0), child);
    uint64_t counts[THREADS];
    content_t content = read_all (&place);
    count_records (&content, counts);
    for (int i = 0; i < THREADS; i++) /* one more: written, and not yet counted */
        cr_assert (counts[i] == written[i] || counts[i] == written[i] + 1, "%llu of %llu",
                   (unsigned long long) counts[i], (unsigned long long) written[i]);
    munmap (written, THREADS * sizeof (uint64_t));
    remove_place (&place);
}

Test (history, threads_write_at_once_and_it_costs_little, .timeout = 60)
{
    const place_t place = new_place ();
    _Atomic uint64_t written[THREADS] = {0};
    history_t *history = history_open (place.path, &(const history_options_t){.node = 3, .name = "one"});
    cr_assert (history);
    const uint64_t began_ns = history_now_ns ();
    write_in_threads (history, written, RECORDS);
    const uint64_t took_ns = history_now_ns () - began_ns;
    history_close (history);
    uint64_t counts[THREADS];
    const content_t content = read_all (&place);
    count_records (&content, counts);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (counts[i], (uint64_t) RECORDS);
    cr_assert_eq (content.header->claimed, 2u + THREADS * RECORDS); /* begin and end of the process */
    cr_assert_eq (content.size, HISTORY_HEADER_SIZE + (2 + THREADS * RECORDS) * sizeof (history_record_t));
    fprintf (stderr, "%.0f records a second\n", THREADS * RECORDS / ((double) took_ns / 1e9));
    remove_place (&place);
}

Test (history, a_full_history_says_how_much_is_lost)
{
    const place_t place = new_place ();
    history_t *history =
        history_open (place.path, &(const history_options_t){.node = 3, .name = "one", .capacity = 10});
    cr_assert (history);
    uint64_t capacity = 0;
    for (uint64_t i = 1; i < 40000; i++)
        history_put (history, (history_record_t){.event = HISTORY_GAPS, .value = i});
    history_close (history);
    const content_t content = read_all (&place);
    capacity = content.header->capacity;
    cr_assert (capacity >= 10 && capacity < 40000);
    cr_assert_eq (content.header->claimed, 40001u);
    cr_assert_eq (content.size, HISTORY_HEADER_SIZE + capacity * sizeof (history_record_t));
    remove_place (&place);
}

Test (history, a_file_that_is_there_is_not_written_over)
{
    const place_t place = new_place ();
    const history_options_t options = {.node = 3, .name = "one"};
    history_t *history = history_open (place.path, &options);
    cr_assert (history);
    cr_assert_null (history_open (place.path, &options));
    history_close (history);
    remove_place (&place);
}

/* The process is stopped for longer than what is noted, and finds it out. */
Test (history, a_stall_is_noted, .timeout = 60)
{
    const place_t place = new_place ();
    int ready[2];
    cr_assert_eq (pipe (ready), 0);
    const pid_t child = fork ();
    cr_assert (child >= 0);
    if (child == 0) {
        history_t *history = history_open (place.path, &(const history_options_t){.node = 1, .name = "one"});
        if (!history || !history_watch_stalls (history) || write (ready[1], "", 1) != 1)
            _exit (1);
        for (;;)
            pause ();
    }
    char byte;
    cr_assert_eq (read (ready[0], &byte, 1), 1);
    kill (child, SIGSTOP);
    cr_assert_eq (waitpid (child, NULL, WUNTRACED), child);
    const uint64_t stopped_ns = history_now_ns ();
    while (history_now_ns () - stopped_ns < 100000000)
        sched_yield ();
    kill (child, SIGCONT);
    const content_t content = read_all (&place);
    uint64_t longest_ns = 0;
    while (longest_ns < 90000000)
        for (uint64_t i = 0; i < atomic_load (&content.header->claimed); i++)
            if (content.records[i].event == HISTORY_STALL && content.records[i].value > longest_ns)
                longest_ns = content.records[i].value;
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    close (ready[0]);
    close (ready[1]);
    remove_place (&place);
}

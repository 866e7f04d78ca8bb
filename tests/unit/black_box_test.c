/* SPDX-License-Identifier: Apache-2.0 */
/* The black box itself: its ring, its file, who may read it, and what is left of processes that died. */
#include "src/blackbox/box_file.h"
#include "src/blackbox/read.h"
#include "src/blackbox/record.h"
#include "tests/support/must.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64];

static void
open_test (void)
{
    snprintf (folder, sizeof folder, "/tmp/black-box-XXXXXX");
    cr_assert (mkdtemp (folder));
}

static void
close_test (void)
{
    char command[128];
    snprintf (command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq (system (command), 0);
}

TestSuite (black_box, .init = open_test, .fini = close_test, .timeout = 60);

static godwit__box_t *
box_of (size_t size, bool in_memory)
{
    godwit__box_t *box = NULL;
    char *why = NULL;
    const godwit__box_options_t options = {
        .size = size, .in_memory = in_memory, .runtime_dir = folder, .instance = {1, 2, 3}, .now_ns = 1000};
    MUST (godwit__box_new (&box, &options, &why, &error));
    cr_assert (box && !why, "%s", why);
    cr_assert_eq (box->file == NULL, in_memory);
    return box;
}

static godwit__box_record_t *
begin (godwit__box_t *box, uint64_t span)
{
    static const godwit_trace_t trace = {.trace_id = {9}, .flags = 1};
    return godwit__box_begin (
        box, &(godwit__begun_t){.side = GODWIT__BOX_CLIENT, .at_ns = 5000, .trace = &trace, .span = span});
}

static void
finish (godwit__box_t *box, godwit__box_record_t *record, godwit_status_t status, int64_t took_ns)
{
    godwit__box_finish (box, record, &(godwit__ended_t){.ended_ns = 5000 + took_ns, .status = status});
}

static const godwit__box_call_t *
find (const godwit__box_snapshot_t *snapshot, uint64_t span)
{
    for (size_t i = 0; i < snapshot->count; i++)
        if (snapshot->calls[i].span == span)
            return &snapshot->calls[i];
    return NULL;
}

/* It has to be there. */
static godwit__box_call_t
found (const godwit__box_snapshot_t *snapshot, uint64_t span)
{
    const godwit__box_call_t *const call = find (snapshot, span);
    if (!call)
        cr_assert_fail ("%llu is not there", (unsigned long long) span);
    return call ? *call : (godwit__box_call_t){.span = 0};
}

static const char *
address_of (const godwit__box_snapshot_t *snapshot, uint32_t number)
{
    const godwit__box_peer_t *const peer = godwit__box_peer (snapshot, number);
    return peer ? peer->address : "";
}

/* ---- the ring ---- */

Test (black_box, the_newest_are_in_the_ring)
{
    godwit__box_t *box = box_of (16 * 128, true);
    godwit__box_snapshot_t snapshot;
    for (uint64_t i = 1; i <= 100; i++)
        finish (box, begin (box, i), GODWIT_OK, 1);
    MUST (godwit__box_read (&snapshot, box, &error));
    for (uint64_t i = 85; i <= 100; i++)
        cr_assert (find (&snapshot, i), "%d", (int) i);
    for (size_t i = 1; i < snapshot.count; i++)
        cr_assert_lt (snapshot.calls[i - 1].number, snapshot.calls[i].number);
    godwit__box_forget (&snapshot);
    godwit__box_unref (&box);
}

/* Whoever runs keeps its place; when all are taken, what comes has none, and nothing is lost of the others.
 */
Test (black_box, running_calls_keep_their_places)
{
    godwit__box_t *box = box_of (16 * 128, true);
    godwit__box_record_t *running[16];
    godwit__box_snapshot_t snapshot;
    for (uint64_t i = 0; i < 16; i++)
        cr_assert (running[i] = begin (box, i + 1));
    for (uint64_t i = 0; i < 100; i++)
        cr_assert (!begin (box, 1000 + i));
    finish (box, NULL, GODWIT_OK, 1);
    finish (box, running[3], GODWIT_OK, 7);
    bool has_place = false;
    for (uint64_t i = 0; i < 4 && !has_place; i++) {
        godwit__box_record_t *const record = begin (box, 77);
        has_place = record != NULL;
        finish (box, record, GODWIT_OK, 1);
    }
    cr_assert (has_place);
    MUST (godwit__box_read (&snapshot, box, &error));
    cr_assert (!found (&snapshot, 77).is_running);
    cr_assert (found (&snapshot, 1).is_running);
    godwit__box_forget (&snapshot);
    godwit__box_unref (&box);
}

Test (black_box, the_slowest_of_a_span_of_time_stay)
{
    godwit__box_t *box = box_of (16 * 128, true);
    godwit__box_snapshot_t snapshot;
    for (uint64_t i = 1; i <= 40; i++)
        finish (box, begin (box, i), GODWIT_OK, i <= 20 ? 1000000 + (int64_t) i : 10);
    for (uint64_t i = 0; i < 100; i++)
        finish (box, begin (box, 5000), GODWIT_OK, 10);
    MUST (godwit__box_read (&snapshot, box, &error));
    for (uint64_t i = 5; i <= 20; i++)
        cr_assert (find (&snapshot, i), "%d", (int) i);
    cr_assert (!find (&snapshot, 4));
    godwit__box_forget (&snapshot);
    /* Far later: a new span, whose slowest need not be slower. */
    finish (box, begin (box, 9000), GODWIT_OK, (int64_t) GODWIT__SLOW_SPAN_S * 1000000000);
    cr_assert_eq (box->slow_count, 1u);
    godwit__box_unref (&box);
}

Test (black_box, names_peers_and_notes)
{
    godwit__box_t *box = box_of (16 * 128, true);
    godwit__box_snapshot_t snapshot;
    static const godwit_trace_t trace = {.trace_id = {9}};
    const uint32_t name = godwit__box_add_name (
        box, &(godwit__box_name_t){.exchange = "godwit", .topic = "stock", .method = "count"});
    const uint32_t peer = godwit__box_add_peer (box, (const uint8_t[16]){7}, "tcp://10.0.0.1:1", 3);
    cr_assert (name && peer);
    godwit__box_record_t *const record =
        godwit__box_begin (box, &(godwit__begun_t){.at_ns = 1, .trace = &trace, .span = 5, .name = name});
    godwit__box_sent (record, 2, peer);
    char longer[1000];
    memset (longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    godwit__box_note (box,
                      &(godwit__noted_t){.span = 5, .server = longer, .address = longer, .text = longer});
    finish (box, record, GODWIT_ERR_TIMEOUT, 9);
    MUST (godwit__box_read (&snapshot, box, &error));
    const godwit__box_call_t told = found (&snapshot, 5), *const call = &told;
    cr_assert_str_eq (call->names[GODWIT__BOX_TOPIC], "stock");
    cr_assert_str_eq (call->names[GODWIT__BOX_METHOD], "count");
    cr_assert_str_eq (call->names[GODWIT__BOX_VERSION], "");
    cr_assert_eq (call->status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (call->sent_ns, 1);
    cr_assert_eq (call->replied_ns, -1);
    cr_assert_str_eq (address_of (&snapshot, call->peer), "tcp://10.0.0.1:1");
    cr_assert_eq (snapshot.note_count, 1u);
    cr_assert_eq (strlen (snapshot.notes[0].text), GODWIT__NOTE_TEXT - 1u);
    godwit__box_forget (&snapshot);
    /* Rings: the oldest make room. Names do not, and then there is none. */
    for (int i = 0; i < 1000; i++) {
        cr_assert (godwit__box_add_peer (box, (const uint8_t[16]){8}, longer, 3));
        godwit__box_note (box, &(godwit__noted_t){.span = 6, .text = "again"});
    }
    uint32_t last = 1;
    for (int i = 0; i < 1000; i++)
        last =
            godwit__box_add_name (box, &(godwit__box_name_t){.topic = "some other topic", .method = longer});
    cr_assert_eq (last, 0u);
    MUST (godwit__box_read (&snapshot, box, &error));
    cr_assert (!godwit__box_peer (&snapshot, peer));
    cr_assert_eq (snapshot.notes[snapshot.note_count - 1].mark, 1001u);
    cr_assert_str_eq (found (&snapshot, 5).names[GODWIT__BOX_METHOD], "count");
    godwit__box_forget (&snapshot);
    godwit__box_unref (&box);
}

Test (black_box, there_may_be_none)
{
    godwit__box_t *box = NULL;
    godwit__box_snapshot_t snapshot;
    MUST (godwit__box_new (&box, &(godwit__box_options_t){.size = 0}, NULL, &error));
    cr_assert (!box);
    cr_assert (!begin (box, 1));
    godwit__box_note (box, &(godwit__noted_t){.span = 1});
    cr_assert_eq (godwit__box_add_peer (box, (const uint8_t[16]){0}, NULL, 0), 0u);
    cr_assert_eq (godwit__box_add_name (box, &(godwit__box_name_t){.topic = "t"}), 0u);
    godwit__box_tick (box);
    godwit__box_end (box);
    MUST (godwit__box_read (&snapshot, box, &error));
    cr_assert_eq (snapshot.count, 0u);
    godwit__box_forget (&snapshot);
    godwit__box_unref (&box);
}

/* ---- many threads ---- */

enum { THREADS = 4, ROUNDS = 3000 };

static void *
write_many (void *arg)
{
    godwit__box_t *const box = arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        godwit__box_record_t *const record = begin (box, 0x5555555500000000u + i);
        godwit__box_sent (record, 5001, 0);
        finish (box, record, i % 64 ? GODWIT_OK : GODWIT_ERR_TIMEOUT, (int64_t) (i % 7));
        if (i % 64 == 0)
            godwit__box_note (box, &(godwit__noted_t){.span = i, .text = "why"});
    }
    return NULL;
}

Test (black_box, readers_and_writers_do_not_disturb_each_other)
{
    godwit__box_t *box = box_of (64 * 128, true);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, write_many, box), 0);
    for (int i = 0; i < 200; i++) {
        godwit__box_snapshot_t snapshot;
        MUST (godwit__box_read (&snapshot, box, &error));
        for (size_t j = 0; j < snapshot.count; j++) {
            const godwit__box_call_t *const call = &snapshot.calls[j];
            cr_assert_eq (call->span >> 32, 0x55555555u);
            cr_assert_eq (call->at_ns, 5000);
            cr_assert (call->is_running || call->ended_ns <= 6);
        }
        godwit__box_forget (&snapshot);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    godwit__box_unref (&box);
}

/* ---- files ---- */

static size_t
count_files (char first[320])
{
    size_t count = 0;
    DIR *const list = opendir (folder);
    for (const struct dirent *entry; (entry = readdir (list));)
        if (!strncmp (entry->d_name, GODWIT__BOX_FILE, strlen (GODWIT__BOX_FILE)) && count++ == 0 && first)
            snprintf (first, 320, "%s/%s", folder, entry->d_name);
    closedir (list);
    return count;
}

/* A process that dies within a call. Returns when it is dead. */
static void
die_in_a_call (uint64_t span)
{
    const pid_t child = fork ();
    if (child == 0) {
        godwit__box_t *const box = box_of (16 * 128, false);
        begin (box, span);
        godwit__box_tick (box);
        kill (getpid (), SIGKILL);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
}

Test (black_box, a_process_that_was_killed_leaves_what_it_was_running)
{
    char path[320];
    godwit__box_snapshot_t snapshot;
    die_in_a_call (4711);
    cr_assert_eq (count_files (path), 1u);
    MUST (godwit__box_read_file (&snapshot, path, &error));
    cr_assert (found (&snapshot, 4711).is_running);
    cr_assert_eq (atomic_load (&snapshot.head.ended_ns), 0u);
    cr_assert (*snapshot.head.program && *snapshot.head.library);
    struct stat status;
    cr_assert_eq (stat (path, &status), 0);
    cr_assert_eq (status.st_mode & 0777, 0600u);
    godwit__box_forget (&snapshot);
}

Test (black_box, one_that_ends_in_order_leaves_nothing_unless_a_call_failed)
{
    godwit__box_t *box = box_of (16 * 128, false);
    finish (box, begin (box, 1), GODWIT_OK, 1);
    cr_assert_eq (count_files (NULL), 1u);
    godwit__box_end (box);
    godwit__box_unref (&box);
    cr_assert_eq (count_files (NULL), 0u);
    box = box_of (16 * 128, false);
    finish (box, begin (box, 1), GODWIT_ERR_TIMEOUT, 1);
    godwit__box_end (box);
    godwit__box_unref (&box);
    cr_assert_eq (count_files (NULL), 1u);
}

static godwit__folder_t *
open_folder (godwit__folders_t *folders)
{
    godwit__folder_t *opened = NULL;
    MUST (godwit__folders_init (folders, folder, &error));
    MUST (godwit__folders_first (folders, &opened, &error));
    return opened;
}

Test (black_box, the_sixteen_youngest_stay)
{
    godwit__folders_t folders;
    godwit__box_t *living = box_of (16 * 128, false);
    for (uint64_t i = 0; i < 20; i++)
        die_in_a_call (i + 1);
    const godwit__folder_t *const opened = open_folder (&folders);
    godwit__box_files_sweep (opened);
    cr_assert_eq (count_files (NULL), 17u, "%zu files", count_files (NULL));
    cr_assert_eq (godwit__box_files_sweep (opened), 0u);
    godwit__box_end (living);
    godwit__box_unref (&living);
    cr_assert_eq (count_files (NULL), 16u);
    godwit__folders_close (&folders);
}

/* A box whose head says when its process was seen last. */
static void
set_seen (const char *path, time_t at)
{
    const uint64_t ns = (uint64_t) at * 1000000000;
    const int fd = open (path, O_RDWR | O_CLOEXEC);
    cr_assert_eq (pwrite (fd, &ns, sizeof ns, offsetof (godwit__box_head_t, seen_ns)), (ssize_t) sizeof ns);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq (futimens (fd, times), 0);
    close (fd);
}

Test (black_box, what_is_older_than_a_week_goes)
{
    godwit__folders_t folders;
    char path[320];
    const godwit__folder_t *const opened = open_folder (&folders);
    die_in_a_call (1);
    cr_assert_eq (count_files (path), 1u);
    set_seen (path, time (NULL) - 6 * 86400);
    cr_assert_eq (godwit__box_files_sweep (opened), 0u);
    set_seen (path, time (NULL) - 8 * 86400);
    cr_assert_eq (godwit__box_files_sweep (opened), 1u);
    cr_assert_eq (count_files (NULL), 0u);
    godwit__folders_close (&folders);
}

Test (black_box, without_room_it_is_in_memory)
{
    const struct rlimit little = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    char *why = NULL;
    godwit__box_t *box = NULL;
    cr_assert_eq (setrlimit (RLIMIT_FSIZE, &little), 0);
    MUST (godwit__box_new (&box, &(godwit__box_options_t){.size = 131072, .runtime_dir = folder}, &why,
                           &error));
    cr_assert (box && !box->file);
    cr_assert (why && strstr (why, "its file cannot be made"), "%s", why);
    cr_assert_eq (count_files (NULL), 0u);
    finish (box, begin (box, 1), GODWIT_OK, 1);
    free (why);
    godwit__box_unref (&box);
    why = NULL;
    MUST (godwit__box_new (&box, &(godwit__box_options_t){.size = 4096, .runtime_dir = "/proc/nowhere"}, &why,
                           &error));
    cr_assert (box && !box->file && why);
    free (why);
    godwit__box_unref (&box);
}

Test (black_box, what_is_no_box_is_refused)
{
    static _Alignas(64) unsigned char bytes[400000];
    char path[320];
    godwit__box_snapshot_t snapshot;
    godwit_error_t *failure = NULL;
    die_in_a_call (1);
    count_files (path);
    FILE *const file = fopen (path, "rb");
    const size_t size = fread (bytes, 1, sizeof bytes, file);
    fclose (file);
    MUST (godwit__box_read_bytes (&snapshot, bytes, size, &error));
    godwit__box_forget (&snapshot);
    cr_assert_eq (godwit__box_read_bytes (&snapshot, bytes, size - 1, &failure), GODWIT_ERR_MALFORMED);
    godwit_error_destroy (&failure);
    cr_assert_eq (godwit__box_read_bytes (&snapshot, bytes, 7, &failure), GODWIT_ERR_MALFORMED);
    godwit_error_destroy (&failure);
    for (size_t at = 0; at < offsetof (godwit__box_head_t, monotonic_ns); at += 8) {
        uint64_t kept;
        memcpy (&kept, bytes + at, sizeof kept);
        memset (bytes + at, 0xff, sizeof kept);
        cr_assert_eq (godwit__box_read_bytes (&snapshot, bytes, size, NULL), GODWIT_ERR_MALFORMED, "%zu", at);
        memcpy (bytes + at, &kept, sizeof kept);
    }
    cr_assert_eq (godwit__box_read_file (&snapshot, folder, NULL), GODWIT_ERR_MALFORMED);
    cr_assert_eq (godwit__box_read_file (&snapshot, "/tmp/no such file", NULL), GODWIT_ERR_SYSTEM);
}

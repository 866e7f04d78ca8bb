/* SPDX-License-Identifier: Apache-2.0 */
/* The spool beside raw SQLite: rows of the same size, 64 a transaction, in turns. The spool's half also
 * settles every item, and so deletes it.
 *
 *     spool FOLDER [--seconds N] [--size BYTES] [--threads N]
 *
 * With threads, each appends one item at a time, and what comes together is one transaction. The last lines
 * are "ratio NAME VALUE goal GOAL met|not met". */
#include <godwit/sqlite_spool.h>

#include <argp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define TURNS 10
#define GOAL 0.7

typedef struct settings {
    const char *folder;
    double seconds; /* for each half of each level */
    size_t size;
    int threads;
} settings_t;

static settings_t settings = {NULL, 5, 300, 0};
static char item[1 << 20];

static double
now (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void
must (int is_good, const char *what)
{
    if (!is_good) {
        fprintf (stderr, "spool: %s\n", what);
        exit (1);
    }
}

static void
remove_files (const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    char name[4096];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf (name, sizeof name, "%s%s", path, suffixes[i]);
        unlink (name);
    }
}

/* ---- raw SQLite ---- */

typedef struct raw {
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *insert;
} raw_t;

static void
raw_open (raw_t *raw, godwit_spool_level_t level)
{
    snprintf (raw->path, sizeof raw->path, "%s/raw.db", settings.folder);
    remove_files (raw->path);
    must (sqlite3_open (raw->path, &raw->db) == SQLITE_OK, "sqlite3_open");
    sqlite3_exec (raw->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    sqlite3_exec (raw->db,
                  level == GODWIT_SPOOL_POWER ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL,
                  NULL, NULL);
    must (sqlite3_exec (raw->db, "CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB)", NULL, NULL,
                        NULL) == SQLITE_OK,
          "CREATE TABLE");
    must (sqlite3_prepare_v2 (raw->db, "INSERT INTO items (data) VALUES (?1)", -1, &raw->insert, NULL) ==
              SQLITE_OK,
          "prepare");
}

static double
raw_turn (raw_t *raw, double seconds)
{
    const double begin = now ();
    long count = 0;
    while (now () - begin < seconds) {
        sqlite3_exec (raw->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        for (int i = 0; i < BATCH; i++) {
            sqlite3_bind_blob (raw->insert, 1, item, (int) settings.size, SQLITE_STATIC);
            must (sqlite3_step (raw->insert) == SQLITE_DONE, "INSERT");
            sqlite3_reset (raw->insert);
        }
        must (sqlite3_exec (raw->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "COMMIT");
        count += BATCH;
    }
    return (double) count / (now () - begin);
}

static void
raw_close (raw_t *raw)
{
    sqlite3_finalize (raw->insert);
    sqlite3_close (raw->db);
    remove_files (raw->path);
}

/* ---- the spool ---- */

typedef struct half {
    char path[4096];
    godwit_spool_t *spool;
    atomic_bool is_over;
    atomic_long count;
} half_t;

static void
check (godwit_status_t status, godwit_error_t *error)
{
    must (status == GODWIT_OK, godwit_error_print (error));
}

static void
spool_open (half_t *half, godwit_spool_level_t level)
{
    godwit_error_t *error = NULL;
    snprintf (half->path, sizeof half->path, "%s/bench.spool", settings.folder);
    remove_files (half->path);
    check (godwit_sqlite_spool_open (&half->spool, half->path, GODWIT_SQLITE_SPOOL_OPTIONS (.level = level),
                                     &error),
           error);
    check (half->spool->ops->set_pool (half->spool, "notifications.info", "audit", 0, 0, &error), error);
}

/* As a listener would, a few batches later. */
static void
settle (half_t *half, uint64_t first, uint64_t count)
{
    godwit_error_t *error = NULL;
    check (half->spool->ops->settle (half->spool, "notifications.info", "audit", first, count, &error),
           error);
}

static void
append (half_t *half, godwit_spool_item_t *items, size_t count)
{
    godwit_error_t *error = NULL;
    check (half->spool->ops->append (half->spool, items, count, NULL, NULL, &error), error);
    settle (half, items[0].number, count);
    atomic_fetch_add (&half->count, (long) count);
}

static void *
append_one_by_one (void *user)
{
    half_t *const half = user;
    while (!atomic_load (&half->is_over)) {
        godwit_spool_item_t one = {.stream = "notifications.info", .data = item, .size = settings.size};
        append (half, &one, 1);
    }
    return NULL;
}

static void
append_with_threads (half_t *half, double seconds)
{
    pthread_t threads[1024];
    atomic_store (&half->is_over, false);
    for (int i = 0; i < settings.threads; i++)
        must (pthread_create (&threads[i], NULL, append_one_by_one, half) == 0, "pthread_create");
    const struct timespec pause = {(time_t) seconds, (long) ((seconds - (double) (time_t) seconds) * 1e9)};
    nanosleep (&pause, NULL);
    atomic_store (&half->is_over, true);
    for (int i = 0; i < settings.threads; i++)
        pthread_join (threads[i], NULL);
}

static double
spool_turn (half_t *half, double seconds)
{
    godwit_spool_item_t items[BATCH];
    const double begin = now ();
    atomic_store (&half->count, 0);
    if (settings.threads)
        append_with_threads (half, seconds);
    else
        while (now () - begin < seconds) {
            for (int i = 0; i < BATCH; i++)
                items[i] = (godwit_spool_item_t){
                    .stream = "notifications.info", .data = item, .size = settings.size};
            append (half, items, BATCH);
        }
    return (double) atomic_load (&half->count) / (now () - begin);
}

static void
spool_close (half_t *half)
{
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (half->spool, &stats, sizeof stats);
    printf ("    spool: %llu transactions, %.1f items each; %llu KiB of files\n",
            (unsigned long long) stats.commits, (double) stats.appended / (double) stats.commits,
            (unsigned long long) stats.file_size / 1024);
    godwit_sqlite_spool_close (&half->spool);
    remove_files (half->path);
}

/* ---- both ---- */

static int
compare (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double
median (double *values)
{
    qsort (values, TURNS, sizeof *values, compare);
    return (values[TURNS / 2 - 1] + values[TURNS / 2]) / 2;
}

static int
run (const char *name, godwit_spool_level_t level)
{
    static half_t half;
    raw_t raw;
    double rates_raw[TURNS], rates_spool[TURNS];
    raw_open (&raw, level);
    spool_open (&half, level);
    for (int i = 0; i < TURNS; i++) {
        rates_raw[i] = raw_turn (&raw, settings.seconds / TURNS);
        rates_spool[i] = spool_turn (&half, settings.seconds / TURNS);
    }
    const double of_raw = median (rates_raw), of_spool = median (rates_spool), ratio = of_spool / of_raw;
    printf ("%s: %zu bytes; raw SQLite %.0f rows/s (%.0f to %.0f), spool %.0f items/s (%.0f to %.0f)\n", name,
            settings.size, of_raw, rates_raw[0], rates_raw[TURNS - 1], of_spool, rates_spool[0],
            rates_spool[TURNS - 1]);
    raw_close (&raw);
    spool_close (&half);
    printf ("ratio %s %.2f goal %.2f %s\n", name, ratio, GOAL, ratio >= GOAL ? "met" : "not met");
    return ratio >= GOAL;
}

enum { KEY_SECONDS = 0x100, KEY_SIZE, KEY_THREADS };

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    switch (key) {
    case KEY_SECONDS:
        settings.seconds = atof (text);
        return 0;
    case KEY_SIZE:
        settings.size = strtoul (text, NULL, 10);
        if (settings.size > sizeof item)
            argp_error (state, "--size: expected at most %zu", sizeof item);
        return 0;
    case KEY_THREADS:
        settings.threads = atoi (text);
        if (settings.threads < 0 || settings.threads > 1024)
            argp_error (state, "--threads: expected 0 to 1024");
        return 0;
    case ARGP_KEY_ARG:
        settings.folder = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "a folder is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seconds", KEY_SECONDS, "N", 0, "How long each half of each level runs (5)", 0},
        {"size", KEY_SIZE, "BYTES", 0, "Of an item (300)", 0},
        {"threads", KEY_THREADS, "N", 0, "That append one item at a time; without: one that appends 64", 0},
        {NULL, 0, NULL, 0, NULL, 0}};
    static const struct argp argp = {.options = options,
                                     .parser = on_option,
                                     .args_doc = "FOLDER",
                                     .doc = "The spool beside raw SQLite, in files in FOLDER."};
    argp_parse (&argp, argc, argv, 0, NULL, NULL);
    memset (item, 'x', sizeof item);
    run ("spool_power", GODWIT_SPOOL_POWER);
    run ("spool_process", GODWIT_SPOOL_PROCESS);
    return 0;
}

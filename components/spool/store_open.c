/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the file: is it a spool, of this format, and whole; and what SQLite's failures mean. */
#include "components/spool/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_WAIT_MS 5000 /* another program, such as sqlite3, has locked the file */
#define WAL_HEAD_SIZE 32
#define DO(text_) text_ ";"

/* The tables, by name, as SQLite keeps their text. A file with anything else in it is not opened: a trigger
 * of somebody else's would run. */
static const struct {
    const char *name;
    const char *sql;
} tables[] = {
    {"items", "CREATE TABLE items (id INTEGER PRIMARY KEY, count INTEGER NOT NULL, at_ms INTEGER NOT NULL, "
              "data BLOB NOT NULL)"},
    {"pools", "CREATE TABLE pools (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, name TEXT NOT NULL, "
              "settled INTEGER NOT NULL, settled_above BLOB NOT NULL, seen_ms INTEGER NOT NULL, "
              "sum INTEGER NOT NULL)"},
    {"spool", "CREATE TABLE spool (id INTEGER PRIMARY KEY, failures INTEGER NOT NULL)"},
    {"streams", "CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, last INTEGER NOT NULL, "
                "items INTEGER NOT NULL, bytes INTEGER NOT NULL, gone_to INTEGER NOT NULL, "
                "gone_above BLOB NOT NULL, sum INTEGER NOT NULL)"},
};
#define TABLE_COUNT (sizeof tables / sizeof *tables)

/* ---- what failures mean ---- */

godwit_status_t
godwit__store_damaged (const char *path, const char *what, godwit__problem_t *problem)
{
    return godwit__spool_problem (
        problem, GODWIT_ERR_MALFORMED,
        "the spool %s is damaged: %s. End the program, then `godwit spool repair %s` "
        "saves what can be read",
        path, what, path);
}

static godwit_status_t
system_problem (const godwit__store_t *store, const char *doing, const char *hint, godwit__problem_t *problem)
{
    const int number = store->db ? sqlite3_system_errno (store->db) : 0;
    return godwit__spool_problem (problem, GODWIT_ERR_SYSTEM, "the spool %s: cannot %s: %s%s%s: %s",
                                  store->path, doing,
                                  store->db ? sqlite3_errmsg (store->db) : "no connection",
                                  number ? ", " : "", number ? strerror (number) : "", hint);
}

godwit_status_t
godwit__store_problem (const godwit__store_t *store, const char *doing, godwit__problem_t *problem)
{
    char text[256];
    if (!store->db)
        return godwit__spool_problem (
            problem, GODWIT_ERR_SYSTEM,
            "the spool %s: cannot %s: the disk has failed, and the file could not be "
            "opened anew: look into the log of the system",
            store->path, doing);
    int code = sqlite3_extended_errcode (store->db);
    if (code == SQLITE_ERROR && strcmp (sqlite3_errmsg (store->db), "unsupported file format") == 0)
        code = SQLITE_CORRUPT; /* SQLite has none for a head that says so */
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: cannot %s: out of memory",
                               store->path, doing);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* a row is there that should not be */
    case SQLITE_MISMATCH:
        snprintf (text, sizeof text, "cannot %s: %s", doing, sqlite3_errmsg (store->db));
        godwit__store_damaged (store->path, text, problem);
        break;
    case SQLITE_FULL:
        system_problem (store, doing, "the disk is full: make room on it, then try again", problem);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        system_problem (store, doing, "another program has locked the file: end it, then try again", problem);
        break;
    case SQLITE_IOERR:
        system_problem (store, doing, "the disk fails: look into the log of the system", problem);
        break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        system_problem (store, doing, "expected a file, in a folder, that this user can write", problem);
        break;
    default:
        system_problem (store, doing, "SQLite refuses", problem);
        break;
    }
    problem->code = code;
    return problem->status;
}

godwit_status_t
godwit__store_run (const godwit__store_t *store, const char *sql, const char *doing,
                   godwit__problem_t *problem)
{
    return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? GODWIT_OK
               : godwit__store_problem (store, doing, problem);
}

godwit_status_t
godwit__store_number (const godwit__store_t *store, const char *sql, int64_t *number,
                      godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    *number = 0;
    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step (statement) == SQLITE_ROW)
        *number = sqlite3_column_int64 (statement, 0);
    const bool is_good = statement && sqlite3_finalize (statement) == SQLITE_OK;
    return is_good ? GODWIT_OK : godwit__store_problem (store, "read its head", problem);
}

/* The first text that a statement returns is compared with what is expected. */
static godwit_status_t
expect_text (const godwit__store_t *store, const char *sql, const char *expected, const char *doing,
             char *text, size_t size, godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    text[0] = '\0';
    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step (statement) == SQLITE_ROW) {
        const char *const found = (const char *) sqlite3_column_text (statement, 0);
        if (found)
            snprintf (text, size, "%s", found);
        else if (sqlite3_errcode (store->db) == SQLITE_NOMEM) {
            sqlite3_finalize (statement);
            return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                          store->path);
        }
    }
    if (!statement || sqlite3_finalize (statement) != SQLITE_OK)
        return godwit__store_problem (store, doing, problem);
    return strcmp (text, expected) == 0 ? GODWIT_OK : GODWIT_ERR_FAILED;
}

godwit_status_t
godwit__store_check (const godwit__store_t *store, godwit__problem_t *problem)
{
    char text[256];
    const godwit_status_t status =
        expect_text (store, "PRAGMA quick_check(1)", "ok", "check the file", text, sizeof text, problem);
    for (char *at = text; (at = strchr (at, '\n'));)
        *at = ' ';
    return status == GODWIT_ERR_FAILED ? godwit__store_damaged (store->path, text, problem) : status;
}

/* ---- opening ---- */

static godwit_status_t
make_tables (const godwit__store_t *store, godwit__problem_t *problem)
{
    char last[128];
    godwit_status_t status = godwit__store_run (
        store, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE", "begin the file", problem);
    for (size_t i = 0; i < TABLE_COUNT && !status; i++)
        status = godwit__store_run (store, tables[i].sql, "make its tables", problem);
    snprintf (last, sizeof last,
              "INSERT INTO spool VALUES (1, 0); PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
              GODWIT__SPOOL_APPLICATION, GODWIT__SPOOL_FORMAT);
    return status ? status : godwit__store_run (store, last, "make its tables", problem);
}

static godwit_status_t
check_tables (const godwit__store_t *store, godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    size_t count = 0;
    bool good = true, is_short = false;
    int code = sqlite3_prepare_v2 (store->db, "SELECT name, sql FROM sqlite_schema ORDER BY name", -1,
                                   &statement, NULL);
    while (code == SQLITE_OK && sqlite3_step (statement) == SQLITE_ROW) {
        const char *const name = (const char *) sqlite3_column_text (statement, 0);
        const char *const sql = (const char *) sqlite3_column_text (statement, 1);
        good = good && count < TABLE_COUNT && name && sql && strcmp (name, tables[count].name) == 0 &&
               strcmp (sql, tables[count].sql) == 0;
        is_short = is_short || sqlite3_errcode (store->db) == SQLITE_NOMEM;
        count++;
    }
    if (statement) /* else it could not be prepared */
        code = sqlite3_finalize (statement);
    if (is_short)
        return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                      store->path);
    if (code != SQLITE_OK)
        return godwit__store_problem (store, "read its tables", problem);
    return good && count == TABLE_COUNT
               ? GODWIT_OK
               : godwit__store_damaged (store->path, "its tables are not those of a spool", problem);
}

bool
godwit__store_has_tables (const godwit__store_t *store)
{
    godwit__problem_t ignored = {0};
    return check_tables (store, &ignored) == GODWIT_OK;
}

/* A file that SQLite has just made, or that a crash has left before its tables were there. */
static godwit_status_t
is_new (const godwit__store_t *store, bool *result, godwit__problem_t *problem)
{
    static const char *const numbers[] = {"PRAGMA application_id", "PRAGMA user_version",
                                          "SELECT count(*) FROM sqlite_schema"};
    godwit_status_t status = GODWIT_OK;
    int64_t number = 0;
    *result = true;
    for (size_t i = 0; i < 3 && !status; i++) {
        status = godwit__store_number (store, numbers[i], &number, problem);
        *result = *result && number == 0;
    }
    return status;
}

static godwit_status_t
check_format (const godwit__store_t *store, godwit__problem_t *problem)
{
    int64_t application, format;
    if (godwit__store_number (store, "PRAGMA application_id", &application, problem) ||
        godwit__store_number (store, "PRAGMA user_version", &format, problem))
        return problem->status;
    if (application != GODWIT__SPOOL_APPLICATION) {
        godwit__spool_problem (problem, GODWIT_ERR_MALFORMED,
                               "%s is no spool: expected an SQLite file of application %x, got %" PRIx64
                               ": give the path of a spool, or of a file that is not there yet",
                               store->path, GODWIT__SPOOL_APPLICATION, application);
        problem->code = GODWIT__STORE_FOREIGN;
        return problem->status;
    }
    if (format > GODWIT__SPOOL_FORMAT) {
        godwit__spool_problem (problem, GODWIT_ERR_MALFORMED,
                               "the spool %s has format %" PRId64
                               ", and this library knows formats up to %d: "
                               "install the Godwit that wrote it, or a newer one",
                               store->path, format, GODWIT__SPOOL_FORMAT);
        problem->code = GODWIT__STORE_FOREIGN;
        return problem->status;
    }
    if (format != GODWIT__SPOOL_FORMAT)
        return godwit__store_damaged (store->path, "its format is unknown", problem);
    return check_tables (store, problem);
}

/* The settings of a connection. The file's freed pages are not overwritten (docs/spool.md says so), as that
 * would double what is written. */
static godwit_status_t
set_up (const godwit__store_t *store, godwit__store_mode_t mode, bool is_full, godwit__problem_t *problem)
{
    sqlite3_extended_result_codes (store->db, 1);
    sqlite3_busy_timeout (store->db,
                          mode == GODWIT__STORE_EXCLUSIVE ? 0 : BUSY_WAIT_MS); /* appends wait for it */
    godwit_status_t status = GODWIT_OK;
    if (mode == GODWIT__STORE_EXCLUSIVE)
        status = godwit__store_run (store, "PRAGMA locking_mode=EXCLUSIVE", "lock it", problem);
    if (status)
        return status;
    return godwit__store_run (store,
                              is_full ? DO ("PRAGMA synchronous=FULL") DO ("PRAGMA secure_delete=OFF")
                                      : DO ("PRAGMA synchronous=NORMAL") DO ("PRAGMA secure_delete=OFF"),
                              "set it up", problem) ||
                   godwit__store_run (store,
                                      DO ("PRAGMA temp_store=MEMORY") DO ("PRAGMA mmap_size=0")
                                          DO ("PRAGMA trusted_schema=OFF") DO ("PRAGMA cell_size_check=ON")
                                              DO ("PRAGMA wal_autocheckpoint=0")
                                                  DO ("PRAGMA journal_size_limit=16777216"),
                                      "set it up", problem)
               ? problem->status
               : GODWIT_OK;
}

static godwit_status_t
open_file (godwit__store_t *store, const char *vfs, godwit__store_mode_t mode, bool is_full,
           godwit__problem_t *problem)
{
    const int flags =
        (mode == GODWIT__STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
        SQLITE_OPEN_NOMUTEX;
    const int code = sqlite3_open_v2 (store->path, &store->db, flags, vfs);
    if (!store->db)
        return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                      store->path);
    if (code != SQLITE_OK)
        return godwit__store_problem (store, "open it", problem);
    godwit_status_t status = set_up (store, mode, is_full, problem);
    if (mode == GODWIT__STORE_SALVAGE)
        return status;
    bool makes_tables = false;
    if (!status && mode != GODWIT__STORE_READ)
        status = is_new (store, &makes_tables, problem);
    if (!status && makes_tables)
        status = make_tables (store, problem);
    if (!status)
        status = check_format (store, problem);
    if (status || mode == GODWIT__STORE_READ)
        return status;
    char text[64];
    status = expect_text (store, "PRAGMA journal_mode=WAL", "wal", "set it up", text, sizeof text, problem);
    return status == GODWIT_ERR_FAILED
               ? godwit__spool_problem (
                     problem, GODWIT_ERR_SYSTEM,
                     "the spool %s: its file system cannot be used (SQLite's journal is \"%s\", "
                     "expected \"wal\"): put it on a local disk",
                     store->path, text)
               : status;
}

/* SQLite takes a file without a byte for a new one, and deletes its WAL, with all that is in there. A WAL
 * that has only its head, of 32 bytes, holds nothing. */
static godwit_status_t
check_not_emptied (const char *path, godwit__problem_t *problem)
{
    char wal[PATH_MAX], text[PATH_MAX + 128];
    struct stat file, of_wal;
    if (snprintf (wal, sizeof wal, "%s-wal", path) >= (int) sizeof wal || stat (path, &file) < 0 ||
        file.st_size > 0 || stat (wal, &of_wal) < 0 || of_wal.st_size <= WAL_HEAD_SIZE)
        return GODWIT_OK;
    snprintf (text, sizeof text, "it is empty, and %s has %lld bytes", wal, (long long) of_wal.st_size);
    return godwit__store_damaged (path, text, problem);
}

godwit_status_t
godwit__store_open (godwit__store_t *store, const char *path, const char *vfs, godwit__store_mode_t mode,
                    bool is_full, godwit__problem_t *problem)
{
    *store = (godwit__store_t){.path = path};
    godwit_status_t status = mode == GODWIT__STORE_SALVAGE ? GODWIT_OK : check_not_emptied (path, problem);
    if (!status)
        status = open_file (store, vfs, mode, is_full, problem);
    if (status)
        godwit__store_close (store, false);
    return status;
}

void
godwit__store_close (godwit__store_t *store, bool with_checkpoint)
{
    for (size_t i = 0; i < GODWIT__STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize (store->statements[i]);
        store->statements[i] = NULL;
    }
    if (store->db && !with_checkpoint)
        sqlite3_db_config (store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close (store->db);
    store->db = NULL;
}

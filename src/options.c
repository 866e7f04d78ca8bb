#include "src/options.h"

#include "src/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind {
    KIND_TEXT,
    KIND_INT,
    KIND_INT64,
    KIND_SIZE,
    KIND_BOOL,
    KIND_PATHS,
    KIND_ELSEWHERE
} kind_t;

/* Numbers: default and the least and largest that are accepted. */
typedef struct row {
    const char *name;
    kind_t kind;
    size_t offset;
    int64_t normal;
    int64_t least;
    int64_t most;
} row_t;

#define AT(member) offsetof (godwit_transport_options_t, member)
#define DAY_MS INT64_C (86400000)

static const row_t rows[] = {
    {"control_exchange", KIND_TEXT, AT (control_exchange), 0, 0, 0},
    {"rpc_response_timeout_ms", KIND_INT64, AT (rpc_response_timeout_ms), 60000, 1, 365 * DAY_MS},
    {"external_loop", KIND_BOOL, AT (external_loop), 0, 0, 1},
    {"host", KIND_TEXT, AT (host), 0, 0, 0},
    {"max_message_size", KIND_SIZE, AT (max_message_size), 64 << 20, 4096, INT64_C (1) << 31},
    {"queue_limit", KIND_INT, AT (queue_limit), 10000, 1, 1000000},
    {"worker_limit", KIND_INT, AT (worker_limit), 256, 2, 4096},
    {"connect_timeout_ms", KIND_INT64, AT (connect_timeout_ms), 2000, 1, DAY_MS},
    {"heartbeat_ms", KIND_INT64, AT (heartbeat_ms), 500, 1, DAY_MS},
    {"heartbeat_timeout_ms", KIND_INT64, AT (heartbeat_timeout_ms), 2000, 1, DAY_MS},
    {"idle_timeout_ms", KIND_INT64, AT (idle_timeout_ms), 300000, 1, 365 * DAY_MS},
    {"refresh_ms", KIND_INT64, AT (refresh_ms), 5000, 10, DAY_MS},
    {"port", KIND_INT, AT (port), 0, 0, 65535},
    {"allowed_remote_exmods", KIND_TEXT, AT (allowed_remote_exmods), 0, 0, 0},
    {"rpc_ping_enabled", KIND_BOOL, AT (rpc_ping_enabled), 0, 0, 1},
    {"executor_thread_pool_size", KIND_INT, AT (executor_thread_pool_size), 64, 1, 100000},
    {"paths", KIND_PATHS, 0, 0, 0, 0},
    /* Read by the matchmakers, which check them. */
    {"static", KIND_ELSEWHERE, 0, 0, 0, 0},
    {"static_file", KIND_ELSEWHERE, 0, 0, 0, 0},
    {"host_rendezvous", KIND_ELSEWHERE, 0, 0, 0, 0},
};

static const row_t *
find_row (const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strcmp (rows[i].name, name))
            return &rows[i];
    return NULL;
}

static int64_t
get_number (const godwit_transport_options_t *options, const row_t *row)
{
    const char *at = (const char *) options + row->offset;
    if (row->kind == KIND_INT) {
        int value;
        memcpy (&value, at, sizeof value);
        return value;
    }
    if (row->kind == KIND_SIZE) {
        size_t value;
        memcpy (&value, at, sizeof value);
        return value > INT64_MAX ? INT64_MAX : (int64_t) value;
    }
    int64_t value;
    memcpy (&value, at, sizeof value);
    return value;
}

static void
set_number (godwit_transport_options_t *options, const row_t *row, int64_t number)
{
    char *at = (char *) options + row->offset;
    if (row->kind == KIND_INT)
        memcpy (at, &(int){(int) number}, sizeof (int));
    else if (row->kind == KIND_SIZE)
        memcpy (at, &(size_t){(size_t) number}, sizeof (size_t));
    else if (row->kind == KIND_BOOL)
        memcpy (at, &(bool){number != 0}, sizeof (bool));
    else
        memcpy (at, &number, sizeof number);
}

static bool
is_number (const row_t *row)
{
    return row->kind == KIND_INT || row->kind == KIND_INT64 || row->kind == KIND_SIZE;
}

static godwit_status_t
check_number (const row_t *row, int64_t number, const char *where, godwit_error_t **error)
{
    if (number >= row->least && number <= row->most)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "Option %s (%s): expected a number from %lld to %lld, got %lld", row->name,
                              where, (long long) row->least, (long long) row->most, (long long) number);
}

/* ---- the query ---- */

static bool
parse_bool (const char *text, int64_t *number)
{
    static const char *const yes[] = {"true", "True", "1", "yes"};
    static const char *const no[] = {"false", "False", "0", "no"};
    for (size_t i = 0; i < 4; i++) {
        if (!strcmp (text, yes[i]) || !strcmp (text, no[i])) {
            *number = !strcmp (text, yes[i]);
            return true;
        }
    }
    return false;
}

unsigned
godwit__path_of (const char *address)
{
    return !strncmp (address, "inproc:", 7) ? GODWIT__PATH_INPROC
           : !strncmp (address, "ipc:", 4)  ? GODWIT__PATH_IPC
           : !strncmp (address, "tcp:", 4)  ? GODWIT__PATH_TCP
           : !strncmp (address, "sim:", 4)  ? GODWIT__PATH_TCP
                                            : 0;
}

static godwit_status_t
parse_paths (const char *text, unsigned *paths, godwit_error_t **error)
{
    unsigned found = 0;
    for (const char *at = text; *at;) {
        const size_t size = strcspn (at, ",");
        char word[8] = "";
        if (size < sizeof word - 1) {
            memcpy (word, at, size);
            word[size] = ':';
        }
        const unsigned path = godwit__path_of (word);
        if (!path)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "Option paths (URL): expected a list of inproc, ipc, tcp, got \"%s\"",
                                      text);
        found |= path;
        at += size + (at[size] == ',');
    }
    *paths = found ? found : GODWIT__PATH_ALL;
    return GODWIT_OK;
}

static godwit_status_t
apply_query (godwit_transport_options_t *options, unsigned *paths, const char *key, const char *text,
             godwit_error_t **error)
{
    const row_t *row = find_row (key);
    if (!row)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Option %s (URL): there is no such option", key);
    int64_t number = 0;
    if (row->kind == KIND_ELSEWHERE)
        return GODWIT_OK;
    if (row->kind == KIND_PATHS)
        return parse_paths (text, paths, error);
    if (row->kind == KIND_TEXT) {
        memcpy ((char *) options + row->offset, &text, sizeof text);
        return GODWIT_OK;
    }
    if (row->kind == KIND_BOOL) {
        if (!parse_bool (text, &number))
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "Option %s (URL): expected true or false, got \"%s\"", key, text);
    } else {
        char *end = NULL;
        errno = 0;
        number = strtoll (text, &end, 10);
        if (errno || end == text || *end)
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "Option %s (URL): expected a number, got \"%s\"", key, text);
        const godwit_status_t status = check_number (row, number, "URL", error);
        if (status)
            return status;
    }
    set_number (options, row, number);
    return GODWIT_OK;
}

godwit_status_t
godwit__options_settle (godwit_transport_options_t *options, unsigned *paths,
                        const godwit_transport_options_t *given, const godwit_url_t *url,
                        godwit_error_t **error)
{
    memset (options, 0, sizeof *options);
    *paths = GODWIT__PATH_ALL;
    if (given)
        memcpy (options, given, given->struct_size < sizeof *options ? given->struct_size : sizeof *options);
    options->struct_size = sizeof *options;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is_number (&rows[i]))
            continue;
        if (get_number (options, &rows[i]) == 0)
            set_number (options, &rows[i], rows[i].normal);
        const godwit_status_t status =
            check_number (&rows[i], get_number (options, &rows[i]), "struct", error);
        if (status)
            return status;
    }
    for (size_t i = 0; i < godwit_url_query_count (url); i++) {
        const godwit_status_t status = apply_query (options, paths, godwit_url_query_key (url, i),
                                                    godwit_url_query_value (url, i), error);
        if (status)
            return status;
    }
    if (!options->control_exchange)
        options->control_exchange = "godwit";
    return GODWIT_OK;
}

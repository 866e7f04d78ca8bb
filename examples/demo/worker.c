/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of the demo: reads files and hashes them. The coordinator starts it. */
#include <godwit/godwit.h>

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_SIZE 64
#define CHUNK_SIZE 65536

struct worker {
    const char *url;
    const char *name;
    pid_t parent;
    atomic_int_least64_t files;
    atomic_int_least64_t bytes;
    atomic_int_least64_t failures;
    atomic_int_least64_t runs_opened;
    atomic_int_least64_t runs_closed;
};

/* ---- hashing ---- */

static godwit_error_t *
file_error (const char *what)
{
    const int number = errno;
    char text[128];
    return godwit_error_new_typed ("godwit.demo", "FileError", "%s: %s", what,
                                   strerror_r (number, text, sizeof text));
}

/* A part of the file at a time, whatever its size. NULL on success. */
static godwit_error_t *
hash_file (const godwit_request_t *request, int fd, uint8_t hash[HASH_SIZE], int64_t *bytes)
{
    crypto_generichash_state state;
    uint8_t chunk[CHUNK_SIZE];
    crypto_generichash_init (&state, NULL, 0, HASH_SIZE);
    for (;;) {
        const ssize_t size = read (fd, chunk, sizeof chunk);
        if (size == 0)
            break;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return file_error ("read");
        crypto_generichash_update (&state, chunk, (unsigned long long) size);
        *bytes += size;
        if (godwit_request_remaining_ms (request) == GODWIT_TIMEOUT_ZERO)
            return godwit_error_new (GODWIT_ERR_CANCELLED, "the caller's time is spent");
    }
    crypto_generichash_final (&state, hash, HASH_SIZE);
    return NULL;
}

struct hash_args {
    godwit_bytes_t path; /* a file name may hold any byte but NUL and is not always UTF-8 */
};

static const godwit_slot_t hash_slots[] = {GODWIT_SLOT (struct hash_args, path)};

static godwit_status_t
hash (godwit_request_t *request, void *self)
{
    struct worker *worker = self;
    const struct hash_args *args = godwit_request_params (request);
    godwit_error_t *error = NULL;
    uint8_t digest[HASH_SIZE];
    int64_t bytes = 0;
    struct stat status;
    char *path = strndup (args->path.data, args->path.size);
    const int fd = path ? open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    free (path);
    if (fd < 0 || fstat (fd, &status) != 0)
        error = file_error ("open");
    else if (!S_ISREG (status.st_mode))
        error = godwit_error_new_typed ("godwit.demo", "FileError", "not a regular file any more");
    else
        error = hash_file (request, fd, digest, &bytes);
    if (fd >= 0)
        close (fd);
    if (error) {
        atomic_fetch_add (&worker->failures, 1);
        return godwit_request_fail (request, &error);
    }
    atomic_fetch_add (&worker->files, 1);
    atomic_fetch_add (&worker->bytes, bytes);
    return godwit_request_reply (request, GODWIT_MAP (NULL, GODWIT_STR ("worker", worker->name),
                                                      GODWIT_BIN ("hash", digest, HASH_SIZE),
                                                      GODWIT_INT ("bytes", bytes)));
}

/* ---- the rest of the interface ---- */

static godwit_status_t
run_opened (godwit_request_t *request, void *self)
{
    (void) request;
    atomic_fetch_add (&((struct worker *) self)->runs_opened, 1);
    return GODWIT_OK;
}

static godwit_status_t
run_closed (godwit_request_t *request, void *self)
{
    (void) request;
    atomic_fetch_add (&((struct worker *) self)->runs_closed, 1);
    return GODWIT_OK;
}

static godwit_status_t
statistics (godwit_request_t *request, void *self)
{
    struct worker *worker = self;
    return godwit_request_reply (
        request, GODWIT_MAP (NULL, GODWIT_STR ("worker", worker->name), GODWIT_INT ("pid", getpid ()),
                             GODWIT_INT ("files", atomic_load (&worker->files)),
                             GODWIT_INT ("bytes", atomic_load (&worker->bytes)),
                             GODWIT_INT ("failures", atomic_load (&worker->failures)),
                             GODWIT_INT ("runs_opened", atomic_load (&worker->runs_opened)),
                             GODWIT_INT ("runs_closed", atomic_load (&worker->runs_closed))));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("hash", hash, struct hash_args, hash_slots, 0),
    GODWIT_METHOD ("run_opened", run_opened, 0),
    GODWIT_METHOD ("run_closed", run_closed, 0),
    GODWIT_METHOD ("statistics", statistics, 0),
};

/* ---- the process ---- */

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct worker *worker = state->input;
    switch (key) {
    case 'u':
        worker->url = text;
        return 0;
    case 'p':
        worker->parent = (pid_t) strtol (text, NULL, 10);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_usage (state);
        worker->name = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (zmq://)"},
        {.name = "parent", .key = 'p', .arg = "PID", .doc = "Ends when this process, its parent, does"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .args_doc = "NAME", .doc = "A worker of the demo."};
    struct worker worker = {.url = "zmq://"};
    argp_parse (&parser, argc, argv, 0, NULL, &worker);

    if (worker.parent) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (getppid () != worker.parent) /* it was faster */
            return EXIT_FAILURE;
    }
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (sodium_init () >= 0 &&
        godwit_transport_new (
            &transport, worker.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "hasher", .server = worker.name),
                           &GODWIT_ENDPOINT (methods, .version = "1.0", .self = &worker), 1, NULL,
                           &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "%s: %s\n", worker.name,
                 error ? godwit_error_print (error) : "libsodium does not start");
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}

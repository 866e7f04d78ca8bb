/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down all that happens in the shop: each notification is a line of a file, and each is there once.
 *
 * A batch is written, and brought to the disk, before it is acknowledged. So what was acknowledged is in the
 * file whatever happens to the auditor. What was written and not acknowledged comes again: the auditor knows
 * it by its message_id, which it reads from the file when it starts. */
#include <godwit/godwit.h>
#include <godwit/listener.h>

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_EACH 250

struct auditor {
    const char *path;
    FILE *file;
    void *ids; /* a tree of the message_ids in the file */
    unsigned long count, duplicates;
};

/* ---- the file: MESSAGE_ID PUBLISHER NUMBER EVENT_TYPE ---- */

static int
compare_ids (const void *a, const void *b)
{
    return strcmp (a, b);
}

static bool
knows (const struct auditor *self, const char *id)
{
    return tfind (id, &self->ids, compare_ids) != NULL;
}

static bool
learn (struct auditor *self, const char *id)
{
    char *copy = strdup (id);
    if (copy && tsearch (copy, &self->ids, compare_ids)) {
        self->count++;
        return true;
    }
    free (copy);
    return false;
}

/* Reads what is there. The last line may be half of one: the auditor was killed while it wrote. It was not
 * acknowledged, and comes again. */
static bool
open_file (struct auditor *self)
{
    char line[512], id[64];
    long whole = 0;
    self->file = fopen (self->path, "a+");
    if (!self->file)
        return false;
    rewind (self->file);
    while (fgets (line, sizeof line, self->file) && strchr (line, '\n')) {
        whole = ftell (self->file);
        if (sscanf (line, "%63s", id) != 1 || !learn (self, id))
            return false;
    }
    return !ferror (self->file) && ftruncate (fileno (self->file), whole) == 0 &&
           fseek (self->file, 0, SEEK_END) == 0;
}

static void
write_line (struct auditor *self, const godwit_notification_t *notification)
{
    const godwit_value_t *const payload = godwit_notification_payload (notification);
    fprintf (self->file, "%s %s %" PRId64 " %s\n", godwit_notification_message_id (notification),
             godwit_value_as_str (godwit_value_get (payload, "service"), "-"),
             godwit_value_as_int (godwit_value_get (payload, "number"), 0),
             godwit_notification_event_type (notification));
}

/* ---- the endpoint: one batch at a time ---- */

static godwit_handled_t
on_batch (const godwit_notification_t *const *notifications, size_t count, void *user)
{
    struct auditor *self = user;
    const unsigned long before = self->count;
    for (size_t i = 0; i < count; i++) {
        const char *const id = godwit_notification_message_id (notifications[i]);
        if (knows (self, id)) {
            self->duplicates++;
            continue;
        }
        write_line (self, notifications[i]);
        if (!learn (self, id))
            _exit (EXIT_FAILURE);
    }
    /* What is not on the disk is not acknowledged: another auditor, with a disk that works, gets it all
     * again. */
    if (fflush (self->file) != 0 || fsync (fileno (self->file)) != 0) {
        fprintf (stderr, "auditor: %s: %s\n", self->path, strerror (errno));
        _exit (EXIT_FAILURE);
    }
    if (before / SAY_EACH != self->count / SAY_EACH) {
        printf ("auditor: wrote %lu\n", self->count);
        fflush (stdout);
    }
    return GODWIT_HANDLED;
}

/* ---- the program ---- */

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct auditor *self = state->input;
    if (key == ARGP_KEY_ARG && state->arg_num == 0)
        self->path = text;
    else if (key == ARGP_KEY_ARG || key == ARGP_KEY_NO_ARGS)
        argp_usage (state);
    return 0;
}

int
main (int argc, char **argv)
{
    static const struct argp parser = {.parser = parse,
                                       .args_doc = "FILE",
                                       .doc = "Writes down all that happens in the shop, until SIGTERM."};
    struct auditor self = {.path = NULL};
    argp_parse (&parser, argc, argv, 0, NULL, &self);
    if (!open_file (&self)) {
        perror (self.path);
        return EXIT_FAILURE;
    }

    const char *const url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_listener_t *listener = NULL;
    godwit_error_t *error = NULL;
    sigset_t ends;
    int signal_number, result = EXIT_FAILURE;
    sigemptyset (&ends);
    sigaddset (&ends, SIGTERM);
    sigaddset (&ends, SIGINT);
    pthread_sigmask (SIG_BLOCK, &ends, NULL); /* before there are other threads */
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.batch = on_batch, .self = &self);
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_listener_new (
            &listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
            GODWIT_LISTENER_OPTIONS (.pool = "auditor", .batch_size = 64, .batch_timeout_ms = 20),
            &error) == GODWIT_OK &&
        godwit_listener_start (listener, NULL, &error) == GODWIT_OK) {
        printf ("ready, %lu are in the file\n", self.count);
        fflush (stdout);
        sigwait (&ends, &signal_number);
        result = EXIT_SUCCESS;
    } else {
        fprintf (stderr, "auditor: %s\n", godwit_error_print (error));
    }
    godwit_error_destroy (&error);
    godwit_listener_destroy (&listener); /* what has come is written first */
    godwit_transport_destroy (&transport);
    tdestroy (self.ids, free);
    printf ("auditor: %lu are in the file, %lu came again and were dropped\n", self.count, self.duplicates);
    return fclose (self.file) == 0 ? result : EXIT_FAILURE;
}

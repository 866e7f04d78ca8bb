/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the frame of a HELLO or a WELCOME, of a FAILURE, and of a RESOLVE or a RESOLVED: what is
 * accepted keeps the limits of docs/protocol.md, and means the same when it is written and read again. */
#include "src/error/error.h"
#include "src/wire/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
free_frame (godwit__frame_t *frame)
{
    free (frame->data);
}

/* A block of exactly this size, so that AddressSanitizer sees a read past its end. */
static godwit__frame_t
frame_of (const uint8_t *data, size_t size)
{
    const godwit__frame_t frame = {.data = malloc (size ? size : 1), .size = size, .release = free_frame};
    check (frame.data != NULL);
    if (size)
        memcpy (frame.data, data, size);
    return frame;
}

static void
try_identity (const uint8_t *data, size_t size)
{
    static const uint8_t zero[GODWIT__UUID_SIZE];
    godwit__frame_t frame = frame_of (data, size);
    godwit__identity_t identity;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__identity_read (&identity, &frame, &error);
    check (!frame.data && (status == GODWIT_OK) == !error);
    if (status) {
        check (godwit_error_message (error)[0]);
        godwit_error_destroy (&error);
        return;
    }
    check (size <= GODWIT__HEADER_SIZE + GODWIT__IDENTITY_FRAME_MAX);
    check (memcmp (identity.instance, zero, sizeof zero) != 0);
    check (memchr (identity.virtual_host, '\0', sizeof identity.virtual_host) != NULL);

    uint8_t written[GODWIT__IDENTITY_FRAME_MAX];
    const size_t written_size = godwit__identity_write (written, GODWIT__HELLO, &identity);
    check (written_size > GODWIT__HEADER_SIZE && written_size <= sizeof written);
    frame = frame_of (written, written_size);
    godwit__identity_t again;
    check (godwit__identity_read (&again, &frame, NULL) == GODWIT_OK);
    check (memcmp (again.instance, identity.instance, sizeof again.instance) == 0 &&
           memcmp (again.expect, identity.expect, sizeof again.expect) == 0 &&
           again.incarnation == identity.incarnation && again.features == identity.features &&
           strcmp (again.virtual_host, identity.virtual_host) == 0);
}

/* "builtins" and "godwit" are always allowed; "shop" is, with one class. */
static godwit__error_classes_t *
known (void)
{
    static const godwit_error_class_t error_class = {"shop", "OutOfStock"};
    static godwit__error_classes_t *classes;
    if (!classes) {
        check (godwit__error_classes_new (&classes, "shop", NULL) == GODWIT_OK);
        check (godwit__error_classes_add (classes, &error_class, NULL) == GODWIT_OK);
    }
    return classes;
}

static void
try_failure (const uint8_t *data, size_t size)
{
    godwit__frame_t frame = frame_of (data, size);
    bool is_malformed = false;
    godwit_error_t *error = godwit__failure_read (&frame, known (), &is_malformed);
    check (error && !frame.data && godwit_error_status (error) != GODWIT_OK);
    check (godwit_error_outcome (error) ==
           (data[3] & GODWIT__FLAG_NOT_RUN ? GODWIT_OUTCOME_REJECTED : GODWIT_OUTCOME_RAN));
    check (godwit_error_print (error)[0]);
    if (is_malformed) {
        godwit_error_destroy (&error);
        return;
    }
    const size_t room = size & 1 ? GODWIT__FAILURE_FRAME_MAX : 4096;
    uint8_t *written = NULL;
    const size_t written_size = godwit__failure_write (&written, 7, room, error);
    check (written_size > GODWIT__HEADER_SIZE && written_size < GODWIT__FAILURE_FRAME_MAX &&
           written_size <= room);
    frame = frame_of (written, written_size);
    free (written);
    godwit_error_t *again = godwit__failure_read (&frame, known (), &is_malformed);
    check (!is_malformed && godwit_error_outcome (again) == godwit_error_outcome (error));
    if (size <= 400) { /* what fits, reckoned generously, keeps its name and all that it knows, however often
                          it is passed on */
        check (godwit_error_status (again) == godwit_error_status (error));
        check (strcmp (godwit_error_print (again), godwit_error_print (error)) == 0);
        check (strcmp (godwit_error_module (again), godwit_error_module (error)) == 0);
        check (godwit_value_equal (godwit_error_args (again), godwit_error_args (error)));
        check (godwit_value_count (godwit_error_kwargs (error)) == 0 ||
               godwit_value_equal (godwit_error_kwargs (again), godwit_error_kwargs (error)));
    }
    godwit_error_destroy (&again);
    godwit_error_destroy (&error);
}

static void
try_names (const uint8_t *data, size_t size)
{
    godwit__frame_t frame = frame_of (data, size);
    godwit__names_t names;
    if (godwit__resolve_read (&names, &frame, NULL) == GODWIT_OK) {
        uint8_t written[GODWIT__RESOLVE_FRAME_MAX];
        const size_t written_size =
            godwit__resolve_write (written, 0, names.exchange, names.topic, names.server);
        check (written_size > GODWIT__HEADER_SIZE && written_size <= sizeof written);
        check (names.topic[0] && names.server[0]);
        frame = frame_of (written, written_size);
        godwit__names_t again;
        check (godwit__resolve_read (&again, &frame, NULL) == GODWIT_OK &&
               !strcmp (again.exchange, names.exchange) && !strcmp (again.topic, names.topic) &&
               !strcmp (again.server, names.server));
    }
    godwit__record_t *record = NULL;
    frame = frame_of (data, size);
    const godwit_status_t status = godwit__resolved_read (&record, data[7], &frame, NULL);
    check (!frame.data && (status == GODWIT_OK) == (record != NULL));
    check (!record || record->server_id == data[7]);
    godwit__record_unref (&record);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < GODWIT__HEADER_SIZE)
        return 0; /* the header was read before */
    try_identity (data, size);
    try_failure (data, size);
    try_names (data, size);
    return 0;
}

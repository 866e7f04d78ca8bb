/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a ZMTP command, as a message of a subscriber, and as the first bytes of another
 * program: what is read lies inside of them, and means the same when it is written and read again. */
#include "drivers/zmtp/command.h"
#include "drivers/zmtp/foreign.h"
#include "drivers/zmtp/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
check_text (const char *text, size_t room)
{
    check (strnlen (text, room) < room);
    for (; *text; text++)
        check (*text >= 0x20 && *text < 0x7f);
}

/* A frame that was written has this body. */
static void
check_frame (const uint8_t *frame, size_t size, uint8_t flags, const uint8_t *body, size_t body_size)
{
    godwit__zmtp_head_t head = {0};
    check (godwit__zmtp_head_read (&head, frame, size));
    check ((head.flags & ~GODWIT__ZMTP_LONG) == flags && head.body_size == body_size);
    check (head.head_size + body_size == size && memcmp (frame + head.head_size, body, body_size) == 0);
}

/* Each property lies behind the one before, and they are the whole of the data. */
static void
check_properties (const uint8_t *data, size_t size)
{
    godwit__zmtp_property_t property = {0};
    const char *wrong = NULL;
    uint8_t *const again = malloc (size ? size : 1);
    size_t used = 0;
    const uint8_t *rest = data;
    size_t rest_size = size;
    check (again != NULL);
    while (godwit__zmtp_property_next (&rest, &rest_size, &property, &wrong)) {
        check (property.name_size > 0 && property.name_size <= 255 && rest_size <= size);
        check (property.value + property.value_size == rest && rest + rest_size == data + size);
        const size_t written = godwit__zmtp_property_write (again + used, size - used, &property);
        check (written > 0);
        used += written;
    }
    check (!wrong && rest_size == 0 && used == size && (size == 0 || memcmp (again, data, size) == 0));
    free (again);
}

static void
check_named (const godwit__zmtp_command_t *command, const char *name, const uint8_t *body, size_t size)
{
    uint8_t *const out = malloc (GODWIT__ZMTP_COMMAND_SIZE (command->size));
    check (out != NULL);
    check_frame (out, godwit__zmtp_command_write (out, name, command->data, command->size),
                 GODWIT__ZMTP_COMMAND, body, size);
    free (out);
}

static void
check_again (const godwit__zmtp_command_t *command, const uint8_t *body, size_t size)
{
    uint8_t out[GODWIT__ZMTP_REFUSED_SIZE];
    char reason[GODWIT__ZMTP_REASON_MAX + 1];
    switch (command->kind) {
    case GODWIT__ZMTP_READY:
        check_properties (command->data, command->size);
        break;
    case GODWIT__ZMTP_PING:
        check (size >= 7 && size <= 23);
        check_frame (out, godwit__zmtp_ping_write (out, command->ttl_ds, command->data, command->size),
                     GODWIT__ZMTP_COMMAND, body, size);
        break;
    case GODWIT__ZMTP_PONG:
        check_frame (out, godwit__zmtp_pong_write (out, command->data, command->size), GODWIT__ZMTP_COMMAND,
                     body, size);
        break;
    case GODWIT__ZMTP_SUBSCRIBE:
    case GODWIT__ZMTP_CANCEL:
        if (command->size <= GODWIT__ZMTP_TOPIC_MAX)
            check_frame (out,
                         godwit__zmtp_subscription_write (out, 1, command->kind == GODWIT__ZMTP_SUBSCRIBE,
                                                          command->data, command->size),
                         GODWIT__ZMTP_COMMAND, body, size);
        break;
    case GODWIT__ZMTP_ERROR:
        check (command->size <= GODWIT__ZMTP_REASON_MAX);
        godwit__zmtp_printable (reason, sizeof reason, command->data, command->size);
        check (strlen (reason) == command->size);
        check_text (reason, sizeof reason);
        if (command->size && memcmp (reason, command->data, command->size) == 0)
            check_frame (out, godwit__zmtp_error_write (out, reason), GODWIT__ZMTP_COMMAND, body, size);
        break;
    case GODWIT__ZMTP_REFUSED:
        check (command->size <= GODWIT__ZMTP_REASON_MAX);
        godwit__zmtp_printable (reason, sizeof reason, command->data, command->size);
        if (command->size && memcmp (reason, command->data, command->size) == 0)
            check_frame (out, godwit__zmtp_refused_write (out, reason), GODWIT__ZMTP_COMMAND, body, size);
        break;
    case GODWIT__ZMTP_CREDENTIAL:
        check_named (command, "CREDENTIAL", body, size);
        break;
    case GODWIT__ZMTP_BULLETIN:
        check_named (command, "BULLETIN", body, size);
        break;
    default:
        break;
    }
}

static void
try_command (const uint8_t *body, size_t size)
{
    static const godwit__zmtp_command_t before = {.kind = GODWIT__ZMTP_CANCEL, .size = 77};
    godwit__zmtp_command_t command = before;
    const char *const wrong = godwit__zmtp_command_read (&command, body, size);
    if (wrong) {
        check (wrong[0] && command.kind == before.kind && command.size == before.size && !command.data);
        return;
    }
    check (command.name == body + 1 && command.name_size == body[0] && command.name_size > 0);
    check (command.data > body && command.data + command.size == body + size);
    check_again (&command, body, size);
}

static void
try_subscription (const uint8_t *body, size_t size)
{
    uint8_t out[GODWIT__ZMTP_SUBSCRIPTION_SIZE (GODWIT__ZMTP_TOPIC_MAX)];
    godwit__zmtp_command_t command = {0};
    const char *const wrong = godwit__zmtp_subscription_read (&command, body, size);
    check (!wrong == (size > 0 && body[0] <= 1));
    if (wrong || command.size > GODWIT__ZMTP_TOPIC_MAX)
        return;
    check_frame (out,
                 godwit__zmtp_subscription_write (out, 0, command.kind == GODWIT__ZMTP_SUBSCRIBE,
                                                  command.data, command.size),
                 0, body, size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char text[GODWIT__ZMTP_FOREIGN_SIZE];
    try_command (data, size);
    try_subscription (data, size);
    if (size) {
        godwit__zmtp_foreign (text, data, size);
        check_text (text, sizeof text);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism NULL: each end says its properties in a READY; nothing is proven, nothing is hidden. */
#include "drivers/zmtp/mechanism.h"

#include <string.h>

/* Bits of session->step. */
#define SENT_READY 1
#define TOOK_READY 2

static size_t
next (godwit__zmtp_session_t *session, const uint8_t *properties, size_t size, uint8_t *out, size_t room,
      const char **wrong)
{
    static const uint8_t name[] = "\5READY";
    const size_t name_size = sizeof name - 1;
    if (session->step & SENT_READY || (session->accepts && !session->is_peer_accepted))
        return 0;
    if (room < name_size + size) {
        *wrong = "the properties of this end are too large";
        return 0;
    }
    memcpy (out, name, name_size);
    if (size)
        memcpy (out + name_size, properties, size);
    session->step |= SENT_READY;
    return name_size + size;
}

static godwit__zmtp_step_t
take (godwit__zmtp_session_t *session, const uint8_t *body, size_t body_size, const uint8_t **properties,
      size_t *size, const char **wrong)
{
    godwit__zmtp_command_t command;
    *wrong = godwit__zmtp_command_read (&command, body, body_size);
    if (!*wrong && command.kind != GODWIT__ZMTP_READY)
        *wrong = "another command where a READY belongs";
    if (!*wrong && session->step & TOOK_READY)
        *wrong = "a second READY";
    if (*wrong)
        return GODWIT__ZMTP_STEP_WRONG;
    session->step |= TOOK_READY;
    *properties = command.data;
    *size = command.size;
    return GODWIT__ZMTP_STEP_PROPERTIES;
}

static bool
is_done (const godwit__zmtp_session_t *session)
{
    return session->step == (SENT_READY | TOOK_READY);
}

const godwit__zmtp_mechanism_t godwit__zmtp_null = {
    .name = "NULL",
    .next = next,
    .take = take,
    .is_done = is_done,
};

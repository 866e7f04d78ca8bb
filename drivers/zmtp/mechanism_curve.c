/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism CURVE: whose turn it is. What the commands hold is in curve.h. */
#include "drivers/zmtp/curve.h"

/* session->step: which command comes next. The connecting end sends the even ones. */
enum { HELLO, WELCOME, INITIATE, READY, DONE };

static const struct {
    const char *name; /* with its size before it */
    size_t size;      /* of the command, without properties */
    bool has_properties;
    godwit__curve_write_fn *write;
    godwit__curve_take_fn *take;
    const char *missing, *rest_missing;
} turns[DONE] = {
    [HELLO] = {"\5HELLO", GODWIT__CURVE_HELLO_SIZE, false, godwit__curve_write_hello,
               godwit__curve_take_hello, "its HELLO", "the rest of its HELLO"},
    [WELCOME] = {"\7WELCOME", GODWIT__CURVE_WELCOME_SIZE, false, godwit__curve_write_welcome,
                 godwit__curve_take_welcome, "its WELCOME", "the rest of its WELCOME"},
    [INITIATE] = {"\10INITIATE", GODWIT__CURVE_INITIATE_SIZE, true, godwit__curve_write_initiate,
                  godwit__curve_take_initiate, "its INITIATE", "the rest of its INITIATE"},
    [READY] = {"\5READY", GODWIT__CURVE_READY_SIZE, true, godwit__curve_write_ready, godwit__curve_take_ready,
               "its READY", "the rest of its READY"},
};

static bool
is_own_turn (const godwit__zmtp_session_t *session)
{
    const bool accepting_sends = session->step % 2 == 1;
    return session->step < DONE && session->accepts == accepting_sends;
}

static size_t
next (godwit__zmtp_session_t *session, const uint8_t *properties, size_t size, uint8_t *out, size_t room,
      const char **wrong)
{
    if (!is_own_turn (session) || (session->step == READY && !session->is_peer_accepted))
        return 0;
    if (!turns[session->step].has_properties)
        size = 0;
    const size_t body_size = turns[session->step].size + size;
    if (body_size > room) {
        *wrong = "the properties of this end are too large";
        return 0;
    }
    memset (out, 0, body_size);
    memcpy (out, turns[session->step].name, strlen (turns[session->step].name));
    *wrong = turns[session->step].write (session, out, properties, size);
    if (*wrong)
        return 0;
    session->step++;
    return body_size;
}

/* What is wrong with name or size of a command that comes now; NULL: nothing. */
static const char *
check_form (const godwit__zmtp_session_t *session, const uint8_t *body, size_t body_size)
{
    if (session->step >= DONE || is_own_turn (session))
        return "a command out of turn";
    const size_t name_size = strlen (turns[session->step].name);
    const size_t least = turns[session->step].size;
    if (body_size < name_size || memcmp (body, turns[session->step].name, name_size) != 0)
        return "another command than CURVE has here";
    if (body_size < least || (body_size > least && !turns[session->step].has_properties))
        return "another size than CURVE has";
    return NULL;
}

static godwit__zmtp_step_t
take (godwit__zmtp_session_t *session, const uint8_t *body, size_t body_size, const uint8_t **properties,
      size_t *size, const char **wrong)
{
    *wrong = check_form (session, body, body_size);
    if (!*wrong)
        *wrong = turns[session->step].take (session, body, body_size);
    if (*wrong)
        return GODWIT__ZMTP_STEP_WRONG;
    if (!turns[session->step++].has_properties)
        return GODWIT__ZMTP_STEP_MORE;
    const godwit__curve_t *const curve = session->own;
    *properties = curve->properties;
    *size = curve->properties_size;
    return GODWIT__ZMTP_STEP_PROPERTIES;
}

static const char *
missing (const godwit__zmtp_session_t *session, bool has_begun)
{
    const unsigned step = session->step < DONE ? session->step : READY;
    return has_begun ? turns[step].rest_missing : turns[step].missing;
}

static bool
is_done (const godwit__zmtp_session_t *session)
{
    return session->step == DONE;
}

static void
take_box (godwit__zmtp_session_t *session, godwit__zmtp_box_t *box)
{
    godwit__curve_t *const curve = session->own;
    *box = (godwit__zmtp_box_t){
        .key = curve->keys, .sent = curve->sent, .received = curve->received, .accepts = session->accepts};
    curve->keys = NULL;
}

const godwit__zmtp_mechanism_t godwit__zmtp_curve = {
    .name = "CURVE",
    .has_server = true,
    .is_silent = true,
    .next = next,
    .take = take,
    .is_done = is_done,
    .end = godwit__curve_end,
    .take_box = take_box,
    .missing = missing,
};

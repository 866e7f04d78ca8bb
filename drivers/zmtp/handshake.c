/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/handshake.h"

#include "drivers/zmtp/foreign.h"
#include "drivers/zmtp/frame.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where things stand in the greeting. */
#define AT_SIGNATURE_END 9
#define AT_MAJOR 10
#define AT_MINOR 11
#define AT_MECHANISM 12
#define AT_AS_SERVER 32

#define PROPERTIES_MAX 3072 /* bytes of this end's own; a credential takes up to 2,448 */
#define SHOWN_MAX 48        /* bytes of a name from outside that are shown */

/* ---- what is sent ---- */

static const godwit__zmtp_mechanism_t *
mechanism_of (const godwit__zmtp_handshake_t *self)
{
    return self->config->mechanism ? self->config->mechanism : &godwit__zmtp_null;
}

/* False: memory is short. */
static bool
append (godwit__zmtp_handshake_t *self, const uint8_t *data, size_t size)
{
    const size_t waits = (size_t) self->out_size - self->out_sent;
    if (waits + size > UINT16_MAX)
        return false;
    uint8_t *const out = malloc (waits + size);
    if (!out)
        return false;
    if (waits)
        memcpy (out, self->out + self->out_sent, waits);
    memcpy (out + waits, data, size);
    free (self->out);
    self->out = out;
    self->out_sent = 0;
    self->out_size = (uint16_t) (waits + size);
    return true;
}

static bool
append_greeting (godwit__zmtp_handshake_t *self)
{
    const godwit__zmtp_mechanism_t *const mechanism = mechanism_of (self);
    uint8_t greeting[GODWIT__ZMTP_GREETING_SIZE] = {0xff};
    greeting[AT_SIGNATURE_END] = 0x7f;
    greeting[AT_MAJOR] = GODWIT__ZMTP_MAJOR;
    greeting[AT_MINOR] = GODWIT__ZMTP_MINOR;
    memcpy (greeting + AT_MECHANISM, mechanism->name,
            strnlen (mechanism->name, GODWIT__ZMTP_MECHANISM_NAME_MAX));
    greeting[AT_AS_SERVER] = mechanism->has_server && self->config->accepts ? 1 : 0;
    return append (self, greeting, sizeof greeting);
}

/* ---- failing ---- */

static void
fail_static (godwit__zmtp_handshake_t *self, const char *reason)
{
    self->state = GODWIT__ZMTP_HANDSHAKE_FAILED;
    self->reason = reason;
}

static void fail (godwit__zmtp_handshake_t *self, const char *format, ...) GODWIT_PRINTF (2, 3);

/* The connection cannot go on. Nothing of the peer stands in the text but what was made printable. */
static void
fail (godwit__zmtp_handshake_t *self, const char *format, ...)
{
    char text[GODWIT__ZMTP_HANDSHAKE_REASON_SIZE];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    self->reason_text = strdup (text);
    fail_static (self, self->reason_text ? self->reason_text : GODWIT__ZMTP_NO_MEMORY);
}

/* The peer has failed, and is told why: it speaks ZMTP 3, and reads an ERROR. Unless it is a stranger;
 * is_known: it has said its properties. */
static void
tell (godwit__zmtp_handshake_t *self, bool is_known)
{
    if (mechanism_of (self)->is_silent && !(self->config->accepts && is_known))
        return;
    uint8_t command[GODWIT__ZMTP_ERROR_SIZE];
    const char *const told = self->word ? self->word : self->reason;
    self->tells = append (self, command, godwit__zmtp_error_write (command, told));
}

/* ---- the greeting ---- */

static void
check_major (godwit__zmtp_handshake_t *self, uint8_t major)
{
    /* The revision of ZMTP 2.0 is 1. */
    if (major < GODWIT__ZMTP_MAJOR)
        fail (self, "ZMTP %s, here ZMTP %d.%d is spoken", major == 0 ? "1.0" : "2.0", GODWIT__ZMTP_MAJOR,
              GODWIT__ZMTP_MINOR);
    else if (major > GODWIT__ZMTP_MAJOR) /* it goes down to what this end speaks */
        self->peer_minor = GODWIT__ZMTP_MINOR;
}

/* Between ends of which one has a realm and the other has none this is all that they learn of each other. */
static const char *
realms (godwit__zmtp_handshake_t *self, const char *peers)
{
    const bool misses = self->config->realm && strcmp (peers, "NULL") == 0;
    const bool is_missed = !self->config->realm && strcmp (peers, "CURVE") == 0;
    if (misses || is_missed)
        self->word = godwit__no_entry_word (GODWIT__NO_ENTRY_NO_CERTIFICATE);
    if (misses)
        return ": it has no realm (no-certificate)";
    return is_missed ? ": this process has no realm (no-certificate)" : "";
}

static void
check_mechanism (godwit__zmtp_handshake_t *self)
{
    const char *const own = mechanism_of (self)->name;
    const size_t size = strnlen ((const char *) self->head, sizeof self->head);
    if (size == strlen (own) && memcmp (self->head, own, size) == 0)
        return;
    char shown[GODWIT__ZMTP_MECHANISM_NAME_MAX + 1];
    godwit__zmtp_printable (shown, sizeof shown, self->head, size);
    fail (self, "the mechanism \"%s\", here \"%s\" is spoken%s", shown, own, realms (self, shown));
    self->tells = true; /* by this end's greeting */
}

/* Takes the byte of the greeting that comes next; `data` begins with it. */
static void
take_greeting_byte (godwit__zmtp_handshake_t *self, const uint8_t *data, size_t size)
{
    const uint8_t at = self->greeted++;
    if (at == 0 && data[0] != 0xff) {
        char text[GODWIT__ZMTP_FOREIGN_SIZE];
        fail (self, "%s", godwit__zmtp_foreign (text, data, size));
    } else if (at == AT_SIGNATURE_END && data[0] != 0x7f) {
        /* ZMTP 1.0 says the size of a long identity so. */
        fail_static (self, "no ZMTP of a version above 1.0: another signature");
    } else if (at == AT_MAJOR) {
        self->peer_minor = 0;
        check_major (self, data[0]);
    } else if (at == AT_MINOR && self->peer_minor == 0) {
        self->peer_minor = data[0] < GODWIT__ZMTP_MINOR ? data[0] : GODWIT__ZMTP_MINOR;
    } else if (at >= AT_MECHANISM && at < AT_AS_SERVER) {
        self->head[at - AT_MECHANISM] = data[0];
        if (at == AT_AS_SERVER - 1)
            check_mechanism (self);
    }
}

/* ---- what this end says ---- */

static bool
append_command (godwit__zmtp_handshake_t *self, const uint8_t *body, size_t size)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    return append (self, head, godwit__zmtp_head_write (head, GODWIT__ZMTP_COMMAND, size)) &&
           append (self, body, size);
}

/* NULL, or what is wrong. An end that accepts says nothing before it has let the peer in. */
static const char *
write_properties (godwit__zmtp_handshake_t *self, uint8_t properties[PROPERTIES_MAX], size_t *size)
{
    *size = 0;
    if (self->session.accepts && !self->session.is_peer_accepted)
        return NULL;
    *size = godwit__zmtp_ready_write (properties, PROPERTIES_MAX, self->config);
    if (*size == 0)
        return "the properties of this end are too large";
    return godwit__zmtp_admission_say (&self->admission, self->config, &self->session, properties,
                                       PROPERTIES_MAX, size);
}

/* Says what it is this end's turn to say. */
static void
speak (godwit__zmtp_handshake_t *self)
{
    const godwit__zmtp_mechanism_t *const mechanism = mechanism_of (self);
    uint8_t properties[PROPERTIES_MAX];
    uint8_t body[GODWIT__ZMTP_HANDSHAKE_MAX];
    size_t properties_size = 0;
    const char *wrong = write_properties (self, properties, &properties_size);
    while (!wrong) {
        const size_t size =
            mechanism->next (&self->session, properties, properties_size, body, sizeof body, &wrong);
        if (size == 0)
            break;
        if (!append_command (self, body, size))
            wrong = GODWIT__ZMTP_NO_MEMORY;
    }
    if (wrong)
        fail_static (self, wrong);
    else if (mechanism->is_done (&self->session))
        self->state = GODWIT__ZMTP_HANDSHAKE_DONE;
}

/* ---- commands ---- */

/* The peer has said what it is, and who. */
static void
take_properties (godwit__zmtp_handshake_t *self, const uint8_t *properties, size_t size)
{
    char text[GODWIT__ZMTP_READY_TEXT];
    char refusal[GODWIT__ADMIT_TEXT];
    godwit__zmtp_socket_t socket = GODWIT__ZMTP_DEALER;
    const char *const wrong =
        godwit__zmtp_ready_check (self->config, properties, size, &socket, &self->is_peer_engine, text);
    if (wrong) {
        fail (self, "%s", wrong);
        return;
    }
    self->word = godwit__zmtp_admission_check (&self->admission, self->config, &self->session, properties,
                                               size, refusal);
    if (self->word) {
        fail (self, "%s", refusal);
        return;
    }
    self->peer_socket = (uint8_t) socket;
    self->session.is_peer_accepted = true;
}

/* Whether the command has a name, which is written to shown. */
static bool
show_name (char shown[SHOWN_MAX], const uint8_t *body, size_t size)
{
    if (size == 0 || body[0] == 0 || body[0] > size - 1)
        return false;
    godwit__zmtp_printable (shown, SHOWN_MAX, body + 1, body[0]);
    return true;
}

/* The peer sent ERROR, which is not answered. */
static void
take_error (godwit__zmtp_handshake_t *self, const uint8_t *body, size_t size)
{
    godwit__zmtp_command_t command;
    char shown[GODWIT__ZMTP_REASON_MAX + 1];
    char refusal[GODWIT__ADMIT_TEXT];
    const char *const wrong = godwit__zmtp_command_read (&command, body, size);
    if (wrong) {
        fail_static (self, wrong);
    } else if (command.size == 0) {
        fail_static (self, GODWIT__ZMTP_REFUSED_BY_PEER ", which does not say why");
    } else if (godwit__zmtp_admission_is_word (command.data, command.size)) {
        godwit__zmtp_admission_refused_us (refusal, command.data, command.size);
        fail (self, "%s", refusal);
    } else {
        fail (self, GODWIT__ZMTP_REFUSED_BY_PEER ": %s",
              godwit__zmtp_printable (shown, sizeof shown, command.data, command.size));
    }
}

static void
take_command (godwit__zmtp_handshake_t *self, const uint8_t *body, size_t size)
{
    const uint8_t *properties = NULL;
    size_t properties_size = 0;
    const char *wrong = NULL;
    char shown[SHOWN_MAX];
    const bool has_name = show_name (shown, body, size);
    if (has_name && strcmp (shown, "ERROR") == 0) {
        take_error (self, body, size);
        return;
    }
    const godwit__zmtp_step_t step =
        mechanism_of (self)->take (&self->session, body, size, &properties, &properties_size, &wrong);
    switch (step) {
    case GODWIT__ZMTP_STEP_WRONG:
        fail (self, has_name ? "%s, in the command \"%s\"" : "%s", wrong, shown);
        break;
    case GODWIT__ZMTP_STEP_PROPERTIES:
        take_properties (self, properties, properties_size);
        break;
    default:
        break;
    }
    if (self->state != GODWIT__ZMTP_HANDSHAKE_FAILED)
        speak (self);
    else if (!godwit__zmtp_handshake_refused (self))
        tell (self, step == GODWIT__ZMTP_STEP_PROPERTIES);
}

/* What is wrong with a frame that begins so; NULL: nothing. */
static const char *
wrong_with_flags (uint8_t flags)
{
    if (flags & GODWIT__ZMTP_RESERVED)
        return "a frame with flags that ZMTP does not know, before the end of the handshake";
    if (!(flags & GODWIT__ZMTP_COMMAND))
        return "a message before the end of the handshake";
    return flags & GODWIT__ZMTP_MORE ? "a command of several frames" : NULL;
}

static void
refuse_static (godwit__zmtp_handshake_t *self, const char *reason)
{
    fail_static (self, reason);
    tell (self, false);
}

/* Takes the byte of a head that comes next. */
static void
take_head_byte (godwit__zmtp_handshake_t *self, uint8_t byte)
{
    godwit__zmtp_head_t head;
    self->head[self->head_have++] = byte;
    const char *const wrong = self->head_have == 1 ? wrong_with_flags (byte) : NULL;
    if (wrong)
        refuse_static (self, wrong);
    else if (!godwit__zmtp_head_read (&head, self->head, self->head_have))
        return;
    else if (head.body_size > GODWIT__ZMTP_HANDSHAKE_MAX)
        refuse_static (self, "a command of more than 4096 bytes before the end of the handshake");
    else if (head.body_size == 0)
        refuse_static (self, "a command without a name");
    else
        self->body_size = (uint16_t) head.body_size;
}

static void
free_body (godwit__zmtp_handshake_t *self)
{
    free (self->body);
    self->body = NULL;
    self->body_size = self->body_have = self->body_room = 0;
}

/* Keeps a part of a body. Memory grows with what has come, not with what the head says. */
static bool
keep (godwit__zmtp_handshake_t *self, const uint8_t *data, size_t size)
{
    const size_t have = self->body_have + size;
    if (have > self->body_room) {
        const size_t twice = have < 64 ? 64 : 2 * have;
        const size_t room = twice < self->body_size ? twice : self->body_size;
        uint8_t *const body = realloc (self->body, room);
        if (!body)
            return false;
        self->body = body;
        self->body_room = (uint16_t) room;
    }
    memcpy (self->body + self->body_have, data, size);
    self->body_have = (uint16_t) have;
    return true;
}

/* Takes bytes of a body, at least one. Returns how many. */
static size_t
take_body (godwit__zmtp_handshake_t *self, const uint8_t *data, size_t size)
{
    const size_t missing = (size_t) self->body_size - self->body_have;
    const size_t taken = size < missing ? size : missing;
    const bool is_whole = taken == self->body_size; /* it came at once, and is not copied */
    if (!is_whole && !keep (self, data, taken)) {
        fail_static (self, GODWIT__ZMTP_NO_MEMORY);
    } else if (taken == missing) {
        self->head_have = 0;
        take_command (self, is_whole ? data : self->body, self->body_size);
        free_body (self);
    }
    return taken;
}

/* ---- from outside ---- */

godwit_status_t
godwit__zmtp_handshake_init (godwit__zmtp_handshake_t *handshake,
                             const godwit__zmtp_handshake_config_t *config)
{
    *handshake = (godwit__zmtp_handshake_t){
        .config = config, .session = {.accepts = config->accepts}, .state = GODWIT__ZMTP_HANDSHAKE_MORE};
    if (!append_greeting (handshake))
        return GODWIT_ERR_OUT_OF_MEMORY;
    handshake->session.keyring = godwit__keyring_ref (config->keyring);
    return GODWIT_OK;
}

void
godwit__zmtp_handshake_end (godwit__zmtp_handshake_t *handshake)
{
    if (handshake->config && mechanism_of (handshake)->end)
        mechanism_of (handshake)->end (&handshake->session);
    godwit__keyring_unref (&handshake->session.keyring);
    free_body (handshake);
    free (handshake->out);
    free (handshake->reason_text);
    godwit__zmtp_admission_end (&handshake->admission);
    *handshake = (godwit__zmtp_handshake_t){.config = NULL};
}

const uint8_t *
godwit__zmtp_handshake_out (const godwit__zmtp_handshake_t *handshake, size_t *size)
{
    *size = (size_t) handshake->out_size - handshake->out_sent;
    return *size ? handshake->out + handshake->out_sent : NULL;
}

void
godwit__zmtp_handshake_sent (godwit__zmtp_handshake_t *handshake, size_t size)
{
    assert (size <= (size_t) handshake->out_size - handshake->out_sent);
    handshake->out_sent = (uint16_t) (handshake->out_sent + size);
    if (handshake->out_sent < handshake->out_size)
        return;
    free (handshake->out);
    handshake->out = NULL;
    handshake->out_size = handshake->out_sent = 0;
}

godwit__zmtp_handshake_state_t
godwit__zmtp_handshake_feed (godwit__zmtp_handshake_t *handshake, const uint8_t *data, size_t size,
                             size_t *consumed)
{
    assert (handshake->state == GODWIT__ZMTP_HANDSHAKE_MORE);
    size_t used = 0;
    while (handshake->state == GODWIT__ZMTP_HANDSHAKE_MORE && used < size) {
        if (handshake->greeted < GODWIT__ZMTP_GREETING_SIZE) {
            take_greeting_byte (handshake, data + used, size - used);
            used++;
            if (handshake->greeted == GODWIT__ZMTP_GREETING_SIZE)
                speak (handshake);
        } else if (handshake->body_size == 0) {
            take_head_byte (handshake, data[used++]);
        } else {
            used += take_body (handshake, data + used, size - used);
        }
    }
    *consumed = handshake->state == GODWIT__ZMTP_HANDSHAKE_FAILED ? size : used;
    return handshake->state;
}

const char *
godwit__zmtp_handshake_reason (const godwit__zmtp_handshake_t *handshake)
{
    return handshake->reason ? handshake->reason : "";
}

const char *
godwit__zmtp_handshake_missing (const godwit__zmtp_handshake_t *handshake)
{
    if (handshake->greeted == 0)
        return "its greeting";
    if (handshake->greeted < GODWIT__ZMTP_GREETING_SIZE)
        return "the rest of its greeting";
    const bool has_begun = handshake->head_have > 0;
    if (mechanism_of (handshake)->missing)
        return mechanism_of (handshake)->missing (&handshake->session, has_begun);
    return has_begun ? "the rest of its READY" : "its READY";
}

const char *
godwit__zmtp_handshake_lost (const godwit__zmtp_handshake_t *handshake)
{
    return godwit__zmtp_handshake_is_at_door (handshake)
               ? "closed in the handshake: another realm, or not Godwit"
               : "the connection was lost in the handshake";
}

bool
godwit__zmtp_handshake_is_at_door (const godwit__zmtp_handshake_t *handshake)
{
    return handshake->session.is_at_door;
}

bool
godwit__zmtp_handshake_tells (const godwit__zmtp_handshake_t *handshake)
{
    return handshake->tells;
}

const char *
godwit__zmtp_handshake_refused (const godwit__zmtp_handshake_t *handshake)
{
    return handshake->session.accepts || handshake->tells ? NULL : handshake->word;
}

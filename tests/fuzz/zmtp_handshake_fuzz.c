/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a peer's part of a ZMTP handshake. However they are cut into pieces, the end comes to the
 * same; it says what is wrong in printable text; what it sends are a greeting and whole commands; its memory
 * grows with what arrives.
 *
 *    0       1        2
 *    | end   | pieces | bytes of the peer
 *
 * end: bit 0 accepts; bits 1 to 3 its type; bit 7: the peer's greeting is a good one, and the bytes come
 * behind it. */
#include "drivers/zmtp/frame.h"
#include "drivers/zmtp/handshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct met {
    godwit__zmtp_handshake_state_t state;
    size_t consumed; /* of all bytes; with FAILED, those that were given */
    uint8_t minor;
    uint8_t socket;
    bool is_engine;
    bool tells;
    bool is_foreign; /* it failed at the first byte: its reason shows what came with that */
    char reason[512];
    uint8_t out[8192];
    size_t out_size;
} met_t;

static void
check (bool good)
{
    if (!good)
        abort ();
}

static uint32_t
draw (uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* Takes what waits: all of it, or what chance says. */
static void
send_some (godwit__zmtp_handshake_t *end, met_t *met, uint32_t *chance)
{
    size_t size = 0;
    const uint8_t *const out = godwit__zmtp_handshake_out (end, &size);
    const size_t now = chance ? draw (chance) % (size + 1) : size;
    check (met->out_size + now <= sizeof met->out);
    if (now)
        memcpy (met->out + met->out_size, out, now);
    met->out_size += now;
    godwit__zmtp_handshake_sent (end, now);
}

/* chance NULL: all at once. */
static void
meet (met_t *met, const godwit__zmtp_handshake_config_t *config, const uint8_t *data, size_t size,
      uint32_t *chance)
{
    godwit__zmtp_handshake_t end;
    check (godwit__zmtp_handshake_init (&end, config) == GODWIT_OK);
    *met = (met_t){.state = GODWIT__ZMTP_HANDSHAKE_MORE};
    while (met->state == GODWIT__ZMTP_HANDSHAKE_MORE && met->consumed < size) {
        const size_t rest = size - met->consumed;
        const size_t most = chance ? 1 + draw (chance) % (draw (chance) % 4 ? 8 : 300) : rest;
        const size_t piece = most < rest ? most : rest;
        uint8_t *const part = malloc (piece); /* so that AddressSanitizer sees a read past its end */
        size_t consumed = SIZE_MAX;
        check (part != NULL);
        memcpy (part, data + met->consumed, piece);
        met->state = godwit__zmtp_handshake_feed (&end, part, piece, &consumed);
        free (part);
        check (consumed <= piece);
        check (met->state == GODWIT__ZMTP_HANDSHAKE_DONE || consumed == piece);
        met->consumed += consumed;
        check (end.body_room <= 64 || end.body_room <= 2 * met->consumed);
        if (chance)
            send_some (&end, met, chance);
    }
    send_some (&end, met, NULL);
    met->minor = end.peer_minor;
    met->socket = end.peer_socket;
    met->is_engine = end.is_peer_engine;
    met->tells = godwit__zmtp_handshake_tells (&end);
    met->is_foreign = end.greeted == 1;
    const char *const reason = godwit__zmtp_handshake_reason (&end);
    check (strlen (reason) < sizeof met->reason);
    memcpy (met->reason, reason, strlen (reason) + 1);
    check (godwit__zmtp_handshake_missing (&end)[0]);
    godwit__zmtp_handshake_end (&end);
}

/* A greeting, then at most a READY and an ERROR. */
static void
check_out (const met_t *met, bool accepts)
{
    check (met->out_size >= 64 && met->out[0] == 0xff && met->out[9] == 0x7f && met->out[10] == 3);
    bool has_ready = false;
    bool has_error = false;
    for (size_t at = 64; at < met->out_size;) {
        godwit__zmtp_head_t head = {0};
        godwit__zmtp_command_t command;
        check (godwit__zmtp_head_read (&head, met->out + at, met->out_size - at));
        check (head.body_size <= met->out_size - at - head.head_size);
        check (
            !godwit__zmtp_command_read (&command, met->out + at + head.head_size, (size_t) head.body_size));
        check (!has_error &&
               (command.kind == GODWIT__ZMTP_READY ? !has_ready : command.kind == GODWIT__ZMTP_ERROR));
        has_ready = has_ready || command.kind == GODWIT__ZMTP_READY;
        has_error = command.kind == GODWIT__ZMTP_ERROR;
        at += head.head_size + (size_t) head.body_size;
    }
    check (!has_error || (met->state == GODWIT__ZMTP_HANDSHAKE_FAILED && met->tells));
    check (met->state != GODWIT__ZMTP_HANDSHAKE_DONE || has_ready);
    check (!accepts || has_ready == (met->state == GODWIT__ZMTP_HANDSHAKE_DONE));
}

static void
check_reason (const met_t *met)
{
    check ((met->state == GODWIT__ZMTP_HANDSHAKE_FAILED) == (met->reason[0] != '\0'));
    for (const char *c = met->reason; *c; c++)
        check (*c >= 0x20 && *c < 0x7f);
}

static void
check_same (const met_t *whole, const met_t *parts)
{
    check (whole->state == parts->state && whole->tells == parts->tells);
    check (whole->minor == parts->minor && whole->socket == parts->socket &&
           whole->is_engine == parts->is_engine);
    check (whole->is_foreign || strcmp (whole->reason, parts->reason) == 0);
    check (whole->out_size == parts->out_size && memcmp (whole->out, parts->out, whole->out_size) == 0);
    check (whole->state == GODWIT__ZMTP_HANDSHAKE_FAILED ? parts->consumed <= whole->consumed
                                                         : parts->consumed == whole->consumed);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static uint8_t bytes[64 + 65536] = {[0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1, 'N', 'U', 'L', 'L'};
    static met_t whole;
    static met_t parts;
    if (size < 2 || size - 2 > 65536)
        return 0;
    const godwit__zmtp_handshake_config_t config = {.accepts = data[0] & 1,
                                                    .socket = (data[0] >> 1 & 7) % GODWIT__ZMTP_SOCKET_COUNT};
    uint32_t chance = data[1];
    memcpy (bytes + 64, data + 2, size - 2);
    const size_t before = data[0] & 0x80 ? 64 : 0;
    const uint8_t *const from = bytes + 64 - before;
    meet (&whole, &config, from, before + size - 2, NULL);
    check_reason (&whole);
    check_out (&whole, config.accepts);
    meet (&parts, &config, from, before + size - 2, &chance);
    check_reason (&parts);
    check_same (&whole, &parts);
    return 0;
}

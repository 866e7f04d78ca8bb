/* SPDX-License-Identifier: Apache-2.0 */
/* What the handshake of ZMTP refuses: as early as it can be known, with a reason, and who is told. */
#include "drivers/zmtp/foreign.h"
#include "drivers/zmtp/frame.h"
#include "tests/support/zmtp_ends.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "ff 00 00 00 00 00 00 00 01 7f "
#define ZEROS_16 "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
#define GREETING SIGNATURE "03 01 'NULL' " ZEROS_16 ZEROS_16 ZEROS_16
#define SOCKET(size, name) "0b 'Socket-Type' 00 00 00 " size " '" name "' "
#define READY "04 1c 05 'READY' " SOCKET ("06", "DEALER")

static const godwit__zmtp_handshake_config_t port = {.socket = GODWIT__ZMTP_ROUTER, .accepts = true};
static const godwit__zmtp_handshake_config_t link = {.socket = GODWIT__ZMTP_DEALER};

typedef enum told {
    NOBODY,        /* the connection is closed */
    GREETING_ONLY, /* the peer sees by this end's greeting what is wrong */
    BY_ERROR       /* the peer gets the reason in an ERROR */
} told_t;

static const struct {
    const char *hex;
    size_t seen; /* bytes after which it is found out */
    const char *reason;
    told_t told;
} rows[] = {
    /* Other programs, and other versions. */
    {"'GET / HTTP/1.1' 0d 0a 'Host: a'", 1, "HTTP as it seems", NOBODY},
    {"16 03 01 02 00", 1, "TLS as it seems", NOBODY},
    {"'SSH-2.0-OpenSSH_9.2' 0d 0a", 1, "SSH as it seems", NOBODY},
    {"01 00 00 00", 1, "ZMTP 1.0 as it seems", NOBODY},
    {"00 'SP' 00 00 30 00 00", 1, "nng or nanomsg as it seems", NOBODY},
    {"7b 22 61", 1, "no ZMTP: it begins with", NOBODY},
    {"ff 00 00 00 00 00 00 01 2c 00", 10, "another signature", NOBODY},
    {"ff 00 00 00 00 00 00 00 01 7e", 10, "another signature", NOBODY},
    {SIGNATURE "00 05", 11, "ZMTP 1.0, here ZMTP 3.1 is spoken", NOBODY},
    {SIGNATURE "01 05", 11, "ZMTP 2.0, here ZMTP 3.1 is spoken", NOBODY},
    {SIGNATURE "02 00", 11, "ZMTP 2.0, here ZMTP 3.1 is spoken", NOBODY},
    /* Another mechanism. */
    {SIGNATURE "03 00 'CURVE' 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01", 32,
     "the mechanism \"CURVE\", here \"NULL\" is spoken", GREETING_ONLY},
    {SIGNATURE "03 01 'NULLNULLNULLNULLNULL' 01", 32, "\"NULLNULLNULLNULLNULL\", here \"NULL\"",
     GREETING_ONLY},
    {SIGNATURE "03 01 'null' " ZEROS_16, 32, "\"null\", here \"NULL\"", GREETING_ONLY},
    {SIGNATURE "03 01 'A' 0a 1b 'Z' " ZEROS_16, 32, "\"A?\?Z\", here \"NULL\"", GREETING_ONLY},
    {SIGNATURE "03 01 00 00 00 00 " ZEROS_16, 32, "the mechanism \"\", here", GREETING_ONLY},
    /* Frames. */
    {GREETING "00 05 'hello'", 65, "a message before the end of the handshake", BY_ERROR},
    {GREETING "01 05 'hello'", 65, "a message before the end of the handshake", BY_ERROR},
    {GREETING "02 00 00 00 00 00 00 00 05 'hello'", 65, "a message before the end", BY_ERROR},
    {GREETING "05 1c 05 'READY'", 65, "a command of several frames", BY_ERROR},
    {GREETING "07 00", 65, "a command of several frames", BY_ERROR},
    {GREETING "0c 1c", 65, "flags that ZMTP does not know", BY_ERROR},
    {GREETING "14 1c", 65, "flags that ZMTP does not know", BY_ERROR},
    {GREETING "84 1c", 65, "flags that ZMTP does not know", BY_ERROR},
    {GREETING "06 00 00 00 00 00 00 10 01 05", 64 + 9, "more than 4096 bytes", BY_ERROR},
    {GREETING "06 80 00 00 00 00 00 00 01 05", 64 + 9, "more than 4096 bytes", BY_ERROR},
    {GREETING "06 ff ff ff ff ff ff ff ff 05", 64 + 9, "more than 4096 bytes", BY_ERROR},
    {GREETING "04 00 05", 64 + 2, "a command without a name", BY_ERROR},
    {GREETING "06 00 00 00 00 00 00 00 00 05", 64 + 9, "a command without a name", BY_ERROR},
    /* Commands. */
    {GREETING "04 01 00", 67, "a command without a name", BY_ERROR},
    {GREETING "04 02 05 52", 68, "inside of its name", BY_ERROR},
    {GREETING "04 07 04 'PING' 00 0a", 64 + 9, "where a READY belongs, in the command \"PING\"", BY_ERROR},
    {GREETING "04 08 05 'HELLO' 01 00", 64 + 10, "where a READY belongs, in the command \"HELLO\"", BY_ERROR},
    {GREETING "04 06 05 'ready'", 64 + 8, "where a READY belongs, in the command \"ready\"", BY_ERROR},
    {GREETING "04 06 05 'R' 0a 07 00 'Y'", 64 + 8, "in the command \"R??\?Y\"", BY_ERROR},
    {GREETING "04 06 05 'READY'", 64 + 8, "no Socket-Type", BY_ERROR},
    {GREETING "04 1c 05 'READY' 0b 'socket-type' 00 00 00 06 'DEALER'", 64 + 30, "no Socket-Type", BY_ERROR},
    {GREETING "04 1c 05 'READY' 0b 'Socket-Type' 00 00 00 07 'DEALER'", 64 + 30, "longer than the command",
     BY_ERROR},
    {GREETING "04 07 05 'READY' 00", 64 + 9, "a property without a name", BY_ERROR},
    {GREETING "04 32 05 'READY' " SOCKET ("06", "DEALER") SOCKET ("06", "DEALER"), 64 + 52,
     "more than one Socket-Type", BY_ERROR},
    {GREETING "04 19 05 'READY' " SOCKET ("03", "SUB"), 64 + 27,
     "a socket of type \"SUB\" does not speak with one of type ROUTER", BY_ERROR},
    {GREETING "04 1b 05 'READY' 0b 'Socket-Type' 00 00 00 05 'A' 00 0a ff 'B'", 64 + 29,
     "of type \"A??\?B\" does not", BY_ERROR},
    /* The peer refuses. */
    {GREETING "04 0e 05 'ERROR' 07 'no room'", 64 + 16, "refused by the peer: no room", NOBODY},
    {GREETING "04 0b 05 'ERROR' 04 'a' 1b 00 'b'", 64 + 13, "refused by the peer: a?\?b", NOBODY},
    {GREETING "04 07 05 'ERROR' 00", 64 + 9, "refused by the peer, which does not say why", NOBODY},
    {GREETING "04 06 05 'ERROR'", 64 + 8, "an ERROR whose reason has not", NOBODY},
    {GREETING "04 08 05 'ERROR' 07 'n'", 64 + 10, "an ERROR whose reason has not", NOBODY},
};

/* What the end says after its greeting, if that is one ERROR: its reason. */
static char *
told_of (godwit__zmtp_handshake_t *end)
{
    const zmtp_bytes_t out = zmtp_take_out (end);
    godwit__zmtp_head_t head = {0};
    godwit__zmtp_command_t command = {0};
    cr_assert_geq (out.size, 64u, "the greeting goes out in any case");
    char *reason = NULL;
    if (out.size > 64) {
        cr_assert (godwit__zmtp_head_read (&head, out.data + 64, out.size - 64));
        cr_assert_eq (64 + head.head_size + head.body_size, out.size);
        cr_assert_null (
            godwit__zmtp_command_read (&command, out.data + 64 + head.head_size, (size_t) head.body_size));
        cr_assert_eq (command.kind, GODWIT__ZMTP_ERROR, "the accepting end says nothing but an ERROR");
        reason = calloc (command.size + 1, 1);
        cr_assert_not_null (reason);
        memcpy (reason, command.data, command.size);
    }
    free (out.data);
    return reason;
}

static void
check_row (size_t row, size_t piece)
{
    const zmtp_bytes_t bytes = zmtp_unhex (rows[row].hex);
    godwit__zmtp_handshake_t end;
    size_t given = 0;
    size_t left = 0;
    cr_assert_eq (godwit__zmtp_handshake_init (&end, &port), GODWIT_OK);
    cr_assert_eq (zmtp_feed_pieces (&end, bytes.data, bytes.size, piece, &given, &left),
                  GODWIT__ZMTP_HANDSHAKE_FAILED, "row %zu", row);
    const char *const reason = godwit__zmtp_handshake_reason (&end);
    cr_assert (strstr (reason, rows[row].reason), "row %zu, pieces of %zu: %s", row, piece, reason);
    for (const char *c = reason; *c; c++)
        cr_assert (*c >= 0x20 && *c < 0x7f, "row %zu", row);
    if (piece == 1)
        cr_assert_eq (given, rows[row].seen, "row %zu: after %zu bytes", row, given);
    cr_assert_eq (godwit__zmtp_handshake_tells (&end), rows[row].told != NOBODY, "row %zu", row);
    char *const told = told_of (&end);
    cr_assert_eq (told != NULL, rows[row].told == BY_ERROR, "row %zu: %s", row, told);
    cr_assert (!told || !strcmp (told, reason), "row %zu: %s", row, told);
    free (told);
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
}

Test (zmtp_refusal, each_is_found_out_at_its_first_byte_and_the_peer_is_told_if_it_can_read_it)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        check_row (row, 1);
}

Test (zmtp_refusal, each_is_found_out_in_pieces_of_every_size)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (size_t piece = 2; piece < 130; piece++)
            check_row (row, piece);
}

Test (zmtp_refusal, the_connecting_end_has_said_ready_and_says_error_behind_it)
{
    const zmtp_bytes_t bytes = zmtp_unhex (GREETING READY);
    godwit__zmtp_handshake_t end;
    size_t given = 0;
    size_t left = 0;
    cr_assert_eq (godwit__zmtp_handshake_init (&end, &link), GODWIT_OK);
    cr_assert_eq (zmtp_feed_pieces (&end, bytes.data, bytes.size, 1, &given, &left),
                  GODWIT__ZMTP_HANDSHAKE_FAILED);
    const char *const reason = "a socket of type \"DEALER\" does not speak with one of type DEALER";
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&end), reason);
    cr_assert (godwit__zmtp_handshake_tells (&end));
    const zmtp_bytes_t out = zmtp_take_out (&end);
    uint8_t error[GODWIT__ZMTP_ERROR_SIZE];
    const size_t size = godwit__zmtp_error_write (error, reason);
    cr_assert_eq (out.size, 64 + 51 + size);
    cr_assert (!memcmp (out.data + 64 + 2, "\5READY", 6) && !memcmp (out.data + 64 + 51, error, size));
    free (out.data);
    free (bytes.data);
    godwit__zmtp_handshake_end (&end);
}

Test (zmtp_refusal, both_ends_know_why_when_one_refuses)
{
    static const godwit__zmtp_handshake_config_t publisher = {.socket = GODWIT__ZMTP_XPUB, .accepts = true};
    for (size_t piece = 1; piece < 130; piece++) {
        godwit__zmtp_handshake_t a;
        godwit__zmtp_handshake_t b;
        cr_assert_eq (godwit__zmtp_handshake_init (&a, &link), GODWIT_OK);
        cr_assert_eq (godwit__zmtp_handshake_init (&b, &publisher), GODWIT_OK);
        zmtp_let_speak (&a, &b, piece);
        cr_assert_str_eq (godwit__zmtp_handshake_reason (&b),
                          "a socket of type \"DEALER\" does not speak with one of type XPUB");
        cr_assert_str_eq (
            godwit__zmtp_handshake_reason (&a),
            "refused by the peer: a socket of type 'DEALER' does not speak with one of type XPUB");
        cr_assert (!godwit__zmtp_handshake_tells (&a), "an ERROR is not answered");
        godwit__zmtp_handshake_end (&a);
        godwit__zmtp_handshake_end (&b);
    }
}

Test (zmtp_refusal, what_comes_behind_a_refusal_is_consumed_and_not_looked_at)
{
    const zmtp_bytes_t bytes = zmtp_unhex (GREETING "00 05 'hello'" READY);
    godwit__zmtp_handshake_t end;
    size_t consumed = 0;
    cr_assert_eq (godwit__zmtp_handshake_init (&end, &port), GODWIT_OK);
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, bytes.data, bytes.size, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_FAILED);
    cr_assert_eq (consumed, bytes.size);
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
}

Test (zmtp_refusal, a_second_ready_is_left_to_the_traffic_and_wrong_for_the_mechanism)
{
    const zmtp_bytes_t bytes = zmtp_unhex (GREETING READY READY);
    godwit__zmtp_handshake_t end;
    godwit__zmtp_command_t command = {0};
    size_t consumed = 0;
    cr_assert_eq (godwit__zmtp_handshake_init (&end, &port), GODWIT_OK);
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, bytes.data, bytes.size, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_DONE);
    cr_assert_eq (consumed, 64u + 30);
    const uint8_t *const body = bytes.data + consumed + 2;
    cr_assert_null (godwit__zmtp_command_read (&command, body, 28));
    cr_assert_eq (command.kind, GODWIT__ZMTP_READY);
    const uint8_t *properties = NULL;
    size_t size = 0;
    const char *wrong = NULL;
    cr_assert_eq (godwit__zmtp_null.take (&end.session, body, 28, &properties, &size, &wrong),
                  GODWIT__ZMTP_STEP_WRONG);
    cr_assert_str_eq (wrong, "a second READY");
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
}

Test (zmtp_refusal, a_long_reason_is_kept_whole_up_to_255_bytes)
{
    char hex[64 + 2 * 255 + sizeof GREETING];
    size_t used =
        (size_t) snprintf (hex, sizeof hex, "%s 06 00 00 00 00 00 00 01 06 05 'ERROR' ff '", GREETING);
    memset (hex + used, 'r', 255);
    memcpy (hex + used + 255, "'", 2);
    const zmtp_bytes_t bytes = zmtp_unhex (hex);
    for (size_t piece = 1; piece < bytes.size; piece += 5) {
        godwit__zmtp_handshake_t end;
        size_t given = 0;
        size_t left = 0;
        cr_assert_eq (godwit__zmtp_handshake_init (&end, &link), GODWIT_OK);
        cr_assert_eq (zmtp_feed_pieces (&end, bytes.data, bytes.size, piece, &given, &left),
                      GODWIT__ZMTP_HANDSHAKE_FAILED);
        cr_assert_eq (strlen (godwit__zmtp_handshake_reason (&end)), strlen ("refused by the peer: ") + 255);
        godwit__zmtp_handshake_end (&end);
    }
    free (bytes.data);
}

/* ---- other programs ---- */

Test (zmtp_refusal, other_programs_are_recognised_by_what_they_say_first)
{
    static const struct {
        const char *hex;
        const char *says;
    } programs[] = {
        {"'GET / HTTP/1.1' 0d 0a 'Host: a' 0d 0a", "no ZMTP 3, but HTTP as it seems: \"GET / HTTP/1.1\""},
        {"'G'", "no ZMTP 3, but HTTP as it seems: \"G\""},
        {"'PRI * HTTP/2.0' 0d 0a", "no ZMTP 3, but HTTP/2 as it seems: \"PRI * HTTP/2.0\""},
        {"'PUT /'", "no ZMTP 3, but HTTP as it seems: \"PUT /\""},
        {"'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3' 0d 0a",
         "no ZMTP 3, but SSH as it seems: \"SSH-2.0-OpenSSH_9.2p1 Debian-2+d\""},
        {"16 03 01 02 00 01 00 01 fc 03", "no ZMTP 3, but TLS as it seems: 16 03 01 02 00 01 00 01"},
        {"01 00", "no ZMTP 3, but ZMTP 1.0 as it seems: 01 00"},
        {"00 'SP' 00 00 30", "no ZMTP 3, but nng or nanomsg as it seems: 00 53 50 00 00 30"},
        {"'AMQP' 00 00 09 01", "no ZMTP 3, but AMQP as it seems: \"AMQP\""},
        {"'{\"a\": 1}' 0a", "no ZMTP: it begins with \"{\"a\": 1}\""},
        {"80", "no ZMTP: it begins with 80"},
        {"'ab' 00", "no ZMTP: it begins with 61 62 00"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        char text[GODWIT__ZMTP_FOREIGN_SIZE];
        const zmtp_bytes_t bytes = zmtp_unhex (programs[i].hex);
        cr_assert_str_eq (godwit__zmtp_foreign (text, bytes.data, bytes.size), programs[i].says);
        free (bytes.data);
    }
}

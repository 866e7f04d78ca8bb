/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes: what one end seals only the other one opens, once, and in order. */
#include "drivers/zmtp/box.h"
#include "src/realm/secret.h"
#include "tests/support/curve_peer.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The two ends of a connection; exact: they see what was cut out. */
typedef struct ends {
    godwit__zmtp_box_t link, port;
} ends_t;

static godwit__zmtp_box_t
box (uint8_t key, bool accepts, bool is_exact)
{
    const godwit__zmtp_box_t made = {.key = godwit__secret_new (), .accepts = accepts, .is_exact = is_exact};
    cr_assert_not_null (made.key);
    memset (made.key, key, CURVE_KEY);
    return made;
}

static ends_t
begin (bool is_exact)
{
    return (ends_t){box (7, false, is_exact), box (7, true, is_exact)};
}

static void
finish (ends_t *ends)
{
    godwit__zmtp_box_end (&ends->link);
    godwit__zmtp_box_end (&ends->port);
    cr_assert (!ends->link.key && !ends->port.key);
    godwit__zmtp_box_end (&ends->link); /* once more is fine */
}

/* A frame's body, in a block of exactly its size. */
static zmtp_bytes_t
seal (godwit__zmtp_box_t *from, size_t size, bool is_command)
{
    zmtp_bytes_t bytes = {.data = malloc (GODWIT__ZMTP_BOX_OVERHEAD + size),
                          .size = GODWIT__ZMTP_BOX_OVERHEAD + size};
    cr_assert_not_null (bytes.data);
    for (size_t i = 0; i < size; i++)
        bytes.data[GODWIT__ZMTP_BOX_OVERHEAD + i] = (uint8_t) (i * 31);
    godwit__zmtp_box_seal (from, bytes.data, size, is_command);
    return bytes;
}

static const char *
open_copy (godwit__zmtp_box_t *to, zmtp_bytes_t bytes, uint8_t *flags)
{
    const zmtp_bytes_t copy = zmtp_bytes_of (bytes.data, bytes.size);
    const char *const wrong = godwit__zmtp_box_open (to, copy.data, copy.size, flags);
    for (size_t i = 0; !wrong && i + GODWIT__ZMTP_BOX_OVERHEAD < copy.size; i++)
        cr_assert_eq (copy.data[GODWIT__ZMTP_BOX_OVERHEAD + i], (uint8_t) (i * 31));
    free (copy.data);
    return wrong;
}

/* Fails, for this reason, and changes nothing. */
static void
expect_shut (godwit__zmtp_box_t *to, zmtp_bytes_t bytes, const char *reason)
{
    const uint64_t before = to->received;
    uint8_t flags = 0xee;
    const char *const wrong = open_copy (to, bytes, &flags);
    cr_assert (wrong && strstr (wrong, reason), "%s, not %s", wrong ? wrong : "it opens", reason);
    cr_assert (flags == 0xee && to->received == before);
}

static void
expect_open (godwit__zmtp_box_t *to, zmtp_bytes_t bytes)
{
    uint8_t flags = 0xee;
    const char *const wrong = open_copy (to, bytes, &flags);
    cr_assert_null (wrong, "%s", wrong);
    cr_assert_neq (flags, 0xee);
}

Test (zmtp_box, payloads_of_many_sizes_travel_both_ways)
{
    static const size_t sizes[] = {0, 1, 31, 32, 33, 64, 255, 1024, 65536, 1 << 20};
    ends_t ends = begin (true);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int way = 0; way < 2; way++) {
            const zmtp_bytes_t bytes = seal (way ? &ends.port : &ends.link, sizes[i], false);
            cr_assert (!memcmp (bytes.data, "\7MESSAGE\0\0\0\0\0\0\0", 15) && bytes.data[15] == i + 1);
            expect_open (way ? &ends.link : &ends.port, bytes);
            free (bytes.data);
        }
    }
    finish (&ends);
}

Test (zmtp_box, nothing_of_the_payload_is_seen)
{
    static const uint8_t zeros[64];
    ends_t ends = begin (true);
    uint8_t body[GODWIT__ZMTP_BOX_OVERHEAD + sizeof zeros] = {0};
    godwit__zmtp_box_seal (&ends.link, body, sizeof zeros, false);
    cr_assert (memcmp (body + GODWIT__ZMTP_BOX_HEAD + 1, zeros, sizeof zeros) != 0);
    uint8_t first[sizeof body];
    memcpy (first, body, sizeof body);
    memset (body, 0, sizeof body);
    godwit__zmtp_box_seal (&ends.link, body, sizeof zeros, false);
    cr_assert (memcmp (body + 16, first + 16, sizeof body - 16) != 0, "the same payload looks otherwise");
    finish (&ends);
}

Test (zmtp_box, flags_travel_inside)
{
    ends_t ends = begin (true);
    uint8_t flags = 0xee;
    for (int is_command = 0; is_command < 2; is_command++) {
        const zmtp_bytes_t bytes = seal (&ends.link, 10, is_command);
        cr_assert_null (open_copy (&ends.port, bytes, &flags));
        cr_assert_eq (flags, is_command ? GODWIT__ZMTP_BOX_COMMAND : 0);
        free (bytes.data);
    }
    finish (&ends);
}

/* What a peer made of RFC 26 seals, with any flags, and what it opens. */
Test (zmtp_box, it_speaks_with_a_peer_made_of_rfc_26)
{
    for (int accepts = 0; accepts < 2; accepts++) {
        curve_peer_t peer = curve_peer (!accepts, 1, 2, 3);
        const curve_pair_t own = curve_pair (4);
        memcpy (peer.other, own.open, CURVE_KEY);
        godwit__zmtp_box_t end = box (0, accepts, false);
        cr_assert_eq (crypto_box_beforenm (end.key, peer.mine.open, own.secret), 0);
        for (unsigned bits = 0; bits < 256; bits++) {
            uint8_t flags = 0xee;
            const zmtp_bytes_t message = curve_peer_message (&peer, (uint8_t) bits, "hello", 5);
            const char *const wrong =
                godwit__zmtp_box_open (&end, message.data + 2, message.size - 2, &flags);
            cr_assert_eq (wrong == NULL, bits <= 3, "%u", bits);
            cr_assert (wrong ? strstr (wrong, "flags that ZMTP does not know") != NULL
                             : flags == bits &&
                                   !memcmp (message.data + 2 + GODWIT__ZMTP_BOX_OVERHEAD, "hello", 5));
            free (message.data);
        }
        for (int is_command = 0; is_command < 2; is_command++) {
            const zmtp_bytes_t bytes = seal (&end, 100, is_command);
            zmtp_bytes_t data;
            uint8_t flags;
            cr_assert (curve_peer_take_message (&peer, bytes.data, bytes.size, &flags, &data));
            cr_assert (flags == (is_command ? 2 : 0) && data.size == 100);
            free (data.data);
            free (bytes.data);
        }
        godwit__zmtp_box_end (&end);
    }
}

Test (zmtp_box, each_changed_byte_is_seen)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        ends_t ends = begin (is_exact);
        const zmtp_bytes_t bytes = seal (&ends.link, 100, false);
        for (size_t at = 0; at < bytes.size; at++) {
            for (size_t i = 0; i < sizeof changes; i++) {
                bytes.data[at] ^= changes[i];
                expect_shut (&ends.port, bytes,
                             at < 8                ? "not in a box"
                             : at < 16 && is_exact ? "out of turn"
                                                   : "");
                bytes.data[at] ^= changes[i];
            }
        }
        expect_open (&ends.port, bytes);
        free (bytes.data);
        finish (&ends);
    }
}

Test (zmtp_box, what_is_cut_short_or_longer_is_seen)
{
    ends_t ends = begin (true);
    const zmtp_bytes_t bytes = seal (&ends.link, 20, false);
    for (size_t size = 0; size < bytes.size; size++)
        expect_shut (&ends.port, (zmtp_bytes_t){bytes.data, size},
                     size < GODWIT__ZMTP_BOX_OVERHEAD ? "not in a box" : "does not open");
    const zmtp_bytes_t longer = zmtp_join (zmtp_bytes_of (bytes.data, bytes.size), zmtp_unhex ("00"));
    expect_shut (&ends.port, longer, "does not open");
    expect_open (&ends.port, bytes);
    free (longer.data);
    free (bytes.data);
    finish (&ends);
}

Test (zmtp_box, a_box_opens_once_and_at_its_end_only)
{
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        ends_t ends = begin (is_exact);
        godwit__zmtp_box_t other = box (8, true, is_exact);
        const zmtp_bytes_t bytes = seal (&ends.link, 10, false);
        expect_shut (&other, bytes, "does not open");
        expect_shut (&ends.link, bytes, "does not open"); /* sent back */
        expect_open (&ends.port, bytes);
        expect_shut (&ends.port, bytes, "out of turn");
        free (bytes.data);
        godwit__zmtp_box_end (&other);
        finish (&ends);
    }
}

Test (zmtp_box, what_was_cut_out_is_seen_among_ourselves_and_not_with_libzmq)
{
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        ends_t ends = begin (is_exact);
        const zmtp_bytes_t first = seal (&ends.link, 10, false);
        const zmtp_bytes_t second = seal (&ends.link, 10, false);
        const zmtp_bytes_t third = seal (&ends.link, 10, false);
        expect_open (&ends.port, first);
        if (is_exact) {
            expect_shut (&ends.port, third, "one came twice, or is missing");
            expect_open (&ends.port, second);
            expect_open (&ends.port, third);
        } else {
            expect_open (&ends.port, third);
            expect_shut (&ends.port, second, "one came twice, or is missing");
        }
        free (first.data);
        free (second.data);
        free (third.data);
        finish (&ends);
    }
}

Test (zmtp_box, its_key_is_given_back)
{
    uint8_t *const other = godwit__secret_new (); /* so that the memory of both stays */
    godwit__zmtp_box_t end = box (7, false, false);
    const uint8_t *const key = end.key;
    godwit__zmtp_box_end (&end);
    uint8_t *const next = godwit__secret_new ();
    cr_assert_eq (next, key, "the next piece is that one");
    godwit__secret_free (next);
    godwit__secret_free (other);
}

/* Behind the largest number there is none, and it does not begin again. */
Test (zmtp_box, numbers_do_not_begin_again)
{
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        ends_t ends = begin (is_exact);
        ends.link.sent = UINT64_MAX - 1;
        ends.port.received = is_exact ? UINT64_MAX - 1 : 5;
        const zmtp_bytes_t last = seal (&ends.link, 10, false);
        const zmtp_bytes_t behind = seal (&ends.link, 10, false);
        expect_open (&ends.port, last);
        expect_shut (&ends.port, behind, "out of turn");
        expect_shut (&ends.port, last, "out of turn");
        free (last.data);
        free (behind.data);
        finish (&ends);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of requests takes what the scan and msgpack-c take, and nothing else; and it leaves the context
 * until somebody asks for it. */
#include "src/value/msgpack/codec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 24, OFFSET = 3 };

static const godwit__limits_t limits = {.size = 1 << 20, .depth = GODWIT_VALUE_MAX_DEPTH, .count = 1000};

typedef union own {
    godwit__block_t block;
    uint8_t room[sizeof (godwit__block_t) + NODES * sizeof (struct godwit_value)];
} own_t;

/* A copy of exactly that size, so that AddressSanitizer sees a read behind it. */
static void
fill_frame (godwit__frame_t *frame, const void *data, size_t size)
{
    uint8_t *const copy = malloc (OFFSET + size);
    cr_assert_not_null (copy);
    memset (copy, 'h', OFFSET);
    memcpy (copy + OFFSET, data, size);
    godwit__frame_adopt (frame, copy, OFFSET + size);
}

static void
assert_same (const struct godwit_value *a, const struct godwit_value *b, uint32_t count, size_t row)
{
    for (uint32_t i = 0; i < count; i++) {
        cr_assert (a[i].type == b[i].type && a[i].index == i && b[i].index == i, "row %zu, node %u", row, i);
        if (a[i].type == GODWIT_TYPE_STR || a[i].type == GODWIT_TYPE_BIN)
            cr_assert (a[i].as.bytes.size == b[i].as.bytes.size &&
                           memcmp (a[i].as.bytes.data, b[i].as.bytes.data,
                                   a[i].as.bytes.size + (a[i].type == GODWIT_TYPE_STR)) == 0,
                       "row %zu, node %u", row, i);
        else if (a[i].type == GODWIT_TYPE_LIST || a[i].type == GODWIT_TYPE_MAP)
            cr_assert (a[i].count == b[i].count && a[i].as.first == b[i].as.first, "row %zu, node %u", row,
                       i);
        else if (a[i].type == GODWIT_TYPE_BOOL)
            cr_assert_eq (a[i].as.boolean, b[i].as.boolean, "row %zu, node %u", row, i);
        else if (a[i].type != GODWIT_TYPE_NIL)
            cr_assert_eq (a[i].as.unsigned_integer, b[i].as.unsigned_integer, "row %zu, node %u", row, i);
    }
}

static bool
looks_right (const godwit_value_t *body)
{
    static const struct {
        godwit_type_t type;
        bool may_be_nil;
    } parts[] = {{GODWIT_TYPE_MAP, false},
                 {GODWIT_TYPE_STR, false},
                 {GODWIT_TYPE_MAP, false},
                 {GODWIT_TYPE_STR, true},
                 {GODWIT_TYPE_STR, true}};
    const size_t count = godwit_value_count (body);
    bool good = godwit_value_type (body) == GODWIT_TYPE_LIST && count >= 3 && count <= 5;
    for (size_t i = 0; good && i < count; i++) {
        const godwit_type_t type = godwit_value_type (godwit_value_at (body, i));
        good = type == parts[i].type || (parts[i].may_be_nil && type == GODWIT_TYPE_NIL);
    }
    return good;
}

/* Decodes it in both ways. Returns whether the context was left; *status is what came of both. */
static bool
decode (const void *data, size_t size, const godwit__limits_t *within, godwit_status_t *status, size_t row)
{
    own_t own;
    memset (&own, 0xee, sizeof own);
    own.block = (godwit__block_t){.capacity = NODES};
    godwit__scan_t scan = {0};
    godwit__block_t *block = &own.block;
    godwit__block_t *careful = NULL;
    godwit__frame_t frame;
    fill_frame (&own.block.frame, data, size);
    fill_frame (&frame, data, size);
    const godwit_status_t expected = godwit__decode_carefully (&careful, &frame, OFFSET, within, NULL);
    bool has_form;
    *status = godwit__decode_request (&block, OFFSET, within, &has_form, NULL);
    cr_assert_eq (*status, expected, "row %zu, %zu bytes: %d, expected %d", row, size, (int) *status,
                  (int) expected);
    if (*status) {
        cr_assert_null (own.block.frame.data, "row %zu: the frame was consumed", row);
        return false;
    }
    const bool is_unread = block->is_context_unread;
    cr_assert_eq (godwit__scan (data, size, within, &scan), GODWIT_OK);
    godwit__decode_context (block, OFFSET);
    cr_assert_not (block->is_context_unread);
    assert_same (godwit__block_nodes (block), godwit__block_nodes (careful), scan.node_count, row);
    cr_assert (!has_form || looks_right (godwit__block_nodes (block)), "row %zu", row);
    godwit__decode_context (block, OFFSET); /* once more: nothing happens */
    if (block == &own.block)
        godwit__frame_release (&own.block.frame);
    else
        godwit__block_unref (block);
    godwit__block_unref (careful);
    return is_unread;
}

#define BYTES(text) (text), sizeof (text) - 1
#define USUAL                                                                                                \
    "\x82\xa2id\xa3"                                                                                         \
    "abc\xa4user\xa5"                                                                                        \
    "bench"
#define ARGS                                                                                                 \
    "\x82\xa1"                                                                                               \
    "a\x01\xa1"                                                                                              \
    "b\xcd\x01\x02"

static const struct {
    const char *data;
    size_t size;
    godwit_status_t status;
    bool is_unread;
} rows[] = {
    {BYTES ("\x95" USUAL "\xa3"
            "add" ARGS "\xc0\xa3"
            "1.0"),
     GODWIT_OK, true},
    {BYTES ("\x95" USUAL "\xa3"
            "add" ARGS "\xa2ns\xa3"
            "1.0"),
     GODWIT_OK, true},
    {BYTES ("\x95" USUAL "\xa3"
            "add" ARGS "\xa0\xc0"),
     GODWIT_OK, true},
    {BYTES ("\x94" USUAL "\xa3"
            "add" ARGS "\xa2ns"),
     GODWIT_OK, true},
    {BYTES ("\x93" USUAL "\xa3"
            "add\x80"),
     GODWIT_OK, true},
    {BYTES ("\x93" USUAL "\xa0\x81\xa1s\xd9\x21"
            "012345678901234567890123456789012"),
     GODWIT_OK, true},
    {BYTES ("\x93" USUAL "\xa3"
            "add\x81\xa1s\xa1"
            "end"),
     GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93" USUAL "\xa3"
            "add\x81\xa1s\xa0"),
     GODWIT_OK, true},
    {BYTES ("\x93\x80\xa3"
            "add\x81\xa1s\xc0"),
     GODWIT_OK, false}, /* there is nothing to leave */
    {BYTES ("\x93\x87\xa1"
            "a\xc2\xa1"
            "b\xcf........\xa1"
            "c\xcb........\xa1"
            "d\xc4\x02..\xa1"
            "e\xa0\xa1"
            "f\xd9\x02..\xa1"
            "g\xff\xa1m\x80"),
     GODWIT_OK, true},
    /* A context, or arguments, that hold more than scalars; keys that are empty, long, or look alike. */
    {BYTES ("\x93\x81\xa1k\x91\x01\xa1m\x80"), GODWIT_OK, false},
    {BYTES ("\x93" USUAL "\xa1m\x81\xa1k\x81\xa1j\xa1v"), GODWIT_OK, false},
    {BYTES ("\x93\x81\xa0\xa1v\xa1m\x80"), GODWIT_OK, false},
    {BYTES ("\x93" USUAL "\xa1m\x81\xa0\xa1v"), GODWIT_OK, false},
    {BYTES ("\x93\x81\xd9\x01k\xa1v\xa1m\x80"), GODWIT_OK, false},
    {BYTES ("\x93\x82\xa3"
            "aXc\x01\xa3"
            "aYc\x02\xa1m\x80"),
     GODWIT_OK, false},
    {BYTES ("\x93" USUAL "\xa1m\x82\xa3"
            "aXc\x01\xa3"
            "aYc\x02"),
     GODWIT_OK, false},
    /* Wrong ones are refused at once, whoever reads the context. */
    {BYTES ("\x93\x82\xa1k\x01\xa1k\x02\xa1m\x80"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93\x82\xa0\x01\xa0\x02\xa1m\x80"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93" USUAL "\xa1m\x82\xa1k\x01\xa1k\x02"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93\x81\x01\x01\xa1m\x80"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93\x81\xa1k\xc1\xa1m\x80"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93\x81\xa1k\xd4\x01\x01\xa1m\x80"), GODWIT_ERR_MALFORMED, false},
    {BYTES ("\x93" USUAL "\xa1m\x80\x01"), GODWIT_ERR_MALFORMED, false},
    /* What is no request, but a value. */
    {BYTES ("\x91" USUAL), GODWIT_OK, false},
    {BYTES ("\x92" USUAL "\xa1m"), GODWIT_OK, false},
    {BYTES ("\x93" USUAL "\x01\x80"), GODWIT_OK, false},
    {BYTES ("\x96" USUAL "\xa1m\x80\xc0\xc0\xc0"), GODWIT_OK, false},
    {BYTES ("\x93\x01\xa1m\x80"), GODWIT_OK, false},
    {BYTES ("\x95" USUAL "\xa1m\x80\x01\xc0"), GODWIT_OK, false},
};

Test (request_body, is_what_the_scan_and_msgpack_c_make_of_it)
{
    godwit_status_t status;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq (decode (rows[i].data, rows[i].size, &limits, &status, i), rows[i].is_unread, "row %zu",
                      i);
        cr_assert_eq (status, rows[i].status, "row %zu: %d", i, (int) status);
        for (size_t size = 0; size < rows[i].size; size++) /* whatever is cut off */
            decode (rows[i].data, size, &limits, &status, i);
        for (uint32_t few = 0; few < NODES; few++) {
            decode (rows[i].data, rows[i].size, &(godwit__limits_t){few, 9, 99}, &status, i);
            decode (rows[i].data, rows[i].size, &(godwit__limits_t){99, few % 4, 99}, &status, i);
            decode (rows[i].data, rows[i].size, &(godwit__limits_t){99, 9, few}, &status, i);
        }
    }
}

Test (request_body, leaves_the_context_until_somebody_asks)
{
    own_t own;
    memset (&own, 0xee, sizeof own);
    own.block = (godwit__block_t){.capacity = NODES};
    godwit__block_t *block = &own.block;
    fill_frame (&block->frame, rows[0].data, rows[0].size);
    bool has_form = false;
    cr_assert_eq (godwit__decode_request (&block, OFFSET, &limits, &has_form, NULL), GODWIT_OK);
    cr_assert (has_form);
    const struct godwit_value *const nodes = godwit__block_nodes (block);
    const struct godwit_value *const context = nodes + nodes->as.first;
    cr_assert (block->is_context_unread && godwit_value_type (context) == GODWIT_TYPE_MAP);
    cr_assert_eq (nodes[context->as.first].type, 0xee, "its entries were not touched");
    /* The others can be read before and afterwards. */
    for (int i = 0; i < 2; i++) {
        cr_assert_str_eq (godwit_value_as_str (context + 1, ""), "add");
        cr_assert_eq (godwit_value_as_int (godwit_value_get (context + 2, "b"), 0), 0x102);
        cr_assert_str_eq (godwit_value_as_str (context + 4, ""), "1.0");
        godwit__decode_context (block, OFFSET);
    }
    cr_assert_str_eq (godwit_value_as_str (godwit_value_get (context, "id"), ""), "abc");
    cr_assert_str_eq (godwit_value_as_str (godwit_value_get (context, "user"), ""), "bench");
    godwit__frame_release (&block->frame);
}

/* Random changes of right bodies: both ways agree on each. */
Test (request_body, agrees_with_the_scan_on_changed_bytes)
{
    uint32_t random = 1;
    godwit_status_t status;
    for (unsigned round = 0; round < 200000; round++) {
        const size_t i = round % (sizeof rows / sizeof rows[0]);
        uint8_t data[128];
        memcpy (data, rows[i].data, rows[i].size);
        for (unsigned change = 0; change <= round % 3; change++) {
            random = random * 1664525 + 1013904223;
            data[(random >> 8) % rows[i].size] = (uint8_t) (random >> 24);
        }
        decode (data, rows[i].size, &limits, &status, i);
    }
}

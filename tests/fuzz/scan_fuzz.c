/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message's body: no crash, no allocation that the bytes do not justify, and what is decoded
 * can be encoded and decoded again to the same value. The decoder of small bodies takes nothing that scan and
 * parser would not take, and makes the same nodes of it. */
#include "src/value/msgpack/codec.h"

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

/* Reads every byte of the value. */
static void
visit (const godwit_value_t *value)
{
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_STR: {
        const char *const text = godwit_value_as_str (value, NULL);
        const size_t size = godwit_value_count (value);
        check (strlen (text) <= size && text[size] == '\0');
        break;
    }
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
        for (size_t i = 0; i < godwit_value_count (value); i++) {
            const char *const key = godwit_value_key_at (value, i);
            check ((key != NULL) == (godwit_value_type (value) == GODWIT_TYPE_MAP));
            if (key && strlen (key) < 16) /* a NUL inside a key makes it another one */
                check (!godwit_value_get (value, key) || strlen (key) < SIZE_MAX);
            visit (godwit_value_at (value, i));
        }
        break;
    default:
        break;
    }
}

static godwit__frame_t
frame_of (const uint8_t *data, size_t size)
{
    const godwit__frame_t frame = {.data = malloc (size ? size : 1), .size = size, .release = free_frame};
    check (frame.data != NULL);
    if (size)
        memcpy (frame.data, data, size);
    return frame;
}

/* The same nodes in the same places: more than equal values. */
static void
check_same (const struct godwit_value *a, const struct godwit_value *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        check (a[i].type == b[i].type && a[i].index == i && b[i].index == i);
        if (a[i].type == GODWIT_TYPE_STR || a[i].type == GODWIT_TYPE_BIN)
            check (a[i].as.bytes.size == b[i].as.bytes.size &&
                   memcmp (a[i].as.bytes.data, b[i].as.bytes.data, a[i].as.bytes.size) == 0);
        else if (a[i].type == GODWIT_TYPE_BOOL)
            check (a[i].as.boolean == b[i].as.boolean);
        else if (a[i].type == GODWIT_TYPE_LIST || a[i].type == GODWIT_TYPE_MAP)
            check (a[i].count == b[i].count && a[i].as.first == b[i].as.first);
        else if (a[i].type != GODWIT_TYPE_NIL)
            check (a[i].as.unsigned_integer == b[i].as.unsigned_integer);
    }
}

/* What came of decoding with the quick parser before the scan: status, error and nodes are those of the scan
 * and msgpack-c alone. */
static void
compare (const uint8_t *data, size_t size, const godwit__limits_t *limits, godwit_status_t status,
         const godwit_error_t *error, godwit__block_t *block, uint32_t count)
{
    godwit__frame_t frame = frame_of (data, size);
    godwit__block_t *other = NULL;
    godwit_error_t *other_error = NULL;
    check (godwit__decode_carefully (&other, &frame, 0, limits, &other_error) == status);
    if (status) {
        check (strcmp (godwit_error_message (error), godwit_error_message (other_error)) == 0);
        godwit_error_destroy (&other_error);
        return;
    }
    check_same (godwit__block_nodes (block), godwit__block_nodes (other), count);
    godwit__block_unref (other);
}

/* Limits that are met in the middle of a small body. */
static void
compare_within (const uint8_t *data, size_t size, const godwit__limits_t *limits)
{
    godwit__frame_t frame = frame_of (data, size);
    godwit__block_t *block = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__decode (&block, &frame, 0, limits, &error);
    compare (data, size, limits, status, error, block, 0);
    if (block)
        godwit__block_unref (block);
    godwit_error_destroy (&error);
}

/* The decoder of requests, with the context read late. */
static void
compare_request (const uint8_t *data, size_t size, const godwit__limits_t *limits)
{
    union {
        godwit__block_t block;
        uint8_t room[sizeof (godwit__block_t) + 16 * sizeof (struct godwit_value)];
    } own = {.block = {.capacity = 16}};
    godwit__block_t *block = &own.block;
    godwit_error_t *error = NULL;
    godwit__scan_t scan = {0};
    own.block.frame = frame_of (data, size);
    bool has_form = false;
    const godwit_status_t status = godwit__decode_request (&block, 0, limits, &has_form, &error);
    if (status == GODWIT_OK) {
        check (!has_form || godwit_value_count (godwit__block_nodes (block)) >= 3);
        check (godwit__scan (data, size, limits, &scan) == GODWIT_OK);
        godwit__decode_context (block, 0);
        visit (godwit__block_nodes (block));
    }
    compare (data, size, limits, status, error, block, scan.node_count);
    if (status == GODWIT_OK && block != &own.block)
        godwit__block_unref (block);
    else
        godwit__frame_release (&own.block.frame);
    godwit_error_destroy (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const godwit__limits_t limits = {
        .size = 1 << 20, .depth = GODWIT_VALUE_MAX_DEPTH, .count = 100000};
    union {
        godwit__block_t block;
        uint8_t room[sizeof (godwit__block_t) + 16 * sizeof (struct godwit_value)];
    } own = {.block = {.capacity = 16}};
    godwit__scan_t scan = {0};
    const godwit_status_t scanned = godwit__scan (data, size, &limits, &scan);
    check (scanned ? scan.reason && scan.at <= size : scan.consumed <= size && scan.node_count <= size);

    godwit__frame_t frame = frame_of (data, size);
    godwit__block_t *block = &own.block;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__decode (&block, &frame, 0, &limits, &error);
    check (!frame.data && (status == GODWIT_OK) == (error == NULL));
    compare (data, size, &limits, status, error, block, scan.node_count);
    compare_within (data, size, &(godwit__limits_t){.size = 12, .depth = 2, .count = 5});
    compare_request (data, size, &limits);
    if (status) {
        check (block == &own.block && atomic_load (&block->refs) == 0);
        godwit_error_destroy (&error);
        return 0;
    }
    check (!scanned && scan.consumed == size);
    check ((block == &own.block) == (scan.node_count < own.block.capacity)); /* one node is spare */
    visit (godwit__block_nodes (block));

    char text[64];
    const size_t length = godwit_value_print (godwit__block_nodes (block), text, sizeof text);
    check (strlen (text) == (length < sizeof text ? length : strlen (text)));
    const size_t bound = godwit__value_bound (godwit__block_nodes (block));
    godwit__writer_t writer = {.data = malloc (bound), .capacity = bound};
    check (writer.data != NULL);
    godwit__write_value (&writer, godwit__block_nodes (block));
    check (!writer.overflow);
    godwit_value_t *again = NULL;
    check (godwit__value_from (&again, &writer, NULL) == GODWIT_OK);
    check (godwit_value_equal (godwit__block_nodes (block), again));
    godwit_value_unref (&again);
    godwit__block_unref (block);
    return 0;
}

/* Any bytes as a message's body: no crash, no allocation that the bytes do not justify, and what is decoded
 * can be encoded and decoded again to the same value. */
#include "src/msgpack/codec.h"

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

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const godwit__limits_t limits = {
        .size = 1 << 20, .depth = GODWIT_VALUE_MAX_DEPTH, .count = 100000};
    union {
        godwit__block_t block;
        uint8_t room[sizeof (godwit__block_t) + 8 * sizeof (struct godwit_value)];
    } own = {.block = {.capacity = 8}};
    godwit__scan_t scan = {0};
    const godwit_status_t scanned = godwit__scan (data, size, &limits, &scan);
    check (scanned ? scan.reason && scan.at <= size : scan.consumed <= size && scan.node_count <= size);

    godwit__frame_t frame = {.data = malloc (size ? size : 1), .size = size, .release = free_frame};
    check (frame.data != NULL);
    if (size)
        memcpy (frame.data, data, size);
    godwit__block_t *block = &own.block;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__decode (&block, &frame, 0, &limits, &error);
    check (!frame.data && (status == GODWIT_OK) == (error == NULL));
    if (status) {
        check (block == &own.block && atomic_load (&block->refs) == 0);
        godwit_error_destroy (&error);
        return 0;
    }
    check (!scanned && scan.consumed == size);
    visit (block->nodes);

    char text[64];
    const size_t length = godwit_value_print (block->nodes, text, sizeof text);
    check (strlen (text) == (length < sizeof text ? length : strlen (text)));
    const size_t bound = godwit__value_bound (block->nodes);
    godwit__writer_t writer = {.data = malloc (bound), .capacity = bound};
    check (writer.data != NULL);
    godwit__write_value (&writer, block->nodes);
    check (!writer.overflow);
    godwit_value_t *again = NULL;
    check (godwit__value_from (&again, &writer, NULL) == GODWIT_OK);
    check (godwit_value_equal (block->nodes, again));
    godwit_value_unref (&again);
    godwit__block_unref (block);
    return 0;
}

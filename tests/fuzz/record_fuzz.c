/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to a rendezvous message, and to a record. Whatever is accepted must come back the same when it is
 * written. */
#include "matchmaker/rendezvous_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

/* A copy of exactly this size, so that AddressSanitizer sees a read past its end. */
static godwit__frame_t
make_frame (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size ? size : 1);
    if (!copy)
        abort ();
    if (size)
        memcpy (copy, data, size);
    return (godwit__frame_t){.data = copy, .size = size, .release = release, .storage = {.pointer = copy}};
}

static godwit__record_t *
read_record (const uint8_t *data, size_t size)
{
    godwit__frame_t frame = make_frame (data, size);
    godwit__block_t *block = NULL;
    if (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL) != GODWIT_OK)
        return NULL;
    godwit__record_t *record = NULL;
    if (godwit__record_read (&record, godwit__block_nodes (block), NULL) != GODWIT_OK)
        record = NULL;
    godwit__block_unref (block);
    return record;
}

/* The bytes of a record; the caller frees them. */
static uint8_t *
write_record (const godwit__record_t *record, size_t *size)
{
    godwit__writer_t writer = {.capacity = godwit__record_bound (record)};
    writer.data = malloc (writer.capacity);
    if (!writer.data)
        abort ();
    godwit__record_write (&writer, record);
    if (writer.overflow)
        abort ();
    *size = writer.size;
    return writer.data;
}

static void
check_round_trip (const godwit__record_t *record)
{
    size_t size = 0;
    size_t size_again = 0;
    uint8_t *bytes = write_record (record, &size);
    godwit__record_t *again = read_record (bytes, size);
    if (!again)
        abort ();
    uint8_t *bytes_again = write_record (again, &size_again);
    if (size != size_again || memcmp (bytes, bytes_again, size) != 0)
        abort ();
    free (bytes);
    free (bytes_again);
    godwit__record_unref (&again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    godwit__record_t *record = read_record (data, size);
    if (record)
        check_round_trip (record);
    godwit__record_unref (&record);

    godwit__frame_t frame = make_frame (data, size);
    godwit__rendezvous_message_t message;
    if (godwit__rendezvous_read (&message, &frame, NULL) == GODWIT_OK) {
        for (size_t i = 0; i < message.record_count; i++)
            check_round_trip (message.records[i]);
        godwit__record_list_t list = {message.records, message.record_count};
        static uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
        list.count = godwit__rendezvous_fit (list);
        const godwit__message_t sent = godwit__rendezvous_register (buffer, list);
        if (sent.size > sizeof buffer)
            abort ();
        godwit__rendezvous_clear (&message);
    }
    return 0;
}

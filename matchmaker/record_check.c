#include "matchmaker/record_check.h"

#include "src/error/error.h"

#include <stdlib.h>

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

godwit_status_t
godwit__record_check (const godwit__record_t *record, godwit_error_t **error)
{
    godwit__writer_t writer = {.capacity = godwit__record_bound (record)};
    writer.data = malloc (writer.capacity);
    if (!writer.data)
        return godwit__error_no_memory (error);
    godwit__record_write (&writer, record);
    godwit__frame_t frame = {
        .data = writer.data, .size = writer.size, .release = release, .storage = {.pointer = writer.data}};
    godwit__block_t *block = NULL;
    godwit_status_t status = godwit__decode (&block, &frame, 0, &godwit__default_limits, error);
    if (status != GODWIT_OK)
        return status;
    godwit__record_t *copy = NULL;
    godwit_error_t *reason = NULL;
    status = godwit__record_read (&copy, godwit__block_nodes (block), &reason);
    if (status == GODWIT_ERR_MALFORMED)
        status = godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s", godwit_error_message (reason));
    else if (status != GODWIT_OK)
        status = godwit__error_no_memory (error);
    godwit_error_destroy (&reason);
    godwit__record_unref (&copy);
    godwit__block_unref (block);
    return status;
}

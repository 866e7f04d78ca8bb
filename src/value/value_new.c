/* SPDX-License-Identifier: Apache-2.0 */
/* Making values: from a field, from a list of fields, from what was encoded. */
#include <godwit/value.h>

#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <stdlib.h>

static void
free_frame (godwit__frame_t *frame)
{
    free (frame->data);
}

/* Values of up to this many bytes keep their encoding. */
#define KEPT_SIZE 1024

/* The size is limited by the format only: the transport limits the size of messages. */
static const godwit__limits_t value_limits = {
    .size = UINT32_MAX, .depth = GODWIT_VALUE_MAX_DEPTH, .count = GODWIT_VALUE_MAX_COUNT};

godwit_status_t
godwit__value_from (godwit_value_t **value, const godwit__writer_t *writer, godwit_error_t **error)
{
    /* Decoding changes the bytes (it ends strings), so a small value keeps a copy of them: a context that
     * goes with every call is then encoded by copying it. */
    const bool keeps = writer->size <= KEPT_SIZE;
    uint8_t *data = keeps ? realloc (writer->data, 2 * writer->size) : writer->data;
    if (!data) {
        free (writer->data);
        return godwit__error_no_memory (error);
    }
    if (keeps)
        memcpy (data + writer->size, data, writer->size);
    godwit__frame_t frame = {.data = data, .size = writer->size, .release = free_frame};
    godwit__block_t *block = NULL;
    const godwit_status_t status = godwit__decode (&block, &frame, 0, &value_limits, error);
    if (status)
        return status;
    if (keeps) {
        block->encoded = data + writer->size;
        block->encoded_size = (uint32_t) writer->size;
    }
    *value = godwit__block_nodes (block);
    return GODWIT_OK;
}

godwit_status_t
godwit_value_new (godwit_value_t **value, godwit_field_t field, godwit_error_t **error)
{
    size_t bound = 0;
    if (!value)
        return godwit__error_null (error, "value");
    godwit_status_t status = godwit__field_bound (&field, "value", &bound, error);
    if (status)
        return status;
    godwit__writer_t writer = {.data = malloc (bound), .capacity = bound};
    if (!writer.data)
        return godwit__error_no_memory (error);
    godwit__write_field (&writer, &field);
    return godwit__value_from (value, &writer, error);
}

godwit_status_t
godwit_value_new_map (godwit_value_t **value, godwit_fields_t fields, godwit_error_t **error)
{
    const godwit_field_t field = {.type = GODWIT_TYPE_MAP, .size = fields.count, .as.items = fields.items};
    if (!value)
        return godwit__error_null (error, "value");
    if (!fields.value)
        return godwit_value_new (value, field, error);
    if (godwit_value_type (fields.value) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (fields.value), "value: expected map, got %s",
                                  godwit_type_name (godwit_value_type (fields.value)));
    *value = godwit_value_ref (fields.value); /* values are immutable, so no copy is needed */
    return GODWIT_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Values of bytes that belong to the program. */
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <stdlib.h>

typedef struct owner {
    void *data;
    void *hint;
    void (*free_fn) (void *data, void *hint);
} owner_t;

_Static_assert(sizeof (owner_t) <= sizeof ((godwit__frame_t){0}).storage, "a frame holds an owner");

static void
release_bytes (godwit__frame_t *frame)
{
    owner_t owner;
    memcpy (&owner, &frame->storage, sizeof owner);
    owner.free_fn (owner.data, owner.hint);
}

static void
release_block (godwit__block_t *block)
{
    free (block);
}

static godwit_status_t
make (godwit_value_t **value, owner_t owner, size_t size, godwit_error_t **error)
{
    if (!value)
        return godwit__error_null (error, "value");
    if (!owner.data && size)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "value: the bytes are NULL");
    if (size > UINT32_MAX)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "value: longer than 4 GiB");
    godwit__block_t *const block = malloc (sizeof *block + sizeof (struct godwit_value));
    if (!block)
        return godwit__error_no_memory (error);
    atomic_init (&block->refs, 1);
    block->capacity = 1;
    block->release = release_block;
    block->encoded = NULL;
    block->frame =
        (godwit__frame_t){.data = owner.data, .size = size, .release = owner.free_fn ? release_bytes : NULL};
    memcpy (&block->frame.storage, &owner, sizeof owner);
    struct godwit_value *const node = godwit__block_nodes (block);
    *node = (struct godwit_value){
        .type = GODWIT_TYPE_BIN,
        .as.bytes = {size ? owner.data : (const uint8_t *) "", size},
    };
    *value = node;
    return GODWIT_OK;
}

godwit_status_t
godwit_value_new_bin (godwit_value_t **value, const void *data, size_t size,
                      void (*free_fn) (void *data, void *hint), void *hint, godwit_error_t **error)
{
    /* Nothing here writes to the bytes; the program's function may. */
    const owner_t owner = {(void *) (uintptr_t) data, hint, free_fn};
    const godwit_status_t status = make (value, owner, size, error);
    if (status && free_fn)
        free_fn (owner.data, hint);
    return status;
}

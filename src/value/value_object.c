/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are not made of bytes: objects of the program, and maps of existing values. */
#include "src/error/error.h"
#include "src/value/value_map.h"

#include <stdlib.h>

/* ---- objects ---- */

static void
release_object (godwit__block_t *block)
{
    struct godwit_value *const node = godwit__block_nodes (block);
    if (node->as.object.destroy)
        node->as.object.destroy (node->as.object.pointer);
    free (block);
}

static godwit__block_t *
block_new (size_t size, uint32_t capacity)
{
    godwit__block_t *const block = malloc (size);
    if (!block)
        return NULL;
    atomic_init (&block->refs, 1);
    block->capacity = capacity;
    block->frame = (godwit__frame_t){.data = NULL};
    block->encoded = NULL;
    return block;
}

godwit_status_t
godwit_value_new_object (godwit_value_t **value, void *object, void (*destroy) (void *object),
                         godwit_error_t **error)
{
    godwit__block_t *const block = value ? block_new (sizeof *block + sizeof (struct godwit_value), 1) : NULL;
    if (!block) {
        if (destroy)
            destroy (object);
        return value ? godwit__error_no_memory (error)
                     : godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                          "value: expected a pointer, got NULL");
    }
    block->release = release_object;
    struct godwit_value *const node = godwit__block_nodes (block);
    *node = (struct godwit_value){.type = GODWIT_TYPE_OBJECT, .as.object = {object, destroy}};
    *value = node;
    return GODWIT_OK;
}

void *
godwit_value_as_object (const godwit_value_t *value)
{
    return godwit_value_type (value) == GODWIT_TYPE_OBJECT ? value->as.object.pointer : NULL;
}

/* ---- maps ---- */

static size_t
children_of (const godwit_value_t *value)
{
    const godwit_type_t type = godwit_value_type (value);
    if (type != GODWIT_TYPE_LIST && type != GODWIT_TYPE_MAP)
        return 0;
    return (size_t) value->count * (type == GODWIT_TYPE_MAP ? 2 : 1);
}

static const godwit_value_t *
first_child (const godwit_value_t *value)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): NULL has no children */
    return value - value->index + value->as.first;
}

static size_t
count_nodes (const godwit_value_t *value)
{
    size_t count = 1;
    for (size_t i = 0; i < children_of (value); i++)
        count += count_nodes (first_child (value) + i); /* depth is bounded wherever values are made */
    return count;
}

/* The nodes are copied; what they point to stays where it is. */
static void
copy_nodes (godwit__block_t *block, uint32_t to, const godwit_value_t *from, uint32_t *used)
{
    struct godwit_value *const node = &godwit__block_nodes (block)[to];
    const size_t children = children_of (from);
    *node = from ? *from : (struct godwit_value){.type = GODWIT_TYPE_NIL};
    node->index = to;
    if (!children)
        return;
    const uint32_t first = *used;
    node->as.first = first;
    *used += (uint32_t) children;
    for (size_t i = 0; i < children; i++)
        copy_nodes (block, first + (uint32_t) i, first_child (from) + i, used);
}

/* The values that the map keeps alive are in the nodes behind its own. */
static void
release_map (godwit__block_t *block)
{
    const struct godwit_value *const nodes = godwit__block_nodes (block);
    const uint32_t count = nodes[0].count;
    for (uint32_t i = 0; i < count; i++) {
        godwit_value_t *held = nodes[block->capacity + i].as.object.pointer;
        godwit_value_unref (&held);
    }
    free (block);
}

godwit_status_t
godwit__value_map (godwit_value_t **map, const godwit__entry_t *entries, size_t count, godwit_error_t **error)
{
    size_t node_count = 1, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        node_count += 1 + count_nodes (entries[i].value);
        bytes += entries[i].key.size + 1;
    }
    if (node_count > GODWIT__BODY_COUNT)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "args: more elements than the limit");
    godwit__block_t *const block = block_new (
        sizeof *block + (node_count + count) * sizeof (struct godwit_value) + bytes, (uint32_t) node_count);
    if (!block)
        return godwit__error_no_memory (error);
    block->release = release_map;
    struct godwit_value *const nodes = godwit__block_nodes (block);
    uint8_t *text = (uint8_t *) &nodes[node_count + count];
    uint32_t used = 1 + 2 * (uint32_t) count;
    nodes[0] = (struct godwit_value){.type = GODWIT_TYPE_MAP, .count = (uint32_t) count, .as.first = 1};
    for (uint32_t i = 0; i < count; i++) {
        const godwit__key_t key = entries[i].key;
        if (key.size)
            memcpy (text, key.data, key.size);
        text[key.size] = '\0';
        nodes[1 + 2 * i] =
            (struct godwit_value){.type = GODWIT_TYPE_STR, .index = 1 + 2 * i, .as.bytes = {text, key.size}};
        text += key.size + 1;
        copy_nodes (block, 2 + 2 * i, entries[i].value, &used);
        nodes[node_count + i].as.object.pointer = godwit_value_ref (entries[i].value);
    }
    *map = nodes;
    return GODWIT_OK;
}

/* Bytes to nodes. msgpack-c's own parser (the template that its msgpack_unpack is made of) calls back for
 * every element; our callbacks put it where it belongs, so there is neither a zone nor a second tree to
 * convert.
 *
 *     scan (bounds, counts) -> one block with room for all nodes -> parse -> end strings, compare keys
 */
#include "src/error.h"
#include "src/msgpack/codec.h"

#include <stdlib.h>

typedef struct godwit_value node_t;

typedef struct parser {
    node_t *nodes;
    uint32_t used; /* nodes given out so far; the scan has made sure that they suffice */
} parser_t;

/* ---- the parser's callbacks ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"

/* A container of the scan's deepest level must fit; the parser keeps one entry per open container. */
#define MSGPACK_EMBED_STACK_SIZE (GODWIT__BODY_DEPTH + 1)
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

#define msgpack_unpack_struct(name) struct parse##name
#define msgpack_unpack_func(result, name) static inline result parse##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object node_t
#define msgpack_unpack_user parser_t

static inline node_t
on_root (parser_t *parser)
{
    return (node_t){.type = GODWIT_TYPE_NIL};
}

static inline int
on_int64 (parser_t *parser, int64_t number, node_t *node)
{
    node->type = GODWIT_TYPE_INT;
    node->as.integer = number;
    return 0;
}

static inline int
on_uint64 (parser_t *parser, uint64_t number, node_t *node)
{
    node->type = number > INT64_MAX ? GODWIT_TYPE_UINT : GODWIT_TYPE_INT;
    node->as.unsigned_integer = number;
    return 0;
}

#define on_uint8 on_int64
#define on_uint16 on_int64
#define on_uint32 on_int64
#define on_int8 on_int64
#define on_int16 on_int64
#define on_int32 on_int64

static inline int
on_double (parser_t *parser, double number, node_t *node)
{
    node->type = GODWIT_TYPE_DOUBLE;
    node->as.number = number;
    return 0;
}

#define on_float on_double

static inline int
on_nil (parser_t *parser, node_t *node)
{
    node->type = GODWIT_TYPE_NIL;
    return 0;
}

static inline int
on_true (parser_t *parser, node_t *node)
{
    node->type = GODWIT_TYPE_BOOL;
    node->as.boolean = true;
    return 0;
}

static inline int
on_false (parser_t *parser, node_t *node)
{
    node->type = GODWIT_TYPE_BOOL;
    node->as.boolean = false;
    return 0;
}

static inline int
on_str (parser_t *parser, const char *start, const char *data, unsigned int size, node_t *node)
{
    node->type = GODWIT_TYPE_STR;
    node->as.bytes.data = (const uint8_t *) data;
    node->as.bytes.size = size;
    return 0;
}

static inline int
on_bin (parser_t *parser, const char *start, const char *data, unsigned int size, node_t *node)
{
    node->type = GODWIT_TYPE_BIN;
    node->as.bytes.data = (const uint8_t *) data;
    node->as.bytes.size = size;
    return 0;
}

static inline int
on_ext (parser_t *parser, const char *start, const char *data, unsigned int size, node_t *node)
{
    return -1; /* the scan refuses them */
}

/* The children get contiguous nodes at once, and count says how many of them have come. */
static inline int
on_array (parser_t *parser, unsigned int count, node_t *node)
{
    node->type = GODWIT_TYPE_LIST;
    node->count = 0;
    node->as.first = parser->used;
    parser->used += count;
    return 0;
}

static inline int
on_map (parser_t *parser, unsigned int count, node_t *node)
{
    node->type = GODWIT_TYPE_MAP;
    node->count = 0;
    node->as.first = parser->used;
    parser->used += 2 * count;
    return 0;
}

static inline void
place (parser_t *parser, uint32_t index, const node_t *node)
{
    parser->nodes[index] = *node;
    parser->nodes[index].index = index;
}

static inline int
on_array_item (parser_t *parser, node_t *list, node_t item)
{
    place (parser, list->as.first + list->count++, &item);
    return 0;
}

static inline int
on_map_item (parser_t *parser, node_t *map, node_t key, node_t item)
{
    const uint32_t index = map->as.first + 2 * map->count++;
    place (parser, index, &key);
    place (parser, index + 1, &item);
    return 0;
}

#include <msgpack/unpack_template.h>
#pragma GCC diagnostic pop

/* ---- after parsing ---- */

/* Ends every string with a NUL. The byte behind a string is the header of the next element, which has been
 * parsed. Only the last element of the frame has none behind it: if its header was longer than a byte, the
 * string moves over its header's last byte (and not over the first, where the NUL of a string before it may
 * be); if not, the string is so short that it fits into the spare node. */
static void
end_strings (godwit__block_t *block, uint32_t count)
{
    const uint8_t *const end = block->frame.data + block->frame.size;
    for (uint32_t i = 0; i < count; i++) {
        node_t *const node = &block->nodes[i];
        if (node->type != GODWIT_TYPE_STR)
            continue;
        uint8_t *data = block->frame.data + (node->as.bytes.data - block->frame.data);
        const size_t size = node->as.bytes.size;
        if (data + size == end) {
            uint8_t *const to = size < sizeof (node_t) ? (uint8_t *) &block->nodes[count] : data - 1;
            memmove (to, data, size);
            node->as.bytes.data = data = to;
        }
        data[size] = '\0';
    }
}

/* The first key that a map has twice. */
static godwit_status_t
check_keys (const node_t *nodes, uint32_t count, godwit_error_t **error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i].type != GODWIT_TYPE_MAP || nodes[i].count < 2)
            continue;
        const node_t *const map = &nodes[i];
        const node_t *const children = &nodes[map->as.first];
        godwit__key_t few[32];
        godwit__key_t *keys = few;
        if (map->count > sizeof few / sizeof few[0]) {
            keys = malloc (map->count * sizeof *keys);
            if (!keys)
                return godwit__error_no_memory (error);
        }
        for (uint32_t k = 0; k < map->count; k++)
            keys[k] = (godwit__key_t){children[2 * k].as.bytes.data, children[2 * k].as.bytes.size};
        const godwit__key_t *const repeated = godwit__key_repeated (keys, map->count);
        godwit_status_t status = GODWIT_OK;
        if (repeated)
            status = godwit__error_set (error, GODWIT_ERR_MALFORMED, "a map has the key \"%.64s\" twice",
                                        (const char *) repeated->data);
        if (keys != few)
            free (keys);
        if (status)
            return status;
    }
    return GODWIT_OK;
}

/* ---- blocks ---- */

static void
release_to_heap (godwit__block_t *block)
{
    free (block);
}

void
godwit__block_unref (godwit__block_t *block)
{
    if (atomic_fetch_sub_explicit (&block->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__frame_release (&block->frame);
    if (block->release)
        block->release (block);
}

static godwit__block_t *
block_new (uint32_t capacity)
{
    godwit__block_t *const block = malloc (sizeof *block + capacity * sizeof (node_t));
    if (!block)
        return NULL;
    atomic_init (&block->refs, 0);
    block->capacity = capacity;
    block->release = release_to_heap;
    return block;
}

static bool
parse (godwit__block_t *block, size_t offset)
{
    struct parse_context context;
    context.user.nodes = block->nodes;
    context.user.used = 1;
    parse_init (&context);
    if (parse_execute (&context, (const char *) block->frame.data, block->frame.size, &offset) != 1)
        return false;
    const node_t root = parse_data (&context);
    place (&context.user, 0, &root);
    return true;
}

godwit_status_t
godwit__decode (godwit__block_t **block_p, godwit__frame_t *frame, size_t offset,
                const godwit__limits_t *limits, godwit_error_t **error)
{
    godwit__scan_t scan = {0};
    const size_t size = offset < frame->size ? frame->size - offset : 0;
    godwit_status_t status = godwit__scan (size ? frame->data + offset : NULL, size, limits, &scan);
    if (!status && scan.consumed != size) {
        status = GODWIT_ERR_MALFORMED;
        scan.at = scan.consumed;
        scan.reason = "bytes are left over behind the value";
    }
    if (status) {
        godwit__frame_release (frame);
        return godwit__error_set (error, status, "%s (at byte %zu of %zu)", scan.reason, scan.at, size);
    }

    /* One node is spare, for end_strings. */
    godwit__block_t *block = *block_p;
    const bool own = !block || block->capacity <= scan.node_count;
    if (own)
        block = block_new (scan.node_count + 1);
    if (!block) {
        godwit__frame_release (frame);
        return godwit__error_no_memory (error);
    }

    godwit__frame_move (&block->frame, frame); /* first: a small frame's bytes move with it */
    if (parse (block, offset)) {
        end_strings (block, scan.node_count);
        status = check_keys (block->nodes, scan.node_count, error);
    } else {
        status = godwit__error_set (error, GODWIT_ERR_MALFORMED, "bytes that are no msgpack");
    }
    if (status) {
        godwit__frame_release (&block->frame);
        if (own)
            free (block);
        return status;
    }
    atomic_store_explicit (&block->refs, 1, memory_order_relaxed);
    *block_p = block;
    return GODWIT_OK;
}

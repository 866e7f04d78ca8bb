/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to nodes. msgpack-c's own parser (the template that its msgpack_unpack is made of) calls back for
 * every element; our callbacks write it into its final node, so there is neither a zone nor a second tree to
 * convert.
 *
 *     a small body, and room for it: quick parse (all of what follows in one pass)
 *                      |
 *                      v anything unusual
 *     scan (bounds, counts) -> one block with room for all nodes -> parse -> end strings, compare keys
 */
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <stdlib.h>

/* In maps of up to so many entries, every pair of keys is compared. */
#define FEW_KEYS 16
/* How many bytes of a repeated key an error shows. */
#define KEY_SHOWN 64
/* A body of up to so many bytes gets a block with one node per byte: it cannot have more nodes. */
#define TINY_BODY 16

typedef struct godwit_value node_t;

typedef struct parser {
    node_t *nodes;
    uint32_t next; /* where the element that is parsed next belongs */
    uint32_t used; /* nodes given out so far; the scan has made sure that they suffice */
} parser_t;

/* What msgpack-c's parser passes around for an element. It is not the node: a node is written once, in its
 * final place. */
typedef struct element {
    uint32_t next; /* of a container: where its next child goes */
} element_t;

/* ---- the parser's callbacks ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"

/* The parser keeps one entry per open container: there must be room for the deepest body that the scan
 * accepts. */
#define MSGPACK_EMBED_STACK_SIZE (GODWIT__BODY_DEPTH + 1)
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

#define msgpack_unpack_struct(name) struct parse##name
#define msgpack_unpack_func(result, name) static inline result parse##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object element_t
#define msgpack_unpack_user parser_t

static inline element_t
on_root (parser_t *parser)
{
    return (element_t){0};
}

static inline node_t *
add (parser_t *parser, godwit_type_t type, element_t *element)
{
    const uint32_t index = parser->next++;
    element->next = 0;
    node_t *const node = &parser->nodes[index];
    node->type = (uint8_t) type;
    node->index = index;
    return node;
}

static inline int
on_int64 (parser_t *parser, int64_t number, element_t *element)
{
    add (parser, GODWIT_TYPE_INT, element)->as.integer = number;
    return 0;
}

static inline int
on_uint64 (parser_t *parser, uint64_t number, element_t *element)
{
    add (parser, number > INT64_MAX ? GODWIT_TYPE_UINT : GODWIT_TYPE_INT, element)->as.unsigned_integer =
        number;
    return 0;
}

#define on_uint8 on_int64
#define on_uint16 on_int64
#define on_uint32 on_int64
#define on_int8 on_int64
#define on_int16 on_int64
#define on_int32 on_int64

static inline int
on_double (parser_t *parser, double number, element_t *element)
{
    add (parser, GODWIT_TYPE_DOUBLE, element)->as.number = number;
    return 0;
}

#define on_float on_double

static inline int
on_nil (parser_t *parser, element_t *element)
{
    add (parser, GODWIT_TYPE_NIL, element);
    return 0;
}

static inline int
on_true (parser_t *parser, element_t *element)
{
    add (parser, GODWIT_TYPE_BOOL, element)->as.boolean = true;
    return 0;
}

static inline int
on_false (parser_t *parser, element_t *element)
{
    add (parser, GODWIT_TYPE_BOOL, element)->as.boolean = false;
    return 0;
}

/* The parser gives no pointer for what is empty. */
static inline void
set_bytes (node_t *node, const char *data, unsigned int size)
{
    node->as.bytes.data = (const uint8_t *) (size ? data : "");
    node->as.bytes.size = size;
}

static inline int
on_str (parser_t *parser, const char *start, const char *data, unsigned int size, element_t *element)
{
    set_bytes (add (parser, GODWIT_TYPE_STR, element), data, size);
    return 0;
}

static inline int
on_bin (parser_t *parser, const char *start, const char *data, unsigned int size, element_t *element)
{
    set_bytes (add (parser, GODWIT_TYPE_BIN, element), data, size);
    return 0;
}

static inline int
on_ext (parser_t *parser, const char *start, const char *data, unsigned int size, element_t *element)
{
    return -1; /* the scan refuses them */
}

/* Reserves contiguous nodes for all children; the next parsed element is the first of them. */
static inline void
open_container (parser_t *parser, godwit_type_t type, uint32_t count, uint32_t children, element_t *element)
{
    node_t *const node = add (parser, type, element);
    node->count = count;
    node->as.first = parser->used;
    element->next = parser->next = parser->used;
    parser->used += children;
}

static inline int
on_array (parser_t *parser, unsigned int count, element_t *element)
{
    open_container (parser, GODWIT_TYPE_LIST, count, count, element);
    return 0;
}

static inline int
on_map (parser_t *parser, unsigned int count, element_t *element)
{
    open_container (parser, GODWIT_TYPE_MAP, count, 2 * count, element);
    return 0;
}

/* The item may have been a container, and its children were parsed since: so the next place is set again. A
 * key is no container: its value simply follows. */
static inline int
on_array_item (parser_t *parser, element_t *list, element_t item)
{
    parser->next = list->next += 1;
    return 0;
}

static inline int
on_map_item (parser_t *parser, element_t *map, element_t key, element_t item)
{
    parser->next = map->next += 2;
    return 0;
}

#include <msgpack/unpack_template.h>
#pragma GCC diagnostic pop

/* ---- after parsing ---- */

/* Ends a string with a NUL. It overwrites the header of the next element, which was parsed already. */
static inline void
end_string (node_t *node, godwit__frame_t *frame, node_t *spare)
{
    const size_t size = node->as.bytes.size;
    if (size == 0)
        return;
    uint8_t *const data = frame->data + (node->as.bytes.data - frame->data);
    if (data + size == frame->data + frame->size)
        godwit__end_last_string (node, data, spare);
    else
        data[size] = '\0';
}

/* Finds a repeated key among many. */
static godwit_status_t
find_repeated (const node_t *children, size_t count, godwit__key_t *found, godwit_error_t **error)
{
    godwit__key_t *const keys = malloc (count * sizeof *keys);
    if (!keys)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++)
        keys[i] = (godwit__key_t){children[2 * i].as.bytes.data, children[2 * i].as.bytes.size};
    const godwit__key_t *const key = godwit__key_repeated (keys, count);
    if (key)
        *found = *key;
    free (keys);
    return GODWIT_OK;
}

/* MALFORMED if a map has a key twice. The usual map is small and its keys differ in their sizes or at their
 * beginning. Strings may not have their NUL yet. */
static inline godwit_status_t
check_keys (const node_t *map, const node_t *children, godwit_error_t **error)
{
    const size_t count = map->count;
    godwit__key_t repeated = {NULL, 0};
    if (count <= FEW_KEYS) {
        for (size_t i = 2; i < 2 * count; i += 2)
            for (size_t j = 0; j < i; j += 2)
                if (godwit__same_key (&children[i], &children[j]))
                    repeated = (godwit__key_t){children[i].as.bytes.data, children[i].as.bytes.size};
    } else if (find_repeated (children, count, &repeated, error)) {
        return GODWIT_ERR_OUT_OF_MEMORY;
    }
    if (!repeated.data)
        return GODWIT_OK;
    const int shown = repeated.size < KEY_SHOWN ? (int) repeated.size : KEY_SHOWN;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "a map has the key \"%.*s\" twice", shown,
                              (const char *) repeated.data);
}

/* ---- blocks ---- */

static void
release_to_heap (godwit__block_t *block)
{
    free (block);
}

static godwit__block_t *
block_new (uint32_t capacity)
{
    godwit__block_t *const block = malloc (sizeof *block + capacity * sizeof (node_t));
    if (!block)
        return NULL;
    atomic_init (&block->refs, 0);
    block->capacity = capacity;
    block->encoded = NULL;
    block->is_context_unread = false;
    block->release = release_to_heap;
    return block;
}

/* The frame may be the block's already. */
static inline void
take_frame (godwit__block_t *block, godwit__frame_t *frame)
{
    if (frame != &block->frame)
        godwit__frame_move (&block->frame, frame);
}

/* Runs when all nodes are filled: ends strings and compares keys, in one walk. Ending a string changes no
 * byte of a key. */
static godwit_status_t
finish (godwit__block_t *block, uint32_t count, godwit_error_t **error)
{
    node_t *const nodes = godwit__block_nodes (block);
    for (node_t *node = nodes; node < nodes + count; node++) {
        if (node->type == GODWIT_TYPE_STR) {
            end_string (node, &block->frame, &nodes[count]);
        } else if (node->type == GODWIT_TYPE_MAP && node->count > 1) {
            const godwit_status_t status = check_keys (node, nodes + node->as.first, error);
            if (status)
                return status;
        }
    }
    return GODWIT_OK;
}

static bool
parse (godwit__block_t *block, size_t offset)
{
    struct parse_context context;
    context.user.nodes = godwit__block_nodes (block);
    context.user.next = 0;
    context.user.used = 1;
    parse_init (&context);
    return parse_execute (&context, (const char *) block->frame.data, block->frame.size, &offset) == 1;
}

/* Ends the decoding: on success the caller gets the block; on failure it is freed, unless it is the caller's
 * own. */
static godwit_status_t
settle (godwit__block_t **block_p, godwit__block_t *block, godwit_status_t status)
{
    if (status) {
        godwit__frame_release (&block->frame);
        if (block != *block_p)
            free (block);
        return status;
    }
    atomic_store_explicit (&block->refs, 1, memory_order_relaxed);
    *block_p = block;
    return GODWIT_OK;
}

godwit_status_t
godwit__decode_carefully (godwit__block_t **block_p, godwit__frame_t *frame, size_t offset,
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

    /* One node is spare, for end_string. */
    godwit__block_t *block = *block_p;
    if (!block || block->capacity <= scan.node_count)
        block = block_new (scan.node_count + 1);
    if (!block) {
        godwit__frame_release (frame);
        return godwit__error_no_memory (error);
    }

    take_frame (block, frame); /* first: a small frame's bytes move with it */
    if (parse (block, offset))
        status = finish (block, scan.node_count, error);
    else
        status = godwit__error_set (error, GODWIT_ERR_MALFORMED, "bytes that are no msgpack");
    return settle (block_p, block, status);
}

godwit_status_t
godwit__decode (godwit__block_t **block_p, godwit__frame_t *frame, size_t offset,
                const godwit__limits_t *limits, godwit_error_t **error)
{
    const size_t size = offset < frame->size ? frame->size - offset : 0;
    godwit__block_t *block = *block_p;
    if (!block && size && size <= TINY_BODY) {
        block = block_new ((uint32_t) size + 1);
        if (!block) {
            godwit__frame_release (frame);
            return godwit__error_no_memory (error);
        }
    }
    if (block && size) {
        take_frame (block, frame);
        if (godwit__parse_quickly (godwit__block_nodes (block), block->capacity, block->frame.data + offset,
                                   size, limits))
            return settle (block_p, block, GODWIT_OK);
        if (frame != &block->frame)
            godwit__frame_move (frame, &block->frame);
    }
    if (block != *block_p)
        free (block);
    return godwit__decode_carefully (block_p, frame, offset, limits, error);
}

godwit_status_t
godwit__decode_request (godwit__block_t **block_p, size_t offset, const godwit__limits_t *limits,
                        bool *has_form, godwit_error_t **error)
{
    godwit__block_t *const block = *block_p;
    godwit__frame_t *const frame = &block->frame;
    block->is_context_unread = false;
    *has_form = offset < frame->size &&
                godwit__parse_request (godwit__block_nodes (block), block->capacity, frame->data + offset,
                                       frame->size - offset, limits, &block->is_context_unread);
    return *has_form ? settle (block_p, block, GODWIT_OK)
                     : godwit__decode (block_p, frame, offset, limits, error);
}

void
godwit__decode_context (godwit__block_t *block, size_t offset)
{
    if (block->is_context_unread)
        godwit__parse_context (godwit__block_nodes (block), block->frame.data + offset,
                               block->frame.size - offset);
    block->is_context_unread = false;
}

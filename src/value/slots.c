/* SPDX-License-Identifier: Apache-2.0 */
/* Walks through a table of slots: finds the entry of each in the map. */
#include "src/value/slots.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/value/msgpack/codec.h"

/* The key of an entry; its value follows. */
static inline const godwit_value_t *
key_at (const godwit_value_t *map, size_t entry)
{
    return map - map->index + map->as.first + 2 * entry;
}

static inline bool
is_key (const godwit_value_t *key, const char *name, size_t size)
{
    return key->as.bytes.size == size && memcmp (key->as.bytes.data, name, size) == 0;
}

/* The entry of that name; callers usually send arguments in the order of the table, so entry `guess` first.
 */
static inline const godwit_value_t *
find (const godwit_value_t *map, const char *name, size_t guess)
{
    const size_t size = strlen (name);
    if (!map)
        return NULL;
    if (guess < map->count && is_key (key_at (map, guess), name, size))
        return key_at (map, guess) + 1;
    for (size_t i = 0; i < map->count; i++)
        if (is_key (key_at (map, i), name, size))
            return key_at (map, i) + 1;
    return NULL;
}

/* Fails because the map has an entry without a slot: the error names it. */
static godwit_status_t
fail_unknown (const godwit_value_t *map, const godwit__slots_t *table, const godwit__path_t *path,
              godwit_error_t **error)
{
    for (size_t i = 0; i < map->count; i++) {
        size_t s = 0;
        while (s < table->count && !is_key (key_at (map, i), godwit__slot_at (table, s)->name,
                                            strlen (godwit__slot_at (table, s)->name)))
            s++;
        if (s == table->count)
            return godwit__slot_fail (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      &(godwit__path_t){path, godwit_value_key_at (map, i), 0},
                                      "nothing of this name is expected");
    }
    return godwit__slot_fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, "a slot is there twice");
}

/* ---- what is usual ---- */

static inline bool
fill_integer_quickly (const godwit_slot_t *slot, int64_t number, void *member)
{
    const bool is_signed = slot->type == GODWIT_TYPE_INT;
    if (slot->size == sizeof number && (is_signed || number >= 0)) {
        memcpy (member, &number, sizeof number);
        return true;
    }
    if (slot->size == sizeof (int32_t) &&
        (is_signed ? number == (int32_t) number : number == (uint32_t) number)) {
        memcpy (member, &(int32_t){(int32_t) number}, sizeof (int32_t));
        return true;
    }
    return false;
}

static inline bool
copy (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const void *from, size_t size)
{
    if (slot->type != (godwit_type_t) value->type || slot->size != size)
        return false;
    memcpy (member, from, size);
    return true;
}

/* Fills a plain member whose value is of its very type and in range, as is usual. It writes no more than the
 * slot's size, so the slot needs no check. False: nothing was written; fill_carefully looks closer, and
 * knows all forms and errors. */
static inline bool
fill_quickly (const godwit_slot_t *slot, const godwit_value_t *value, void *member)
{
    if (slot->limit || slot->form != GODWIT_FORM_PLAIN)
        return false;
    switch (slot->type) {
    case GODWIT_TYPE_INT:
    case GODWIT_TYPE_UINT:
        return value->type == GODWIT_TYPE_INT && fill_integer_quickly (slot, value->as.integer, member);
    case GODWIT_TYPE_BOOL:
        return copy (slot, value, member, &value->as.boolean, sizeof (bool));
    case GODWIT_TYPE_DOUBLE:
        return copy (slot, value, member, &value->as.number, sizeof (double));
    case GODWIT_TYPE_STR:
        return copy (slot, value, member, &value->as.bytes.data, sizeof (char *));
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
        return copy (slot, value, member, &value, sizeof value);
    default:
        return false;
    }
}

/* ---- a table ---- */

static godwit_status_t
fill_one (const godwit_slot_t *slot, const godwit__slots_t *table, const godwit_value_t *value, void *member,
          const godwit__path_t *path, godwit_error_t **error)
{
    const godwit__slots_t within = {slot->slots, table->slot_size, slot->table_count, true};
    return slot->form == GODWIT_FORM_STRUCT ? godwit__slots_fill (value, &within, member, path, error)
                                            : godwit__slot_fill (slot, value, member, path, error);
}

static godwit_status_t
fill_array (const godwit_slot_t *slot, const godwit__slots_t *table, const godwit_value_t *list, char *base,
            const godwit__path_t *path, godwit_error_t **error)
{
    const size_t count = godwit_value_count (list);
    if (godwit_value_type (list) != GODWIT_TYPE_LIST)
        return godwit__slot_fail (error, GODWIT_ERR_TYPE_MISMATCH, path, "expected list, got %s",
                                  godwit_type_name (godwit_value_type (list)));
    if (count > slot->limit)
        return godwit__slot_fail (error, GODWIT_ERR_LIMIT_EXCEEDED, path,
                                  "expected at most %zu elements, got %zu", slot->limit, count);
    for (size_t i = 0; i < count; i++) {
        const godwit_status_t status =
            fill_one (slot, table, godwit_value_at (list, i), base + slot->offset + i * slot->size,
                      &(godwit__path_t){path, NULL, i}, error);
        if (status)
            return status;
    }
    memcpy (base + slot->count_offset, &count, sizeof count);
    return GODWIT_OK;
}

/* Fills the member of a slot with a value that fill_quickly did not take. */
static godwit_status_t
fill_carefully (const godwit_slot_t *slot, const godwit__slots_t *table, const godwit_value_t *value,
                char *base, const godwit__path_t *path, godwit_error_t **error)
{
    const godwit__path_t here = {path, slot->name, 0};
    const godwit_status_t status =
        table->is_checked ? GODWIT_OK : godwit__slot_check (slot, table->slot_size, SIZE_MAX, &here, error);
    if (status)
        return status;
    return slot->limit ? fill_array (slot, table, value, base, &here, error)
                       : fill_one (slot, table, value, base + slot->offset, &here, error);
}

godwit_status_t
godwit__slots_fill (const godwit_value_t *map, const godwit__slots_t *table, void *base,
                    const godwit__path_t *path, godwit_error_t **error)
{
    if (map && godwit_value_type (map) != GODWIT_TYPE_MAP)
        return godwit__slot_fail (error, GODWIT_ERR_TYPE_MISMATCH, path, "expected map, got %s",
                                  godwit_type_name (godwit_value_type (map)));

    size_t found = 0;
    for (size_t i = 0; i < table->count; i++) {
        const godwit_slot_t *const slot = godwit__slot_at (table, i);
        const godwit_value_t *const value = find (map, slot->name, i);
        if (!value && !slot->optional)
            return godwit__slot_fail (error, GODWIT_ERR_NOT_FOUND, &(godwit__path_t){path, slot->name, 0},
                                      "missing, expected %s", godwit__slot_expects (slot));
        found += value != NULL;
        const bool is_present = value && !(slot->optional && value->type == GODWIT_TYPE_NIL);
        if (slot->tells_presence)
            memcpy ((char *) base + slot->presence_offset, &is_present, sizeof is_present);
        if (!is_present || fill_quickly (slot, value, (char *) base + slot->offset))
            continue;
        const godwit_status_t status = fill_carefully (slot, table, value, base, path, error);
        if (status)
            return status;
    }
    return map && found != map->count ? fail_unknown (map, table, path, error) : GODWIT_OK;
}

godwit_status_t
godwit_value_unpack_sized (const godwit_value_t *map, const godwit_slot_t *slots, size_t slot_size,
                           size_t slot_count, void *base, const char *path, godwit_error_t **error)
{
    const godwit__slots_t table = {slots, slot_size, slot_count, false};
    const godwit__path_t root = {NULL, path ? path : "args", 0};
    if (slot_count && (!slots || !base))
        return godwit__error_null (error, slots ? "base" : "slots");
    const godwit_status_t status =
        godwit__struct_check_rows (&godwit__struct_slot, slots, slot_size, slot_count, error);
    return status ? status : godwit__slots_fill (map, &table, base, &root, error);
}

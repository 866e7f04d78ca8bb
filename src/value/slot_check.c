/* SPDX-License-Identifier: Apache-2.0 */
/* Checks tables of slots: one that the macros did not make could write behind the struct. */
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/value/slots.h"

static bool
is_integer_size (size_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

static bool
size_fits (const godwit_slot_t *slot)
{
    switch (slot->form) {
    case GODWIT_FORM_CHARS:
        return slot->type == GODWIT_TYPE_STR && slot->size > 0;
    case GODWIT_FORM_ENUM:
        return slot->type == GODWIT_TYPE_STR && is_integer_size (slot->size);
    case GODWIT_FORM_STRUCT:
        return slot->type == GODWIT_TYPE_MAP && slot->size > 0;
    case GODWIT_FORM_PLAIN:
        break;
    }
    switch (slot->type) {
    case GODWIT_TYPE_BOOL:
        return slot->size == sizeof (bool);
    case GODWIT_TYPE_INT:
    case GODWIT_TYPE_UINT:
        return is_integer_size (slot->size);
    case GODWIT_TYPE_DOUBLE:
        return slot->size == sizeof (double) || slot->size == sizeof (float);
    case GODWIT_TYPE_BIN:
        return slot->size == sizeof (godwit_bytes_t);
    case GODWIT_TYPE_STR:
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
    case GODWIT_TYPE_VALUE:
        return slot->size == sizeof (void *);
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_OBJECT:
        return true; /* no slot can have this type, which is another error */
    }
    return true;
}

static bool
is_inside (size_t offset, size_t size, size_t count, size_t room)
{
    return offset <= room && size <= room && count <= (room - offset) / size;
}

static bool
lies_inside (const godwit_slot_t *slot, size_t room)
{
    return is_inside (slot->offset, slot->size, slot->limit ? slot->limit : 1, room) &&
           (!slot->limit || is_inside (slot->count_offset, sizeof (size_t), 1, room)) &&
           (!slot->tells_presence || is_inside (slot->presence_offset, sizeof (bool), 1, room));
}

static bool
has_table (const godwit_slot_t *slot)
{
    if (slot->form == GODWIT_FORM_STRUCT)
        return slot->slots || !slot->table_count;
    for (size_t i = 0; slot->form == GODWIT_FORM_ENUM && i < slot->table_count; i++)
        if (!slot->names || !slot->names[i].name)
            return false;
    return true;
}

/* Says what is wrong with a slot; NULL: nothing. */
static const char *
find_mistake (const godwit_slot_t *slot, size_t room)
{
    if ((unsigned) slot->form > GODWIT_FORM_STRUCT || (unsigned) slot->type > GODWIT_TYPE_VALUE ||
        slot->type == GODWIT_TYPE_NIL)
        return "no slot can have the type ";
    if (!size_fits (slot))
        return "the slot's size is not that of its type: ";
    if (!lies_inside (slot, room))
        return "the slot does not lie inside of the struct: ";
    if (!has_table (slot))
        return "a name, or the table of slots, is NULL: ";
    return NULL;
}

static godwit_status_t check_table (const godwit__slots_t *table, size_t room, const godwit__path_t *path,
                                    unsigned depth, godwit_error_t **error);

static godwit_status_t
check_slot (const godwit_slot_t *slot, size_t slot_size, size_t room, const godwit__path_t *path,
            unsigned depth, godwit_error_t **error)
{
    const char *const mistake = find_mistake (slot, room);
    if (mistake)
        return godwit__slot_fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, "%s%s", mistake,
                                  godwit_type_name (slot->type));
    if (slot->form != GODWIT_FORM_STRUCT)
        return GODWIT_OK;
    const godwit__slots_t within = {slot->slots, slot_size, slot->table_count, false};
    return check_table (&within, slot->size, path, depth + 1, error);
}

static godwit_status_t
check_table (const godwit__slots_t *table, size_t room, const godwit__path_t *path, unsigned depth,
             godwit_error_t **error)
{
    if (depth > GODWIT_VALUE_MAX_DEPTH)
        return godwit__slot_fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, "slots are nested too deep");
    godwit_status_t status =
        godwit__struct_check_rows (&godwit__struct_slot, table->slots, table->slot_size, table->count, error);
    for (size_t i = 0; status == GODWIT_OK && i < table->count; i++) {
        const godwit_slot_t *const slot = godwit__slot_at (table, i);
        if (!slot->name)
            return godwit__slot_fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, "slot %zu has no name", i);
        status =
            check_slot (slot, table->slot_size, room, &(godwit__path_t){path, slot->name, 0}, depth, error);
    }
    return status;
}

godwit_status_t
godwit__slots_check (const godwit__slots_t *table, size_t room, const godwit__path_t *path,
                     godwit_error_t **error)
{
    return check_table (table, room, path, 1, error);
}

godwit_status_t
godwit__slot_check (const godwit_slot_t *slot, size_t slot_size, size_t room, const godwit__path_t *path,
                    godwit_error_t **error)
{
    return check_slot (slot, slot_size, room, path, 1, error);
}

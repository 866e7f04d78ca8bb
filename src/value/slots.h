/* SPDX-License-Identifier: Apache-2.0 */
/* From a map into a struct, as a method's arguments are checked. A table of slots is checked once, when its
 * server is made; then structs are filled by it. */
#ifndef GODWIT_SRC_VALUE_SLOTS_H
#define GODWIT_SRC_VALUE_SLOTS_H

#include <godwit/value.h>

#include "src/base/path.h"

/* A table of slots as a program gives it. Tables within it have slots of the same size. */
typedef struct godwit__slots {
    const godwit_slot_t *slots;
    size_t slot_size; /* as the program's compiler knew it */
    size_t count;
    bool is_checked; /* by godwit__slots_check */
} godwit__slots_t;

static inline const godwit_slot_t *
godwit__slot_at (const godwit__slots_t *table, size_t index)
{
    return (const godwit_slot_t *) (const void *) ((const char *) table->slots + index * table->slot_size);
}

/* Checks that each slot has a size that fits its type, and lies within the struct of room bytes, also in
 * tables within the table. INVALID_ARGUMENT with the path. */
godwit_status_t godwit__slots_check (const godwit__slots_t *table, size_t room, const godwit__path_t *path,
                                     godwit_error_t **error);
/* Of one slot. */
godwit_status_t godwit__slot_check (const godwit_slot_t *slot, size_t slot_size, size_t room,
                                    const godwit__path_t *path, godwit_error_t **error);
/* Fills a struct. map NULL: an empty one. Otherwise as godwit_value_unpack. */
godwit_status_t godwit__slots_fill (const godwit_value_t *map, const godwit__slots_t *table, void *base,
                                    const godwit__path_t *path, godwit_error_t **error);

/* Of slot_fill.c: fills a member, or an element of an array, that is no struct. path: of the value. The last
 * two also serve those who walk. */
godwit_status_t godwit__slot_fill (const godwit_slot_t *slot, const godwit_value_t *value, void *member,
                                   const godwit__path_t *path, godwit_error_t **error);
godwit_status_t godwit__slot_fail (godwit_error_t **error, godwit_status_t status, const godwit__path_t *path,
                                   const char *format, ...) GODWIT_PRINTF (4, 5);
/* The type that the entry of a slot must have, as in "expected list". */
const char *godwit__slot_expects (const godwit_slot_t *slot);

#endif

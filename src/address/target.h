/* SPDX-License-Identifier: Apache-2.0 */
/* Targets that the library keeps: read from the program's struct, copied, printed in errors. A target names
 * where a call goes: exchange, topic, server, namespace, version.
 */
#ifndef GODWIT_SRC_ADDRESS_TARGET_H
#define GODWIT_SRC_ADDRESS_TARGET_H

#include <godwit/target.h>

#include <stddef.h>

/* Checks a target of the program's, which may be NULL (nothing set), and reads its struct_size bytes of it.
 * The strings are still the program's. INVALID_ARGUMENT. */
godwit_status_t godwit__target_read (godwit_target_t *to, const godwit_target_t *from,
                                     godwit_error_t **error);
/* Bytes that a deep copy of its strings and its array takes, and the copy: to room, which is aligned for
 * pointers. Returns the end of what it wrote. */
size_t godwit__target_room (const godwit_target_t *target);
char *godwit__target_write (godwit_target_t *to, const godwit_target_t *from, void *room);
/* Copies a text, or NULL, to *end, which is moved behind it. */
const char *godwit__text_move (char **end, const char *text);

/* A deep copy; release frees its strings. Reads only struct_size bytes of the source, which may be NULL
 * (nothing set). */
godwit_status_t godwit__target_copy (godwit_target_t *to, const godwit_target_t *from,
                                     godwit_error_t **error);
void godwit__target_release (godwit_target_t *target);

/* An error about a target (contract 3): before, its printed form, after; its detail "target". Returns status.
 */
godwit_status_t godwit__target_error (godwit_error_t **error, godwit_status_t status,
                                      godwit_outcome_t outcome, const godwit_target_t *target,
                                      const char *before, const char *after);

#endif

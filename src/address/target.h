/* SPDX-License-Identifier: Apache-2.0 */
/* Reads targets from the program's struct, copies them, prints them in errors. A target names where a call
 * goes: exchange, topic, server, namespace, version.
 */
#ifndef GODWIT_SRC_ADDRESS_TARGET_H
#define GODWIT_SRC_ADDRESS_TARGET_H

#include <godwit/target.h>

#include <stddef.h>

/* Checks a target that the program gave (NULL: nothing set), and reads struct_size bytes of it. The strings
 * still belong to the program. INVALID_ARGUMENT. */
godwit_status_t godwit__target_read (godwit_target_t *to, const godwit_target_t *from,
                                     godwit_error_t **error);
/* The first returns how many bytes a deep copy of the strings and the array takes. The second makes the copy
 * in room, which is aligned for pointers, and returns the end of what it wrote. */
size_t godwit__target_room (const godwit_target_t *target);
char *godwit__target_write (godwit_target_t *to, const godwit_target_t *from, void *room);
/* Copies a text to *end and moves *end behind it. Returns the copy; NULL for NULL. */
const char *godwit__text_move (char **end, const char *text);

/* A deep copy; release frees its strings. Reads only struct_size bytes of the source, which may be NULL
 * (nothing set). */
godwit_status_t godwit__target_copy (godwit_target_t *to, const godwit_target_t *from,
                                     godwit_error_t **error);
void godwit__target_release (godwit_target_t *target);

/* Makes an error about a target (contract 3). Its message is before, the printed target, after; its detail
 * "target" is the printed target. Returns status.
 */
godwit_status_t godwit__target_error (godwit_error_t **error, godwit_status_t status,
                                      godwit_outcome_t outcome, const godwit_target_t *target,
                                      const char *before, const char *after);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The damaged file and the repaired one change places. */
#ifndef GODWIT_SPOOL_SWAP_H
#define GODWIT_SPOOL_SWAP_H

#include "components/spool/problem.h"

#include <stdbool.h>
#include <stddef.h>

/* Whoever calls it owns the spool, which has no links. saved becomes path; damaged (PATH_MAX bytes) gets the
 * name that the damaged file has then. SYSTEM: the text says whether all is as before. */
godwit_status_t godwit__spool_swap (const char *path, const char *saved, char *damaged,
                                    godwit__problem_t *problem);
/* A swap was begun, and did not end. */
bool godwit__spool_swap_is_begun (const char *path);
/* Undoes it, if there is one. Whoever calls it owns the spool. */
godwit_status_t godwit__spool_swap_undo (const char *path, godwit__problem_t *problem);
/* SYSTEM: the file has other names, of which none is that of a swap that was begun. */
godwit_status_t godwit__spool_one_name (const char *path, godwit__problem_t *problem);

#endif

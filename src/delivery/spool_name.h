/* SPDX-License-Identifier: Apache-2.0 */
/* Names of streams in a spool: "notify/EXCHANGE/TOPIC/PRIORITY", "cast/EXCHANGE/TOPIC". A byte that is no
 * letter of a name, a '%' or a '/', stands as %XX. */
#ifndef GODWIT_SRC_DELIVERY_SPOOL_NAME_H
#define GODWIT_SRC_DELIVERY_SPOOL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Joins parts. The caller's; NULL when memory is short. */
char *godwit__spool_name_join (const char *const *parts, size_t count);
/* Splits a name into so many parts, in place. False: it is no name of so many parts, or the first part is
 * another one; then it may be changed all the same. */
bool godwit__spool_name_split (char *name, const char *first, const char **parts, size_t count);

#endif

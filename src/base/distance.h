/* SPDX-License-Identifier: Apache-2.0 */
/* How near one name is to another: for "did you mean ...?". */
#ifndef GODWIT_SRC_BASE_DISTANCE_H
#define GODWIT_SRC_BASE_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

/* Names of more bytes are near to no other. */
#define GODWIT__DISTANCE_NAME_MAX 64
#define GODWIT__DISTANCE_FAR SIZE_MAX

/* How many letters must be inserted, removed or changed to make one name of the other; FAR if one of them is
 * too long. */
size_t godwit__distance (const char *a, const char *b);

#endif

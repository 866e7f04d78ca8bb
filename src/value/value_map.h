/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a map of existing values, which may be objects. */
#ifndef GODWIT_SRC_VALUE_VALUE_MAP_H
#define GODWIT_SRC_VALUE_VALUE_MAP_H

#include "src/value/msgpack/codec.h"

typedef struct godwit__entry {
    godwit__key_t key;     /* copied */
    godwit_value_t *value; /* referenced; NULL is nil */
} godwit__entry_t;

/* Keys must differ; the caller checks that. Strings and bins are shared, not copied. LIMIT_EXCEEDED,
 * OUT_OF_MEMORY. */
godwit_status_t godwit__value_map (godwit_value_t **map, const godwit__entry_t *entries, size_t count,
                                   godwit_error_t **error);

#endif

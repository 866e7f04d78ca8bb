/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON text and back. Received text is scanned for depth and size before jansson parses it. Only
 * src/value/json.c includes jansson.h.
 *
 *     nil null, bool, str, list, map       as themselves; text must be UTF-8, a key holds no NUL
 *     int                                  a number without '.' and 'e', all 64 bits of it
 *     uint (above 2^63 - 1), bin, object   have no form: TYPE_MISMATCH
 *     double                               a number with '.' or 'e' that reads back as the same; finite ones
 */
#ifndef GODWIT_SRC_VALUE_JSON_H
#define GODWIT_SRC_VALUE_JSON_H

#include <godwit/value.h>

/* *text is a STR and belongs to the caller. TYPE_MISMATCH with the path of what has no form, OUT_OF_MEMORY.
 */
godwit_status_t godwit__json_write (godwit_value_t **text, const godwit_value_t *value,
                                    godwit_error_t **error);
/* Any bytes are safe: depth and elements are counted before the parser sees them. MALFORMED with the place
 * (also for a key that is there twice), LIMIT_EXCEEDED (depth, elements, a number beyond 64 bits or beyond
 * the largest double), OUT_OF_MEMORY. */
godwit_status_t godwit__json_read (godwit_value_t **value, const char *text, size_t size,
                                   godwit_error_t **error);

#endif

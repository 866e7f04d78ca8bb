/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of what is signed: a msgpack map with exactly these keys in this order, exact types, and
 * nothing behind it. The first mistake is kept; after it all reads give zero. Untrusted input.
 *
 *     godwit__strict_t map;
 *     godwit_status_t status = godwit__strict_open (&map, "process proof", body, size, &limits, 4, error);
 *     if (status)
 *         return status;
 *     proof->serial = godwit__strict_number (&map, "serial", 1, UINT64_MAX);
 *     ...
 *     return godwit__strict_close (&map, error);
 */
#ifndef GODWIT_SRC_REALM_STRICT_H
#define GODWIT_SRC_REALM_STRICT_H

#include "src/value/msgpack/codec.h"

typedef struct godwit__strict {
    const char *what; /* in errors: "certificate" */
    godwit__block_t *block;
    const godwit_value_t *map;
    size_t next;          /* the entry that is read next */
    const char *field;    /* that is wrong; NULL: none yet */
    const char *expected; /* static text */
} godwit__strict_t;

/* Decodes a copy of the bytes: a map with so many entries. MALFORMED, LIMIT_EXCEEDED, OUT_OF_MEMORY: there is
 * nothing to close. */
godwit_status_t godwit__strict_open (godwit__strict_t *strict, const char *what, const uint8_t *data,
                                     size_t size, const godwit__limits_t *limits, size_t count,
                                     godwit_error_t **error);
/* The next entry, of any type; NULL: another mistake was made before, or its key is another. Borrowed until
 * close. */
const godwit_value_t *godwit__strict_next (godwit__strict_t *strict, const char *key);
/* The next entry, a bin of exactly size bytes, is copied to `to`. */
void godwit__strict_bin (godwit__strict_t *strict, const char *key, uint8_t *to, size_t size);
/* The next entry, a number from low to high. */
uint64_t godwit__strict_number (godwit__strict_t *strict, const char *key, uint64_t low, uint64_t high);
/* The next entry, seconds of Unix's clock, from 0 to GODWIT__TIME_MAX. */
int64_t godwit__strict_time (godwit__strict_t *strict, const char *key);
/* The next entry, a list. NULL as next. */
const godwit_value_t *godwit__strict_list (godwit__strict_t *strict, const char *key);
/* Notes what is wrong with a field, unless something is already. */
void godwit__strict_wrong (godwit__strict_t *strict, const char *field, const char *expected);
/* Frees the copy. MALFORMED: "certificate: serial: expected ...". */
godwit_status_t godwit__strict_close (godwit__strict_t *strict, godwit_error_t **error);

/* Checks a number in a list: true, and *number, if it is from low to high. */
bool godwit__strict_is_number (const godwit_value_t *value, uint64_t low, uint64_t high, uint64_t *number);
/* The text of a str without a NUL in it; NULL if it is none, or longer than max. */
const char *godwit__strict_text (const godwit_value_t *value, size_t max);

/* Writes a text, such as a key. */
static inline void
godwit__write_text (godwit__writer_t *writer, const char *text)
{
    godwit__write_str (writer, text, strlen (text));
}

/* ---- lists of bytes ---- */

/* Reads a msgpack list of exactly count bin, with nothing behind it, in at most max bytes. They point into
 * data. MALFORMED, OUT_OF_MEMORY. */
typedef struct godwit__bin {
    const uint8_t *data;
    size_t size;
} godwit__bin_t;
godwit_status_t godwit__strict_bins (godwit__bin_t *bins, size_t count, const char *what, const uint8_t *data,
                                     size_t size, size_t max, godwit_error_t **error);

#endif

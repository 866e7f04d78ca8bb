/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as "name=value,name=value", as OpenTelemetry's variables have them (W3C baggage): values may have %XX
 * for a byte, and blanks around names and values do not count. */
#ifndef GODWIT_OTLP_PAIRS_H
#define GODWIT_OTLP_PAIRS_H

#include <godwit/error.h>

#include <stddef.h>

#define GODWIT__OTLP_PAIRS_MOST 64 /* in one list */

typedef struct godwit__otlp_pair {
    char *name, *value; /* the value's own %XX are read */
} godwit__otlp_pair_t;

typedef struct godwit__otlp_pairs {
    char *text; /* what the pairs point into */
    godwit__otlp_pair_t items[GODWIT__OTLP_PAIRS_MOST];
    size_t count;
} godwit__otlp_pairs_t;

/* Reads a list; NULL and "" are empty ones. The caller clears it, also after a failure. *wrong: what is wrong
 * with it, without its values, which may be secret. Static text.
 * MALFORMED, LIMIT_EXCEEDED (more than GODWIT__OTLP_PAIRS_MOST), OUT_OF_MEMORY. */
godwit_status_t godwit__otlp_pairs_read (godwit__otlp_pairs_t *pairs, const char *text, const char **wrong);
/* The value of the first pair of this name; NULL: there is none. Borrowed. */
const char *godwit__otlp_pairs_find (const godwit__otlp_pairs_t *pairs, const char *name);
void godwit__otlp_pairs_clear (godwit__otlp_pairs_t *pairs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A list for a human reader, in a buffer: "a, b, c and 4 more". What does not fit is counted. */
#ifndef GODWIT_SRC_BASE_LISTING_H
#define GODWIT_SRC_BASE_LISTING_H

#include <stdio.h>
#include <string.h>

/* Room for " and N more". */
#define GODWIT__LISTING_END 32

typedef struct godwit__listing {
    char *text;       /* a string at any time */
    size_t size;      /* of the buffer; more than GODWIT__LISTING_END */
    size_t most;      /* entries that are written; the others are counted */
    const char *mark; /* between two entries */
    size_t used;
    size_t count; /* all that were added */
    size_t written;
} godwit__listing_t;

static inline void
godwit__listing_begin (godwit__listing_t *listing, char *text, size_t size, size_t most, const char *mark)
{
    *listing = (godwit__listing_t){.text = text, .size = size, .most = most, .mark = mark};
    text[0] = '\0';
}

/* An entry of up to three parts that stand behind each other. */
static inline void
godwit__listing_add (godwit__listing_t *listing, const char *first, const char *second, const char *third)
{
    const char *const mark = listing->written ? listing->mark : "";
    const size_t length = strlen (mark) + strlen (first) + strlen (second) + strlen (third);
    listing->count++;
    if (listing->written == listing->most || length >= listing->size - GODWIT__LISTING_END - listing->used)
        return;
    snprintf (listing->text + listing->used, length + 1, "%s%s%s%s", mark, first, second, third);
    listing->used += length;
    listing->written++;
}

/* Says how many there are beyond those that were written. */
static inline void
godwit__listing_end (const godwit__listing_t *listing)
{
    if (listing->count > listing->written)
        snprintf (listing->text + listing->used, listing->size - listing->used, "%s%zu more",
                  listing->written ? " and " : "", listing->count - listing->written);
}

#endif

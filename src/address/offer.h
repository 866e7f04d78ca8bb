/* SPDX-License-Identifier: Apache-2.0 */
/* What a server offers: which namespaces it serves, each at which version. The text of it stands in the
 * server's record (docs/matchmaker-protocol.md 2):
 *
 *     =1.3 billing=2.0 ""=1.0 my%20own=1.1
 *
 * Before "=" stands the namespace, or nothing for "no namespace", or "" for the empty one. A text that is
 * empty, malformed or too long says nothing: its server may serve anything.
 */
#ifndef GODWIT_SRC_ADDRESS_OFFER_H
#define GODWIT_SRC_ADDRESS_OFFER_H

#include "src/address/target_version.h"

#include <stddef.h>

/* Bytes of a text, without the NUL. */
#define GODWIT__OFFER_TEXT_MAX 1024

/* ---- writing ---- */

typedef struct godwit__offer_text {
    char text[GODWIT__OFFER_TEXT_MAX + 1]; /* what was added; empty for ever once something did not fit */
    size_t size;
    bool is_full;
} godwit__offer_text_t;

/* Adds an endpoint, unless the same is there. text is all zero before the first. name_space NULL: none. */
void godwit__offer_text_add (godwit__offer_text_t *text, const char *name_space, godwit__version_t version);

/* ---- reading: the text comes from outside ---- */

/* Immutable. NULL as an offer: whatever it is of may serve anything. */
typedef struct godwit__offer godwit__offer_t;

/* NULL if the text says nothing, or if memory is short; then it counts as saying nothing. */
godwit__offer_t *godwit__offer_read (const char *text);
void godwit__offer_destroy (godwit__offer_t **offer);
/* The text that it was read from. */
const char *godwit__offer_text (const godwit__offer_t *offer);
/* The namespace that stands first in it, NULL for "no namespace", and its version. Borrowed. */
const char *godwit__offer_first (const godwit__offer_t *offer, godwit__version_t *version);
/* Its entries, in the order of the text. False: it has not so many, or is NULL. *name_space: NULL for "no
 * namespace"; borrowed. */
bool godwit__offer_at (const godwit__offer_t *offer, size_t index, const char **name_space,
                       godwit__version_t *version);
/* Whether it has this namespace (NULL: none) at a version that serves the given one. */
bool godwit__offer_serves (const godwit__offer_t *offer, const char *name_space, godwit__version_t version);
/* Whether it has this namespace, at any version. */
bool godwit__offer_has (const godwit__offer_t *offer, const char *name_space);
/* Writes it for a human reader, what is in the given namespace first: "1.3, billing 2.0 and 4 more". Empty
 * for NULL. size is at least 64. */
void godwit__offer_print (const godwit__offer_t *offer, const char *name_space, char *text, size_t size);

#endif

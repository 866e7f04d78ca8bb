/* SPDX-License-Identifier: Apache-2.0 */
/* The copies of one notification in a spool, which may hold older ones, too: who has acknowledged them. */
#ifndef GODWIT_TOOLS_KEPT_H
#define GODWIT_TOOLS_KEPT_H

#include <godwit/spool.h>

/* A copy: an item of a stream, as the spool names it. */
typedef struct kept_item {
    char *stream;
    uint64_t number;
} kept_item_t;

typedef struct kept {
    kept_item_t *items;
    size_t count;
    bool is_short; /* of memory */
} kept_t;

/* Notes the last item of each stream, before the notification is accepted. kept is zeroed. */
godwit_status_t kept_begin (kept_t *kept, godwit_spool_t *spool, godwit_error_t **error);
/* Then, when it is accepted: what was appended since then are its copies. */
godwit_status_t kept_end (kept_t *kept, godwit_spool_t *spool, godwit_error_t **error);
/* TIMEOUT: some pool of these (or, with a count of 0, of all) has not acknowledged it; the text says which.
 */
godwit_status_t kept_check (const kept_t *kept, godwit_spool_t *spool, const char *const *pools, size_t count,
                            godwit_error_t **error);
void kept_free (kept_t *kept);

#endif

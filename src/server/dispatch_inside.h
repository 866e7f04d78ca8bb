/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a dispatch table, for the files that make, search and describe it. */
#ifndef GODWIT_SRC_SERVER_DISPATCH_INSIDE_H
#define GODWIT_SRC_SERVER_DISPATCH_INSIDE_H

#include "src/address/offer.h"
#include "src/server/dispatch.h"

/* A namespace that an endpoint accepts; text NULL is "no namespace". */
typedef struct godwit__accepted {
    char *text;
    size_t size;
} godwit__accepted_t;

typedef struct godwit__endpoint_entry {
    godwit__accepted_t *accepted; /* its own namespace comes first */
    size_t accepted_count;
    godwit__version_t version;
    godwit__accepted_t version_text; /* as the program wrote it; NULL: it did not */
    void *self;
    void (*on_destroy) (void *self);
} godwit__endpoint_entry_t;

struct godwit__dispatch {
    godwit__endpoint_entry_t *endpoints;
    size_t endpoint_count;
    godwit__route_t *routes;
    size_t route_count;
    godwit__table_t
        names; /* the first route of each name; it links the others, in the order of the endpoints */
    _Atomic (godwit__route_t *) recent; /* first of its name, and found last; NULL: none yet */
    godwit__offer_t *offer;             /* NULL: nothing, or too much for a record */
};

#endif

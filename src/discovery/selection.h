/* SPDX-License-Identifier: Apache-2.0 */
/* Which server of a topic is called next. With transport.lock held, unless said otherwise. */
#ifndef GODWIT_SRC_DISCOVERY_SELECTION_H
#define GODWIT_SRC_DISCOVERY_SELECTION_H

#include "src/discovery/directory.h"

typedef enum godwit__pick {
    GODWIT__PICK_OK,
    GODWIT__PICK_NOBODY,     /* no such server is known */
    GODWIT__PICK_WAIT,       /* some are known, none is connected yet */
    GODWIT__PICK_EXCLUDED,   /* all that are connected were tried, or their breaker is open */
    GODWIT__PICK_UNSERVED,   /* the same, and none that is known says that it serves the call */
    GODWIT__PICK_UNTOLD,     /* none that is known says so, but others may be told of soon */
    GODWIT__PICK_SPREAD,     /* those that are connected have their share: others are to get theirs */
    GODWIT__PICK_WITHHELD,   /* of a call: its retry has to wait for the budget */
    GODWIT__PICK_UNREACHABLE /* of one member: it cannot be connected to, or its certificate is not for this
                              */
} godwit__pick_t;

/* What a call asks for. */
typedef struct godwit__wish {
    const char *server;     /* NULL: any */
    uint32_t served;        /* the bits of the offers that serve it (src/discovery/offers.h) */
    int64_t waits_until_ns; /* it may wait so long for servers that are being connected to, so that many calls
                               spread (src/discovery/spread.h); 0: it may not */
    bool blocks; /* a thread waits for it: in the program's own loop nothing can be told meanwhile */
} godwit__wish_t;

/* Servers that a call has tried in this round. If they do not fit, the oldest are forgotten. */
#define GODWIT__TRIED_MAX 8
typedef struct godwit__tried {
    uint64_t keys[GODWIT__TRIED_MAX];
    size_t count;
    size_t total; /* with those that were forgotten */
} godwit__tried_t;

typedef struct godwit__picked {
    godwit__connection_t
        *connection; /* a reference; NULL for a server of this transport that runs inline methods */
    uint32_t server_id;
    uint64_t key; /* for tried */
    bool local;   /* of this very transport */
} godwit__picked_t;

/* Chooses a server: the named one, or the next in turn that serves the call, is connected and was not tried.
 * If none that is known serves it, any other is asked: it says so. A server whose breaker is open is chosen
 * only if there is no other, and none was tried yet. Servers that are not connected are wanted from now
 * on. */
godwit__pick_t godwit__directory_pick (godwit__group_t *group, const godwit__wish_t *wish,
                                       const godwit__tried_t *tried, int64_t now_ns,
                                       godwit__picked_t *picked);
/* Whether a server is known that serves the call, and is not among these. */
bool godwit__directory_serves_elsewhere (const godwit__group_t *group, const godwit__wish_t *wish,
                                         const godwit__tried_t *these);
/* Refers to one member, at whatever place in the group. */
typedef struct godwit__member_ref {
    uint64_t number;
    uint64_t failures; /* refusals, and failures to connect, before the first look */
    size_t place;      /* where it was last */
} godwit__member_ref_t;

godwit__member_ref_t godwit__directory_member_ref (const godwit__group_t *group, size_t index);
/* Chooses this member. NOBODY: it has left, or its process says that it is not there. UNREACHABLE: all of its
 * addresses have failed since the first look. EXCLUDED: it was tried in this round. */
godwit__pick_t godwit__directory_pick_ref (const godwit__group_t *group, godwit__member_ref_t *ref,
                                           const godwit__tried_t *tried, godwit__picked_t *picked);
void godwit__tried_add (godwit__tried_t *tried, uint64_t key);

/* How many members can be called now. Members that are not connected are wanted from now on. server: only
 * that one.
 */
size_t godwit__group_ready_count (godwit__group_t *group, const char *server);
/* A server said that it is overloaded. Takes the lock. */
void godwit__directory_overloaded (godwit__group_t *group, godwit_transport_t *transport, uint64_t key,
                                   int64_t now_ns);

#endif

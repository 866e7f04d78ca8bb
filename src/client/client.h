/* SPDX-License-Identifier: Apache-2.0 */
/* A client: a target and options, and a count of what uses it (calls, and functions that look at it), so that
 * its end can wait for them. client_new.c makes clients; call.h is a call of one.
 *
 * A client that godwit_client_new made is a root. The root, the clients prepared from it, the clients
 * prepared from those, and so on, are a *family*. The transport knows only the roots, so that preparing and
 * destroying a client takes no lock: a call of a prepared client is counted in that client and in its family.
 */
#ifndef GODWIT_SRC_CLIENT_CLIENT_H
#define GODWIT_SRC_CLIENT_CLIENT_H

#include <godwit/client.h>

#include "src/discovery/selection.h"
#include "src/runtime/metrics.h"

/* Set in `pending_count` and `family`: the client is closed, and nothing may enter any more. */
#define GODWIT__CLIENT_CLOSED ((size_t) 1 << (sizeof (size_t) * 8 - 1))

/* One allocation: the strings of target and version_cap, and names, lie behind the struct. What is neither
 * atomic nor guarded by a lock does not change once the client is made. */
struct godwit_client {
    godwit_transport_t *transport;
    godwit_client_t *root;   /* a reference, unless it is the root itself */
    godwit_target_t target;  /* a deep copy */
    godwit__group_t *group;  /* of exchange and topic; NULL without a topic */
    const char *version_cap; /* NULL: none */
    const uint8_t *names;    /* namespace and version, as its requests end (encoded_request.h) */
    size_t names_size;
    int64_t timeout_ms;                    /* 0: not given */
    int64_t retry;                         /* 0: not given */
    int64_t call_monitor_timeout_ms;       /* 0: none */
    const godwit_serializer_t *serializer; /* borrowed; NULL: none */
    uint8_t request_flags;                 /* GODWIT__FLAG_INTROSPECT, or 0 */
    bool mandatory;
    bool idempotent;                     /* a request that may have run is tried again */
    bool is_durable;                     /* its casts are kept in the family's spool */
    _Atomic (godwit__metric_t *) metric; /* of the method that was called last; NULL: none yet */
    /* The bits of the group's offers that serve the target's namespace and version (src/discovery/offers.h),
     * below the offers' change that they are of; 0: not known yet. */
    atomic_uint_fast64_t served;
    bool may_send;               /* the version cap allows the target's version */
    bool backs_off;              /* the timeouts of its calls adapt (backing_off_client.h) */
    atomic_size_t pending_count; /* what uses it: until that has ended, it and the transport stay */
    bool drained;                /* closed, and nothing uses it any more; guarded by transport.lock */

    /* A root's. */
    godwit_serializer_t *own_serializer; /* goes with the family; NULL: none */
    atomic_uint refs;                /* its own, and one for each client that was prepared in the family */
    atomic_size_t family;            /* what uses the others: until that has ended, the transport stays */
    bool family_drained;             /* like drained, of family */
    struct godwit__durable *durable; /* its spool (durable.h); NULL: none */
    void (*close_durable) (struct godwit__durable **durable, bool forked);
    godwit__list_node_t in_transport;
};

static inline bool
godwit__client_is_closed (const godwit_client_t *client)
{
    return atomic_load_explicit (&client->pending_count, memory_order_relaxed) & GODWIT__CLIENT_CLOSED;
}

/* From enter to leave, the client and the parts of its transport stay. CLOSED: it, or its transport, is being
 * destroyed; then do not call leave. Any thread. */
godwit_status_t godwit__client_enter (godwit_client_t *client, godwit_error_t **error);
/* Enters once more: for who has entered already, or has a call that has. Succeeds also while the client is
 * being destroyed. */
void godwit__client_hold (godwit_client_t *client);
void godwit__client_leave (godwit_client_t *client);
/* Ends the calls of all clients, and waits until nothing uses them any more; they stay closed. The transport
 * is closing. */
void godwit__clients_close (godwit_transport_t *transport);

/* The timeout of a call: of the client, or else of the transport. Milliseconds, 0 is legal. */
int64_t godwit__client_timeout_ms (const godwit_client_t *client);
/* INVALID_TARGET without a topic. */
godwit_status_t godwit__client_check_topic (const godwit_client_t *client, godwit_error_t **error);
/* INVALID_ARGUMENT on the thread that runs callbacks, from within one. */
godwit_status_t godwit__client_check_blocking (const godwit_client_t *client, godwit_error_t **error);
/* Finds out which offers of its group serve the client's calls. With transport.lock held. */
uint32_t godwit__client_look_at_offers (godwit_client_t *client);
/* The same, as it was found out before, unless there is a new offer. */
static inline uint32_t
godwit__client_served (godwit_client_t *client)
{
    const uint64_t served = atomic_load_explicit (&client->served, memory_order_relaxed);
    return served >> 32 == client->group->offers.change ? (uint32_t) served
                                                        : godwit__client_look_at_offers (client);
}
/* INVALID_TARGET or VERSION_CAP if nothing can be sent. */
godwit_status_t godwit__client_check (const godwit_client_t *client, godwit_error_t **error);

#endif

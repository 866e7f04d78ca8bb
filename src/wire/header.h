/* SPDX-License-Identifier: Apache-2.0 */
/* The 24 bytes at the start of every Godwit frame (docs/protocol.md 2). All numbers are big-endian.
 *
 *    0        1         2      3       4          8       16           20      24
 *    | magic  | version | type | flags | target   | id    | budget_ms  | aux   | body ...
 *
 * It has 24 bytes, so that a reply with a body of up to 8 bytes stays below the 33 bytes that ZeroMQ keeps
 * without an allocation.
 */
#ifndef GODWIT_SRC_WIRE_HEADER_H
#define GODWIT_SRC_WIRE_HEADER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GODWIT__HEADER_SIZE 24
#define GODWIT__HEADER_TARGET_OFFSET 4
#define GODWIT__HEADER_ID_OFFSET 8
#define GODWIT__HEADER_AUX_OFFSET 20
#define GODWIT__MAGIC 0x47
#define GODWIT__PROTOCOL_VERSION 1

typedef enum godwit__frame_type {
    GODWIT__HELLO = 1, /* client to server, first on a connection; id: the highest call id sent over it; aux:
                          the connection's number at the client, or 0; body: a map */
    GODWIT__WELCOME = 2,   /* the answer; body: a map */
    GODWIT__REQUEST = 3,   /* target: server id; id: call id; budget_ms: 0 does not expire; aux: monitor_ms;
                             body: an array */
    GODWIT__REPLY = 4,     /* id: of the request; body: the result */
    GODWIT__FAILURE = 5,   /* the call failed; body: an array */
    GODWIT__NACK = 6,      /* the request was not run; aux: godwit__nack_t; body: an optional text */
    GODWIT__ACCEPTED = 7,  /* the request is taking a while (call monitor) */
    GODWIT__HEARTBEAT = 8, /* the request still runs (call monitor) */
    GODWIT__CANCEL = 9,    /* the caller no longer waits for id */
    GODWIT__PING = 10,     /* id is sent back */
    GODWIT__PONG = 11,     /* everything sent before the PING has been read */
    GODWIT__GOODBYE = 12,  /* target: the server that drains, or 0: the whole process leaves; aux: revision of
                              the record that says so */
    GODWIT__PUBLICATION =
        13,                /* a fanout; target: publisher's number; id: its sequence number of this topic */
    GODWIT__BATCH = 14,    /* several of the above in one; aux: how many (src/wire/batch.h) */
    GODWIT__RESOLVE = 15,  /* which server has these names? id: as in a request; body: an array */
    GODWIT__RESOLVED = 16, /* the answer, unless it is a NACK; target: server id; body: the server's record */
    GODWIT__LAST = 17,     /* to subscribers; target: publisher's number; id: of its last publication */
    GODWIT__NOTIFY = 18, /* notifications; target: server id of the listener's lane; id, aux: as of a request;
                            budget_ms: the sender's number, or 0; body: src/wire/notify_frame.h */
    GODWIT__SETTLED = 19, /* the answer, unless it is a NACK; id: of the NOTIFY; aux: the lane's credit; body:
                             those that are not done with */
    GODWIT__MATCHMAKER_FIRST = 32,
    GODWIT__MATCHMAKER_LAST = 47
} godwit__frame_type_t;

enum {
    GODWIT__FLAG_CAST = 1,    /* of a request: no reply */
    GODWIT__FLAG_NOT_RUN = 2, /* of a failure: no such method, or its arguments were refused */
    GODWIT__FLAG_FIRST = 4,   /* of a NOTIFY: the sender waits for no answer to an earlier one of this lane */
    GODWIT__FLAG_REDELIVERED = 8, /* of a request: it may have run before (a durable cast) */
    GODWIT__FLAG_INTROSPECT = 16, /* of a request: it is for the introspection of the server */
    GODWIT__FLAG_TRACED = 32      /* of a request or publication: a trace context stands behind its body */
};

/* The namespace of what a server tells of itself. Those that begin like it are the library's own. */
#define GODWIT__INTROSPECTION "godwit.introspection"
#define GODWIT__RESERVED_NAMESPACE "godwit."

/* Why a request was not run. */
typedef enum godwit__nack {
    GODWIT__NACK_OVERLOADED = 1,
    GODWIT__NACK_DRAINING = 2, /* target: revision of the server's record; 0: it does not come back */
    GODWIT__NACK_EXPIRED = 3,
    GODWIT__NACK_NOT_HERE = 4,  /* no such server in this process; also the answer to RESOLVE */
    GODWIT__NACK_HELLO = 5,     /* no HELLO was seen on this connection */
    GODWIT__NACK_DUPLICATE = 6, /* the id was seen before; says nothing about the first request */
    GODWIT__NACK_MALFORMED = 7,
    GODWIT__NACK_IDENTITY = 8, /* HELLO expected another instance */
    GODWIT__NACK_FORBIDDEN = 9 /* the client's certificate does not allow it; body: a text */
} godwit__nack_t;

typedef struct godwit__header {
    uint8_t type;
    uint8_t flags;
    uint32_t target;
    uint64_t id;
    uint32_t budget_ms;
    uint32_t aux;
} godwit__header_t;

typedef enum godwit__header_check {
    GODWIT__HEADER_OK,
    GODWIT__HEADER_SHORT,
    GODWIT__HEADER_MAGIC,
    GODWIT__HEADER_VERSION
} godwit__header_check_t;

static inline void
godwit__put_u32 (uint8_t *to, uint32_t value)
{
    value = htobe32 (value);
    memcpy (to, &value, sizeof value);
}

static inline void
godwit__put_u64 (uint8_t *to, uint64_t value)
{
    value = htobe64 (value);
    memcpy (to, &value, sizeof value);
}

static inline uint32_t
godwit__get_u32 (const uint8_t *from)
{
    return (uint32_t) from[0] << 24 | (uint32_t) from[1] << 16 | (uint32_t) from[2] << 8 | (uint32_t) from[3];
}

static inline uint64_t
godwit__get_u64 (const uint8_t *from)
{
    return (uint64_t) godwit__get_u32 (from) << 32 | godwit__get_u32 (from + 4);
}

static inline void
godwit__header_write (uint8_t to[GODWIT__HEADER_SIZE], const godwit__header_t *header)
{
    to[0] = GODWIT__MAGIC;
    to[1] = GODWIT__PROTOCOL_VERSION;
    to[2] = header->type;
    to[3] = header->flags;
    godwit__put_u32 (to + 4, header->target);
    godwit__put_u64 (to + GODWIT__HEADER_ID_OFFSET, header->id);
    godwit__put_u32 (to + 16, header->budget_ms);
    godwit__put_u32 (to + 20, header->aux);
}

static inline godwit__header_check_t
godwit__header_read (godwit__header_t *header, const uint8_t *data, size_t size)
{
    if (size < GODWIT__HEADER_SIZE)
        return GODWIT__HEADER_SHORT;
    if (data[0] != GODWIT__MAGIC)
        return GODWIT__HEADER_MAGIC;
    if (data[1] != GODWIT__PROTOCOL_VERSION)
        return GODWIT__HEADER_VERSION;
    header->type = data[2];
    header->flags = data[3];
    header->target = godwit__get_u32 (data + 4);
    header->id = godwit__get_u64 (data + GODWIT__HEADER_ID_OFFSET);
    header->budget_ms = godwit__get_u32 (data + 16);
    header->aux = godwit__get_u32 (data + 20);
    return GODWIT__HEADER_OK;
}

#endif

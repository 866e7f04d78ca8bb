/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between a member and the host of a rendezvous (docs/matchmaker-protocol.md). */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_WIRE_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_WIRE_H

#include "src/interface/matchmaker.h"

/* member -> host: M, host -> member: H */
typedef enum godwit__rendezvous_type {
    GODWIT__RENDEZVOUS_JOIN = 32,     /* M: who I am */
    GODWIT__RENDEZVOUS_SNAPSHOT = 33, /* H: all records, in one or more parts */
    GODWIT__RENDEZVOUS_REGISTER = 34, /* M: records of mine, new or changed */
    GODWIT__RENDEZVOUS_WITHDRAW = 35, /* M: records of mine that are gone, or (except) all that are left */
    GODWIT__RENDEZVOUS_DELTA = 36,    /* H: what changed */
    GODWIT__RENDEZVOUS_REFRESH = 37,  /* M: I am here, and this is what you should have of me */
    GODWIT__RENDEZVOUS_CURRENT = 38,  /* H: the answer to REFRESH: the number of my last delta */
    GODWIT__RENDEZVOUS_RESYNC = 39,   /* M: send a snapshot; H: register again */
    GODWIT__RENDEZVOUS_LEAVE = 40,    /* M: all my records are gone */
    GODWIT__RENDEZVOUS_EXPELLED = 41, /* H: I do not listen to you any more */
    GODWIT__RENDEZVOUS_RESERVED_LAST = 47 /* the types in between are reserved, and ignored */
} godwit__rendezvous_type_t;

/* The most bytes of a frame that is sent, and of one that is accepted. */
#define GODWIT__RENDEZVOUS_FRAME_SIZE ((size_t) 48 * 1024)
#define GODWIT__RENDEZVOUS_FRAME_MAX ((size_t) 64 * 1024)
/* In one message. */
#define GODWIT__RENDEZVOUS_RECORDS_MAX 128
#define GODWIT__RENDEZVOUS_KEYS_MAX 1024

#define GODWIT__VIRTUAL_HOST_MAX 255
#define GODWIT__REFRESH_MIN_MS 50
#define GODWIT__REFRESH_MAX_MS 3600000 /* an hour */

typedef struct godwit__record_key {
    uint8_t instance[GODWIT__UUID_SIZE];
    uint32_t server_id;
} godwit__record_key_t;

/* A received message. Members that its type does not have are zero. */
typedef struct godwit__rendezvous_message {
    godwit__rendezvous_type_t type;
    uint8_t instance[GODWIT__UUID_SIZE]; /* JOIN */
    const char *virtual_host;
    uint64_t features;
    int64_t refresh_ms;
    uint64_t epoch; /* SNAPSHOT, DELTA, CURRENT */
    uint64_t sequence;
    bool first; /* SNAPSHOT */
    bool last;
    uint64_t settles_ms;
    uint64_t count; /* REFRESH */
    uint64_t sum;
    const char *reason;         /* EXPELLED */
    godwit__record_t **records; /* SNAPSHOT, DELTA (seen), REGISTER */
    size_t record_count;
    godwit__record_key_t *keys; /* DELTA (gone); WITHDRAW, with no instance */
    size_t key_count;
    bool except;            /* WITHDRAW: all but the keys */
    bool withdrawn;         /* DELTA: the process that owns the keys withdrew them */
    godwit__block_t *block; /* the texts point into it */
} godwit__rendezvous_message_t;

/* Consumes the frame, always. MALFORMED, LIMIT_EXCEEDED, OUT_OF_MEMORY; message is empty then. Any input is
 * safe. */
godwit_status_t godwit__rendezvous_read (godwit__rendezvous_message_t *message, godwit__frame_t *frame,
                                         godwit_error_t **error);
void godwit__rendezvous_clear (godwit__rendezvous_message_t *message);

/* All functions below start a new frame in the buffer, which has GODWIT__RENDEZVOUS_FRAME_SIZE bytes.
 * Anything within the limits above fits. The result's data is the buffer. */
typedef struct godwit__record_list {
    godwit__record_t *const *items;
    size_t count;
} godwit__record_list_t;

/* How many records from the start of the list fit in one message; at least 1 if there are any. */
size_t godwit__rendezvous_fit (godwit__record_list_t records);

godwit__message_t godwit__rendezvous_join (uint8_t *buffer, const uint8_t instance[GODWIT__UUID_SIZE],
                                           const char *virtual_host, int64_t refresh_ms);
/* settles_ms: how long the host, which began just now, still waits for members that come back to it. */
godwit__message_t godwit__rendezvous_snapshot (uint8_t *buffer, uint64_t epoch, uint64_t sequence, bool first,
                                               bool last, uint64_t settles_ms, godwit__record_list_t records);
godwit__message_t godwit__rendezvous_register (uint8_t *buffer, godwit__record_list_t records);
/* The servers whose records are withdrawn or, with except, the only ones that stay; at most KEYS_MAX. */
godwit__message_t godwit__rendezvous_withdraw (uint8_t *buffer, bool except, const uint32_t *server_ids,
                                               size_t count);
godwit__message_t godwit__rendezvous_delta (uint8_t *buffer, uint64_t epoch, uint64_t sequence,
                                            godwit__record_list_t seen, const godwit__record_key_t *gone,
                                            size_t gone_count, bool withdrawn);
godwit__message_t godwit__rendezvous_refresh (uint8_t *buffer, uint64_t count, uint64_t sum);
godwit__message_t godwit__rendezvous_current (uint8_t *buffer, uint64_t epoch, uint64_t sequence);
/* RESYNC or LEAVE. */
godwit__message_t godwit__rendezvous_plain (uint8_t *buffer, godwit__rendezvous_type_t type);
godwit__message_t godwit__rendezvous_expelled (uint8_t *buffer, const char *reason);

/* Compares two records of the same server. */
static inline bool
godwit__record_is_newer (const godwit__record_t *record, const godwit__record_t *than)
{
    return record->incarnation != than->incarnation ? record->incarnation > than->incarnation
                                                    : record->revision > than->revision;
}

/* What a record adds to the sum in REFRESH. */
static inline uint64_t
godwit__rendezvous_sum (const godwit__record_t *record)
{
    const uint64_t number = ((uint64_t) record->server_id << 32) | record->revision;
    return (number * UINT64_C (0x9e3779b97f4a7c15)) >>
           16; /* order does not count, but which belongs to which does */
}

#endif

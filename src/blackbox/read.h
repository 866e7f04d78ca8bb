/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a black box: of this process, while it is written, or of a file, whoever wrote it. A file is
 * untrusted: all that it says is checked. */
#ifndef GODWIT_SRC_BLACKBOX_READ_H
#define GODWIT_SRC_BLACKBOX_READ_H

#include "src/blackbox/blackbox.h"

#include <godwit/value.h>

/* The texts of a name. */
typedef enum godwit__box_text {
    GODWIT__BOX_EXCHANGE,
    GODWIT__BOX_TOPIC,
    GODWIT__BOX_NAME_SPACE,
    GODWIT__BOX_VERSION,
    GODWIT__BOX_SERVER_NAME,
    GODWIT__BOX_METHOD,
    GODWIT__BOX_TEXTS
} godwit__box_text_t;

/* A record, decoded. Times are those of layout.h; -1: it has not come. */
typedef struct godwit__box_call {
    uint64_t number; /* grows from one to the next */
    bool is_running;
    godwit__box_side_t side;
    godwit__box_kind_t kind;
    int64_t at_ns, sent_ns, ended_ns, replied_ns;
    uint8_t trace_id[16];
    uint64_t span, parent, wire_id;
    const char *names[GODWIT__BOX_TEXTS]; /* borrowed from the box; "": unset or not known */
    uint32_t peer;                        /* its number; 0: not known */
    godwit_status_t status;
    godwit_outcome_t outcome;
    uint32_t attempts;
    unsigned flags; /* GODWIT__BOX_QUEUED, ... */
    uint32_t queued, running;
    uint32_t request_size, reply_size, server_id;
} godwit__box_call_t;

/* What was there at one moment, the oldest first: the ring, the failures and the slowest, each call once. */
typedef struct godwit__box_snapshot {
    godwit__box_head_t head;
    size_t count, note_count, peer_count;
    godwit__box_call_t *calls;
    godwit__box_note_t *notes; /* the oldest first */
    godwit__box_peer_t *peers; /* in no order */
    void *copy;                /* of a file: what the names lie in; NULL: in the box itself, which stays */
} godwit__box_snapshot_t;

/* Takes a snapshot of a box. OUT_OF_MEMORY. box NULL: there is nothing in it. Any thread. */
godwit_status_t godwit__box_read (godwit__box_snapshot_t *snapshot, godwit__box_t *box,
                                  godwit_error_t **error);
/* The same of a file, or of bytes of one. MALFORMED: it is no black box, or of another release; SYSTEM: it
 * cannot be read. */
godwit_status_t godwit__box_read_file (godwit__box_snapshot_t *snapshot, const char *path,
                                       godwit_error_t **error);
godwit_status_t godwit__box_read_bytes (godwit__box_snapshot_t *snapshot, const void *bytes, size_t size,
                                        godwit_error_t **error);
/* A snapshot of zeros is fine. */
void godwit__box_forget (godwit__box_snapshot_t *snapshot);

/* The peer of this number; NULL: it is not known (any more). */
const godwit__box_peer_t *godwit__box_peer (const godwit__box_snapshot_t *snapshot, uint32_t number);

/* Which calls are told. Zero: any. */
typedef struct godwit__box_filter {
    uint64_t after; /* only those with higher numbers */
    size_t limit;   /* of those that fit, the newest; or the oldest, or the slowest. At least 1 */
    uint64_t span;  /* the call of this id */
    const uint8_t *trace_id;
    const char *exchange, *topic, *method, *server;
    bool failed, running;
    bool slowest; /* the slowest first */
    bool oldest;
    int64_t now_ns; /* for how long running ones run */
    /* Whether who asks may see what belongs to a topic; NULL: everything. */
    bool (*may_see) (const void *user, const char *exchange, const char *topic);
    const void *may_see_user;
    int64_t since_ns; /* that were not over before this; the monotonic clock */
} godwit__box_filter_t;

/* An id as it was given: of a call, or of a trace. */
typedef struct godwit__box_id {
    uint8_t bytes[16];
    size_t size; /* 8: of a call; 16: of a trace; 0: any */
} godwit__box_id_t;

/* Reads an id; NULL and "": any. INVALID_ARGUMENT: expected the 16 digits of a call or the 32 of a trace. */
godwit_status_t godwit__box_id_read (godwit__box_id_t *id, const char *text, godwit_error_t **error);
/* Only what has this id, which has to stay as long as the filter. */
void godwit__box_filter_id (godwit__box_filter_t *filter, const godwit__box_id_t *id);

/* Adds a map for each of these calls to the list that is open (transport.h says what is in it). False:
 * memory is short, and there is none. */
bool godwit__box_tell (const godwit__box_snapshot_t *snapshot, const godwit__box_filter_t *filter,
                       godwit_builder_t *builder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What became of one call: the records of both sides, put together, and what follows from them. */
#ifndef GODWIT_TOOLS_STORY_H
#define GODWIT_TOOLS_STORY_H

#include "tools/godwit/sources.h"

#include <stdio.h>

#define STORY_SERVERS_MAX 64

/* A record, and the process that told it. */
typedef struct story_part {
    const godwit_value_t *call;
    const source_t *source;
    int64_t offset_ns; /* its first station, after that of the client; or of the first server, without one */
    bool is_estimated; /* the clocks are of two machines: it was moved into the client's time */
} story_part_t;

/* What became of it. */
typedef enum story_fate {
    STORY_UNKNOWN, /* nobody knows of it any more */
    STORY_RUNS,    /* it has not ended */
    STORY_SUCCEEDED,
    STORY_NOT_SENT,   /* no server was there for it */
    STORY_REFUSED,    /* it did not run: servers refused it */
    STORY_FAILED,     /* it ran, and its method failed */
    STORY_TOO_LATE,   /* it ran to its end after its caller had given it up */
    STORY_STILL_RUNS, /* its caller has given it up, and its handler still runs */
    STORY_LOST_REPLY, /* it ran to its end, and its caller never got the reply */
    STORY_DIED,       /* the process that ran it died meanwhile */
    STORY_NEVER_CAME, /* it was sent, and its server never began it */
    STORY_MAYBE_RAN,  /* it was sent, and the server's side is not known */
    STORY_FATES
} story_fate_t;

typedef struct story {
    bool has_client;
    story_part_t client;
    size_t server_count;
    story_part_t servers[STORY_SERVERS_MAX]; /* in the order in which they began */
    story_fate_t fate;
} story_t;

/* Puts together what the sources tell of the call with this id. False: none knows it. Everything is borrowed.
 */
bool story_find (story_t *story, const sources_t *sources, const char *id);

/* "succeeded", "not_sent", ...: for programs. Static text. */
const char *story_fate_name (story_fate_t fate);
/* A sentence. */
void story_explain (const story_t *story, char *text, size_t size);

/* As a timeline. */
void story_print (const story_t *story, FILE *to);
/* As a map in a list, or as the value itself. */
void story_tell (const story_t *story, godwit_builder_t *builder);

/* ---- what stands in records ---- */

const char *record_text (const godwit_value_t *call, const char *key);
/* fallback: it is nil. */
int64_t record_int (const godwit_value_t *call, const char *key, int64_t fallback);
bool record_bool (const godwit_value_t *call, const char *key);
/* "godwit/stock.count" */
void record_print_method (const godwit_value_t *call, char *text, size_t size);
/* "12.3 us", "4.56 ms", "1.20 s" */
#define DURATION_SIZE 24
const char *duration_print (char text[DURATION_SIZE], int64_t ns);
/* UTC: "2026-11-29 17:05:01.123456" */
#define TIME_SIZE 40
const char *time_print (char text[TIME_SIZE], int64_t wall_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of the ring have been looked at. Their numbers rise:
 *
 *     ... 17 18 [19] 20 [21] 22 | 23 24 25 ...
 *                |              next: what comes from here on is new
 *                open: they were running or missing, and are looked at again
 *
 * A number that is missing between next and a new record was overwritten before it was read, or its record is
 * just being made: so the last of these are looked at once more. An open one that is not there any more is
 * lost. A pass goes like this:
 *
 *     godwit__otlp_seen_begin
 *     godwit__otlp_seen_still, for each record that runs: those are left alone
 *     godwit__otlp_seen_take, for each record from godwit__otlp_seen_since on
 *     godwit__otlp_seen_end
 */
#ifndef GODWIT_OTLP_SEEN_H
#define GODWIT_OTLP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__OTLP_SEEN_OPEN 4096 /* of more running calls the spans are lost */
#define GODWIT__OTLP_SEEN_GAP 16    /* of more missing ones only the last are looked at again */

typedef struct godwit__otlp_seen {
    int64_t next;                         /* 0: nothing was read yet */
    int64_t open[GODWIT__OTLP_SEEN_OPEN]; /* rising */
    size_t count;
    size_t at;     /* of open: those before it are kept or gone in this pass */
    size_t kept;   /* of those before it: so many, at the front */
    uint64_t lost; /* in all */
} godwit__otlp_seen_t;

void godwit__otlp_seen_begin (godwit__otlp_seen_t *seen);
/* Says that a record runs; their numbers rise. */
void godwit__otlp_seen_still (godwit__otlp_seen_t *seen, int64_t number);
/* The first number that is wanted in this pass. */
int64_t godwit__otlp_seen_since (const godwit__otlp_seen_t *seen);
/* Takes a record; their numbers rise. True: it has ended, and its span is due. */
bool godwit__otlp_seen_take (godwit__otlp_seen_t *seen, int64_t number, bool is_running);
/* Ends a pass, in which all records from godwit__otlp_seen_since on were taken. */
void godwit__otlp_seen_end (godwit__otlp_seen_t *seen);

#endif

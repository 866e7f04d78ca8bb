/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of the ring have been looked at. Their numbers grow by one each:
 *
 *     ... 17 18 [19] 20 [21] 22 | 23 24 25 ...
 *                |              next: what comes from here on is new
 *                running when they were seen: looked at again
 *
 * A number that is missing between next and a new record was overwritten before it was read. So was one that
 * was running, if the ring does not have it any more. */
#ifndef GODWIT_OTLP_SEEN_H
#define GODWIT_OTLP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__OTLP_SEEN_RUNNING 4096 /* of more running calls the spans are lost */

typedef struct godwit__otlp_seen {
    int64_t next;                               /* 0: nothing was read yet */
    int64_t running[GODWIT__OTLP_SEEN_RUNNING]; /* rising */
    size_t count;
    size_t at;     /* of running: those before it are kept or gone in this pass */
    size_t kept;   /* of those before it: so many, at the front */
    uint64_t lost; /* in all */
} godwit__otlp_seen_t;

/* The first number that is still wanted. */
int64_t godwit__otlp_seen_since (const godwit__otlp_seen_t *seen);
/* Takes the next record of a pass, whose numbers rise. True: it has ended, and its span is due. */
bool godwit__otlp_seen_take (godwit__otlp_seen_t *seen, int64_t number, bool is_running);
/* Ends a pass, in which all records from godwit__otlp_seen_since on were taken. */
void godwit__otlp_seen_end (godwit__otlp_seen_t *seen);

#endif

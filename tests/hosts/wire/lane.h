/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that are late: one lane for each way, in which nobody overtakes. Bounded, all lanes together. */
#ifndef GODWIT_TESTS_HOSTS_WIRE_LANE_H
#define GODWIT_TESTS_HOSTS_WIRE_LANE_H

#include "tests/hosts/wire/rules.h"

enum {
    WIRE_FRAME_SIZE = 2048, /* Ethernet's longest is 1514 */
    WIRE_LATE_LIMIT = 8192
};

typedef struct late_frame {
    struct late_frame *next;
    int64_t due_ns;
    size_t size;
    uint8_t bytes[WIRE_FRAME_SIZE];
} late_frame_t;

typedef struct lane {
    late_frame_t *first;
    late_frame_t *last;
} lane_t;

typedef struct lanes {
    lane_t ways[WIRE_PORTS + 1][WIRE_PORTS + 1];
    late_frame_t *spare;
    unsigned made;  /* at most WIRE_LATE_LIMIT */
    unsigned count; /* on their way */
} lanes_t;

/* Copies the frame. False: full. */
bool lanes_put (lanes_t *lanes, int from, int to, const uint8_t *bytes, size_t size, int64_t due_ns);
/* Something is in the lane: what comes after it must wait too. */
bool lanes_has (const lanes_t *lanes, int from, int to);
/* The first that is due, or NULL; and no later than *next_ns the next one is (untouched if there is none). */
late_frame_t *lanes_take (lanes_t *lanes, int64_t now_ns, int *to, int64_t *next_ns);
void lanes_give_back (lanes_t *lanes, late_frame_t *frame);
void lanes_clear (lanes_t *lanes);

#endif

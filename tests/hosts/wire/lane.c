/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/wire/lane.h"

#include <stdlib.h>
#include <string.h>

static late_frame_t *
frame_new (lanes_t *lanes)
{
    late_frame_t *frame = lanes->spare;
    if (frame) {
        lanes->spare = frame->next;
        return frame;
    }
    if (lanes->made == WIRE_LATE_LIMIT)
        return NULL;
    frame = malloc (sizeof *frame);
    if (frame)
        lanes->made++;
    return frame;
}

bool
lanes_put (lanes_t *lanes, int from, int to, const uint8_t *bytes, size_t size, int64_t due_ns)
{
    lane_t *lane = &lanes->ways[from][to];
    late_frame_t *frame = frame_new (lanes);
    if (!frame)
        return false;
    memcpy (frame->bytes, bytes, size);
    frame->size = size;
    frame->next = NULL;
    frame->due_ns = lane->last && lane->last->due_ns > due_ns ? lane->last->due_ns : due_ns;
    if (lane->last)
        lane->last->next = frame;
    else
        lane->first = frame;
    lane->last = frame;
    lanes->count++;
    return true;
}

bool
lanes_has (const lanes_t *lanes, int from, int to)
{
    return lanes->ways[from][to].first != NULL;
}

late_frame_t *
lanes_take (lanes_t *lanes, int64_t now_ns, int *to, int64_t *next_ns)
{
    if (lanes->count == 0)
        return NULL;
    for (int i = 1; i <= WIRE_PORTS; i++) {
        for (int j = 1; j <= WIRE_PORTS; j++) {
            lane_t *lane = &lanes->ways[i][j];
            late_frame_t *frame = lane->first;
            if (frame && frame->due_ns <= now_ns) {
                lane->first = frame->next;
                if (!lane->first)
                    lane->last = NULL;
                lanes->count--;
                *to = j;
                return frame;
            }
            if (frame && frame->due_ns < *next_ns)
                *next_ns = frame->due_ns;
        }
    }
    return NULL;
}

void
lanes_give_back (lanes_t *lanes, late_frame_t *frame)
{
    frame->next = lanes->spare;
    lanes->spare = frame;
}

static void
free_all (late_frame_t *frame)
{
    while (frame) {
        late_frame_t *next = frame->next;
        free (frame);
        frame = next;
    }
}

void
lanes_clear (lanes_t *lanes)
{
    for (int i = 1; i <= WIRE_PORTS; i++)
        for (int j = 1; j <= WIRE_PORTS; j++)
            free_all (lanes->ways[i][j].first);
    free_all (lanes->spare);
    memset (lanes, 0, sizeof *lanes);
}

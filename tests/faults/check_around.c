/* SPDX-License-Identifier: Apache-2.0 */
/* What else happened at a time: who was there, what was broken, how long a process could not run. */
#include "tests/faults/check_inside.h"

/* What a fault that is over may still lose: connections that were given up meanwhile, and their queues. */
#define AFTER_FAULT_NS (2000 * CHECK_MS)

check_call_t *
check_find (const check_t *check, uint64_t id)
{
    const uint32_t number = history_node_of (id);
    const check_node_t *node = number <= HISTORY_NODE_MAX ? check->by_number[number] : NULL;
    const uint64_t counter = history_counter_of (id);
    if (!node || counter >= node->call_count || node->calls[counter].begins == 0)
        return NULL;
    return &node->calls[counter];
}

static uint64_t
shared (check_span_t a, check_span_t b)
{
    const uint64_t from = a.from_ns > b.from_ns ? a.from_ns : b.from_ns;
    const uint64_t to = a.to_ns < b.to_ns ? a.to_ns : b.to_ns;
    return to > from ? to - from : 0;
}

uint64_t
check_stalled (const check_node_t *node, check_span_t span)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < node->stall_count; i++)
        sum += shared (node->stalls[i], span);
    return sum;
}

static bool
reaches (const check_fault_t *fault, check_span_t span)
{
    const uint64_t end = fault->fault == HISTORY_FAULT_KILL ? fault->begin_ns : fault->end_ns;
    const bool can_lose = fault->fault != HISTORY_FAULT_STOP && fault->fault != HISTORY_FAULT_NAMES;
    return can_lose && fault->begin_ns <= span.to_ns &&
           (end >= CHECK_NEVER - AFTER_FAULT_NS || end + AFTER_FAULT_NS >= span.from_ns);
}

bool
check_is_disturbed (const check_t *check, uint32_t node, check_span_t span)
{
    for (size_t i = 0; i < check->fault_count; i++) {
        const check_fault_t *fault = &check->faults[i];
        if ((!node || !fault->node || node == fault->node) && reaches (fault, span))
            return true;
    }
    return false;
}

bool
check_has_fault (const check_t *check, uint32_t node, check_span_t span)
{
    for (size_t i = 0; i < check->fault_count; i++)
        if (check->faults[i].node == node && reaches (&check->faults[i], span))
            return true;
    return false;
}

bool
check_hits_servers (const check_t *check, const check_fault_t *fault)
{
    if (fault->fault == HISTORY_FAULT_STOP || fault->fault == HISTORY_FAULT_NAMES)
        return false;
    const check_node_t *node = fault->node <= HISTORY_NODE_MAX ? check->by_number[fault->node] : NULL;
    return fault->node == 0 || !node || node->life_count > 0;
}

const check_life_t *
check_life_of (const check_node_t *node, uint32_t life)
{
    for (size_t i = 0; i < node->life_count; i++)
        if (node->lives[i].life == life)
            return &node->lives[i];
    return NULL;
}

uint64_t
check_life_end (const check_node_t *node, const check_life_t *life)
{
    uint64_t end = life->down_ns;
    if (node->killed_ns && node->killed_ns < end)
        end = node->killed_ns;
    if (node->ended_ns && node->ended_ns < end)
        end = node->ended_ns;
    if (end == CHECK_NEVER && !node->ended_ns)
        end = node->last_ns; /* it died, and nobody says when */
    return end;
}

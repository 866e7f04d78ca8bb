/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for fanouts: what their reports say, against who ran them. */
#include "tests/faults/check_inside.h"

#include <stdlib.h>
#include <string.h>

/* Who came so long before or after a fanout may have joined meanwhile, who went may have gone; it takes time
 * until everybody knows, longest if a frozen server is given up first. */
#define AROUND_NS (3000 * CHECK_MS)

/* One server's life, seen from a fanout. */
typedef struct seen {
    const check_node_t *node;
    const check_life_t *life;
    unsigned runs;
    bool is_there;   /* it was up all around */
    bool has_joined; /* it may have been subscribed, and not been known */
} seen_t;

typedef struct scene {
    check_t *check;
    const check_node_t *caller;
    const check_call_t *call;
    uint64_t id;
    const check_part_t *parts; /* of this fanout: rows first */
    size_t part_count;
    seen_t *seen;
    size_t seen_count;
} scene_t;

#define BROKE(scene_, rule_, ...) check_broke ((scene_)->check, (rule_), (scene_)->id, __VA_ARGS__)

static uint64_t
before (uint64_t stamp_ns)
{
    return stamp_ns > AROUND_NS ? stamp_ns - AROUND_NS : 0;
}

static int
compare_parts (const void *a_item, const void *b_item)
{
    const check_part_t *a = a_item, *b = b_item;
    if (a->call != b->call)
        return a->call < b->call ? -1 : 1;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->life != b->life)
        return a->life < b->life ? -1 : 1;
    return a->instance != b->instance ? (a->instance < b->instance ? -1 : 1) : 0;
}

static size_t
parts_of (const check_t *check, uint64_t id, const check_part_t **parts)
{
    size_t from = 0, to = check->part_count;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (check->parts[middle].call < id)
            from = middle + 1;
        else
            to = middle;
    }
    for (to = from; to < check->part_count && check->parts[to].call == id; to++)
        ;
    *parts = from < to ? &check->parts[from] : NULL; /* a damaged history may have none at all */
    return to - from;
}

/* ---- who was there ---- */

static void
look (const scene_t *scene, seen_t *seen, const check_node_t *node, const check_life_t *life)
{
    const uint64_t begin_ns = scene->call->begin_ns, end_ns = scene->call->end_ns;
    const uint64_t down_ns = check_life_end (node, life);
    const check_span_t around = {before (begin_ns), end_ns + CHECK_ON_ITS_WAY_NS};
    const bool is_calm = !check_is_disturbed (scene->check, node->number, around) &&
                         !check_is_disturbed (scene->check, scene->caller->number, around);
    *seen = (seen_t){node, life, 0, false, false};
    seen->is_there = is_calm && life->up_ns < before (begin_ns) && down_ns > end_ns + AROUND_NS &&
                     scene->caller->header->began_ns < before (begin_ns) && node->gaps == 0;
    seen->has_joined = !seen->is_there && life->up_ns <= end_ns + CHECK_ON_ITS_WAY_NS && down_ns >= begin_ns;
    for (size_t i = 0; i < scene->part_count; i++)
        seen->runs += scene->parts[i].node == node->number && scene->parts[i].life == life->life;
}

static void
see_servers (scene_t *scene)
{
    scene->seen_count = 0;
    for (size_t i = 0; i < scene->check->node_count; i++) {
        const check_node_t *node = &scene->check->nodes[i];
        for (size_t j = 0; j < node->life_count; j++)
            look (scene, &scene->seen[scene->seen_count++], node, &node->lives[j]);
    }
}

/* ---- fanouts ---- */

static void
examine_runs (const scene_t *scene)
{
    for (size_t i = 0; i < scene->seen_count; i++)
        if (scene->seen[i].runs > 1)
            BROKE (scene, CHECK_RAN_TWICE, "%s ran it %u times", scene->seen[i].node->header->name,
                   scene->seen[i].runs);
}

static void
examine_report (const scene_t *scene)
{
    const uint32_t reached = scene->call->reached, missing = scene->call->missing;
    uint32_t ran = 0, unsure_ran = 0, there = 0, unsure = 0;
    for (size_t i = 0; i < scene->seen_count; i++) {
        const seen_t *seen = &scene->seen[i];
        ran += seen->runs > 0;
        unsure_ran += seen->runs > 0 && seen->has_joined;
        there += seen->is_there;
        unsure += seen->runs == 0 && !seen->is_there && seen->life->up_ns <= scene->call->end_ns &&
                  check_life_end (seen->node, seen->life) >= before (scene->call->begin_ns);
    }
    if (ran - unsure_ran > reached)
        BROKE (scene, CHECK_FANOUT_MORE, "it reached %u, and %u ran it, %u of whom may have joined", reached,
               ran, unsure_ran);
    if (reached > ran + unsure)
        BROKE (scene, CHECK_FANOUT_LESS,
               "it reached %u, %u ran it, and only %u have an excuse: to be new, to be gone, a fault",
               reached, ran, unsure);
    if (reached + missing < there)
        BROKE (scene, CHECK_FANOUT_SILENT, "it reached %u and missed %u, and %u were there all the time",
               reached, missing, there);
}

/* ---- fanout calls ---- */

/* Rows that say who replied tell of others of the same instance who it is. */
static void
learn_instances (check_t *check)
{
    for (size_t i = 0; i < check->part_count; i++) {
        const check_part_t *row = &check->parts[i];
        bool is_known = !row->peer || !row->instance;
        for (size_t j = 0; j < check->instance_count && !is_known; j++)
            is_known = check->instances[j].instance == row->instance;
        if (is_known)
            continue;
        check_instance_t *all = check_room (check, check->instances, check->instance_count, sizeof *all);
        if (!all)
            return;
        check->instances = all;
        all[check->instance_count++] = (check_instance_t){row->instance, row->peer};
    }
}

static uint32_t
node_of (const scene_t *scene, const check_part_t *row)
{
    for (size_t i = 0; i < scene->check->instance_count && !row->peer; i++)
        if (scene->check->instances[i].instance == row->instance)
            return scene->check->instances[i].node;
    return row->peer;
}

static bool
is_named (const seen_t *seen, const char *name)
{
    return strncmp (seen->life->name, name, HISTORY_ROW_NAME_SIZE - 1) == 0;
}

/* A name alone may be that of several processes, one after the other: then it is not sure who is meant. */
static void
count_runs (const scene_t *scene, const check_part_t *row, unsigned *meant, unsigned *ran)
{
    const uint32_t node = node_of (scene, row);
    *meant = 0;
    *ran = 0;
    for (size_t i = 0; i < scene->seen_count; i++) {
        const seen_t *seen = &scene->seen[i];
        const bool is_meant = is_named (seen, row->name) && (!node || node == seen->node->number);
        *meant += is_meant;
        *ran += is_meant && seen->runs > 0;
    }
}

static void
examine_row (const scene_t *scene, const check_part_t *row)
{
    unsigned meant, ran;
    const bool says_ran = row->row == HISTORY_ROW_REPLIED || row->row == HISTORY_ROW_FAILED;
    const bool says_not = row->row == HISTORY_ROW_REFUSED || row->row == HISTORY_ROW_UNREACHABLE ||
                          row->row == HISTORY_ROW_LEFT;
    count_runs (scene, row, &meant, &ran);
    if ((unsigned) row->row == 0 || (unsigned) row->row >= HISTORY_ROW_COUNT)
        BROKE (scene, CHECK_UNREADABLE, "its row of %s is none: %u", row->name, (unsigned) row->row);
    else if (says_ran && ran == 0)
        BROKE (scene, CHECK_ROW_WRONG, "%s %s, it says, and did not run it", row->name,
               check_row_text (row->row));
    else if (says_not && ran > 0 && ran == meant)
        BROKE (scene, CHECK_ROW_WRONG, "%s %s, it says, and ran it", row->name, check_row_text (row->row));
}

static void
examine_rows (const scene_t *scene)
{
    size_t rows = 0;
    for (; rows < scene->part_count && scene->parts[rows].node == 0; rows++) {
        const check_part_t *row = &scene->parts[rows];
        examine_row (scene, row);
        for (size_t i = 0; i < rows; i++)
            if (scene->parts[i].instance == row->instance && strcmp (scene->parts[i].name, row->name) == 0)
                BROKE (scene, CHECK_ROW_WRONG, "it has two rows of %s", row->name);
    }
    for (size_t i = 0; i < scene->seen_count; i++) {
        const seen_t *seen = &scene->seen[i];
        bool is_told = false;
        for (size_t j = 0; j < rows; j++)
            is_told = is_told || is_named (seen, scene->parts[j].name);
        if (!is_told && seen->is_there)
            BROKE (scene, CHECK_FANOUT_SILENT, "it has no row of %s, which was there all the time",
                   seen->life->name);
        else if (!is_told && seen->runs > 0)
            BROKE (scene, CHECK_FANOUT_MORE, "it has no row of %s, which ran it", seen->life->name);
    }
}

static void
examine (scene_t *scene)
{
    scene->part_count = parts_of (scene->check, scene->id, &scene->parts);
    see_servers (scene);
    examine_runs (scene);
    if (scene->call->ends == 0 || scene->call->status != GODWIT_OK)
        return;
    if (scene->call->kind == HISTORY_FANOUT)
        examine_report (scene);
    else
        examine_rows (scene);
}

void
check_fanouts (check_t *check)
{
    size_t lives = 0;
    for (size_t i = 0; i < check->node_count; i++)
        lives += check->nodes[i].life_count;
    scene_t scene = {.check = check, .seen = calloc (lives + 1, sizeof (seen_t))};
    if (!scene.seen) {
        check->is_short = true;
        return;
    }
    if (check->part_count > 0)
        qsort (check->parts, check->part_count, sizeof *check->parts, compare_parts);
    learn_instances (check);
    for (size_t i = 0; i < check->node_count; i++) {
        scene.caller = &check->nodes[i];
        for (uint64_t counter = 1; counter < scene.caller->call_count; counter++) {
            scene.call = &scene.caller->calls[counter];
            scene.id = history_id (scene.caller->number, counter);
            if (scene.call->begins &&
                (scene.call->kind == HISTORY_FANOUT || scene.call->kind == HISTORY_FANOUT_CALL))
                examine (&scene);
        }
    }
    free (scene.seen);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: faults of random kinds that strike random nodes at random times, for a while, and overlap.
 *
 * All faults are drawn when the plan begins. One fault is a strike; two events begin and end it. If the node
 * to be struck is on the stack (it waits while this time passes), the event tries again a millisecond later.
 */
#include "drivers/sim/sim.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_COUNT 12
#define AGAIN_NS GODWIT__NS_PER_MS
#define DEFAULT_FAULTS 10
#define DEFAULT_DURATION_MS 10000
#define DELAY_MOST_US 200000
#define NEED_THE_TEST ((unsigned) GODWIT_FAULT_KILL | GODWIT_FAULT_POWER | GODWIT_FAULT_RESTART)
#define OF_CERTIFICATES ((unsigned) GODWIT_FAULT_EXPIRY | GODWIT_FAULT_REVOCATION)
#define OF_CERTIFICATES_COUNT 2 /* the last ones */

typedef struct strike {
    struct godwit__sim_plan *plan;
    godwit_fault_t fault;
    int64_t begin_ns, end_ns;
    const char *node;
    const char **group; /* of a partition */
    size_t group_size;
    double chance;               /* of LOSS, DUPLICATE, REORDER */
    int64_t delay_us;            /* of DELAY */
    unsigned ways;               /* of CUT: 1 from the node, 2 to it */
    const char *reader;          /* of REVOCATION: the node that reads of it first */
    godwit__sim_node_t *stopped; /* by PAUSE */
    bool is_on;                  /* it has begun and not ended */
    bool is_busy;                /* the test's on_fault is running */
} strike_t;

struct godwit__sim_plan {
    struct godwit__sim_plan *next;
    godwit_cluster_t *cluster;
    godwit_cluster_fault_fn *on_fault;
    void *user;
    godwit__sim_administrator_t administrator;
    unsigned faults;
    int64_t duration_ms, longest_ms;
    char (*names)[GODWIT__SIM_NAME_MAX + 1];
    size_t name_count;
    strike_t *strikes;
    size_t strike_count;
};
typedef struct godwit__sim_plan plan_t;

static const char *
fault_name (godwit_fault_t fault)
{
    static const char *const names[FAULT_COUNT] = {"loss",  "delay",     "duplicate", "reorder",
                                                   "cut",   "partition", "pause",     "kill",
                                                   "power", "restart",   "expiry",    "revocation"};
    size_t i = 0;
    while (i + 1 < FAULT_COUNT && (unsigned) fault != 1u << i)
        i++;
    return names[i];
}

/* ---- what all plans do to frames ---- */

static double
worse (double a, double b)
{
    return a > b ? a : b;
}

static void
settle_weather (godwit_cluster_t *cluster)
{
    godwit_faults_t weather = {.struct_size = sizeof weather};
    for (const plan_t *plan = cluster->plans; plan; plan = plan->next)
        for (size_t i = 0; i < plan->strike_count; i++) {
            const strike_t *strike = &plan->strikes[i];
            if (!strike->is_on)
                continue;
            if (strike->fault == GODWIT_FAULT_LOSS)
                weather.drop = worse (weather.drop, strike->chance);
            if (strike->fault == GODWIT_FAULT_DUPLICATE)
                weather.duplicate = worse (weather.duplicate, strike->chance);
            if (strike->fault == GODWIT_FAULT_REORDER)
                weather.reorder = worse (weather.reorder, strike->chance);
            if (strike->fault == GODWIT_FAULT_DELAY && strike->delay_us > weather.delay_max_us)
                weather.delay_max_us = strike->delay_us;
        }
    cluster->weather = weather;
}

/* ---- a strike ---- */

static void
cut_node (strike_t *strike)
{
    godwit_cluster_t *cluster = strike->plan->cluster;
    godwit__sim_cut_t cut = {.owner = strike};
    const unsigned number = godwit__sim_name (cluster, strike->node);
    cut.from = number;
    if ((strike->ways & 1) && !godwit__sim_add_cut (cluster, &cut))
        cluster->failed = true;
    cut.from = 0;
    cut.to = number;
    if ((strike->ways & 2) && !godwit__sim_add_cut (cluster, &cut))
        cluster->failed = true;
}

/* False: there is no such node now, or it is paused already. */
static bool
strike_node (strike_t *strike, godwit__sim_node_t *node)
{
    const plan_t *plan = strike->plan;
    if (!node ||
        (node->paused_ns && strike->fault != GODWIT_FAULT_KILL && strike->fault != GODWIT_FAULT_POWER))
        return false;
    if (strike->fault == GODWIT_FAULT_PAUSE) {
        strike->stopped = node;
        godwit_cluster_pause (plan->cluster, strike->node, true);
        return true;
    }
    if (strike->fault == GODWIT_FAULT_EXPIRY && !godwit__sim_expire (node, &plan->administrator))
        return false;
    if (strike->fault == GODWIT_FAULT_REVOCATION &&
        !godwit__sim_revoke (node, strike->reader, &plan->administrator))
        return false;
    if (strike->fault == GODWIT_FAULT_KILL || strike->fault == GODWIT_FAULT_POWER)
        godwit_cluster_kill (plan->cluster, strike->node, strike->fault == GODWIT_FAULT_POWER);
    else
        plan->cluster->stats.faults++;
    return true;
}

static bool
hits_node (const strike_t *strike)
{
    return strike->fault >= GODWIT_FAULT_PAUSE;
}

static void
tell_test (strike_t *strike, bool over)
{
    const plan_t *plan = strike->plan;
    if (!plan->on_fault)
        return;
    strike->is_busy = true;
    plan->on_fault (plan->user, strike->fault,
                    hits_node (strike) || strike->fault == GODWIT_FAULT_CUT ? strike->node : NULL, over);
    strike->is_busy = false;
}

static void
begin (void *user)
{
    strike_t *strike = user;
    godwit_cluster_t *cluster = strike->plan->cluster;
    if (cluster->now_ns >= strike->end_ns || !strike->plan->faults) /* too late, or the plan has ended */
        return;
    godwit__sim_node_t *node = hits_node (strike) ? godwit__sim_find_live (cluster, strike->node) : NULL;
    if (node && node->is_running) {
        if (!godwit__sim_call_at (cluster, cluster->now_ns + AGAIN_NS, begin, strike))
            cluster->failed = true;
        return;
    }
    godwit__sim_say (cluster, "fault begins: %s of %s", fault_name (strike->fault),
                     strike->group ? "a set" : strike->node);
    if (strike->fault == GODWIT_FAULT_CUT)
        cut_node (strike);
    else if (strike->fault == GODWIT_FAULT_PARTITION &&
             godwit__sim_partition (cluster, strike->group, strike->group_size, strike, NULL))
        cluster->failed = true;
    else if (hits_node (strike) && !strike_node (strike, node))
        return;
    if (strike->fault <= GODWIT_FAULT_REORDER)
        cluster->stats.faults++;
    strike->is_on = true;
    settle_weather (cluster);
    tell_test (strike, false);
}

static void
finish (strike_t *strike)
{
    godwit_cluster_t *cluster = strike->plan->cluster;
    strike->is_on = false;
    godwit__sim_say (cluster, "fault ends: %s of %s", fault_name (strike->fault),
                     strike->group ? "a set" : strike->node);
    godwit__sim_remove_cut (cluster, strike);
    settle_weather (cluster);
    if (strike->stopped && strike->stopped->paused_ns && !strike->stopped->is_dead)
        godwit_cluster_pause (cluster, strike->node, false);
    if (strike->fault & OF_CERTIFICATES)
        godwit__sim_certify (cluster, strike->node, &strike->plan->administrator);
    tell_test (strike, true);
}

static void
end (void *user)
{
    strike_t *strike = user;
    godwit_cluster_t *cluster = strike->plan->cluster;
    if (strike->is_busy) {
        if (!godwit__sim_call_at (cluster, cluster->now_ns + AGAIN_NS, end, strike))
            cluster->failed = true;
        return;
    }
    if (strike->is_on)
        finish (strike);
}

void
godwit__sim_end_plans (godwit_cluster_t *cluster)
{
    for (plan_t *plan = cluster->plans; plan; plan = plan->next)
        for (size_t i = 0; i < plan->strike_count; i++)
            if (plan->strikes[i].is_on && !(plan->strikes[i].fault & NEED_THE_TEST))
                finish (&plan->strikes[i]);
}

/* ---- drawing ---- */

/* A plan without faults of certificates is drawn as it was before there were any. */
static godwit_fault_t
draw_fault (plan_t *plan)
{
    const uint64_t count = FAULT_COUNT - (plan->faults & OF_CERTIFICATES ? 0 : OF_CERTIFICATES_COUNT);
    unsigned fault;
    do
        fault = 1u << godwit_cluster_random (plan->cluster, count);
    while (!(plan->faults & fault));
    return (godwit_fault_t) fault;
}

static bool
draw_group (strike_t *strike)
{
    const plan_t *plan = strike->plan;
    const size_t half = plan->name_count > 1 ? plan->name_count / 2 : 1;
    strike->group_size = 1 + godwit_cluster_random (plan->cluster, half);
    strike->group = calloc (strike->group_size, sizeof *strike->group);
    /* The same name may be drawn twice: then the set is smaller. */
    for (size_t i = 0; strike->group && i < strike->group_size; i++)
        strike->group[i] = plan->names[godwit_cluster_random (plan->cluster, plan->name_count)];
    return strike->group;
}

static bool
draw (strike_t *strike)
{
    plan_t *plan = strike->plan;
    godwit_cluster_t *cluster = plan->cluster;
    strike->fault = draw_fault (plan);
    strike->node = plan->names[godwit_cluster_random (cluster, plan->name_count)];
    const uint64_t begin_ms = godwit_cluster_random (cluster, (uint64_t) plan->duration_ms);
    const uint64_t left_ms = (uint64_t) plan->duration_ms - begin_ms;
    const uint64_t most_ms = left_ms < (uint64_t) plan->longest_ms ? left_ms : (uint64_t) plan->longest_ms;
    strike->begin_ns = cluster->now_ns + (int64_t) begin_ms * GODWIT__NS_PER_MS;
    strike->end_ns =
        strike->begin_ns + (int64_t) (1 + godwit_cluster_random (cluster, most_ms)) * GODWIT__NS_PER_MS;
    /* The square of a random number: most networks are not that bad. */
    const double chance = (double) godwit_cluster_random (cluster, 1000) / 1000;
    strike->chance = 0.33 * chance * chance;
    strike->delay_us = 1000 + (int64_t) (chance * chance * DELAY_MOST_US);
    strike->ways = 1 + (unsigned) godwit_cluster_random (cluster, 3);
    if (strike->fault == GODWIT_FAULT_REVOCATION)
        strike->reader = plan->names[godwit_cluster_random (cluster, plan->name_count)];
    return strike->fault != GODWIT_FAULT_PARTITION || draw_group (strike);
}

/* ---- life ---- */

static void
plan_free (plan_t *plan)
{
    for (size_t i = 0; i < plan->strike_count; i++)
        free (plan->strikes[i].group);
    free (plan->strikes);
    free (plan->names);
    free (plan);
}

void
godwit__sim_free_plans (godwit_cluster_t *cluster)
{
    for (plan_t *plan; (plan = cluster->plans);) {
        cluster->plans = plan->next;
        plan_free (plan);
    }
}

static godwit_status_t
take_names (plan_t *plan, const godwit_cluster_plan_t *from, godwit_error_t **error)
{
    size_t count = from->nodes ? from->node_count : 0;
    for (const godwit__sim_node_t *node = from->nodes ? NULL : plan->cluster->nodes; node; node = node->next)
        count += godwit__sim_find_live (plan->cluster, node->name) == node;
    if (count == 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "plan.nodes: expected at least one node");
    plan->names = calloc (count, sizeof *plan->names);
    if (!plan->names)
        return godwit__error_no_memory (error);
    for (size_t i = 0; from->nodes && i < count; i++) {
        const char *name = from->nodes[i];
        if (!godwit__sim_is_name (name))
            return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                      "plan.nodes: expected names of nodes, got \"%.80s\"", name ? name : "");
        memcpy (plan->names[plan->name_count++], name, strlen (name) + 1);
    }
    for (const godwit__sim_node_t *node = from->nodes ? NULL : plan->cluster->nodes; node; node = node->next)
        if (godwit__sim_find_live (plan->cluster, node->name) == node)
            memcpy (plan->names[plan->name_count++], node->name, strlen (node->name) + 1);
    return GODWIT_OK;
}

/* Draws all strikes, then starts them. */
static godwit_status_t
fill (plan_t *plan, const godwit_cluster_plan_t *from, godwit_error_t **error)
{
    const godwit_status_t status = take_names (plan, from, error);
    if (status)
        return status;
    const size_t count = from->fault_count ? from->fault_count : DEFAULT_FAULTS;
    plan->strikes = calloc (count, sizeof *plan->strikes);
    if (!plan->strikes)
        return godwit__error_no_memory (error);
    plan->strike_count = count;
    for (size_t i = 0; i < count; i++) {
        plan->strikes[i].plan = plan;
        if (!draw (&plan->strikes[i]))
            return godwit__error_no_memory (error);
    }
    return GODWIT_OK;
}

/* The kinds that are asked for, and that the test helps with. */
static unsigned
possible_faults (const godwit_cluster_plan_t *from)
{
    unsigned faults = from->faults ? from->faults & GODWIT_FAULT_ALL : GODWIT_FAULT_ALL;
    if (!from->on_fault)
        faults &= ~NEED_THE_TEST;
    if (!from->certify)
        faults &= ~OF_CERTIFICATES;
    if (!from->revoke)
        faults &= ~(unsigned) GODWIT_FAULT_REVOCATION;
    return faults;
}

godwit_status_t
godwit_cluster_begin_plan (godwit_cluster_t *cluster, const godwit_cluster_plan_t *plan_p,
                           godwit_error_t **error)
{
    godwit_cluster_plan_t from;
    if (!cluster)
        return godwit__error_null (error, "cluster");
    godwit_status_t status = godwit__struct_read (&godwit__struct_cluster_plan, &from, plan_p, error);
    if (status)
        return status;
    if (from.duration_ms < 0 || from.longest_ms < 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "plan: expected times of at least 0 ms, got %lld and %lld",
                                  (long long) from.duration_ms, (long long) from.longest_ms);
    const unsigned faults = possible_faults (&from);
    if (!faults)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT, "plan.faults: expected kinds of faults, got 0x%x%s%s%s",
            from.faults, from.on_fault ? "" : "; plan.on_fault is NULL",
            from.certify ? "" : "; plan.certify is NULL", from.revoke ? "" : "; plan.revoke is NULL");
    plan_t *plan = calloc (1, sizeof *plan);
    if (!plan)
        return godwit__error_no_memory (error);
    plan->cluster = cluster;
    plan->on_fault = from.on_fault;
    plan->user = from.user;
    plan->administrator = (godwit__sim_administrator_t){from.certify, from.revoke, from.user};
    plan->faults = faults;
    plan->duration_ms = from.duration_ms ? from.duration_ms : DEFAULT_DURATION_MS;
    plan->longest_ms = from.longest_ms ? from.longest_ms : (plan->duration_ms + 3) / 4;
    status = fill (plan, &from, error);
    if (status) {
        plan_free (plan);
        return status;
    }
    plan->next = cluster->plans;
    cluster->plans = plan;
    for (size_t i = 0; i < plan->strike_count; i++) {
        strike_t *strike = &plan->strikes[i];
        if (!godwit__sim_call_at (cluster, strike->end_ns, end, strike) ||
            !godwit__sim_call_at (cluster, strike->begin_ns, begin, strike)) {
            plan->faults = 0;
            return godwit__error_no_memory (error);
        }
    }
    return GODWIT_OK;
}

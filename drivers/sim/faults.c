/* SPDX-License-Identifier: Apache-2.0 */
/* The faults that a test asks for: what happens to frames, cuts, pauses, kills. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <stdlib.h>
#include <string.h>

#define NAME_EXPECTED "expected up to 63 letters, digits, '-' and '.'"

/* ---- what happens to frames ---- */

static bool
fits (unsigned pattern, const godwit__sim_node_t *node)
{
    return !pattern || (node && pattern == node->name_id);
}

static double
worse (double a, double b)
{
    return a > b ? a : b;
}

godwit_faults_t
godwit__sim_faults_of (const godwit_cluster_t *cluster, const godwit__sim_node_t *from,
                       const godwit__sim_node_t *to)
{
    const godwit_faults_t *weather = &cluster->weather;
    godwit_faults_t faults = {.struct_size = sizeof faults};
    for (size_t i = cluster->rule_count; i > 0; i--) {
        const godwit__sim_rule_t *rule = &cluster->rules[i - 1];
        if (!fits (rule->from, from) || !fits (rule->to, to))
            continue;
        faults = rule->faults;
        break;
    }
    faults.drop = worse (faults.drop, weather->drop);
    faults.duplicate = worse (faults.duplicate, weather->duplicate);
    faults.reorder = worse (faults.reorder, weather->reorder);
    if (weather->delay_max_us > faults.delay_max_us)
        faults.delay_max_us = weather->delay_max_us;
    return faults;
}

/* Finds the number of a node's name; NULL gives 0. */
static godwit_status_t
number_of (godwit_cluster_t *cluster, const char *what, const char *name, unsigned *number,
           godwit_error_t **error)
{
    *number = 0;
    if (!name)
        return GODWIT_OK;
    if (!godwit__sim_is_name (name))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: " NAME_EXPECTED ", got \"%.80s\"",
                                  what, name);
    *number = godwit__sim_name (cluster, name);
    return *number ? GODWIT_OK : godwit__error_no_memory (error);
}

/* Removes the rules that the new one hides. */
static void
drop_hidden (godwit_cluster_t *cluster, const godwit__sim_rule_t *by)
{
    size_t kept = 0;
    for (size_t i = 0; i < cluster->rule_count; i++) {
        const godwit__sim_rule_t *rule = &cluster->rules[i];
        if ((by->from && by->from != rule->from) || (by->to && by->to != rule->to))
            cluster->rules[kept++] = *rule;
    }
    cluster->rule_count = kept;
}

godwit_status_t
godwit_cluster_set_faults (godwit_cluster_t *cluster, const char *from, const char *to,
                           const godwit_faults_t *faults, godwit_error_t **error)
{
    godwit__sim_rule_t rule = {.from = 0};
    if (!cluster)
        return godwit__error_null (error, "cluster");
    godwit_status_t status = godwit__struct_read (&godwit__struct_faults, &rule.faults, faults, error);
    if (status == GODWIT_OK)
        status = number_of (cluster, "from", from, &rule.from, error);
    if (status == GODWIT_OK)
        status = number_of (cluster, "to", to, &rule.to, error);
    if (status)
        return status;
    godwit__sim_rule_t *rules = realloc (cluster->rules, (cluster->rule_count + 1) * sizeof *rules);
    if (!rules)
        return godwit__error_no_memory (error);
    cluster->rules = rules;
    drop_hidden (cluster, &rule);
    rules[cluster->rule_count++] = rule;
    cluster->stats.faults++;
    godwit__sim_say (cluster,
                     "faults from %s to %s: %s, drop %.3f, duplicate %.3f, reorder %.3f, delay %lld us",
                     from ? from : "all", to ? to : "all", faults ? "set" : "none", rule.faults.drop,
                     rule.faults.duplicate, rule.faults.reorder, (long long) rule.faults.delay_max_us);
    return GODWIT_OK;
}

/* ---- ways that are cut ---- */

static bool
is_in (const godwit__sim_cut_t *cut, const godwit__sim_node_t *node)
{
    return node && node->name_id <= cut->group_size && cut->group[node->name_id - 1];
}

int64_t
godwit__sim_cut_since (const godwit_cluster_t *cluster, const godwit__sim_node_t *from,
                       const godwit__sim_node_t *to)
{
    int64_t since_ns = GODWIT__NEVER;
    if (from == to)
        return since_ns;
    for (size_t i = 0; i < cluster->cut_count; i++) {
        const godwit__sim_cut_t *cut = &cluster->cuts[i];
        const bool is_cut =
            cut->group ? is_in (cut, from) != is_in (cut, to) : fits (cut->from, from) && fits (cut->to, to);
        if (is_cut && cut->since_ns < since_ns)
            since_ns = cut->since_ns;
    }
    return since_ns;
}

/* Makes an end of a connection watch for silence. */
static void
watch_end (godwit__sim_connection_t *connection, bool port)
{
    const godwit__sim_node_t *node = port ? connection->port_node : connection->client_node;
    const int64_t now_ns = connection->cluster->now_ns;
    godwit__sim_post_at (connection, GODWIT__SIM_SILENCE, port,
                         now_ns + node->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS, now_ns);
}

/* Makes the ends of all connections watch for silence, if the way to them is cut. */
static void
watch_silence (godwit_cluster_t *cluster)
{
    for (godwit__sim_connection_t *at = GODWIT__SIM_CONNECTIONS_FIRST (cluster); at;
         at = GODWIT__SIM_CONNECTIONS_NEXT (cluster, at)) {
        if (at->port && godwit__sim_cut_since (cluster, at->client_node, at->port_node) != GODWIT__NEVER)
            watch_end (at, true);
        if (at->client && godwit__sim_cut_since (cluster, at->port_node, at->client_node) != GODWIT__NEVER)
            watch_end (at, false);
    }
}

bool
godwit__sim_add_cut (godwit_cluster_t *cluster, const godwit__sim_cut_t *cut)
{
    godwit__sim_cut_t *cuts = realloc (cluster->cuts, (cluster->cut_count + 1) * sizeof *cuts);
    if (!cuts)
        return false;
    cluster->cuts = cuts;
    cuts[cluster->cut_count] = *cut;
    cuts[cluster->cut_count++].since_ns = cluster->now_ns;
    cluster->stats.faults++;
    watch_silence (cluster);
    return true;
}

static void
remove_cut (godwit_cluster_t *cluster, size_t index)
{
    free (cluster->cuts[index].group);
    cluster->cuts[index] = cluster->cuts[--cluster->cut_count];
    godwit__sim_release_held (cluster);
}

void
godwit__sim_remove_cut (godwit_cluster_t *cluster, const void *owner)
{
    for (size_t i = cluster->cut_count; i-- > 0;)
        if (cluster->cuts[i].owner == owner)
            remove_cut (cluster, i);
}

void
godwit__sim_free_cuts (godwit_cluster_t *cluster)
{
    for (size_t i = 0; i < cluster->cut_count; i++)
        free (cluster->cuts[i].group);
    cluster->cut_count = 0;
}

void
godwit_cluster_cut (godwit_cluster_t *cluster, const char *from, const char *to, bool cut)
{
    godwit__sim_cut_t made = {0};
    if (number_of (cluster, "from", from, &made.from, NULL) || number_of (cluster, "to", to, &made.to, NULL))
        return;
    godwit__sim_say (cluster, "%s from %s to %s", cut ? "cut" : "healed", from ? from : "all",
                     to ? to : "all");
    for (size_t i = 0; i < cluster->cut_count; i++) {
        const godwit__sim_cut_t *at = &cluster->cuts[i];
        if (at->owner || at->group || at->from != made.from || at->to != made.to)
            continue;
        if (!cut)
            remove_cut (cluster, i);
        return;
    }
    if (cut && !godwit__sim_add_cut (cluster, &made))
        cluster->failed = true;
}

/* ---- partitions ---- */

/* Marks which of the numbered names are in the set; *group belongs to the caller. */
static godwit_status_t
make_group (godwit_cluster_t *cluster, const char *const *nodes, size_t node_count, bool **group,
            size_t *group_size, godwit_error_t **error)
{
    unsigned number;
    for (size_t i = 0; i < node_count; i++) {
        const godwit_status_t status = number_of (cluster, "nodes", nodes[i] ? nodes[i] : "", &number, error);
        if (status)
            return status;
    }
    bool *made = calloc (cluster->name_count ? cluster->name_count : 1, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < node_count; i++)
        made[godwit__sim_name (cluster, nodes[i]) - 1] = true;
    *group = made;
    *group_size = cluster->name_count;
    return GODWIT_OK;
}

static bool
is_same_group (const godwit__sim_cut_t *a, const bool *group, size_t size)
{
    const size_t most = a->group_size > size ? a->group_size : size;
    for (size_t i = 0; i < most; i++)
        if ((i < a->group_size && a->group[i]) != (i < size && group[i]))
            return false;
    return true;
}

godwit_status_t
godwit__sim_partition (godwit_cluster_t *cluster, const char *const *nodes, size_t node_count,
                       const void *owner, godwit_error_t **error)
{
    godwit__sim_cut_t cut = {.owner = owner};
    godwit_status_t status = make_group (cluster, nodes, node_count, &cut.group, &cut.group_size, error);
    if (status == GODWIT_OK && !godwit__sim_add_cut (cluster, &cut)) {
        free (cut.group);
        status = godwit__error_no_memory (error);
    }
    return status;
}

godwit_status_t
godwit_cluster_partition (godwit_cluster_t *cluster, const char *const *nodes, size_t node_count, bool cut,
                          godwit_error_t **error)
{
    bool *group = NULL;
    size_t size = 0, found = 0;
    if (!cluster || (!nodes && node_count))
        return godwit__error_null (error, cluster ? "nodes" : "cluster");
    const godwit_status_t status = make_group (cluster, nodes, node_count, &group, &size, error);
    if (status)
        return status;
    while (found < cluster->cut_count && (cluster->cuts[found].owner || !cluster->cuts[found].group ||
                                          !is_same_group (&cluster->cuts[found], group, size)))
        found++;
    free (group);
    godwit__sim_say (cluster, "partition of %zu nodes: %s", node_count, cut ? "cut" : "healed");
    if (!cut && found < cluster->cut_count)
        remove_cut (cluster, found);
    return cut && found == cluster->cut_count
               ? godwit__sim_partition (cluster, nodes, node_count, NULL, error)
               : GODWIT_OK;
}

/* ---- nodes ---- */

/* Ends the dead node's side of a connection. Not silent: the node's kernel closes it. silent: nobody does. */
static void
abandon (godwit__sim_connection_t *connection, bool port_side, bool silent)
{
    if (port_side)
        godwit__sim_set_port (connection, NULL);
    if (!silent)
        godwit__sim_post (connection, GODWIT__SIM_CLOSED, !port_side, false, NULL);
    else if (port_side || connection->port_node)
        watch_end (connection, !port_side);
}

static void
resume (godwit__sim_node_t *node)
{
    node->paused_ns = 0;
    node->is_dirty = true;
    godwit__sim_touch (node);
    godwit__sim_release_held (node->cluster);
}

void
godwit_cluster_kill (godwit_cluster_t *cluster, const char *name, bool silent)
{
    godwit__sim_node_t *node = cluster ? godwit__sim_find_live (cluster, name ? name : "") : NULL;
    if (!node)
        return;
    godwit__sim_say (cluster, "killed %s%s", name, silent ? ", silently" : "");
    cluster->stats.faults++;
    node->is_dead = true;
    for (godwit__sim_connection_t *at = GODWIT__SIM_CONNECTIONS_FIRST (cluster); at;
         at = GODWIT__SIM_CONNECTIONS_NEXT (cluster, at)) {
        if (at->port && at->port->node == node)
            abandon (at, true, silent);
        if (at->client && at->client_node == node) {
            if (at->client->kind == GODWIT__SIM_LINK)
                godwit__sim_link_down (at->client, "this node was killed");
            abandon (at, false, silent);
        }
    }
    if (node->paused_ns)
        resume (node);
}

void
godwit_cluster_pause (godwit_cluster_t *cluster, const char *name, bool paused)
{
    godwit__sim_node_t *node = cluster ? godwit__sim_find_live (cluster, name ? name : "") : NULL;
    if (!node || !node->paused_ns == !paused)
        return;
    godwit__sim_say (cluster, "%s %s", paused ? "paused" : "resumed", name);
    if (!paused) {
        resume (node);
        return;
    }
    cluster->stats.faults++;
    node->paused_ns = cluster->now_ns;
    for (godwit__sim_connection_t *at = GODWIT__SIM_CONNECTIONS_FIRST (cluster); at;
         at = GODWIT__SIM_CONNECTIONS_NEXT (cluster, at)) {
        if (at->port && at->client_node == node)
            watch_end (at, true);
        if (at->client && at->port_node == node)
            watch_end (at, false);
    }
}

void
godwit_cluster_heal (godwit_cluster_t *cluster)
{
    if (!cluster)
        return;
    godwit__sim_say (cluster, "all faults end");
    cluster->rule_count = 0;
    godwit__sim_end_plans (cluster);
    godwit__sim_free_cuts (cluster);
    for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
        if (node->paused_ns)
            resume (node);
    godwit__sim_release_held (cluster);
}

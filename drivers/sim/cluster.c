/* The cluster: nodes, virtual time, and the faults that a test asks for. */
#include "drivers/sim/sim.h"

#include "src/control.h"
#include "src/error.h"
#include "src/surroundings.h"
#include "src/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds of one node at one moment: more is a node that never comes to rest. */
#define ROUNDS_MAX 100000
/* How many nodes host a rendezvous, and what their addresses are. */
#define HOST_COUNT 3

/* ---- time ---- */

static int64_t
node_now_ns (void *user)
{
    return ((const godwit__sim_node_t *) user)->cluster->now_ns;
}

/* The node waits, on the stack: the others run. */
static void
node_wait (void *user, int64_t until_ns)
{
    godwit__sim_node_t *node = user;
    const bool was_running = node->is_running;
    node->is_running = true;
    if (!node->is_dirty)
        godwit__sim_advance (node->cluster, until_ns, node);
    node->is_dirty = false; /* it looks now */
    node->is_running = was_running;
}

static bool
may_run (const godwit__sim_node_t *node)
{
    return node->reactor && !node->is_dead && !node->is_running;
}

/* Everything that a node has to do at this moment. True if there was anything. */
static bool
run_node (godwit__sim_node_t *node)
{
    if (!may_run (node) || (!node->is_dirty && godwit__reactor_due (node->reactor) > node->cluster->now_ns))
        return false;
    node->is_running = true;
    node->is_dirty = false;
    int rounds = 0;
    while (godwit__transport_run (node->transport) && ++rounds < ROUNDS_MAX)
        ;
    node->is_running = false;
    return true;
}

static int64_t
next_moment (const godwit_cluster_t *cluster)
{
    int64_t next_ns = godwit__sim_next_at (cluster);
    for (const godwit__sim_node_t *node = cluster->nodes; node; node = node->next) {
        const int64_t due_ns = may_run (node) ? godwit__reactor_due (node->reactor) : GODWIT__NEVER;
        if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

bool
godwit__sim_advance (godwit_cluster_t *cluster, int64_t until_ns, godwit__sim_node_t *waiting)
{
    for (;;) {
        for (bool ran = true; ran;) {
            ran = false;
            for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
                ran |= run_node (node);
            if (waiting && waiting->is_dirty)
                return true;
        }
        const int64_t next_ns = next_moment (cluster);
        if (next_ns > until_ns || next_ns == GODWIT__NEVER) {
            if (until_ns != GODWIT__NEVER && until_ns > cluster->now_ns)
                cluster->now_ns = until_ns;
            return false;
        }
        if (next_ns > cluster->now_ns)
            cluster->now_ns = next_ns;
        godwit__sim_event_t *event = godwit__sim_next (cluster, cluster->now_ns);
        if (event)
            godwit__sim_happen (cluster, event);
    }
}

/* ---- life ---- */

godwit_status_t
godwit_cluster_new (godwit_cluster_t **cluster, uint64_t seed, godwit_error_t **error)
{
    if (!cluster)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "cluster: expected one, got NULL");
    godwit_cluster_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->chance = seed;
    self->now_ns = 1000 * GODWIT__NS_PER_MS; /* 0 is "never" to some */
    *cluster = self;
    return GODWIT_OK;
}

void
godwit_cluster_destroy (godwit_cluster_t **cluster)
{
    if (!cluster || !*cluster)
        return;
    godwit_cluster_t *self = *cluster;
    *cluster = NULL;
    self->cut_count = 0;
    godwit__sim_release_held (self);
    for (godwit__sim_event_t *event; (event = godwit__sim_next (self, GODWIT__NEVER));)
        godwit__sim_event_free (event);
    while (self->nodes) {
        godwit__sim_node_t *node = self->nodes;
        self->nodes = node->next;
        free (node);
    }
    free (self->heap);
    free (self->rules);
    free (self->cuts);
    free (self);
}

static bool
is_name (const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const size_t size = name ? strlen (name) : 0;
    return size > 0 && size <= GODWIT__SIM_NAME_MAX && strspn (name, allowed) == size;
}

static godwit__sim_node_t *
find_live (const godwit_cluster_t *cluster, const char *name)
{
    for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
        if (strcmp (node->name, name) == 0 && !node->is_dead && node->reactor)
            return node;
    return NULL;
}

static void
node_random (void *user, void *bytes, size_t size)
{
    godwit__sim_node_t *node = user;
    for (unsigned char *at = bytes; size > 0; at++, size--)
        *at = (unsigned char) godwit__sim_random (node->cluster);
}

/* Nodes come and go under their names; the names of the first three are where rendezvous points are. */
static void
make_url (const godwit_cluster_t *cluster, const char *name, char *url, size_t size)
{
    const char *hosts[HOST_COUNT];
    size_t count = 0;
    for (const godwit__sim_node_t *node = cluster->nodes; node && count < HOST_COUNT; node = node->next) {
        bool is_new = !node->is_failed;
        for (size_t i = 0; i < count; i++)
            is_new = is_new && strcmp (hosts[i], node->name) != 0;
        if (is_new)
            hosts[count++] = node->name;
    }
    if (count == 0)
        hosts[count++] = name;
    int used = snprintf (url, size, "sim://");
    for (size_t i = 0; i < count; i++)
        used += snprintf (url + used, size - (size_t) used, "%s%s", i ? "," : "", hosts[i]);
    snprintf (url + used, size - (size_t) used, "/?host_rendezvous=true");
}

static void
add_last (godwit_cluster_t *cluster, godwit__sim_node_t *node)
{
    godwit__sim_node_t **end = &cluster->nodes;
    while (*end)
        end = &(*end)->next;
    *end = node;
}

godwit_status_t
godwit_cluster_add (godwit_transport_t **transport, godwit_cluster_t *cluster, const char *name,
                    const godwit_transport_options_t *options_p, godwit_error_t **error)
{
    godwit_transport_options_t options = {.struct_size = sizeof options};
    if (!transport || !cluster)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  transport ? "cluster" : "transport");
    if (!is_name (name))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "node: expected up to %d letters, digits, '-' and '.', got \"%.80s\"",
                                  GODWIT__SIM_NAME_MAX, name ? name : "");
    if (find_live (cluster, name))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "node: \"%s\" is there already", name);
    if (options_p)
        memcpy (&options, options_p,
                options_p->struct_size < sizeof options ? options_p->struct_size : sizeof options);
    options.struct_size = sizeof options;
    options.external_loop = true;
    godwit__sim_node_t *node = calloc (1, sizeof *node);
    if (!node)
        return godwit__error_no_memory (error);
    node->cluster = cluster;
    memcpy (node->name, name, strlen (name) + 1);
    add_last (cluster, node);
    const godwit__surroundings_t surroundings = {
        .clock = {node_now_ns, node, node_wait},
        .random = node_random,
        .random_user = node,
        .driver = &godwit__sim_driver,
        .driver_user = node,
    };
    char url[(HOST_COUNT + 1) * (GODWIT__SIM_NAME_MAX + 1) + 64];
    make_url (cluster, name, url, sizeof url);
    godwit_transport_t *made = NULL;
    const godwit_status_t status = godwit__transport_new_in (&made, url, &options, &surroundings, error);
    if (status) {
        node->is_failed = true; /* what is under way may know it still */
        return status;
    }
    node->transport = made;
    node->reactor = made->control;
    node->is_dirty = true;
    *transport = made;
    return GODWIT_OK;
}

/* ---- what a test asks for ---- */

int64_t
godwit_cluster_now_ms (const godwit_cluster_t *cluster)
{
    return cluster->now_ns / GODWIT__NS_PER_MS - 1000;
}

uint64_t
godwit_cluster_random (godwit_cluster_t *cluster, uint64_t limit)
{
    return godwit__sim_random (cluster) % limit;
}

void
godwit_cluster_run (godwit_cluster_t *cluster, int64_t ms)
{
    godwit__sim_advance (cluster, cluster->now_ns + ms * GODWIT__NS_PER_MS, NULL);
}

bool
godwit_cluster_run_until (godwit_cluster_t *cluster, bool (*done) (void *user), void *user,
                          int64_t at_most_ms)
{
    const int64_t until_ns = cluster->now_ns + at_most_ms * GODWIT__NS_PER_MS;
    while (!done (user)) {
        int64_t next_ns = next_moment (cluster);
        if (next_ns < cluster->now_ns)
            next_ns = cluster->now_ns;
        if (cluster->now_ns >= until_ns && next_ns > until_ns)
            return false;
        godwit__sim_advance (cluster, next_ns < until_ns ? next_ns : until_ns, NULL);
        if (cluster->now_ns >= until_ns)
            return done (user);
    }
    return true;
}

static bool
copy_name (char to[GODWIT__SIM_NAME_MAX + 1], const char *name)
{
    if (name && !is_name (name))
        return false;
    snprintf (to, GODWIT__SIM_NAME_MAX + 1, "%s", name ? name : "");
    return true;
}

godwit_status_t
godwit_cluster_set_faults (godwit_cluster_t *cluster, const char *from, const char *to,
                           const godwit_faults_t *faults, godwit_error_t **error)
{
    godwit__sim_rule_t rule = {.faults = {.struct_size = sizeof rule.faults}};
    if (!cluster)
        return godwit__error_null (error, "cluster");
    if (!copy_name (rule.from, from) || !copy_name (rule.to, to))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "from, to: expected the name of a node");
    if (faults)
        memcpy (&rule.faults, faults,
                faults->struct_size < sizeof rule.faults ? faults->struct_size : sizeof rule.faults);
    godwit__sim_rule_t *rules = realloc (cluster->rules, (cluster->rule_count + 1) * sizeof *rules);
    if (!rules)
        return godwit__error_no_memory (error);
    cluster->rules = rules;
    rules[cluster->rule_count++] = rule;
    return GODWIT_OK;
}

/* Both ends of what goes along a way that is cut begin to listen for silence. */
static void
watch_silence (godwit_cluster_t *cluster)
{
    for (godwit__sim_connection_t *at = cluster->connections; at; at = at->next) {
        const bool there = at->client && at->port;
        if (there && godwit__sim_is_cut (cluster, at->client_node, at->port_node))
            godwit__sim_post_at (at, GODWIT__SIM_SILENCE, true,
                                 cluster->now_ns +
                                     at->port_node->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS,
                                 cluster->now_ns);
        if (there && godwit__sim_is_cut (cluster, at->port_node, at->client_node))
            godwit__sim_post_at (at, GODWIT__SIM_SILENCE, false,
                                 cluster->now_ns +
                                     at->client_node->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS,
                                 cluster->now_ns);
    }
}

void
godwit_cluster_cut (godwit_cluster_t *cluster, const char *from, const char *to, bool cut)
{
    godwit__sim_cut_t made = {.since_ns = cluster->now_ns};
    if (!copy_name (made.from, from) || !copy_name (made.to, to))
        return;
    for (size_t i = 0; i < cluster->cut_count; i++) {
        godwit__sim_cut_t *at = &cluster->cuts[i];
        if (strcmp (at->from, made.from) != 0 || strcmp (at->to, made.to) != 0)
            continue;
        if (cut)
            return;
        *at = cluster->cuts[--cluster->cut_count];
        godwit__sim_release_held (cluster);
        return;
    }
    if (!cut)
        return;
    godwit__sim_cut_t *cuts = realloc (cluster->cuts, (cluster->cut_count + 1) * sizeof *cuts);
    if (!cuts) {
        cluster->failed = true;
        return;
    }
    cluster->cuts = cuts;
    cuts[cluster->cut_count++] = made;
    watch_silence (cluster);
}

/* The end of a connection that the node has, as its kernel, or nobody, closes it. */
static void
abandon (godwit__sim_connection_t *connection, bool port_side, bool silent)
{
    godwit_cluster_t *cluster = connection->cluster;
    if (port_side)
        connection->port = NULL;
    if (!silent) {
        godwit__sim_post (connection, GODWIT__SIM_CLOSED, !port_side, false, NULL);
        return;
    }
    const godwit__sim_node_t *other = port_side ? connection->client_node : connection->port_node;
    if (other)
        godwit__sim_post_at (connection, GODWIT__SIM_SILENCE, !port_side,
                             cluster->now_ns + other->options.heartbeat_timeout_ms * GODWIT__NS_PER_MS,
                             cluster->now_ns);
}

void
godwit_cluster_kill (godwit_cluster_t *cluster, const char *name, bool silent)
{
    godwit__sim_node_t *node = find_live (cluster, name ? name : "");
    if (!node)
        return;
    node->is_dead = true;
    for (godwit__sim_connection_t *at = cluster->connections; at; at = at->next) {
        if (at->port && at->port->node == node)
            abandon (at, true, silent);
        if (at->client && at->client_node == node) {
            if (at->client->kind == GODWIT__SIM_LINK)
                godwit__sim_link_down (at->client, "this node was killed");
            abandon (at, false, silent);
        }
    }
}

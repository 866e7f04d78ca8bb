/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time: which node runs, which event happens next. */
#include "drivers/sim/sim.h"

#include "src/runtime/control.h"
#include "src/runtime/transport.h"

#include <stdlib.h>

/* The most rounds of one node at one moment: a node with more never comes to rest. */
#define ROUNDS_MAX 100000

/* ---- nodes that have to be looked at ---- */

void
godwit__sim_touch (godwit__sim_node_t *node)
{
    godwit_cluster_t *cluster = node->cluster;
    if (node->is_touched)
        return;
    node->is_touched = true;
    node->next_touched = NULL;
    if (cluster->touched_last)
        cluster->touched_last->next_touched = node;
    else
        cluster->touched_first = node;
    cluster->touched_last = node;
}

static godwit__sim_node_t *
take_touched (godwit_cluster_t *cluster)
{
    godwit__sim_node_t *node = cluster->touched_first;
    if (!node)
        return NULL;
    cluster->touched_first = node->next_touched;
    if (!cluster->touched_first)
        cluster->touched_last = NULL;
    node->is_touched = false;
    return node;
}

/* ---- nodes by the time of their next timer ---- */

static void
due_place (godwit_cluster_t *cluster, size_t index, godwit__sim_node_t *node)
{
    cluster->due[index] = node;
    node->due_index = index;
}

static void
due_sift (godwit_cluster_t *cluster, size_t index, godwit__sim_node_t *node)
{
    for (; index > 1 && cluster->due[index / 2]->due_ns > node->due_ns; index /= 2)
        due_place (cluster, index, cluster->due[index / 2]);
    for (size_t child; (child = 2 * index) <= cluster->due_count; index = child) {
        if (child < cluster->due_count && cluster->due[child + 1]->due_ns < cluster->due[child]->due_ns)
            child++;
        if (cluster->due[child]->due_ns >= node->due_ns)
            break;
        due_place (cluster, index, cluster->due[child]);
    }
    due_place (cluster, index, node);
}

static void
due_remove (godwit__sim_node_t *node)
{
    godwit_cluster_t *cluster = node->cluster;
    const size_t index = node->due_index;
    if (!index)
        return;
    godwit__sim_node_t *last = cluster->due[cluster->due_count--];
    if (last != node)
        due_sift (cluster, index, last);
    node->due_index = 0;
}

static void
due_set (godwit__sim_node_t *node, int64_t due_ns)
{
    godwit_cluster_t *cluster = node->cluster;
    if (due_ns == GODWIT__NEVER) {
        due_remove (node);
        return;
    }
    if (!node->due_index && cluster->due_count + 1 >= cluster->due_capacity) {
        const size_t capacity = cluster->due_capacity ? 2 * cluster->due_capacity : 16;
        godwit__sim_node_t **due = realloc (cluster->due, capacity * sizeof (godwit__sim_node_t *));
        if (!due) {
            cluster->failed = true;
            return;
        }
        cluster->due = due;
        cluster->due_capacity = capacity;
    }
    if (!node->due_index)
        node->due_index = ++cluster->due_count;
    node->due_ns = due_ns;
    due_sift (cluster, node->due_index, node);
}

void
godwit__sim_forget (godwit__sim_node_t *node)
{
    node->reactor = NULL;
    due_remove (node);
}

/* ---- running ---- */

static bool
may_run (const godwit__sim_node_t *node)
{
    return node->reactor && !node->is_dead && !node->is_running && !node->paused_ns;
}

static bool
run_once (const godwit__sim_node_t *node)
{
    return node->transport ? godwit__transport_run (node->transport)
                           : godwit__reactor_run_once (node->reactor, 0);
}

/* Runs everything that a node has to do at this moment. Afterwards it is known when it has to run again. */
static void
run_node (godwit__sim_node_t *node)
{
    int rounds = 0;
    if (!may_run (node)) { /* the function that lets it run again touches it */
        due_remove (node);
        return;
    }
    if (node->is_dirty || godwit__reactor_due (node->reactor) <= node->cluster->now_ns) {
        node->is_running = true;
        while (run_once (node) && ++rounds < ROUNDS_MAX)
            ;
        node->is_running = false;
        node->is_dirty = rounds >= ROUNDS_MAX;
    }
    const int64_t due_ns = godwit__reactor_due (node->reactor);
    due_set (node, due_ns);
    if (node->is_dirty || due_ns <= node->cluster->now_ns)
        godwit__sim_touch (node);
}

static int64_t
next_moment (const godwit_cluster_t *cluster)
{
    const int64_t next_ns = godwit__sim_next_at (cluster);
    if (cluster->touched_first)
        return cluster->now_ns;
    return cluster->due_count && cluster->due[1]->due_ns < next_ns ? cluster->due[1]->due_ns : next_ns;
}

bool
godwit__sim_advance (godwit_cluster_t *cluster, int64_t until_ns, godwit__sim_node_t *waiting)
{
    for (;;) {
        for (godwit__sim_node_t *node; (node = take_touched (cluster));) {
            run_node (node);
            if (waiting && waiting->is_dirty)
                return true;
        }
        if (waiting && waiting->is_dirty)
            return true;
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
        while (cluster->due_count && cluster->due[1]->due_ns <= cluster->now_ns) {
            godwit__sim_node_t *node = cluster->due[1];
            due_remove (node);
            godwit__sim_touch (node);
        }
    }
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

/* ---- what a node's reactor asks for ---- */

static void
node_wait (void *user, int64_t until_ns)
{
    godwit__sim_node_t *node = user;
    const bool was_running = node->is_running;
    node->is_running = true; /* it is on the stack: only the others run */
    if (!node->is_dirty)
        godwit__sim_advance (node->cluster, until_ns, node);
    node->is_dirty = false; /* it looks now */
    node->is_running = was_running;
    godwit__sim_touch (node);
}

static void
node_changed (void *user)
{
    godwit__sim_node_t *node = user;
    if (!node->reactor)
        return; /* the reactor is being made */
    if (godwit__reactor_due (node->reactor) <= node->cluster->now_ns)
        node->is_dirty = true;
    godwit__sim_touch (node);
}

static void
list_readable (godwit__sim_channel_t *channel)
{
    godwit__sim_node_t *node = channel->node;
    channel->is_listed = true;
    channel->next_readable = NULL;
    if (node->readable_last)
        node->readable_last->next_readable = channel;
    else
        node->readable_first = channel;
    node->readable_last = channel;
}

static bool
node_watch (void *user, int fd, godwit__source_t *source)
{
    const godwit__sim_node_t *node = user;
    if (fd < 0 || (size_t) fd >= node->fd_count || !node->fds[fd])
        return !source;
    node->fds[fd]->source = source;
    if (source && node->fds[fd]->is_readable)
        godwit__sim_readable (node->fds[fd]);
    return true;
}

/* Returns sources in the order in which they became readable. Returned ones that stay readable go to the
 * end. */
static int
node_ready (void *user, godwit__source_t **sources, int count)
{
    godwit__sim_node_t *node = user;
    godwit__sim_channel_t *at = node->readable_first;
    int found = 0;
    node->readable_first = node->readable_last = NULL;
    while (at) {
        godwit__sim_channel_t *next = at->next_readable;
        at->is_listed = false;
        if (at->is_readable && at->source && found == count)
            list_readable (at); /* the next time */
        else if (at->is_readable && at->source)
            sources[found++] = at->source;
        at = next;
    }
    for (int i = 0; i < found; i++)
        list_readable (node->fds[sources[i]->fd]);
    return found;
}

const godwit__waiter_t godwit__sim_waiter = {
    .wait = node_wait,
    .watch = node_watch,
    .ready = node_ready,
    .changed = node_changed,
};

/* ---- a node's descriptors ---- */

void
godwit__sim_readable (godwit__sim_channel_t *channel)
{
    channel->is_readable = true;
    channel->node->is_dirty = true;
    godwit__sim_touch (channel->node);
    if (!channel->is_listed && channel->source)
        list_readable (channel);
}

int
godwit__sim_fd (godwit__sim_channel_t *channel)
{
    godwit__sim_node_t *node = channel->node;
    size_t fd = 0;
    while (fd < node->fd_count && node->fds[fd])
        fd++;
    if (fd == node->fd_count) {
        const size_t count = node->fd_count ? 2 * node->fd_count : 8;
        godwit__sim_channel_t **fds = realloc (node->fds, count * sizeof (godwit__sim_channel_t *));
        if (!fds)
            return -1;
        for (size_t i = node->fd_count; i < count; i++)
            fds[i] = NULL;
        node->fds = fds;
        node->fd_count = count;
    }
    node->fds[fd] = channel;
    return (int) fd;
}

void
godwit__sim_fd_close (godwit__sim_channel_t *channel)
{
    godwit__sim_node_t *node = channel->node;
    godwit__sim_channel_t *before = NULL;
    if (channel->is_listed) {
        for (godwit__sim_channel_t *at = node->readable_first; at != channel; at = at->next_readable)
            before = at;
        if (before)
            before->next_readable = channel->next_readable;
        else
            node->readable_first = channel->next_readable;
        if (node->readable_last == channel)
            node->readable_last = before;
    }
    node->fds[channel->fd] = NULL;
}

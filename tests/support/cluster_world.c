/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cluster_world.h"

#include "tests/support/cluster_history.h"
#include "tests/support/cluster_realm.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MS 8000   /* the faults, and the work, are within so long */
#define AGAIN_MS 10000 /* after which all can be called again */
#define KEPT_MAX 64    /* requests that are answered later, at a time */

typedef struct member {
    struct world *world;
    unsigned number;
    unsigned life; /* counts the nodes that had this name */
    bool serves, calls;
    bool is_there, is_paused;
    char name[8];
    int64_t timeout_ms;
    int64_t blocked_ms;
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;                 /* of whoever serves */
    godwit_client_t *again;                  /* the same, idempotent */
    godwit_client_t *named[WORLD_NODES_MAX]; /* of one server */
} member_t;

/* A request that will be answered later. */
typedef struct kept {
    member_t *member;
    godwit_request_t *request;
} kept_t;

typedef struct world {
    const world_options_t *options;
    godwit_cluster_t *cluster;
    member_t members[WORLD_NODES_MAX];
    unsigned work_done; /* of the plan's */
    kept_t kept[KEPT_MAX];
    history_t history;
    cluster_realm_t *realm; /* NULL: there is none */
    member_t *on_stack;     /* whose synchronous work lets time pass */
} world_t;

static uint64_t
draw (world_t *world, uint64_t limit)
{
    return godwit_cluster_random (world->cluster, limit);
}

static int64_t
now_ms (const world_t *world)
{
    return godwit_cluster_now_ms (world->cluster);
}

static void
must (world_t *world, const char *what, godwit_status_t status, godwit_error_t **error)
{
    if (status)
        history_wrong (&world->history, "%s: %s", what, *error ? godwit_error_print (*error) : "?");
    godwit_error_destroy (error);
}

/* ---- the service ---- */

static void
answer_kept (void *user)
{
    kept_t *kept = user;
    if (!kept->request)
        return; /* its node was killed */
    godwit_request_reply (kept->request, GODWIT_INT (NULL, 1));
    godwit_request_destroy (&kept->request);
}

static godwit_status_t
keep (member_t *member, godwit_request_t *request, int64_t ms)
{
    world_t *world = member->world;
    for (unsigned i = 0; i < KEPT_MAX; i++) {
        kept_t *kept = &world->kept[i];
        if (kept->member) /* used up: the cluster may still know it */
            continue;
        if (godwit_cluster_at (world->cluster, ms, answer_kept, kept, NULL))
            break;
        *kept = (kept_t){member, godwit_request_keep (request)};
        return GODWIT_OK;
    }
    return godwit_request_reply (request, GODWIT_INT (NULL, 0));
}

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    member_t *member = self;
    const godwit_value_t *args = godwit_request_args (request);
    const int64_t id = godwit_value_as_int (godwit_value_get (args, "id"), -1);
    const int64_t how = godwit_value_as_int (godwit_value_get (args, "how"), 0);
    history_ran (&member->world->history, id, member->number, member->life);
    if (member->world->realm)
        cluster_realm_ran (member->world->realm, member->number, request);
    if (how < 0)
        return GODWIT_ERR_FAILED;
    return how == 0 ? godwit_request_reply (request, GODWIT_INT (NULL, id)) : keep (member, request, how);
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

/* ---- nodes ---- */

/* In a realm it starts with a new certificate, whatever became of the one before. */
static void
member_join (member_t *self)
{
    world_t *world = self->world;
    godwit_error_t *error = NULL;
    const char *file = world->realm ? cluster_realm_issue (world->realm, self->name) : "none";
    must (world, self->name,
          godwit_cluster_add (&self->transport, world->cluster, self->name,
                              GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 150, .connect_timeout_ms = 500,
                                                        .heartbeat_timeout_ms = HISTORY_HEARTBEAT_TIMEOUT_MS,
                                                        .realm = file),
                              &error),
          &error);
    if (world->realm && self->transport)
        cluster_realm_watch (world->realm, self->number, self->transport);
}

static void
member_open (member_t *self)
{
    world_t *world = self->world;
    godwit_error_t *error = NULL;
    self->life++;
    member_join (self);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = self);
    if (self->serves && self->transport) {
        must (world, self->name,
              godwit_server_new (&self->server, self->transport,
                                 GODWIT_TARGET (.topic = "work", .server = self->name), &endpoint, 1, NULL,
                                 &error),
              &error);
        must (world, self->name, godwit_server_start (self->server, NULL, &error), &error);
    }
    self->timeout_ms = 500 + (int64_t) draw (world, 2500);
    if (self->calls && self->transport)
        must (world, self->name,
              godwit_client_new (&self->client, self->transport, GODWIT_TARGET (.topic = "work"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = self->timeout_ms), &error),
              &error);
    self->is_there = self->transport;
    self->is_paused = false;
}

static void
member_close (member_t *self, bool killed)
{
    godwit_error_t *error = NULL;
    world_t *world = self->world;
    self->is_there = false;
    for (unsigned i = 0; i < KEPT_MAX && killed; i++)
        if (world->kept[i].member == self)
            godwit_request_destroy (&world->kept[i].request);
    for (unsigned i = 0; i < WORLD_NODES_MAX; i++)
        godwit_client_destroy (&self->named[i]);
    godwit_client_destroy (&self->again);
    godwit_client_destroy (&self->client);
    if (self->server && !killed) {
        must (world, self->name, godwit_server_stop (self->server, NULL, &error), &error);
        must (world, self->name, godwit_server_wait (self->server, NULL, &error), &error);
    }
    godwit_server_destroy (&self->server);
    if (world->realm)
        cluster_realm_unwatch (world->realm, self->number);
    godwit_transport_destroy (&self->transport);
}

static member_t *
find_member (world_t *world, const char *name)
{
    for (unsigned i = 0; i < world->options->node_count; i++)
        if (strcmp (world->members[i].name, name) == 0)
            return &world->members[i];
    return NULL;
}

/* What is pending there dies with it. */
static void
client_dies (world_t *world, unsigned node)
{
    for (unsigned i = 0; i < world->history.count; i++)
        if (world->history.entries[i].client == node && !world->history.entries[i].ends)
            world->history.entries[i].client_died = true;
}

static void
on_pause (world_t *world, member_t *member, bool over)
{
    history_t *history = &world->history;
    member->is_paused = !over;
    if (!over && history->pause_count < HISTORY_PAUSES_MAX)
        history->pauses[history->pause_count++] = (history_pause_t){member->number, now_ms (world), -1};
    for (unsigned i = 0; i < history->pause_count && over; i++)
        if (history->pauses[i].node == member->number && history->pauses[i].end_ms < 0)
            history->pauses[i].end_ms = now_ms (world);
}

static void
on_void (world_t *world, const member_t *member, bool over)
{
    world->history.result->voids += !over;
    if (over)
        history_void_ends (&world->history, member->number, now_ms (world));
    else
        history_void_begins (&world->history, member->number, now_ms (world));
}

/* KILL, POWER, RESTART. */
static void
on_life (world_t *world, member_t *member, godwit_fault_t fault, bool over)
{
    const int64_t begun_ms = now_ms (world);
    if (over) {
        member_open (member);
    } else {
        client_dies (world, member->number);
        if (fault != GODWIT_FAULT_RESTART && member->serves)
            history_lost (&world->history, member->number, begun_ms);
        member_close (member, fault != GODWIT_FAULT_RESTART);
    }
    if (world->on_stack)
        world->on_stack->blocked_ms += now_ms (world) - begun_ms;
}

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    world_t *world = user;
    member_t *member = node ? find_member (world, node) : NULL;
    if (!member)
        return;
    if (fault == GODWIT_FAULT_PAUSE)
        on_pause (world, member, over);
    else if (fault == GODWIT_FAULT_EXPIRY || fault == GODWIT_FAULT_REVOCATION)
        on_void (world, member, over);
    else if (fault >= GODWIT_FAULT_KILL)
        on_life (world, member, fault, over);
}

static void
certify (void *user, const char *node, int64_t from_s, int64_t until_s)
{
    cluster_realm_certify (((world_t *) user)->realm, node, from_s, until_s);
}

static void
revoke (void *user, const char *node, const char *reader)
{
    cluster_realm_revoke (((world_t *) user)->realm, node, reader);
}

/* ---- work ---- */

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    history_entry_t *entry = user;
    world_t *world = (world_t *) ((char *) entry->history - offsetof (world_t, history));
    (void) result;
    history_ended (entry, now_ms (world), status, error);
    entry->blocked_ms = world->members[entry->client].blocked_ms - entry->blocked_ms;
}

/* NULL: nobody can do anything now. */
static member_t *
any_client (world_t *world)
{
    const unsigned count = world->options->node_count;
    const unsigned first = (unsigned) draw (world, count);
    for (unsigned i = 0; i < count; i++) {
        member_t *member = &world->members[(first + i) % count];
        if (member->calls && member->is_there && !member->is_paused)
            return member;
    }
    return NULL;
}

static history_entry_t *
begin_entry (member_t *client, history_kind_t kind)
{
    world_t *world = client->world;
    history_t *history = &world->history;
    history_entry_t *entry = &history->entries[history->count++];
    *entry = (history_entry_t){.history = history,
                               .kind = kind,
                               .client = client->number,
                               .started_ms = now_ms (world),
                               .timeout_ms = client->timeout_ms,
                               .blocked_ms = client->blocked_ms,
                               .server = -1,
                               .lost_ms = -1};
    return entry;
}

/* 0: answers at once; below: fails; above: answers after so many ms. */
static int64_t
draw_how (world_t *world)
{
    const uint64_t chance = draw (world, 10);
    return chance == 0 ? -1 : chance < 3 ? 10 + (int64_t) draw (world, 400) : 0;
}

/* server: NULL for any. NULL: no memory. */
static godwit_client_t *
client_for (member_t *self, const member_t *server)
{
    if (!server)
        return self->client;
    godwit_client_t **named = &self->named[server->number];
    if (!*named)
        godwit_client_prepare (named, self->client, GODWIT_OVERRIDES (.server = server->name), NULL);
    return *named;
}

static void
begin_call (member_t *client, const member_t *server, int64_t how, bool may_repeat)
{
    const int64_t id = client->world->history.count;
    history_entry_t *entry = begin_entry (client, HISTORY_CALL);
    entry->named = server;
    entry->may_repeat = may_repeat;
    if (may_repeat && !client->again)
        godwit_client_prepare (&client->again, client->client, GODWIT_OVERRIDES (.idempotent = GODWIT_YES),
                               NULL);
    godwit_client_t *by = may_repeat ? client->again : client_for (client, server);
    entry->accepted = godwit_client_call_async (by, NULL, "work",
                                                GODWIT_ARGS (GODWIT_INT ("id", id), GODWIT_INT ("how", how)),
                                                on_end, entry, NULL) == GODWIT_OK;
}

static godwit_status_t
fanout_call (member_t *client, history_entry_t *entry, godwit_fields_t args, godwit_error_t **error)
{
    godwit_fanout_result_t *result = NULL;
    const godwit_status_t status =
        godwit_client_fanout_call (client->client, NULL, "work", args, &result, error);
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        const member_t *server = find_member (client->world, row->server);
        if (server)
            history_row (entry, server->number, row);
        else
            history_wrong (entry->history, "a fanout call knows a server %s", row->server);
    }
    godwit_fanout_result_destroy (&result);
    return status;
}

/* Work that lets time pass until it is done. */
static void
do_and_wait (member_t *client, history_kind_t kind)
{
    world_t *world = client->world;
    godwit_error_t *error = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    godwit_status_t status = GODWIT_OK;
    const int64_t id = world->history.count;
    history_entry_t *entry = begin_entry (client, kind);
    const godwit_field_t args[] = {GODWIT_INT ("id", id), GODWIT_INT ("how", 0)};
    const godwit_fields_t fields = {.items = args, .count = sizeof args / sizeof *args};
    entry->accepted = true;
    world->on_stack = client;
    if (kind == HISTORY_CALL)
        status = godwit_client_call (client->client, NULL, "work", fields, NULL, &error);
    else if (kind == HISTORY_CAST)
        status = godwit_client_cast (client->client, NULL, "work", fields, &error);
    else if (kind == HISTORY_FANOUT)
        status = godwit_client_fanout (client->client, NULL, "work", fields, &report, &error);
    else
        status = fanout_call (client, entry, fields, &error);
    world->on_stack = NULL;
    on_end (entry, status, NULL, error);
    entry->reached += report.reached;
    entry->missing += report.missing;
    godwit_error_destroy (&error);
}

/* Some work of one moment. */
static void
some_work (world_t *world)
{
    for (uint64_t left = draw (world, 10); left && world->work_done < world->options->work_count; left--) {
        member_t *client = any_client (world);
        if (!client)
            return;
        const uint64_t chance = draw (world, 100);
        const member_t *server = &world->members[draw (world, world->options->node_count)];
        world->work_done++;
        if (chance < 2)
            do_and_wait (client, HISTORY_FANOUT);
        else if (chance < 3)
            do_and_wait (client, HISTORY_FANOUT_CALL);
        else if (chance < 15)
            do_and_wait (client, HISTORY_CAST);
        else if (chance < 20)
            do_and_wait (client, HISTORY_CALL);
        else
            begin_call (client, chance < 50 && server->serves ? server : NULL, draw_how (world),
                        chance >= 90);
    }
}

/* ---- when all faults are over ---- */

static void
be_patient (world_t *world)
{
    godwit_error_t *error = NULL;
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *member = &world->members[i];
        for (unsigned j = 0; j < WORLD_NODES_MAX; j++)
            godwit_client_destroy (&member->named[j]);
        if (!member->is_there)
            history_wrong (&world->history, "%s did not come back", member->name);
        if (!member->calls || !member->is_there)
            continue;
        member->timeout_ms = AGAIN_MS;
        godwit_client_destroy (&member->again);
        godwit_client_destroy (&member->client);
        must (world, member->name,
              godwit_client_new (&member->client, member->transport, GODWIT_TARGET (.topic = "work"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = AGAIN_MS), &error),
              &error);
    }
}

/* Every server is called by its name, and every client calls; then a fanout reaches all. */
static void
call_all_again (world_t *world)
{
    const unsigned first = world->history.count, node_count = world->options->node_count;
    unsigned server_count = 0;
    be_patient (world);
    if (world->history.result->wrong[0])
        return;
    for (unsigned i = 0; i < node_count; i++) {
        server_count += world->members[i].serves;
        if (world->members[i].serves)
            begin_call (any_client (world), &world->members[i], 0, false);
        if (world->members[i].calls)
            begin_call (&world->members[i], NULL, 0, i % 4 == 1);
    }
    godwit_cluster_run (world->cluster, AGAIN_MS);
    do_and_wait (any_client (world), HISTORY_FANOUT);
    do_and_wait (any_client (world), HISTORY_FANOUT_CALL);
    godwit_cluster_run (world->cluster, 1000);
    for (unsigned i = first; i < world->history.count; i++) {
        const history_entry_t *entry = &world->history.entries[i];
        if (entry->status || !entry->ends)
            history_wrong (&world->history, "after the faults, work %u of client n%u failed: %s, %s", i,
                           entry->client, godwit_status_type (entry->status),
                           godwit_outcome_name (entry->outcome));
        if (entry->kind >= HISTORY_FANOUT && (entry->reached != server_count || entry->runs != server_count))
            history_wrong (
                &world->history,
                "after the faults, the fanout %u of client n%u reached %u, missing %u, ran %u times, "
                "of %u servers",
                i, entry->client, entry->reached, entry->missing, entry->runs, server_count);
    }
}

/* ---- a run ---- */

static void
on_trace (void *user, int64_t now_us, const char *line)
{
    fprintf (user, "%10.3f ms %s\n", (double) now_us / 1000, line);
}

static void
open_all (world_t *world)
{
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *member = &world->members[i];
        member->world = world;
        member->number = i;
        member->serves = i % 2 == 0;
        member->calls = i % 2 == 1 || i % 5 == 0;
        snprintf (member->name, sizeof member->name, "n%u", i);
        member_open (member);
    }
}

static void
begin_faults (world_t *world)
{
    godwit_error_t *error = NULL;
    const char *names[WORLD_NODES_MAX];
    size_t count = 0;
    /* Nothing is said of the calls of a client that goes. */
    const bool may_go =
        history_may_fail (&world->history) || !(world->options->faults & GODWIT_FAULT_RESTART);
    for (unsigned i = 0; i < world->options->node_count; i++)
        if (may_go || !world->members[i].calls)
            names[count++] = world->members[i].name;
    if (world->options->faults)
        must (world, "plan",
              godwit_cluster_begin_plan (
                  world->cluster,
                  GODWIT_CLUSTER_PLAN (.faults = world->options->faults,
                                       .fault_count = world->options->fault_count, .duration_ms = WORK_MS,
                                       .nodes = names, .node_count = count, .on_fault = on_fault,
                                       .certify = world->realm ? certify : NULL,
                                       .revoke = world->realm ? revoke : NULL, .user = world),
                  &error),
              &error);
}

static void
live (world_t *world)
{
    godwit_error_t *error = NULL;
    must (world, "cluster", godwit_cluster_new (&world->cluster, world->options->seed, &error), &error);
    if (world->options->trace)
        godwit_cluster_set_trace (world->cluster, on_trace, stderr);
    if (world->options->secured && !(world->realm = cluster_realm_new (&world->history, world->cluster)))
        history_wrong (&world->history, "no memory");
    open_all (world);
    if (world->history.result->wrong[0])
        return;
    godwit_cluster_run (world->cluster, (int64_t) draw (world, 200));
    begin_faults (world);
    const int64_t end_ms = now_ms (world) + WORK_MS;
    const int64_t pause_ms = 10 * WORK_MS / (world->options->work_count + 1);
    while (now_ms (world) < end_ms) {
        some_work (world);
        godwit_cluster_run (world->cluster, 1 + (int64_t) draw (world, (uint64_t) pause_ms + 1));
    }
    /* A restart may have begun at the last moment. */
    godwit_cluster_run (world->cluster, 4000);
    godwit_cluster_heal (world->cluster);
    call_all_again (world);
    if (world->realm)
        cluster_realm_check_news (world->realm);
}

static void
close_all (world_t *world)
{
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    godwit_cluster_stats (world->cluster, &stats, NULL);
    world->history.result->faults = (unsigned) stats.faults;
    /* Nobody says goodbye: that is what restarts are for. */
    for (unsigned i = 0; i < world->options->node_count; i++)
        godwit_cluster_kill (world->cluster, world->members[i].name, true);
    for (unsigned i = 0; i < world->options->node_count; i++)
        member_close (&world->members[i], true);
    godwit_cluster_stats (world->cluster, &stats, NULL);
    world->history.result->frames = stats.frames;
    world->history.result->digest = stats.digest;
    godwit_cluster_destroy (&world->cluster);
    cluster_realm_destroy (&world->realm);
}

bool
world_run (const world_options_t *options, world_result_t *result)
{
    memset (result, 0, sizeof *result);
    world_t *world = calloc (1, sizeof *world);
    history_t *history = world ? &world->history : NULL;
    if (history) {
        *history = (history_t){.seed = options->seed, .options = options, .result = result};
        history->limit = options->work_count + 2 * options->node_count + 2;
        history->entries = calloc (history->limit, sizeof *history->entries);
    }
    if (!history || !history->entries) {
        snprintf (result->wrong, sizeof result->wrong, "no memory");
        free (world);
        return false;
    }
    world->options = options;
    live (world);
    close_all (world);
    history_check (history);
    free (history->entries);
    free (world);
    return !result->wrong[0];
}

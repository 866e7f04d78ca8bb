/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cluster_realm.h"

#include "src/runtime/transport.h"
#include "src/server/request.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>

/* The date of a cluster's beginning (testing.h). */
#define BEGIN_S 1767225600
#define DAY_S 86400
#define BULLETINS_MAX 64
/* Dates are whole seconds, and are looked at within a second. */
#define LOOK_MS 1000
/* So long a bulletin may take to get around while all nodes are there and every way is open. */
#define GOSSIP_MS 1000 /* a way takes up to 200 */
#define QUIET                                                                                                \
    ((unsigned) GODWIT_FAULT_DELAY | GODWIT_FAULT_DUPLICATE | GODWIT_FAULT_REORDER | GODWIT_FAULT_EXPIRY |   \
     GODWIT_FAULT_REVOCATION)

/* What a node has heard. */
typedef struct listening {
    cluster_realm_t *realm;
    godwit__realm_t *of; /* its realm; NULL: it is not there */
    godwit__realm_watch_t watch;
    uint64_t number;                     /* of the newest bulletin */
    int64_t heard_ms[BULLETINS_MAX + 1]; /* when it had this one, or a newer one */
} listening_t;

typedef struct revoked {
    uint64_t serial;
    int64_t at_ms;
} revoked_t;

struct cluster_realm {
    history_t *history;
    const godwit_cluster_t *cluster;
    godwit__test_realm_t *files;
    revoked_t revoked[BULLETINS_MAX + 1]; /* by the number of the bulletin */
    uint64_t bulletin_count;
    listening_t nodes[WORLD_NODES_MAX];
};

cluster_realm_t *
cluster_realm_new (history_t *history, const godwit_cluster_t *cluster)
{
    cluster_realm_t *const self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->history = history;
    self->cluster = cluster;
    self->files = godwit__test_realm_new (history->seed);
    return self;
}

void
cluster_realm_destroy (cluster_realm_t **realm)
{
    if (*realm)
        godwit__test_realm_destroy (&(*realm)->files);
    free (*realm);
    *realm = NULL;
}

static int64_t
now_ms (const cluster_realm_t *self)
{
    return godwit_cluster_now_ms (self->cluster);
}

/* ---- signing ---- */

void
cluster_realm_certify (cluster_realm_t *realm, const char *node, int64_t from_s, int64_t until_s)
{
    godwit__test_realm_issue (realm->files,
                              GODWIT__TEST_MEMBER (.name = node, .from = from_s, .until = until_s));
}

const char *
cluster_realm_issue (cluster_realm_t *realm, const char *node)
{
    cluster_realm_certify (realm, node, BEGIN_S - DAY_S, BEGIN_S + 300 * DAY_S);
    return godwit__test_realm_path (realm->files, node);
}

void
cluster_realm_revoke (cluster_realm_t *realm, const char *node, const char *reader)
{
    if (realm->bulletin_count == BULLETINS_MAX) {
        history_wrong (realm->history, "more than %d revocations", BULLETINS_MAX);
        return;
    }
    godwit__test_realm_revoke (realm->files, node);
    godwit__test_realm_put_bulletin (realm->files, reader);
    realm->revoked[++realm->bulletin_count] =
        (revoked_t){godwit__test_realm_serial (realm->files, node), now_ms (realm)};
}

/* ---- who has heard of what ---- */

static void
hear (listening_t *node)
{
    const uint64_t number = godwit__realm_bulletin_number (node->of);
    while (node->number < number && node->number < BULLETINS_MAX)
        node->heard_ms[++node->number] = now_ms (node->realm);
}

static void
on_changed (godwit__realm_watch_t *watch, unsigned changes)
{
    (void) changes;
    hear (watch->user);
}

void
cluster_realm_watch (cluster_realm_t *realm, unsigned node, godwit_transport_t *transport)
{
    listening_t *const self = &realm->nodes[node];
    self->realm = realm;
    self->of = transport->realm;
    self->number = 0;
    self->watch = (godwit__realm_watch_t){.changed = on_changed, .user = self};
    godwit__realm_watch (self->of, &self->watch);
    hear (self);
}

void
cluster_realm_unwatch (cluster_realm_t *realm, unsigned node)
{
    listening_t *const self = &realm->nodes[node];
    if (self->of)
        godwit__realm_unwatch (self->of, &self->watch);
    self->of = NULL;
}

void
cluster_realm_check_news (cluster_realm_t *realm)
{
    for (unsigned i = 0; i < realm->history->options->node_count; i++)
        if (realm->nodes[i].of && realm->nodes[i].number < realm->bulletin_count)
            history_wrong (realm->history, "n%u has only heard of %llu of %llu revocations", i,
                           (unsigned long long) realm->nodes[i].number,
                           (unsigned long long) realm->bulletin_count);
}

/* ---- what is void ---- */

/* When others let it end: clocks may differ. */
static int64_t
ends_ms (const godwit__certificate_t *certificate)
{
    const int64_t lasts_s = certificate->until + GODWIT__CLOCK_SKEW_S - BEGIN_S;
    return 1000 * lasts_s - 1000; /* a cluster is a second old when it begins */
}

/* The number of the bulletin that revokes it; 0: none does. */
static uint64_t
revoked_by (const cluster_realm_t *realm, const godwit__certificate_t *certificate)
{
    for (uint64_t i = 1; i <= realm->bulletin_count; i++)
        if (realm->revoked[i].serial == certificate->serial)
            return i;
    return 0;
}

/* When the node had to know that it is revoked; -1: it need not know. */
static int64_t
known_ms (const cluster_realm_t *realm, unsigned node, uint64_t bulletin)
{
    const history_t *const history = realm->history;
    const listening_t *const self = &realm->nodes[node];
    if (bulletin && self->number >= bulletin)
        return self->heard_ms[bulletin];
    /* Nobody talks to a node that is void itself. */
    if (!bulletin || history->options->faults & ~QUIET ||
        history_was_void (history, node, realm->revoked[bulletin].at_ms, now_ms (realm)))
        return -1;
    return realm->revoked[bulletin].at_ms + GOSSIP_MS;
}

/* How long after this moment it is now, without the time for which the node stood still. */
static int64_t
late_ms (const cluster_realm_t *realm, unsigned node, int64_t moment_ms)
{
    return now_ms (realm) - moment_ms - history_paused_ms (realm->history, node, moment_ms, now_ms (realm));
}

void
cluster_realm_ran (cluster_realm_t *realm, unsigned node, const godwit_request_t *request)
{
    if (!request->caller) {
        history_wrong (realm->history, "n%u runs what nobody has a certificate for", node);
        return;
    }
    const godwit__certificate_t *const certificate = &request->caller->party->certificate;
    const int64_t known = known_ms (realm, node, revoked_by (realm, certificate));
    if (late_ms (realm, node, ends_ms (certificate)) > LOOK_MS)
        history_wrong (realm->history, "at %lld ms n%u runs work of %s, whose certificate ended at %lld ms",
                       (long long) now_ms (realm), node, certificate->name,
                       (long long) ends_ms (certificate));
    if (known >= 0 && late_ms (realm, node, known) > 0)
        history_wrong (realm->history,
                       "at %lld ms n%u runs work of %s, although it had to know at %lld ms that its "
                       "certificate is revoked",
                       (long long) now_ms (realm), node, certificate->name, (long long) known);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What faults of a plan do to certificates. The test signs; the plan says when, for whom and until when, and
 * lets the nodes read their files at once, as they do by themselves every refresh_ms. */
#include "drivers/sim/sim.h"

#include "src/realm/certificate.h"

#define HOUR_S INT64_C (3600)
#define YEAR_S (365 * (24 * HOUR_S))

static void
read_files (const godwit__sim_node_t *node)
{
    godwit_error_t *error = NULL;
    if (godwit_transport_reload_realm (node->transport, &error))
        godwit__sim_say (node->cluster, "%s keeps its certificate: %s", node->name,
                         godwit_error_message (error));
    godwit_error_destroy (&error);
}

static bool
has_realm (const godwit__sim_node_t *node)
{
    return node && node->transport && node->options.realm;
}

bool
godwit__sim_expire (const godwit__sim_node_t *node, const godwit__sim_administrator_t *by)
{
    if (!has_realm (node))
        return false;
    /* Clocks may differ, so others let it pass for so long; and the node itself takes none that has ended. */
    const int64_t until_s = godwit__sim_now_s (node->cluster) + 1 - GODWIT__CLOCK_SKEW_S;
    by->certify (by->user, node->name, until_s - HOUR_S, until_s);
    read_files (node);
    return true;
}

bool
godwit__sim_revoke (const godwit__sim_node_t *node, const char *reader, const godwit__sim_administrator_t *by)
{
    const godwit__sim_node_t *first = godwit__sim_find_live (node->cluster, reader);
    if (!has_realm (node))
        return false;
    if (!has_realm (first) || first->paused_ns)
        first = node;
    by->revoke (by->user, node->name, first->name);
    godwit__sim_say (node->cluster, "%s reads first that %s is void", first->name, node->name);
    read_files (first);
    return true;
}

void
godwit__sim_certify (godwit_cluster_t *cluster, const char *name, const godwit__sim_administrator_t *by)
{
    const godwit__sim_node_t *const node = godwit__sim_find_live (cluster, name);
    const int64_t now_s = godwit__sim_now_s (cluster);
    by->certify (by->user, name, now_s - HOUR_S, now_s + YEAR_S);
    if (has_realm (node))
        read_files (node);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The realm of a simulated cluster at work (cluster_world.h): it signs for a plan of faults, notes which
 * certificates are void since when, and which node has heard of it, and checks that no void request runs. */
#ifndef GODWIT_TESTS_SUPPORT_CLUSTER_REALM_H
#define GODWIT_TESTS_SUPPORT_CLUSTER_REALM_H

#include "tests/support/cluster_history.h"

typedef struct cluster_realm cluster_realm_t;

/* What is wrong is noted in the history. NULL: no memory. */
cluster_realm_t *cluster_realm_new (history_t *history, const godwit_cluster_t *cluster);
void cluster_realm_destroy (cluster_realm_t **realm);

/* Issues a certificate that lasts longer than the run. Returns the member file, borrowed. */
const char *cluster_realm_issue (cluster_realm_t *realm, const char *node);
/* What a plan asks for. */
void cluster_realm_certify (cluster_realm_t *realm, const char *node, int64_t from_s, int64_t until_s);
void cluster_realm_revoke (cluster_realm_t *realm, const char *node, const char *reader);

/* The node with this number has started: from now on it is known which bulletins it has heard of. */
void cluster_realm_watch (cluster_realm_t *realm, unsigned node, godwit_transport_t *transport);
/* Its transport is about to be destroyed. */
void cluster_realm_unwatch (cluster_realm_t *realm, unsigned node);

/* A handler of the node runs this request: its certificate must not be void there. */
void cluster_realm_ran (cluster_realm_t *realm, unsigned node, const godwit_request_t *request);
/* All faults have been over for long enough: whoever is there has the newest bulletin. */
void cluster_realm_check_news (cluster_realm_t *realm);

#endif

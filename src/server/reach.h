/* SPDX-License-Identifier: Apache-2.0 */
/* Without the option host, the servers of a process are reached where its rendezvous points reach it: at the
 * addresses of this machine on the ways to those of other hosts. */
#ifndef GODWIT_SRC_SERVER_REACH_H
#define GODWIT_SRC_SERVER_REACH_H

#include "src/server/pool.h"

/* Listens at the addresses that are new, and announces the servers that are up with these. SYSTEM: one cannot
 * be listened at. No address yet is no failure: the log warns if that is because no way leads to a
 * rendezvous. Control thread. */
godwit_status_t godwit__pool_reach (godwit__pool_t *pool, godwit_error_t **error);
/* The same when the matchmaker knows more; a failure goes to the log. There may be no pool yet. */
void godwit__transport_reached (godwit_transport_t *transport);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Modules whose errors reach callers as themselves: those that always do, and those that the program names
 * (contract 11). */
#ifndef GODWIT_SRC_SERVICE_RPC_EXMODS_H
#define GODWIT_SRC_SERVICE_RPC_EXMODS_H

/* ALLOWED, EXTRA and further (NULL: none), joined with ','. The caller's; NULL: no memory. */
char *godwit__rpc_join_exmods (const char *further);

#endif

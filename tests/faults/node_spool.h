/* SPDX-License-Identifier: Apache-2.0 */
/* The spool of a node's notifier or caster; without the component godwit-spool there is none. */
#ifndef GODWIT_TESTS_FAULTS_NODE_SPOOL_H
#define GODWIT_TESTS_FAULTS_NODE_SPOOL_H

#include <godwit/spool.h>

/* path NULL: *spool is NULL. */
bool node_spool_open (godwit_spool_t **spool, const char *path, godwit_error_t **error);
/* Waits until the pool has settled all that the stream has. False: it has not after so long. */
bool node_spool_await (godwit_spool_t *spool, const char *stream, const char *pool, int64_t limit_ms);
void node_spool_close (godwit_spool_t **spool);

#endif

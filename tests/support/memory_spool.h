/* SPDX-License-Identifier: Apache-2.0 */
/* A spool in memory, as simple as can be: one lock, an array of items, and for each pool a flag for each
 * item. The conformance suite tries it, too, and random operations on a real one are compared with it. */
#ifndef GODWIT_TESTS_MEMORY_SPOOL_H
#define GODWIT_TESTS_MEMORY_SPOOL_H

#include <godwit/spool.h>

godwit_spool_t *memory_spool_new (void);
void memory_spool_destroy (godwit_spool_t **spool);
/* How many items of a stream it has; 0: there is no such stream, either. */
size_t memory_spool_count (godwit_spool_t *spool, const char *stream);

#endif

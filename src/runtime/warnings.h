/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of what may happen again and again: each is logged at most once a minute, with a count.
 *
 *     first time: logged --again, within the minute: counted--> the minute is over: logged with the count
 *                                                                  | and a new minute begins
 *                                                                  +--> nothing was counted: forgotten
 */
#ifndef GODWIT_SRC_RUNTIME_WARNINGS_H
#define GODWIT_SRC_RUNTIME_WARNINGS_H

#include <godwit/transport.h>

typedef struct godwit__warnings godwit__warnings_t;

/* NULL when memory is short: then each is logged. */
godwit__warnings_t *godwit__warnings_new (void);
void godwit__warnings_destroy (godwit__warnings_t **warnings);

/* Warns. Those with the same key count as the same: a hash of what the warning is about, for which callers
 * pass a number of their own kind and a name. Any thread, with no lock held. If more than 64 different ones
 * come in a minute, the others are counted together. */
void godwit__warn (const godwit_transport_t *transport, uint64_t key, const char *format, ...)
    GODWIT_PRINTF (3, 4);
/* Logs human-readable news, a warning with godwit__warn: for structs that have a function `note`, whose user
 * is the transport. Any thread, with no lock held. */
void godwit__transport_note (void *transport, godwit_log_level_t level, const char *text);
/* Logs the counts of minutes that are over; all: of those, too, that are not. Control thread. */
void godwit__warnings_tell (const godwit_transport_t *transport, bool all);

#endif

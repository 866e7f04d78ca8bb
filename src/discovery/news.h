/* SPDX-License-Identifier: Apache-2.0 */
/* News of servers, for the log: who came, who left. They are noted under transport.lock, and logged without
 * it.
 */
#ifndef GODWIT_SRC_DISCOVERY_NEWS_H
#define GODWIT_SRC_DISCOVERY_NEWS_H

#include "src/runtime/transport.h"

/* Zero: empty. */
typedef struct godwit__news {
    struct godwit__news_line *first, *last;
    size_t count;
} godwit__news_t;

/* With transport.lock: notes what happened to the server of this record. Does nothing if nobody wants lines
 * of this level (INFO), or if memory is short. */
void godwit__news_note (const godwit_transport_t *transport, godwit__news_t *news,
                        const godwit__record_t *record, const char *what);
/* Without the lock: logs what was noted. */
void godwit__news_tell (godwit_transport_t *transport, godwit__news_t *news);
void godwit__news_clear (godwit__news_t *news);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Suspects: servers that no matchmaker knows any more, but that did not say themselves that they leave. A
 * matchmaker adds names; only the data path declares death:
 *
 *             announced again
 *     known <------------- suspect, connected ----------- the connection is lost --------+
 *       |                       ^                                                        v
 *       +-- no matchmaker ------|-----------------------> suspect, not connected: can be called as before
 *           knows it            |                           |   |                |
 *                               +--- connected -------------+   |                | for 36 refreshes
 *                                    (when it is called, or within 0.5 s)        v
 *                                                               +----------> forgotten
 *                                                  cannot be connected to, 3 times in a row
 *
 * If more than half of all servers are suspects at once, and at least two, then it is more likely that the
 * rendezvous or the network has failed than that all of them died. This is called self-preservation: a
 * suspect is forgotten only after 10 failed attempts in a row, not 3, and if nobody calls it, it is connected
 * to after 3 refreshes.
 */
#ifndef GODWIT_SRC_DISCOVERY_SUSPECT_H
#define GODWIT_SRC_DISCOVERY_SUSPECT_H

#include "src/discovery/directory.h"

/* All with transport.lock held. */

void godwit__suspect_open (godwit__directory_t *directory);
/* The control thread. */
void godwit__suspect_close (godwit__directory_t *directory);
/* No matchmaker knows the member any more. withdrawn: its own process said that it leaves. Control thread. */
void godwit__suspect_begin (godwit__member_t *member, bool withdrawn);
/* True if the member may be forgotten: it has left, or connecting to its peer has failed often enough
 * (peer->failures). */
bool godwit__suspect_is_over (const godwit__member_t *member);

/* Whether self-preservation has begun or ended. The result is to be logged once the lock is released. */
typedef enum godwit__preservation {
    GODWIT__PRESERVATION_AS_BEFORE,
    GODWIT__PRESERVATION_BEGINS,
    GODWIT__PRESERVATION_ENDS
} godwit__preservation_t;
godwit__preservation_t godwit__suspect_update_preservation (godwit__directory_t *directory);
void godwit__suspect_log (const godwit_transport_t *transport, godwit__preservation_t preservation,
                          size_t suspect_count, size_t member_count);

#endif

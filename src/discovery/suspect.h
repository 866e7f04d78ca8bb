/* Servers that no matchmaker knows any more, but did not say themselves that they go. A matchmaker adds
 * names; only the data path declares death:
 *
 *             told again
 *     heard <------------- unheard, connected ----------- the connection is lost --------+
 *       |                       ^                                                        v
 *       +--- nobody has it -----|-----------------------> unheard, not connected: can be called as before
 *                               |                           |   |                |
 *                               +--- connected -------------+   |                | for 36 refreshes
 *                                    (when it is called, or after 3 refreshes)   v
 *                                                               +----------> forgotten
 *                                                  cannot be connected to, 3 times in a row
 *
 * When more than half of all servers, and two at least, are unheard at once, it is likelier that the
 * rendezvous, or the network, is not in order than that all of them died: then (self-preservation) it takes
 * 10 times in a row, not 3, until one of them is forgotten.
 */
#ifndef GODWIT_SRC_DISCOVERY_SUSPECT_H
#define GODWIT_SRC_DISCOVERY_SUSPECT_H

#include "src/discovery/directory.h"

/* All with transport.lock held. */

void godwit__unheard_open (godwit__directory_t *directory);
/* The control thread. */
void godwit__unheard_close (godwit__directory_t *directory);
/* No matchmaker has it. withdrawn: by its own word. The control thread. */
void godwit__unheard_begin (godwit__member_t *member, bool withdrawn);
/* It was told again, or is forgotten. */
void godwit__unheard_end (godwit__member_t *member);
/* Its peer has no connection, and could not be connected to for peer->failures times: it may be forgotten. */
bool godwit__unheard_is_over (const godwit__member_t *member);

/* Notes whether self-preservation has begun or ended; what is to be logged, without the lock: */
typedef enum godwit__preservation {
    GODWIT__PRESERVATION_AS_BEFORE,
    GODWIT__PRESERVATION_BEGINS,
    GODWIT__PRESERVATION_ENDS
} godwit__preservation_t;
godwit__preservation_t godwit__unheard_judge (godwit__directory_t *directory);
void godwit__unheard_log (const godwit_transport_t *transport, godwit__preservation_t preservation,
                          size_t unheard_count, size_t member_count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Unfinished handshakes of a port: how many there may be, and which one makes room for the next. Strangers
 * open them for nothing, so each may be one of a flood, and a member's has to live until its turn:
 *
 *  - Whoever has the most unfinished handshakes pays.
 *  - Of those, one goes that has not said its first command yet. With CURVE that is HELLO, which opens the
 * door of the realm: so nobody without the door can put out a handshake that has got so far.
 *  - Of those, chance decides. If the oldest went, a flood that is faster than a member's first two messages
 *    would put out each member, every time; so each try of a member has some chance.
 *
 * The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_CROWD_H
#define GODWIT_DRIVERS_ZMTP_CROWD_H

#include "drivers/zmtp/stream.h"

/* Unfinished handshakes of one port: so many, or an eighth of the descriptors that the process may have, of
 * which the program has other uses. A process may have several ports. */
#define GODWIT__ZMTP_OPENING_MAX 512

typedef struct godwit__zmtp_crowd {
    godwit__list_t streams; /* in_owner */
    size_t count;
    uint64_t chance;
    bool has_warned;
    int64_t warned_ns;
} godwit__zmtp_crowd_t;

/* seed: any number. */
void godwit__zmtp_crowd_init (godwit__zmtp_crowd_t *crowd, uint64_t seed);
void godwit__zmtp_crowd_add (godwit__zmtp_crowd_t *crowd, godwit__zmtp_stream_t *stream);
void godwit__zmtp_crowd_remove (godwit__zmtp_crowd_t *crowd, godwit__zmtp_stream_t *stream);
/* Who makes room for one more, and stays in the crowd; NULL: there is room. */
godwit__zmtp_stream_t *godwit__zmtp_crowd_surplus (godwit__zmtp_crowd_t *crowd);

/* True at most once in a minute: then the caller warns that somebody had to make room. */
bool godwit__zmtp_crowd_warns (godwit__zmtp_crowd_t *crowd, int64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Where connections wait whose address was refused too often (refusals.h). They were accepted, and nobody
 * reads what they say. Each 10 ms the one that came first from an address is let in, so that a member gets
 * its turn beside strangers, however often these are refused:
 *
 *     accepted ---- the address is not on hold, or has a turn now ----> let in
 *        |                                                               ^
 *        +--- waits ------------ its turn, the first that came first ----+
 *        |      `--- has hung up ---> closed, and costs no turn
 *        `--- too many wait already ---> closed
 *
 * The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_ANTEROOM_H
#define GODWIT_DRIVERS_ZMTP_ANTEROOM_H

#include "drivers/zmtp/listener.h"

/* Those who wait: so many, or this part of the descriptors that the process may have; and of one address half
 * of them, who get their turn in a little more than a second. */
#define GODWIT__ZMTP_ANTEROOM_MAX 256
#define GODWIT__ZMTP_ANTEROOM_PART 8

/* Takes the socket over. */
typedef void (*godwit__zmtp_let_in_t) (godwit__zmtp_listener_t *listener, int fd,
                                       const godwit__zmtp_peer_t *peer);

void godwit__zmtp_anteroom_init (godwit__zmtp_t *driver);
/* Nobody waits any more. */
void godwit__zmtp_anteroom_release (godwit__zmtp_t *driver);

/* A connection from an address that can be put on hold: lets it in, now or later, or closes it. */
void godwit__zmtp_anteroom_enter (godwit__zmtp_listener_t *listener, int fd, const godwit__zmtp_peer_t *peer,
                                  godwit__zmtp_let_in_t let_in);
/* Closes those who wait there. */
void godwit__zmtp_anteroom_clear (const godwit__zmtp_listener_t *listener);

#endif

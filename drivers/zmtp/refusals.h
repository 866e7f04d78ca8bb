/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses whose handshakes were refused. A handshake costs its server half a millisecond; so an address
 * that was refused three times within ten seconds is on hold for a second, and those who come from it
 * meanwhile are let in one after the other, a hundred a second. They are not kept out: each refusal begins
 * the next hold, so a stranger could lock the members behind his address out for as long as he likes. Where
 * somebody was let in there is no hold at all.
 *
 * An address is what one host may have for itself (godwit__zmtp_origin_t). Pure: no socket, no clock. One
 * thread at a time. */
#ifndef GODWIT_DRIVERS_ZMTP_REFUSALS_H
#define GODWIT_DRIVERS_ZMTP_REFUSALS_H

#include "drivers/zmtp/address.h"

#include "src/base/table.h"

/* Addresses that are remembered; of more, those that were refused the longest ago are forgotten. */
#define GODWIT__ZMTP_REFUSALS_MAX 1024
#define GODWIT__ZMTP_REFUSALS_FEW 3    /* refusals, before an address has to wait ... */
#define GODWIT__ZMTP_REFUSALS_MS 10000 /* ... if they come within this time */
#define GODWIT__ZMTP_REFUSALS_WAIT_MS 1000
#define GODWIT__ZMTP_REFUSALS_TURN_MS 10 /* of an address on hold one is let in each time */
#define GODWIT__ZMTP_REFUSALS_WARN_MS 60000

typedef struct godwit__zmtp_refusals {
    godwit__table_t hosts; /* the one that was refused the longest ago first */
    bool has_warned;
    int64_t warned_ns;
} godwit__zmtp_refusals_t;

void godwit__zmtp_refusals_init (godwit__zmtp_refusals_t *refusals);
void godwit__zmtp_refusals_release (godwit__zmtp_refusals_t *refusals);

/* One of this address was refused. True: there were too many of them within the time. */
bool godwit__zmtp_refusals_note (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                 int64_t now_ns);
/* From now on the address is on hold. */
void godwit__zmtp_refusals_hold (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                 int64_t now_ns);
/* It is not, because somebody was let in there: for as long as a hold would be, its refusals do not count. */
void godwit__zmtp_refusals_spare (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                  int64_t now_ns);
/* Whether one who comes from this address can be let in now: it is not on hold, or it has a turn. */
bool godwit__zmtp_refusals_has_turn (const godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                     int64_t now_ns);
/* One of this address, which has a turn, is let in. */
void godwit__zmtp_refusals_take_turn (const godwit__zmtp_refusals_t *refusals,
                                      const godwit__zmtp_peer_t *peer, int64_t now_ns);
/* One of this address was let in: it is not on hold any more. */
void godwit__zmtp_refusals_forgive (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer);
/* True at most once in a minute: then the caller warns. */
bool godwit__zmtp_refusals_warns (godwit__zmtp_refusals_t *refusals, int64_t now_ns);

/* Whether two come from the same address, as it counts here. */
bool godwit__zmtp_refusals_same (const godwit__zmtp_peer_t *a, const godwit__zmtp_peer_t *b);

#endif

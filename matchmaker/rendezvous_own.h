/* SPDX-License-Identifier: Apache-2.0 */
/* The records of this process, as its rendezvous points are told of them. In a realm only those that its own
 * certificate allows it to serve: no point would have the others. When the certificate becomes another one,
 * what it does not allow is withdrawn, with a warning, and what it allows by now is told.
 *
 *                   announce, allowed
 *      unknown ------------------------------> told
 *         |                                   |    ^
 *         | announce, not allowed   narrowed  |    | widened
 *         +------------------------------> withheld
 */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_OWN_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_OWN_H

#include "matchmaker/rendezvous.h"

void godwit__rendezvous_open_own (godwit__rendezvous_t *rendezvous);
/* Tells nobody. */
void godwit__rendezvous_close_own (godwit__rendezvous_t *rendezvous);
/* As the operations `announce` and `withdraw` of matchmakers. */
godwit_status_t godwit__rendezvous_announce (godwit__matchmaker_t *matchmaker, godwit__record_t *record,
                                             godwit_error_t **error);
void godwit__rendezvous_withdraw_own (godwit__matchmaker_t *matchmaker, uint32_t server_id);

#endif

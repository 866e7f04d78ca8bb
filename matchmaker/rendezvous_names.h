/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be thought of the names: what one source has told, and by that, what all sources together have.
 *
 * Of one source:
 *
 *                 told all, and the host has had time to hear of everybody
 *      AWAITED --------------------------------------------------------------> TOLD
 *       ^ ^ |                                                                   |
 *       | | +-- an attempt failed --> OUT_OF_REACH --- link up ---> AWAITED     |
 *       | +---------------------------- connection lost -------------------------+
 */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_NAMES_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_NAMES_H

#include "matchmaker/rendezvous.h"

/* The names of a source have another state, or the list of sources has changed: tells it, if that changes the
 * whole. */
void godwit__rendezvous_tell_names (godwit__rendezvous_t *self);

/* why: of OUT_OF_REACH; else "". */
void godwit__source_set_names (godwit__rendezvous_source_t *source, godwit__names_state_t names,
                               const char *why);
/* Out of reach, of which nobody need be told. */
void godwit__source_names_none (godwit__rendezvous_source_t *source, const char *why);
/* All that the host knows was told. TOLD, unless the host has to hear of its members first, until settles_ns:
 * then the source's timer is armed for that. */
void godwit__source_names_told (godwit__rendezvous_source_t *source, int64_t settles_ns);
/* A connection ended, or an attempt failed. was_told, was_joined: as the source was before. */
void godwit__source_names_lost (godwit__rendezvous_source_t *source, bool was_told, bool was_joined,
                                const char *reason);

#endif

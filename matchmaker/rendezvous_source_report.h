/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told of a source: lines of the log, and gauges. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_REPORT_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_REPORT_H

#include "matchmaker/rendezvous.h"

/* "<what> the rendezvous at <address>: <why>". why may be NULL. */
void godwit__source_note (const godwit__rendezvous_source_t *source, godwit_log_level_t level,
                          const char *what, const char *why);
/* is_told: it counts as joined, or as hosted, from now on; otherwise it does not any more. If this is a
 * change, the time for which it was tried begins anew. */
void godwit__source_set_told (godwit__rendezvous_source_t *source, bool is_told);
/* Says how many rendezvous points there are; those that have no place now do not count. */
void godwit__rendezvous_count_sources (const godwit__rendezvous_t *self);
/* Warns if the source was tried for so long that a person has to look at it, or if its host has expelled this
 * process. reason: why it cannot be joined. hosting: why it cannot be hosted; NULL: it is not to be. */
void godwit__source_warn_if_stuck (const godwit__rendezvous_source_t *source, const char *reason,
                                   const char *hosting);

#endif

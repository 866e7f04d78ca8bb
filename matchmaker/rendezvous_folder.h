/* SPDX-License-Identifier: Apache-2.0 */
/* A rendezvous point in a private folder of this user: its members host it themselves. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_FOLDER_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_FOLDER_H

#include "matchmaker/rendezvous.h"

/* Before it connects: makes, checks and opens the folder. False: the source can do nothing now, and looks
 * again after refresh_ms. That there is no place for the folder is in order (nobody is logged in); that it
 * cannot be used is a warning. */
bool godwit__source_enter_folder (godwit__rendezvous_source_t *source);
/* The process hosts the point from now on: what its name leads to is remembered. */
void godwit__source_hosts_in_folder (godwit__rendezvous_source_t *source);
/* While it hosts, every refresh_ms: removes what dead processes have left. False: the name does not lead here
 * any more, because somebody has removed or replaced it or the folder. */
bool godwit__source_look_at_folder (godwit__rendezvous_source_t *source);

#endif

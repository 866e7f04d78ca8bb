/* SPDX-License-Identifier: Apache-2.0 */
/* The realm of a secured fleet: made and changed by the command `godwit realm`, as an administrator does it.
 * Each process has a member file of its own, with the rights that its role needs. */
#ifndef GODWIT_TESTS_HOSTS_FLEET_REALM_H
#define GODWIT_TESTS_HOSTS_FLEET_REALM_H

#include "tests/hosts/fleet.h"

/* Makes the realm; nobody has a member file yet. */
void fleet_realm_make (const fleet_t *fleet);
/* The path of the member file of this name, which is issued if there is none. */
void fleet_realm_path (const fleet_t *fleet, const char *name, char path[FLEET_PATH_SIZE]);

/* Issues a new member file to every second process, from the first or from the second on. */
void fleet_realm_issue_half (fleet_t *fleet, int half);
/* One step of a rotation: at most two options of `godwit realm rotate`, then NULL. What it changes travels
 * with the member files that are issued next. */
void fleet_realm_rotate (const fleet_t *fleet, const char *const *step);
/* Revokes the certificates of this name. The bulletin is given to one rendezvous. */
void fleet_realm_revoke (const fleet_t *fleet, const char *name);

#endif

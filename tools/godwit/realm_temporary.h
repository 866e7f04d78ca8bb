/* SPDX-License-Identifier: Apache-2.0 */
/* Files that get their name when all is in them. Their own names begin with `.godwit-`.
 *
 * Who writes one holds its lock until it has its name. One that nobody has locked is of a command that was
 * killed: it may hold keys, so the next command that writes in this folder removes it. */
#ifndef GODWIT_TOOLS_REALM_TEMPORARY_H
#define GODWIT_TOOLS_REALM_TEMPORARY_H

#define REALM_TEMPORARY_SIZE (8 + 2 * 8 + 1)

/* Makes a temporary file in a folder, mode 0600, locks it, and writes its name. libsodium is ready. Returns a
 * descriptor, or -1 with errno. */
int realm_temporary_open (int folder, char name[REALM_TEMPORARY_SIZE]);
/* Removes those that nobody writes any more: of this user, or of anybody for root. */
void realm_sweep_abandoned (int folder);
/* Removes all that begin with `.godwit-`. Nobody else may be writing there. */
void realm_sweep (int folder);

#endif

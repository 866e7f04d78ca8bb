/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are this process's alone: sockets that listen, and connections. The child of a fork() that
 * does not exec closes them before fork() returns there: otherwise the address would stay in use, and peers
 * would not see the end of a parent that dies. The child does no more than that: no lock of the parent's is
 * taken, nothing is freed, no file is removed.
 *
 * Who makes such a descriptor locks first, so that no fork() happens before it is known; the lock is a leaf,
 * and held for a few system calls that do not block. Any thread. */
#ifndef GODWIT_SRC_BASE_OWN_FD_H
#define GODWIT_SRC_BASE_OWN_FD_H

/* Until unlock no other thread can fork(). */
void godwit__own_fd_lock (void);
void godwit__own_fd_unlock (void);
/* With the lock: the descriptor is the process's own, until it is closed with godwit__own_fd_close. Does
 * nothing for -1. If memory is short, the child keeps it. errno stays. */
void godwit__own_fd_add (int fd);
/* Another number in each child of a fork() than in its parent: whoever remembers a descriptor that was added
 * sees by it that it is closed here. Costs a load. Any thread; not before the first lock. */
unsigned godwit__own_fd_generation (void);
/* Closes a descriptor that was added. Without the lock. */
void godwit__own_fd_close (int fd);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out whether the system has what libzmq is about to take: libzmq 4.3.4 ends the process if it cannot
 * make an epoll set or a thread, or if memory is short. So nothing is asked of it unless there is enough, and
 * more than it needs at that moment: its own thread takes some of it later. */
#ifndef GODWIT_DRIVERS_ZMQ_PROBE_H
#define GODWIT_DRIVERS_ZMQ_PROBE_H

#include <godwit/error.h>

/* Before a socket is made, bound or connected. SYSTEM: the text says what is short, and what to do. */
godwit_status_t godwit__probe_socket (godwit_error_t **error);
/* Before the first socket of a context, which starts two threads. As above. */
godwit_status_t godwit__probe_context (godwit_error_t **error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How the leader of a link or a publisher is woken: each thread has one descriptor for that, whatever it
 * waits for. A channel has none of its own. */
#ifndef GODWIT_DRIVERS_ZMTP_WAITER_H
#define GODWIT_DRIVERS_ZMTP_WAITER_H

#include "src/base/light_lock.h"
#include "src/loop/reactor.h"

typedef struct godwit__zmtp_waiter {
    godwit__light_lock_t lock; /* all that follows */
    bool is_woken;             /* for the wait that runs, or the next one */
    bool is_signalled;         /* the waiting thread's descriptor was written to for this wait */
    int waiting_fd;            /* the descriptor of the thread that waits; -1: none does */

    /* A reactor that leads. */
    godwit__reactor_t *reactor; /* NULL: none does */
    godwit__source_t *source;   /* the core's */
    godwit__source_t watch;     /* of the socket */
    godwit__task_t ready_task;  /* calls the core without a socket: woken, room, or the socket is new */
    bool watches;               /* it watches the socket itself; else the channel calls for input */
    int fd;                     /* to be watched; -1: none yet, or none any more */
} godwit__zmtp_waiter_t;

/* Needs no end. */
void godwit__zmtp_waiter_init (godwit__zmtp_waiter_t *waiter);

/* As a channel's wake. Any thread. */
void godwit__zmtp_waiter_wake (godwit__zmtp_waiter_t *waiter);
/* As a channel's wait, for events on fd (POLLIN and others; fd -1: only for wakes). Returns those that came,
 * or all that were asked for if the thread had been woken before. */
short godwit__zmtp_waiter_wait (godwit__zmtp_waiter_t *waiter, int fd, short events, int64_t timeout_ns);

/* As a channel's attach and detach. watches: the reactor is to watch the socket, which it does not do so far;
 * otherwise the channel calls godwit__zmtp_waiter_input. */
godwit_status_t godwit__zmtp_waiter_attach (godwit__zmtp_waiter_t *waiter, godwit__reactor_t *reactor,
                                            bool watches, godwit__source_t *source, godwit_error_t **error);
/* The socket has input. The thread of the reactor that is attached. */
void godwit__zmtp_waiter_input (godwit__zmtp_waiter_t *waiter);
void godwit__zmtp_waiter_detach (godwit__zmtp_waiter_t *waiter);
/* From now on this is the socket that is waited for. Any thread. */
void godwit__zmtp_waiter_set_fd (godwit__zmtp_waiter_t *waiter, int fd);
/* The socket will not have anything new any more: a reactor stops watching it. Any thread. */
void godwit__zmtp_waiter_end (godwit__zmtp_waiter_t *waiter);

#endif

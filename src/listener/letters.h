/* SPDX-License-Identifier: Apache-2.0 */
/* Letters: notifications that wait, for a batch or for the program to take them. */
#ifndef GODWIT_SRC_LISTENER_LETTERS_H
#define GODWIT_SRC_LISTENER_LETTERS_H

#include "src/listener/listener.h"

/* Puts a letter in its queue, and has it handled in time. */
void godwit__letter_add (godwit_listener_t *listener, godwit__letter_t *letter);
/* It is about to be handled. True: duplicates are dropped, and this is one: it is settled and freed. While
 * another copy is being handled, it goes back. */
bool godwit__letter_drop_duplicate (godwit__letter_t *letter);
/* Settles it (0, or a godwit__unsettled_t), and frees it. */
void godwit__letter_settle (godwit__letter_t *letter, unsigned what);
/* Letters may come again. */
void godwit__letters_start (godwit_listener_t *listener);
/* No more come: what waits for a batch is handled now, what waits for next goes back to its notifier. */
void godwit__letters_stop (godwit_listener_t *listener);

/* Starts what handles batches. */
godwit_status_t godwit__batches_start (godwit_listener_t *listener, godwit_error_t **error);
/* Ends it, after letters were stopped: what waits is handled before, and what still comes goes back. */
void godwit__batches_end (godwit_listener_t *listener);
/* A letter has come, or no more come. */
void godwit__batches_wake (godwit_listener_t *listener);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that gathers (godwit__channel_ops_t), made of another one that need not. It sends what it was
 * given in one piece, and keeps what it took over, as if a socket still had to take it, for as long as a test
 * wants. So a test sees which bytes the core handed over without a copy, and when they are given back. */
#ifndef GODWIT_TESTS_SUPPORT_GATHERER_H
#define GODWIT_TESTS_SUPPORT_GATHERER_H

#include "src/interface/driver.h"

/* For godwit__environment_t.driver. One kind of driver in a process. */
const godwit__driver_ops_t *gatherer_driver (const godwit__driver_ops_t *real);
/* While it holds, nothing that it took over is given back. Not holding gives all back, on this thread. */
void gatherer_hold (bool holds);
/* What the driver answers to the next messages with inserts, before it takes them. */
void gatherer_refuse (unsigned count, godwit__io_t with);
/* How many messages with inserts were taken. */
unsigned gatherer_count (void);
/* The last message with at least 8,000 bytes, as it was on the wire. The caller frees the data. */
void gatherer_last (void **data, size_t *size);

#endif

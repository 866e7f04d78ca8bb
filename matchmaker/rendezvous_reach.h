/* SPDX-License-Identifier: Apache-2.0 */
/* From which address of this machine another one is reached. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_REACH_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_REACH_H

#include "src/interface/driver.h"

typedef enum godwit__route {
    GODWIT__ROUTE_NONE, /* the address cannot be reached now */
    GODWIT__ROUTE_HERE, /* it is on the loopback, or of a driver without a network */
    GODWIT__ROUTE_OUT   /* *host is the address of this machine on the way there */
} godwit__route_t;

/* Asks the system for its route to an address ("tcp://10.0.0.1:9573", "tcp://[fd00::1]:9573"). Sends nothing,
 * and does not wait. */
godwit__route_t godwit__route_to (const char *address, char host[GODWIT__ADDRESS_SIZE]);

#endif

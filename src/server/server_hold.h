/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at servers from outside of their requests: while a server is held, it is not destroyed. */
#ifndef GODWIT_SRC_SERVER_SERVER_HOLD_H
#define GODWIT_SRC_SERVER_SERVER_HOLD_H

#include "src/server/server.h"

/* What there was at one moment. */
typedef struct godwit__server_load {
    uint32_t queued, running, occupied;
    uint32_t queue_limit, concurrency;
    size_t queued_size;
    uint64_t refused;
    bool accepts;
    uint64_t life;
} godwit__server_load_t;

/* The server of this number, to be given back soon: destroying it waits. NULL: there is none. */
godwit_server_t *godwit__server_hold (godwit__pool_t *pool, uint32_t id);
/* The first whose number is above `after`; NULL: none. */
godwit_server_t *godwit__server_hold_next (godwit__pool_t *pool, uint32_t after);
void godwit__server_let_go (godwit_server_t *server);
godwit__server_load_t godwit__server_load (godwit_server_t *server);

/* The memory of a pool at one moment. */
typedef struct godwit__pool_load {
    size_t unused;      /* requests that wait for their next use */
    size_t used;        /* requests that wait, run or are kept */
    size_t queued_size; /* bytes of those that wait */
} godwit__pool_load_t;

godwit__pool_load_t godwit__pool_load (godwit__pool_t *pool);

#endif

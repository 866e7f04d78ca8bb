/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport takes from outside: time, random numbers, and how frames travel. A program's transport
 * uses the system's; a simulated cluster (drivers/sim) brings its own, so that everything that the core does
 * can be repeated.
 */
#ifndef GODWIT_SRC_RUNTIME_ENVIRONMENT_H
#define GODWIT_SRC_RUNTIME_ENVIRONMENT_H

#include <godwit/transport.h>

#include "src/interface/driver.h"

typedef struct godwit__environment {
    godwit__clock_t clock;
    /* Fills size bytes. Any thread. */
    void (*random) (void *user, void *bytes, size_t size);
    void *random_user;
    /* Seconds of Unix's clock, for the dates of certificates. Any thread. NULL: the system's. */
    int64_t (*now_s) (void *user);
    void *now_s_user;
    bool keeps_bulletins; /* that others tell: in a file, for the next process */
    uint64_t incarnation; /* 0: from the wall clock */
    const char *host_id;  /* NULL: that of this machine */
    /* NULL: the one that the URL names. With one of its own a transport does not look for a member file, and
     * no setting is refused for the sake of security. */
    const godwit__driver_ops_t *driver;
    void *driver_user; /* for its options */
} godwit__environment_t;

/* The system's clock and libsodium's random numbers. */
extern const godwit__environment_t godwit__system_environment;

/* godwit_transport_new with another environment. Its members are copied; what they point to outlives the
 * transport. A clock with a waiter needs external_loop. */
godwit_status_t godwit__transport_new_in (godwit_transport_t **transport, const char *url,
                                          const godwit_transport_options_t *options,
                                          const godwit__environment_t *environment, godwit_error_t **error);

#endif

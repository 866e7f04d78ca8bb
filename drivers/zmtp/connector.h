/* SPDX-License-Identifier: Apache-2.0 */
/* Connects a socket to an address, without blocking. A name of a host may have several addresses: each of
 * them is tried, until one answers. One that is refused is left at once; one that is silent gets its share of
 * the time that is left.
 *
 *     start --name--> looked up --> address --silent, refused--> the next one, until all have failed
 *         \______________________/        \--answers--> connected
 *
 * The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_CONNECTOR_H
#define GODWIT_DRIVERS_ZMTP_CONNECTOR_H

#include "drivers/zmtp/address.h"
#include "drivers/zmtp/zmtp_driver.h"

typedef struct godwit__zmtp_names godwit__zmtp_names_t; /* what only names need */

typedef struct godwit__zmtp_connector {
    godwit__zmtp_t *driver;
    /* One of the two is called, once, never inside of start. The connector may be started or stopped in it.
     */
    void (*connected) (void *user, int fd);          /* takes the socket over */
    void (*failed) (void *user, const char *reason); /* text that is borrowed until it returns */
    void *user;

    char text[GODWIT__ADDRESS_SIZE]; /* ipc, which the private folders know */
    godwit__zmtp_address_t address;  /* tcp */
    godwit__zmtp_names_t *names;     /* NULL: the address is no name */
    int fd;
    godwit__source_t source;
    godwit__timer_t timer; /* a deadline, or the next attempt while the other side's backlog is full */
    godwit__task_t tell;   /* begins */
    int64_t deadline_ns;   /* of all */
    int64_t until_ns;      /* of this address */
} godwit__zmtp_connector_t;

void godwit__zmtp_connector_init (godwit__zmtp_connector_t *connector, godwit__zmtp_t *driver,
                                  void (*connected) (void *user, int fd),
                                  void (*failed) (void *user, const char *reason), void *user);
/* Begins. OK, or SYSTEM, INVALID_ARGUMENT: then nothing is called. */
godwit_status_t godwit__zmtp_connector_start (godwit__zmtp_connector_t *connector, const char *address,
                                              godwit_error_t **error);
/* After `connected`: whether the socket is one of this host, whose listener is a process of this user. */
static inline bool
godwit__zmtp_connector_is_private (const godwit__zmtp_connector_t *connector)
{
    return connector->address.size == 0;
}
/* Nothing is called any more. Does nothing if it is not under way. */
void godwit__zmtp_connector_stop (godwit__zmtp_connector_t *connector);

#endif

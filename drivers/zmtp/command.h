/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of ZMTP 3.1, read and written. No socket, no clock, no allocation: bytes in, bytes out.
 *
 *     command     name_size (1)  name (1 to 255)  data
 *     READY       properties: name_size (1)  name (1 to 255)  value_size (4)  value, any number of them
 *     ERROR       reason_size (1)  reason (0 to 255)
 *     PING        ttl in tenths of seconds (2)  context (0 to 16)
 *     PONG        the context of the PING
 *     SUBSCRIBE   topic
 *     CANCEL      topic
 *
 * and those by which members of a realm speak of it (docs/zmtp.md):
 *
 *     CREDENTIAL  the credential that the sender has from now on
 *     REFUSED     word_size (1)  word (0 to 255): why the sender lets the reader in no longer
 *     BULLETIN    a sealed bulletin
 *
 * Numbers are big-endian. In ZMTP 3.0 subscriptions are messages instead: 1 or 0, and the topic.
 *
 * Readers borrow: what they return points into the bytes that were read. They change nothing when they fail,
 * and then return what is wrong as static text. Writers write the whole frame, with its head. Any
 * thread.
 */
#ifndef GODWIT_DRIVERS_ZMTP_COMMAND_H
#define GODWIT_DRIVERS_ZMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__ZMTP_CONTEXT_MAX 16 /* bytes that a PING may ask back */
#define GODWIT__ZMTP_REASON_MAX 255 /* bytes of the reason of an ERROR */
#define GODWIT__ZMTP_TOPIC_MAX 245  /* bytes of a topic that this end writes; it reads any size */

/* Room for the frames that this end writes. */
#define GODWIT__ZMTP_PING_SIZE (2 + 7 + GODWIT__ZMTP_CONTEXT_MAX)
#define GODWIT__ZMTP_PONG_SIZE (2 + 5 + GODWIT__ZMTP_CONTEXT_MAX)
#define GODWIT__ZMTP_ERROR_SIZE (9 + 7 + GODWIT__ZMTP_REASON_MAX)
#define GODWIT__ZMTP_SUBSCRIPTION_SIZE(topic_size) (2 + 10 + (topic_size))
#define GODWIT__ZMTP_REFUSED_SIZE (9 + 9 + GODWIT__ZMTP_REASON_MAX)
/* Of any command whose name has up to 10 bytes. */
#define GODWIT__ZMTP_COMMAND_SIZE(data_size) (9 + 11 + (data_size))

typedef enum godwit__zmtp_kind {
    GODWIT__ZMTP_UNKNOWN, /* well-formed, but none of these: count it and go on */
    GODWIT__ZMTP_READY,
    GODWIT__ZMTP_ERROR,
    GODWIT__ZMTP_PING,
    GODWIT__ZMTP_PONG,
    GODWIT__ZMTP_SUBSCRIBE,
    GODWIT__ZMTP_CANCEL,
    GODWIT__ZMTP_CREDENTIAL,
    GODWIT__ZMTP_REFUSED,
    GODWIT__ZMTP_BULLETIN
} godwit__zmtp_kind_t;

typedef struct godwit__zmtp_command {
    godwit__zmtp_kind_t kind;
    uint16_t ttl_ds; /* PING: the peer may be given up after so many tenths of seconds; 0: it does not say */
    uint8_t name_size;   /* at least 1 */
    const uint8_t *name; /* not terminated */
    const uint8_t *data; /* READY: properties; ERROR: the reason; PING, PONG: the context; SUBSCRIBE, CANCEL:
                            the topic; REFUSED: the word; else: what stands behind the name */
    size_t size;         /* of data */
} godwit__zmtp_command_t;

/* Reads the body of a command's frame. Returns NULL, or what is wrong. All sizes inside are checked, those of
 * READY's properties, too. */
const char *godwit__zmtp_command_read (godwit__zmtp_command_t *command, const uint8_t *body, size_t size);
/* Reads a message of ZMTP 3.0 by which a subscriber subscribes or cancels: kind and data are as of the
 * command. Returns NULL, or what is wrong. */
const char *godwit__zmtp_subscription_read (godwit__zmtp_command_t *command, const uint8_t *body,
                                            size_t size);

/* One property of a READY. */
typedef struct godwit__zmtp_property {
    const uint8_t *name; /* not terminated */
    size_t name_size;    /* 1 to 255 */
    const uint8_t *value;
    size_t value_size;
} godwit__zmtp_property_t;

/* Takes the next property off the front of *data, and moves *data and *size behind it. Returns false at the
 * end, and with *wrong set to what is wrong, if it is malformed; otherwise *wrong is NULL. */
bool godwit__zmtp_property_next (const uint8_t **data, size_t *size, godwit__zmtp_property_t *property,
                                 const char **wrong);
/* Whether the property has this name, in exact case. */
bool godwit__zmtp_property_is (const godwit__zmtp_property_t *property, const char *name);
/* Writes a property. Returns its size, or 0 if it does not fit into room, or a size is out of bounds. */
size_t godwit__zmtp_property_write (uint8_t *out, size_t room, const godwit__zmtp_property_t *property);

/* Write a frame, and return its size. context_size is at most GODWIT__ZMTP_CONTEXT_MAX, topic_size at most
 * GODWIT__ZMTP_TOPIC_MAX; context and topic may be NULL if the size is 0. */
size_t godwit__zmtp_ping_write (uint8_t out[GODWIT__ZMTP_PING_SIZE], uint16_t ttl_ds, const void *context,
                                size_t context_size);
size_t godwit__zmtp_pong_write (uint8_t out[GODWIT__ZMTP_PONG_SIZE], const void *context,
                                size_t context_size);
/* A reason of more than GODWIT__ZMTP_REASON_MAX bytes is cut. */
size_t godwit__zmtp_error_write (uint8_t out[GODWIT__ZMTP_ERROR_SIZE], const char *reason);
/* The same for why a member is refused after its handshake. */
size_t godwit__zmtp_refused_write (uint8_t out[GODWIT__ZMTP_REFUSED_SIZE], const char *word);
/* Any command whose name has up to 10 bytes; out has GODWIT__ZMTP_COMMAND_SIZE (data_size) bytes. */
size_t godwit__zmtp_command_write (uint8_t *out, const char *name, const void *data, size_t data_size);
/* In the form that a peer of this minor version of ZMTP 3 understands: a command from 1 on, otherwise a
 * message. out has GODWIT__ZMTP_SUBSCRIPTION_SIZE (topic_size) bytes. */
size_t godwit__zmtp_subscription_write (uint8_t *out, uint8_t peer_minor, bool subscribe, const void *topic,
                                        size_t topic_size);

/* Copies bytes from outside as human-readable text: what is not printable ASCII becomes "?", and a quotation
 * mark an apostrophe, because texts are shown in quotes; what does not fit into room (at least 1) is cut.
 * Returns text, which is terminated. */
const char *godwit__zmtp_printable (char *text, size_t room, const void *data, size_t size);

#endif

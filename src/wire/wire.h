/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads the bodies of all frames that carry no user data (docs/protocol.md 4). Everything read
 * here is untrusted. */
#ifndef GODWIT_SRC_WIRE_WIRE_H
#define GODWIT_SRC_WIRE_WIRE_H

#include "src/error/error_classes.h"
#include "src/interface/matchmaker.h"
#include "src/value/msgpack/codec.h"
#include "src/wire/header.h"

/* NACK, with a human-readable text of less than GODWIT__REFUSAL_TEXT bytes; NULL: none. Writes a whole frame,
 * and returns its size. data has room for GODWIT__REFUSAL_FRAME_MAX bytes. */
#define GODWIT__REFUSAL_TEXT 640
#define GODWIT__REFUSAL_FRAME_MAX (GODWIT__HEADER_SIZE + GODWIT__REFUSAL_TEXT + 3)
size_t godwit__refusal_write (uint8_t *data, uint64_t id, godwit__nack_t reason, const char *text);
/* Reads the text of a NACK, as much of it as there is room for: "" if it has none, or one that is malformed.
 * Control bytes become '?'. Consumes the frame. */
void godwit__refusal_read (godwit__frame_t *frame, char *text, size_t size);

/* HELLO and WELCOME: who is at this end of the connection. */
typedef struct godwit__identity {
    uint8_t instance[GODWIT__UUID_SIZE];
    uint64_t incarnation;
    uint64_t features;                 /* GODWIT__FEATURE_... bits; unknown ones are ignored */
    uint8_t expect[GODWIT__UUID_SIZE]; /* HELLO: the instance that the client wants; all zero: any */
    char virtual_host[256];            /* HELLO: "" if unset */
} godwit__identity_t;

#define GODWIT__IDENTITY_FRAME_MAX 512

/* In HELLO: this client answers the GOODBYE of a single server. In WELCOME: this port waits for that
 * answer. */
#define GODWIT__FEATURE_ANSWERS_GOODBYE UINT64_C (1)
/* In WELCOME: this port takes NOTIFY. */
#define GODWIT__FEATURE_NOTIFICATIONS UINT64_C (2)
/* In WELCOME: this port takes requests and publications with a trace context (GODWIT__FLAG_TRACED). */
#define GODWIT__FEATURE_TRACES UINT64_C (4)
/* In WELCOME: this port answers what is asked about its servers (GODWIT__FLAG_INTROSPECT). */
#define GODWIT__FEATURE_INTROSPECTION UINT64_C (8)
/* The features of this implementation. */
#define GODWIT__FEATURES                                                                                     \
    (GODWIT__FEATURE_ANSWERS_GOODBYE | GODWIT__FEATURE_NOTIFICATIONS | GODWIT__FEATURE_TRACES)

/* Writes a whole frame, header included. Returns its size. data has room for GODWIT__IDENTITY_FRAME_MAX
 * bytes. */
size_t godwit__identity_write (uint8_t *data, godwit__frame_type_t type, const godwit__identity_t *identity);
/* Consumes the frame. MALFORMED names what is wrong. */
godwit_status_t godwit__identity_read (godwit__identity_t *identity, godwit__frame_t *frame,
                                       godwit_error_t **error);

/* A FAILURE is smaller than this, header included. */
#define GODWIT__FAILURE_FRAME_MAX 65536

/* FAILURE: [type, module, message, traceback, args, kwargs] (docs/protocol.md 4.3); an error with outcome
 * REJECTED says that nothing ran. Returns the size of the whole frame in *data, a heap block that the caller
 * frees; 0 when memory is short. It has at most size_max bytes (at least 4096) and less than
 * GODWIT__FAILURE_FRAME_MAX: texts that do not fit are cut; args and entries of kwargs that do not fit are
 * left out. */
size_t godwit__failure_write (uint8_t **data, uint64_t id, size_t size_max, const godwit_error_t *error);
/* Consumes the frame; always gives an error (MALFORMED for a malformed body), with outcome RAN, or REJECTED
 * if nothing ran. classes tells which of the program's error classes are known here; NULL: none. */
godwit_error_t *godwit__failure_read (godwit__frame_t *frame, godwit__error_classes_t *classes,
                                      bool *is_malformed);

/* RESOLVE: the names of a server. Only the exchange may be empty. The header's target: the server_id that is
 * asked about; 0: any server of these names. */
typedef struct godwit__names {
    char exchange[256];
    char topic[256];
    char server[256];
} godwit__names_t;

#define GODWIT__RESOLVE_FRAME_MAX 800

/* Writes a whole frame with id 0. Returns its size; 0 if a name has more than 255 bytes. data has room for
 * GODWIT__RESOLVE_FRAME_MAX bytes. */
size_t godwit__resolve_write (uint8_t *data, uint32_t target, const char *exchange, const char *topic,
                              const char *server);
/* Consumes the frame. MALFORMED names what is wrong. */
godwit_status_t godwit__resolve_read (godwit__names_t *names, godwit__frame_t *frame, godwit_error_t **error);

/* RESOLVED: a server's record. Returns the size of the whole frame in *data, a heap block that the caller
 * frees; 0 when memory is short. */
size_t godwit__resolved_write (uint8_t **data, uint64_t id, const godwit__record_t *record);
/* Consumes the frame; target is the one in its header. MALFORMED names what is wrong. */
godwit_status_t godwit__resolved_read (godwit__record_t **record, uint32_t target, godwit__frame_t *frame,
                                       godwit_error_t **error);

/* "OVERLOADED", "DRAINING", ... Static text. */
const char *godwit__nack_name (uint32_t reason);

#endif

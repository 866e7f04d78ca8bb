/* SPDX-License-Identifier: Apache-2.0 */
/* At which door of its realm a connecting end knocks. While doors are changed there are two, and which one
 * the other end has shows when it hangs up: then the other door is tried at once. The one that has opened is
 * the first that is tried the next time. The reactor's thread. */
#ifndef GODWIT_DRIVERS_ZMTP_KNOCK_H
#define GODWIT_DRIVERS_ZMTP_KNOCK_H

#include "drivers/zmtp/stream.h"

typedef struct godwit__zmtp_knock {
    unsigned door;
    bool is_second; /* the other door was tried before */
} godwit__zmtp_knock_t;

/* A connection begins. */
void godwit__zmtp_knock_begin (godwit__zmtp_knock_t *knock, const godwit__zmtp_t *driver);
/* The stream has failed. True: there is another door, and the caller connects again. */
bool godwit__zmtp_knock_again (godwit__zmtp_knock_t *knock, const godwit__zmtp_stream_t *stream);
/* The handshake of the stream is over: if it had a door, that one has opened. */
void godwit__zmtp_knock_opened (const godwit__zmtp_knock_t *knock, const godwit__zmtp_stream_t *stream);

#endif

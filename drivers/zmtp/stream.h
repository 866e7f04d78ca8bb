/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, whichever channel it belongs to: its handshake, what it writes, what it reads, its end.
 *
 *              handshake done            hung up, godwit__zmtp_stream_end
 *   OPENING ------------------> READY ------------------------------------> ENDED
 *      |  refused, lost, too late                                             ^
 *      +----------------------------------------------------------------------+
 *
 * The driver's reactor does the handshake, goes on writing when the socket is writable again, and sees the
 * end. Who leads on the channel reads. A stream is counted: the reactor's side has a reference until the
 * owner closes it, and so has each thread that uses it otherwise. The socket is closed with the last one, so
 * nobody writes to a descriptor that belongs to something else by now. */
#ifndef GODWIT_DRIVERS_ZMTP_STREAM_H
#define GODWIT_DRIVERS_ZMTP_STREAM_H

#include "drivers/zmtp/address.h"
#include "drivers/zmtp/decoder.h"
#include "drivers/zmtp/handshake.h"
#include "drivers/zmtp/zmtp_driver.h"

typedef struct godwit__zmtp_stream godwit__zmtp_stream_t;

/* What the owner is told. */
typedef struct godwit__zmtp_stream_events {
    /* The handshake succeeded; bytes behind it may be in the decoder. The reactor's thread. */
    void (*ready) (godwit__zmtp_stream_t *stream);
    /* It ended; once, and nothing else comes. What had arrived can still be read. The text is borrowed
     * until it returns; static, if the handshake was over. The reactor's thread. */
    void (*ended) (godwit__zmtp_stream_t *stream, const char *reason);
    /* Whoever was told AGAIN may try again. Any thread, which holds no lock of the engine. */
    void (*room) (godwit__zmtp_stream_t *stream);
    /* The socket has input; after godwit__zmtp_stream_read_here. The reactor's thread. */
    void (*readable) (godwit__zmtp_stream_t *stream);
    /* A SUBSCRIBE or CANCEL came. Returns NULL, or why the stream has to end. The thread that reads. NULL:
     * they cost the connection. */
    const char *(*subscription) (godwit__zmtp_stream_t *stream, bool subscribes, const uint8_t *topic,
                                 size_t size);
    /* The party at the other end is void from now on (member.h); reason: borrowed. The reactor's thread. */
    void (*voided) (godwit__zmtp_stream_t *stream, const char *reason);
    /* It has another credential. The reactor's thread. */
    void (*renewed) (godwit__zmtp_stream_t *stream);
} godwit__zmtp_stream_events_t;

typedef enum godwit__zmtp_stream_state {
    GODWIT__ZMTP_OPENING,
    GODWIT__ZMTP_READY_STATE,
    GODWIT__ZMTP_ENDED
} godwit__zmtp_stream_state_t;

/* What kept a handshake from its end, if that is of interest. */
typedef enum godwit__zmtp_failure {
    GODWIT__ZMTP_FAILED_SOMEHOW,
    GODWIT__ZMTP_FAILED_AT_DOOR,  /* it was lost before WELCOME: the peer may have another door */
    GODWIT__ZMTP_FAILED_MEMORY,   /* this end was short of it */
    GODWIT__ZMTP_FAILED_ADMISSION /* one end has not let the other in */
} godwit__zmtp_failure_t;

struct godwit__zmtp_stream {
    godwit__zmtp_t *driver;
    const godwit__zmtp_stream_events_t *events;
    void *owner;   /* the reactor's thread */
    void *channel; /* for `room`, on any thread; the owner, if it is not set to another */
    const godwit__zmtp_handshake_config_t *config; /* which end this is */
    atomic_uint refs;
    int fd;
    godwit__zmtp_stream_state_t state; /* the reactor's thread */
    bool reads_here;                   /* the driver's reactor leads: it waits for input, too; its thread */
    bool is_peer_engine;
    uint8_t peer_minor;
    atomic_bool is_at_fault;              /* `reason` is for what the peer sent, or did not send */
    godwit__source_t source;              /* in the driver's reactor */
    godwit__list_node_t in_owner;         /* the owner's, in the driver's reactor */
    uint64_t peer_hash;                   /* the same for all that come from one host, or one user */
    godwit__zmtp_peer_t peer;             /* of a connection that was accepted ... */
    const char *at;                       /* ... there; the listener's, and so the owner's */
    _Atomic (const char *) reason;        /* why it is ended by this end; NULL: the peer did it */
    char *reason_text;                    /* the same, if it is on the heap */
    struct godwit__zmtp_member *member;   /* from READY on; NULL: there is no realm */
    godwit__zmtp_failure_t failure;       /* of the handshake; the reactor's thread */
    struct godwit__zmtp_opening *opening; /* during the handshake, and while a refusal is told */
    godwit__zmtp_box_t box; /* after the handshake; the key is NULL: there is none. `out` seals, `in` opens */
    godwit__zmtp_out_t out;

    /* The thread that reads. */
    godwit__zmtp_decoder_t in;
    godwit__routing_id_t routing_id; /* of a port's */
    godwit__list_node_t in_ready;    /* of a port's: it may have frames */
    unsigned turn_frames, turn_size; /* taken in this turn; frames are commands, too */
    unsigned turn_reads;
    bool is_drained;     /* the last read was short: nothing more is there until the system says so */
    bool is_at_end;      /* the peer will send nothing more, or nothing that counts */
    atomic_int low_mark; /* so many bytes have to be there before the system says so; the look's, too */

    /* Heartbeats (heart.h). */
    atomic_bool has_received;     /* since the last look */
    uint8_t unsent_looks;         /* in a row: nothing was sent */
    _Atomic uint16_t peer_ttl_ds; /* the last that it said; 0: none */
    uint32_t silent_looks;        /* nothing was received */
    uint32_t stalled_looks;       /* the peer took nothing of what waits */
    uint64_t seen_taken;          /* by the peer's system, of what was written */
    godwit__list_node_t in_list;  /* of the driver: streams, or closing */
    int64_t closing_ns;           /* when it is closed in any case */
};

/* Takes over a connected socket, and begins the handshake. config and events stay. door: which one of the
 * realm's it knocks at, if that matters. NULL: no memory, or the reactor does not watch it; the socket is
 * closed. The reactor's thread. */
godwit__zmtp_stream_t *godwit__zmtp_stream_new (godwit__zmtp_t *driver, int fd,
                                                const godwit__zmtp_handshake_config_t *config, unsigned door,
                                                const godwit__zmtp_stream_events_t *events, void *owner,
                                                godwit_error_t **error);
/* Input is read again as soon as there is any. Any thread; the caller has a reference. */
void godwit__zmtp_stream_wait_for_little (godwit__zmtp_stream_t *stream);
/* The owner lets go: no event comes any more. What waits is written for a short time in the background. The
 * reactor's thread. */
void godwit__zmtp_stream_close (godwit__zmtp_stream_t *stream);

/* From now on, while the stream is READY, `readable` comes when there is input, or no longer. The reactor's
 * thread. */
void godwit__zmtp_stream_read_here (godwit__zmtp_stream_t *stream, bool reads);

static inline godwit__zmtp_stream_t *
godwit__zmtp_stream_ref (godwit__zmtp_stream_t *stream)
{
    atomic_fetch_add_explicit (&stream->refs, 1, memory_order_relaxed);
    return stream;
}
/* Any thread. */
void godwit__zmtp_stream_unref (godwit__zmtp_stream_t *stream);

/* Ends it from this end. Only the first reason counts; static text. `ended` follows on the reactor's thread.
 * Any thread. */
void godwit__zmtp_stream_end (godwit__zmtp_stream_t *stream, const char *reason);

/* The same, for what the peer sent. */
void godwit__zmtp_stream_refuse (godwit__zmtp_stream_t *stream, const char *reason);
/* Only says why it will end, because of the peer; copies the reason. Any thread with a reference. */
void godwit__zmtp_stream_blame (godwit__zmtp_stream_t *stream, const char *reason);

/* As a channel's send, queue and flush, for this peer. Any thread with a reference. */
godwit__io_t godwit__zmtp_stream_send (godwit__zmtp_stream_t *stream, const godwit__message_t *message);
godwit__io_t godwit__zmtp_stream_queue (godwit__zmtp_stream_t *stream, const godwit__message_t *message);
void godwit__zmtp_stream_flush (godwit__zmtp_stream_t *stream);
/* Goes on with what did not fit into the socket, on the thread that happens to know that there is room: the
 * reactor would only be woken for it. Any thread with a reference. */
void godwit__zmtp_stream_go_on (godwit__zmtp_stream_t *stream);
/* Sends a command, whatever messages wait already. If memory is short for it, or as many commands wait as a
 * peer that reads never leaves (GODWIT__ZMTP_SAID_MAX), the stream ends. Any thread with a reference. */
void godwit__zmtp_stream_say (godwit__zmtp_stream_t *stream, const char *name, const void *data, size_t size);
/* The same for the whole frame of one, or several. */
void godwit__zmtp_stream_say_frame (godwit__zmtp_stream_t *stream, const void *frame, size_t size);
/* Sends a PING or PONG, unless the socket takes nothing anyway. */
void godwit__zmtp_stream_send_sign (godwit__zmtp_stream_t *stream, const void *data, size_t size);

typedef enum godwit__zmtp_read {
    GODWIT__ZMTP_READ_SOME,
    GODWIT__ZMTP_READ_NOTHING, /* nothing is there now */
    GODWIT__ZMTP_READ_END      /* and nothing will be */
} godwit__zmtp_read_t;

/* Reads once from the socket. The thread that leads on the channel. */
godwit__zmtp_read_t godwit__zmtp_stream_read (godwit__zmtp_stream_t *stream, godwit__zmtp_pool_t *pool);
/* The next message that was read; commands are done with on the way, each at the cost of one of *commands,
 * while there are any (NULL: any number). AGAIN: none, or none before *commands were used up. CLOSED: the
 * stream was ended because of what came. The thread that leads. */
godwit__io_t godwit__zmtp_stream_next (godwit__zmtp_stream_t *stream, godwit__frame_t *frame,
                                       unsigned *commands);

/* Closes what the driver's channels left to be written, waiting for a bounded time. */
void godwit__zmtp_streams_finish (godwit__zmtp_t *driver);

#endif

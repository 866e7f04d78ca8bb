/* SPDX-License-Identifier: Apache-2.0 */
/* Handles the frames that arrive over a connection. All of them are untrusted input. On the thread that
 * leads, without the lock. */
#include "src/connection/receive.h"

#include "src/base/futex.h"
#include "src/base/hash.h"
#include "src/connection/completion.h"
#include "src/connection/lead.h"
#include "src/connection/renumber.h"
#include "src/connection/send.h"
#include "src/runtime/warnings.h"

enum { KEY_CAST = 0x6361 };

/* With a realm the instance is that of the certified keys: nobody answers as somebody else. */
static bool
is_certified (const godwit__connection_t *connection, const uint8_t instance[GODWIT__UUID_SIZE])
{
    if (!connection->transport->realm)
        return true;
    godwit__party_t *party = godwit__connection_party (connection);
    const bool is = party && memcmp (party->instance, instance, sizeof party->instance) == 0;
    godwit__party_unref (&party);
    return is;
}

static void
on_welcome (godwit__connection_t *connection, godwit__frame_t *frame)
{
    godwit__identity_t identity;
    if (godwit__identity_read (&identity, frame, NULL)) {
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "its WELCOME was malformed");
        return;
    }
    static const uint8_t anybody[GODWIT__UUID_SIZE];
    if (memcmp (connection->expect, anybody, sizeof anybody) &&
        memcmp (connection->expect, identity.instance, sizeof identity.instance)) {
        godwit__connection_down (connection, "another process answers at its address");
        return;
    }
    if (!is_certified (connection, identity.instance)) {
        godwit__connection_down (connection, "it says that it is another process than its certificate does");
        return;
    }
    const int64_t now_ns = godwit__transport_now (connection->transport);
    const uint32_t box_peer =
        godwit__box_add_peer (connection->transport->box, identity.instance, connection->address, now_ns);
    bool ready = false;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING) {
        memcpy (connection->instance, identity.instance, sizeof connection->instance);
        connection->features = identity.features;
        connection->box_peer = box_peer;
        connection->ready_ns = now_ns;
        connection->look_ns = connection->heard_ns = now_ns;
        atomic_store (&connection->state, GODWIT__CONNECTION_READY);
        ready = true;
    }
    pthread_mutex_unlock (&connection->lock);
    if (ready)
        connection->events->ready (connection);
}

/* With lock held: the port has read this request, and so all before it. */
static void
note_read (godwit__connection_t *connection, uint64_t id)
{
    if (id > connection->read_id && id <= connection->last_id)
        connection->read_id = id;
}

static void
on_pong (godwit__connection_t *connection, uint64_t id)
{
    pthread_mutex_lock (&connection->lock);
    connection->heard = true;
    note_read (connection, id);
    if (id >= connection->asked_id)
        connection->asked_id = 0;
    pthread_mutex_unlock (&connection->lock);
}

void
godwit__reader_tell (godwit__reader_t *reader)
{
    for (unsigned i = 0; i < reader->told_count; i++)
        godwit__futex_wake (reader->told[i], 1);
    reader->told_count = 0;
}

/* With lock held, before the outcome of a call is written: its caller is to be told. */
static void
tell_later (godwit__reader_t *reader, godwit__pending_t *pending)
{
    atomic_uint *const wake = godwit__pending_unfollow (pending);
    if (!wake)
        return;
    pending->is_told = true;
    atomic_fetch_add_explicit (&reader->connection->told_count, 1, memory_order_relaxed);
    reader->told[reader->told_count++] = wake;
}

/* With lock held. */
static void
count_answer (godwit__tally_of_link_t *tally, uint8_t type, size_t size)
{
    tally->received++;
    tally->received_size += size;
    tally->replied += type == GODWIT__REPLY;
    tally->failed += type == GODWIT__FAILURE;
    tally->refused += type == GODWIT__NACK;
}

/* A REPLY, FAILURE or NACK. Consumes the frame, if a call waited for it; otherwise returns false. */
static bool
give_outcome (godwit__reader_t *reader, const godwit__header_t *header, godwit__frame_t *frame)
{
    godwit__connection_t *const connection = reader->connection;
    bool asynchronous = false;
    pthread_mutex_lock (&connection->lock);
    connection->heard = true;
    note_read (connection, header->id);
    godwit__pending_t *pending = godwit__pending_take (connection, header->id);
    const bool was_awaited = pending != NULL;
    if (pending) {
        asynchronous = pending->finished != NULL;
        pending->header = *header;
        count_answer (&connection->tally, header->type, frame->size);
        godwit__frame_move (&pending->frame, frame);
        if (pending != reader->own) {
            tell_later (reader, pending);
        } else if (!godwit__reader_has_more (reader)) {
            pending->leads = false;
            godwit__lead_release (connection, GODWIT__LEAD_NOBODY);
        }
        /* As in godwit__pending_finish: now it may be gone. */
        atomic_store_explicit (&pending->outcome, GODWIT__PENDING_REPLIED, memory_order_release);
    }
    pthread_mutex_unlock (&connection->lock);

    if (asynchronous) {
        if (godwit__completion_is_current (connection->transport->completion))
            pending->finished (pending);
        else
            godwit__completion_add (connection->transport->completion, pending);
    }
    if (reader->told_count == GODWIT__TOLD_MAX)
        godwit__reader_tell (reader);
    return was_awaited;
}

/* The same. Consumes the frame. */
static void
on_outcome (godwit__reader_t *reader, const godwit__header_t *header, godwit__frame_t *frame)
{
    if (give_outcome (reader, header, frame))
        return;
    GODWIT__COUNT (reader->connection->transport, frames_dropped);
    godwit__frame_release (frame);
}

/* A cast that may not be made: its program has heard that it was handed over. */
static void
warn_of_cast (const godwit__connection_t *connection, godwit__frame_t *frame)
{
    char text[GODWIT__REFUSAL_TEXT];
    godwit__refusal_read (frame, text, sizeof text);
    godwit__warn (connection->transport, godwit__hash_text (KEY_CAST, connection->address),
                  "a cast, or a call that nobody waits for any more, was refused at %.200s: %s",
                  connection->address, *text ? text : "it is not allowed");
}

static void
on_nack (godwit__reader_t *reader, const godwit__header_t *header, godwit__frame_t *frame)
{
    godwit__connection_t *const connection = reader->connection;
    if (header->aux == GODWIT__NACK_HELLO)
        godwit__connection_say_hello (connection); /* the port forgot us; the call is tried again */
    if (header->aux == GODWIT__NACK_DUPLICATE)
        godwit__connection_renumber (connection, header->id); /* before the caller makes its next call */
    if (header->aux != GODWIT__NACK_FORBIDDEN)
        on_outcome (reader, header, frame);
    else if (!give_outcome (reader, header, frame))
        warn_of_cast (connection, frame);
    if (header->aux == GODWIT__NACK_IDENTITY) /* the named call was not run; the others are lost */
        godwit__connection_down (connection,
                                 connection->transport->realm
                                     ? "another process answers at its address, or our certificate "
                                       "is void to it"
                                     : "another process answers at its address");
}

/* Consumes the frame. A batch holds no batch. */
static void
on_batch (godwit__reader_t *reader, godwit__frame_t *frame)
{
    godwit__connection_t *const connection = reader->connection;
    godwit__batch_reader_t batch;
    godwit__batch_next_t next = GODWIT__BATCH_MALFORMED;
    godwit__frame_t part;
    if (frame->size > GODWIT__BATCH_SIZE_MAX) {
        godwit__frame_release (frame);
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "it sent a batch that is too large");
        return;
    }
    if (!godwit__batch_open (&batch, frame)) {
        godwit__connection_down (connection, "memory was short for its replies");
        return;
    }
    reader->is_in_batch = true;
    while ((next = godwit__batch_next (&batch, &part)) == GODWIT__BATCH_FRAME) {
        if (part.data[2] == GODWIT__BATCH) {
            godwit__frame_release (&part);
            godwit__batch_close (&batch);
            next = GODWIT__BATCH_MALFORMED;
            break;
        }
        godwit__connection_frame (reader, &part);
    }
    reader->is_in_batch = false;
    if (next == GODWIT__BATCH_MALFORMED) {
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "it sent a malformed batch");
    }
}

void
godwit__connection_frame (godwit__reader_t *reader, godwit__frame_t *frame)
{
    godwit__connection_t *const connection = reader->connection;
    godwit__header_t header;
    switch (godwit__header_read (&header, frame->data, frame->size)) {
    case GODWIT__HEADER_OK:
        break;
    case GODWIT__HEADER_VERSION:
        GODWIT__COUNT (connection->transport, frames_unknown);
        godwit__frame_release (frame);
        return;
    case GODWIT__HEADER_SHORT:
    case GODWIT__HEADER_MAGIC:
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__frame_release (frame);
        godwit__connection_down (connection, "it sent a malformed frame");
        return;
    }
    switch (header.type) {
    case GODWIT__REPLY:
    case GODWIT__FAILURE:
    case GODWIT__RESOLVED:
    case GODWIT__SETTLED:
        on_outcome (reader, &header, frame);
        return;
    case GODWIT__NACK:
        on_nack (reader, &header, frame);
        return;
    case GODWIT__BATCH:
        on_batch (reader, frame);
        return;
    case GODWIT__WELCOME:
        on_welcome (connection, frame);
        return;
    case GODWIT__GOODBYE:
        /* Note it before the directory knows: the server's record may come at this moment. Answer after that:
         * the server's stop returns then, and the server must not be a member any more. */
        if (header.target != 0)
            godwit__connection_note_goodbye (connection, header.target);
        connection->events->goodbye (connection, header.target, header.aux);
        if (header.target == 0)
            godwit__connection_leave (connection);
        else
            godwit__connection_answer_goodbye (connection, header.target);
        break;
    case GODWIT__ACCEPTED:
    case GODWIT__HEARTBEAT:
        pthread_mutex_lock (&connection->lock);
        godwit__pending_extend (connection, header.id);
        pthread_mutex_unlock (&connection->lock);
        break;
    case GODWIT__PONG:
        on_pong (connection, header.id);
        break;
    default:
        GODWIT__COUNT (connection->transport, frames_unknown);
        break;
    }
    godwit__frame_release (frame);
}

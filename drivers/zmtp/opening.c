/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's handshake. */
#include "drivers/zmtp/opening.h"

#include "drivers/zmtp/descriptors.h"
#include "drivers/zmtp/heart.h"
#include "drivers/zmtp/member.h"

#include "src/base/own_fd.h"
#include "src/error/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Read at once. */
#define READ_SIZE 4096
/* How long a peer that was refused may take to read why. */
#define TELL_MS 1000
/* Peers that do so at the same time; of more, the oldest have had their time. Or this part of all
 * descriptors.
 */
#define TELLING_MAX 128
#define TELLING_PART 16

typedef struct godwit__zmtp_opening {
    godwit__zmtp_handshake_t handshake;
    godwit__timer_t deadline;
    godwit__zmtp_stream_t *stream;
} opening_t;

static void
release (godwit__zmtp_stream_t *stream)
{
    opening_t *opening = stream->opening;
    if (!opening)
        return;
    godwit__reactor_disarm (stream->driver->options.reactor, &opening->deadline);
    godwit__zmtp_handshake_end (&opening->handshake);
    free (opening);
    stream->opening = NULL;
}

bool
godwit__zmtp_opening_has_spoken (const godwit__zmtp_stream_t *stream)
{
    return stream->opening && stream->opening->handshake.session.step > 0;
}

void
godwit__zmtp_opening_abandon (godwit__zmtp_stream_t *stream)
{
    release (stream);
    godwit__reactor_unwatch (stream->driver->options.reactor, &stream->source);
}

/* ---- refused ---- */

/* The owner has let go, and the reactor's reference is all that is left. */
static void
end_telling (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_opening_abandon (stream);
    godwit__list_remove (&stream->in_list);
    stream->driver->telling_count--;
    godwit__zmtp_stream_unref (stream);
}

/* The peer reads why, and closes: a reset, which unread bytes would cause, could lose the reason. */
static void
on_telling (godwit__source_t *source)
{
    godwit__zmtp_stream_t *stream = source->user;
    char unread[READ_SIZE];
    const ssize_t count = recv (stream->fd, unread, sizeof unread, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        end_telling (stream);
}

static void
on_told (godwit__timer_t *timer)
{
    end_telling (((opening_t *) timer->user)->stream);
}

/* A peer for which traffic has begun would see the end before it reads why: it hangs up by itself. */
static void
begin_telling (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_t *driver = stream->driver;
    godwit__reactor_t *reactor = driver->options.reactor;
    godwit__timer_t *timer = &stream->opening->deadline;
    godwit__zmtp_stream_ref (stream);
    if (!godwit__zmtp_handshake_refused (&stream->opening->handshake))
        shutdown (stream->fd, SHUT_WR);
    stream->source.ready = on_telling;
    godwit__reactor_watch_other (reactor, &stream->source, EPOLLIN);
    timer->fire = on_told;
    godwit__zmtp_stream_t *const oldest = GODWIT__FIRST (&driver->telling, godwit__zmtp_stream_t, in_list);
    if (oldest && driver->telling_count >= godwit__zmtp_descriptor_limit (TELLING_MAX, TELLING_PART))
        end_telling (oldest);
    godwit__list_append (&driver->telling, &stream->in_list);
    driver->telling_count++;
    if (godwit__reactor_arm (reactor, timer, godwit__reactor_now (reactor) + TELL_MS * GODWIT__NS_PER_MS) !=
        GODWIT_OK)
        end_telling (stream);
}

void
godwit__zmtp_telling_finish (godwit__zmtp_t *driver)
{
    for (godwit__zmtp_stream_t *at; (at = GODWIT__FIRST (&driver->telling, godwit__zmtp_stream_t, in_list));)
        end_telling (at);
}

/* The owner is told, and lets go. */
static void
fail (godwit__zmtp_stream_t *stream, const char *reason, bool tells)
{
    stream->state = GODWIT__ZMTP_ENDED;
    if (tells) {
        begin_telling (stream);
    } else {
        godwit__zmtp_opening_abandon (stream);
    }
    stream->events->ended (stream, reason);
}

static void
lose (godwit__zmtp_stream_t *stream)
{
    const godwit__zmtp_handshake_t *const handshake = &stream->opening->handshake;
    const char *const reason = godwit__zmtp_handshake_lost (handshake);
    if (godwit__zmtp_handshake_is_at_door (handshake))
        stream->failure = GODWIT__ZMTP_FAILED_AT_DOOR;
    fail (stream, reason, false);
}

/* The same, for what the peer sent, or did not send. */
static void
refuse (godwit__zmtp_stream_t *stream, const char *reason, bool tells)
{
    atomic_store (&stream->is_at_fault, true);
    fail (stream, reason, tells);
}

/* ---- the handshake ---- */

/* False: the socket failed. What it does not take now goes when it does. */
static bool
is_written (godwit__zmtp_stream_t *stream, godwit__zmtp_flushed_t flushed)
{
    if (flushed == GODWIT__ZMTP_BLOCKED)
        godwit__reactor_watch_other (stream->driver->options.reactor, &stream->source, EPOLLIN | EPOLLOUT);
    return flushed != GODWIT__ZMTP_BROKEN;
}

/* False: the socket failed. */
static bool
flush (godwit__zmtp_stream_t *stream)
{
    bool room;
    return is_written (stream, godwit__zmtp_out_flush (&stream->out, stream->fd, &room));
}

/* What could not be added is there for the next time. */
static bool
send_out (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_handshake_t *handshake = &stream->opening->handshake;
    size_t size;
    const uint8_t *out = godwit__zmtp_handshake_out (handshake, &size);
    if (!size)
        return true;
    if (godwit__zmtp_out_add_raw (&stream->out, out, size) != GODWIT__IO_OK)
        return false;
    godwit__zmtp_handshake_sent (handshake, size);
    return flush (stream);
}

static bool
send_rest (godwit__zmtp_stream_t *stream)
{
    bool room;
    godwit__reactor_watch_other (stream->driver->options.reactor, &stream->source, EPOLLIN);
    return is_written (stream, godwit__zmtp_out_writable (&stream->out, stream->fd, &room));
}

/* From now on frames travel in boxes, if that is what the mechanism has agreed on. False: it has no key. */
static bool
take_box (godwit__zmtp_stream_t *stream)
{
    const godwit__zmtp_mechanism_t *const mechanism = stream->config->mechanism;
    godwit__zmtp_box_t *const box = &stream->box;
    if (!mechanism || !mechanism->take_box)
        return true;
    mechanism->take_box (&stream->opening->handshake.session, box);
    if (!box->key)
        return false;
    box->is_exact = stream->opening->handshake.is_peer_engine;
    stream->in.box = box;
    godwit__zmtp_out_use_box (&stream->out, box);
    return true;
}

/* What a peer is told among its traffic, if there is something. */
static bool
say_refused (godwit__zmtp_stream_t *stream)
{
    const char *const word = godwit__zmtp_handshake_refused (&stream->opening->handshake);
    uint8_t frame[GODWIT__ZMTP_REFUSED_SIZE];
    if (!word || !take_box (stream))
        return false;
    const size_t size = godwit__zmtp_refused_write (frame, word);
    return godwit__zmtp_out_add_raw (&stream->out, frame, size) == GODWIT__IO_OK && flush (stream);
}

/* The reason lies in the handshake, which may go with the owner. */
static void
refuse_handshake (godwit__zmtp_stream_t *stream, bool is_sent)
{
    const godwit__zmtp_handshake_t *const handshake = &stream->opening->handshake;
    const bool tells = is_sent && (godwit__zmtp_handshake_tells (handshake) || say_refused (stream));
    char reason[GODWIT__ZMTP_HANDSHAKE_REASON_SIZE];
    snprintf (reason, sizeof reason, "%s", godwit__zmtp_handshake_reason (handshake));
    if (handshake->word)
        godwit__zmtp_count (&stream->driver->counters.refused);
    if (strncmp (reason, GODWIT__ZMTP_NO_MEMORY, strlen (GODWIT__ZMTP_NO_MEMORY)) == 0)
        stream->failure = GODWIT__ZMTP_FAILED_MEMORY;
    else if (handshake->word || godwit__zmtp_admission_is_refused_us (reason))
        stream->failure = GODWIT__ZMTP_FAILED_ADMISSION;
    refuse (stream, reason, tells);
}

/* The first bytes behind the handshake go where all others will. */
static bool
keep_rest (godwit__zmtp_stream_t *stream, const uint8_t *data, size_t size)
{
    godwit__zmtp_pool_t *pool = &stream->driver->pool;
    while (size) {
        size_t room;
        uint8_t *to = godwit__zmtp_decoder_room (&stream->in, pool, &room);
        if (!to)
            return false;
        const size_t step = size < room ? size : room;
        memcpy (to, data, step);
        godwit__zmtp_decoder_filled (&stream->in, pool, step);
        data += step;
        size -= step;
    }
    return true;
}

/* Members may send commands that are larger. False: memory is short. */
static bool
take_admission (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_admission_t *admission = &stream->opening->handshake.admission;
    if (!admission->party)
        return true;
    stream->member = godwit__zmtp_member_new (stream, admission);
    stream->in.command_max = GODWIT__ZMTP_MEMBER_COMMAND_MAX;
    return stream->member != NULL;
}

static void
succeed (godwit__zmtp_stream_t *stream, const uint8_t *rest, size_t size)
{
    const godwit__zmtp_handshake_t *handshake = &stream->opening->handshake;
    stream->is_peer_engine = handshake->is_peer_engine;
    stream->peer_minor = handshake->peer_minor;
    if (!take_admission (stream) || !take_box (stream) || !keep_rest (stream, rest, size)) {
        fail (stream, "memory was short for what it sends", false);
        return;
    }
    release (stream);
    godwit__zmtp_stream_begin_traffic (stream);
}

static void
take (godwit__zmtp_stream_t *stream, const uint8_t *data, size_t size)
{
    godwit__zmtp_handshake_t *handshake = &stream->opening->handshake;
    size_t consumed = 0;
    const godwit__zmtp_handshake_state_t state =
        godwit__zmtp_handshake_feed (handshake, data, size, &consumed);
    const bool is_sent = send_out (stream);
    if (state == GODWIT__ZMTP_HANDSHAKE_FAILED)
        refuse_handshake (stream, is_sent);
    else if (!is_sent)
        lose (stream);
    else if (state == GODWIT__ZMTP_HANDSHAKE_DONE)
        succeed (stream, data + consumed, size - consumed);
}

static void
on_readable (godwit__source_t *source)
{
    godwit__zmtp_stream_t *stream = source->user;
    uint8_t data[READ_SIZE];
    if (source->events & EPOLLOUT && !send_rest (stream)) {
        lose (stream);
        return;
    }
    const ssize_t count = recv (stream->fd, data, sizeof data, MSG_DONTWAIT);
    if (count > 0)
        take (stream, data, (size_t) count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        lose (stream);
}

static void
on_deadline (godwit__timer_t *timer)
{
    refuse (((opening_t *) timer->user)->stream, "no handshake in time", false);
}

/* Those of now: they may change while it is under way. */
static void
bring_keys (godwit__zmtp_handshake_t *handshake, unsigned door)
{
    const godwit__zmtp_handshake_config_t *const config = handshake->config;
    if (!config->realm || !config->mechanism || !config->mechanism->take_box)
        return;
    godwit__keyring_t *const keyring = godwit__realm_keyring (config->realm);
    handshake->session.keyring = keyring;
    handshake->session.door = door < keyring->door_count ? door : 0;
}

static bool
begin (godwit__zmtp_stream_t *stream, unsigned door)
{
    godwit__reactor_t *reactor = stream->driver->options.reactor;
    opening_t *opening = calloc (1, sizeof *opening);
    stream->opening = opening;
    if (!opening || godwit__zmtp_handshake_init (&opening->handshake, stream->config) != GODWIT_OK)
        return false;
    bring_keys (&opening->handshake, door);
    opening->stream = stream;
    opening->deadline = (godwit__timer_t){.fire = on_deadline, .user = opening};
    const int64_t limit_ns = godwit__ns_of_ms (stream->driver->options.connect_timeout_ms);
    return godwit__reactor_arm (reactor, &opening->deadline, godwit__reactor_now (reactor) + limit_ns) ==
               GODWIT_OK &&
           godwit__reactor_watch_for (reactor, &stream->source, EPOLLIN, NULL) == GODWIT_OK;
}

godwit__zmtp_stream_t *
godwit__zmtp_stream_new (godwit__zmtp_t *driver, int fd, const godwit__zmtp_handshake_config_t *config,
                         unsigned door, const godwit__zmtp_stream_events_t *events, void *owner,
                         godwit_error_t **error)
{
    godwit__zmtp_stream_t *stream = calloc (1, sizeof *stream);
    if (!stream) {
        godwit__own_fd_close (fd);
        godwit__error_set_no_memory (error);
        return NULL;
    }
    stream->driver = driver;
    stream->events = events;
    stream->owner = stream->channel = owner;
    stream->config = config;
    stream->fd = fd;
    atomic_init (&stream->low_mark, 1);
    atomic_init (&stream->refs, 1);
    godwit__zmtp_out_init (&stream->out);
    godwit__zmtp_decoder_init (&stream->in, driver->limits.max_message_size);
    stream->source = (godwit__source_t){.fd = fd, .ready = on_readable, .user = stream};
    if (!begin (stream, door)) {
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "a connection cannot be watched: %s", strerror (errno));
        godwit__zmtp_opening_abandon (stream);
        godwit__zmtp_stream_unref (stream);
        return NULL;
    }
    send_out (stream); /* if the socket failed, the reactor sees it */
    return stream;
}

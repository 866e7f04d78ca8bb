/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/heart.h"

#include "src/base/thread.h"
#include "src/error/error.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* With more streams than this, a look is spread over its interval in so many parts: so that they do not all
 * send at once. */
#define TOGETHER 64
#define PARTS 8
#define INTERVAL_MIN_NS (5 * GODWIT__NS_PER_MS)

struct godwit__zmtp_heart {
    godwit__timer_t timer;
    int64_t interval_ns; /* between two looks at a stream */
    uint32_t limit;      /* looks at a silent stream before it is given up */

    pthread_t thread; /* if the program runs the reactor */
    bool has_thread;
    bool is_stopping;    /* under driver.lock */
    pthread_cond_t stop; /* with driver.lock */
};

/* ---- a look at one stream; without a lock, because what is written may run functions of the program ---- */

static bool
is_fanout (const godwit__zmtp_stream_t *stream)
{
    return stream->config->socket != GODWIT__ZMTP_DEALER && stream->config->socket != GODWIT__ZMTP_ROUTER;
}

static uint32_t
limit_of (const godwit__zmtp_stream_t *stream)
{
    const struct godwit__zmtp_heart *heart = stream->driver->heart;
    const unsigned ttl_ds = atomic_load_explicit (&stream->peer_ttl_ds, memory_order_relaxed);
    if (!ttl_ds)
        return heart->limit;
    const int64_t looks = (int64_t) ttl_ds * 100 * GODWIT__NS_PER_MS / heart->interval_ns + 1;
    return looks < heart->limit ? (uint32_t) looks : heart->limit;
}

static bool
has_unread (const godwit__zmtp_stream_t *stream)
{
    int unread = 0;
    return ioctl (stream->fd, FIONREAD, &unread) == 0 && unread > 0;
}

static void
ping (godwit__zmtp_stream_t *stream)
{
    uint8_t frame[GODWIT__ZMTP_PING_SIZE];
    /* Each end goes by its own limit: so no time to live. */
    godwit__zmtp_stream_send_sign (stream, frame, godwit__zmtp_ping_write (frame, 0, NULL, 0));
    godwit__zmtp_out_take_sent (&stream->out);
}

/* With a reset, over TCP. While only the direction from the peer is cut, our FIN would wait behind bytes that
 * the peer cannot acknowledge, and it would hear our PINGs for a second more. A reset waits for nothing, and
 * the system need not keep what nobody will take. */
static void
give_up (godwit__zmtp_stream_t *stream, const char *reason)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt (stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    godwit__zmtp_stream_end (stream, reason);
}

/* It may go on talking: what is for it would wait for ever, and a subscriber would hold up all others. */
static bool
is_stalled (godwit__zmtp_stream_t *stream, uint32_t limit)
{
    uint64_t written;
    int unsent = 0;
    const bool is_blocked = godwit__zmtp_out_is_blocked (&stream->out, &written);
    /* Over a slow network a socket takes nothing for long while the peer's system takes what it has. */
    if (is_blocked && ioctl (stream->fd, SIOCOUTQ, &unsent) == 0)
        written -= (uint64_t) unsent;
    if (!is_blocked || written != stream->seen_taken)
        stream->stalled_looks = 0;
    else
        stream->stalled_looks++;
    stream->seen_taken = written;
    return stream->stalled_looks >= limit;
}

static void
look_at (godwit__zmtp_stream_t *stream)
{
    const bool external = stream->driver->options.external_loop;
    const bool talks = !is_fanout (stream) || stream->is_peer_engine;
    const uint32_t limit = limit_of (stream);
    if (atomic_exchange_explicit (&stream->has_received, false, memory_order_relaxed))
        stream->silent_looks = 0;
    else if (stream->silent_looks < UINT32_MAX)
        stream->silent_looks++;
    /* The rest of a large message may come slowly, or never. */
    if (stream->silent_looks > 0 && atomic_load_explicit (&stream->low_mark, memory_order_relaxed) > 1)
        godwit__zmtp_stream_wait_for_little (stream);
    if (godwit__zmtp_out_take_sent (&stream->out))
        stream->unsent_looks = 0;
    else if (stream->unsent_looks < UINT8_MAX)
        stream->unsent_looks++;
    if (is_stalled (stream, limit)) {
        give_up (stream, "it does not read what is sent to it");
        return;
    }
    if (!talks)
        return;
    /* What it has sent and nobody has read yet is a sign of life, too. */
    if (stream->silent_looks > limit) {
        if (!has_unread (stream)) {
            give_up (stream, "it was silent for heartbeat_timeout_ms");
            return;
        }
        godwit__zmtp_stream_wait_for_little (stream); /* a reader may have set its mark at the same moment */
    }
    const bool pings = !stream->config->accepts || external;
    if ((pings && stream->unsent_looks >= 2) || stream->silent_looks == limit / 2) {
        ping (stream);
        stream->unsent_looks = 0;
    }
}

/* ---- looks at all ---- */

/* With driver.lock held, but not while it looks at a stream. Returns when the next part is due. */
static int64_t
look (godwit__zmtp_t *driver)
{
    const bool in_parts = driver->stream_count > TOGETHER;
    const size_t count = in_parts ? driver->stream_count / PARTS + 1 : driver->stream_count;
    for (size_t i = 0; i < count; i++) {
        godwit__zmtp_stream_t *stream = GODWIT__FIRST (&driver->streams, godwit__zmtp_stream_t, in_list);
        if (!stream)
            break;
        godwit__list_remove (&stream->in_list);
        godwit__list_append (&driver->streams, &stream->in_list);
        godwit__zmtp_stream_ref (stream);
        pthread_mutex_unlock (&driver->lock);
        look_at (stream);
        godwit__zmtp_stream_unref (stream);
        pthread_mutex_lock (&driver->lock);
    }
    return driver->heart->interval_ns / (in_parts ? PARTS : 1);
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit__zmtp_t *driver = timer->user;
    godwit__reactor_t *reactor = driver->options.reactor;
    pthread_mutex_lock (&driver->lock);
    const int64_t next_ns = look (driver);
    const bool is_idle = driver->stream_count == 0;
    pthread_mutex_unlock (&driver->lock);
    if (!is_idle)
        godwit__reactor_arm (reactor, timer, godwit__reactor_now (reactor) + next_ns);
}

static void *
run (void *user)
{
    godwit__zmtp_t *driver = user;
    struct godwit__zmtp_heart *heart = driver->heart;
    godwit__thread_set_name ("godwit-heart");
    pthread_mutex_lock (&driver->lock);
    while (!heart->is_stopping) {
        struct timespec until;
        const int64_t next_ns = look (driver);
        clock_gettime (CLOCK_MONOTONIC, &until);
        until.tv_sec += next_ns / 1000000000;
        until.tv_nsec += next_ns % 1000000000;
        if (until.tv_nsec >= 1000000000)
            until.tv_sec++, until.tv_nsec -= 1000000000;
        while (!heart->is_stopping && pthread_cond_timedwait (&heart->stop, &driver->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock (&driver->lock);
    return NULL;
}

/* ---- streams ---- */

void
godwit__zmtp_heart_add (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_t *driver = stream->driver;
    struct godwit__zmtp_heart *heart = driver->heart;
    godwit__reactor_t *reactor = driver->options.reactor;
    pthread_mutex_lock (&driver->lock);
    godwit__list_append (&driver->streams, &stream->in_list);
    driver->stream_count++;
    pthread_mutex_unlock (&driver->lock);
    if (!heart->has_thread && !heart->timer.heap_index)
        godwit__reactor_arm (reactor, &heart->timer, godwit__reactor_now (reactor) + heart->interval_ns);
}

void
godwit__zmtp_heart_remove (godwit__zmtp_stream_t *stream)
{
    if (stream->state != GODWIT__ZMTP_READY_STATE)
        return;
    pthread_mutex_lock (&stream->driver->lock);
    godwit__list_remove (&stream->in_list);
    stream->driver->stream_count--;
    pthread_mutex_unlock (&stream->driver->lock);
}

void
godwit__zmtp_heart_take_ttl (godwit__zmtp_stream_t *stream, uint16_t ttl_ds)
{
    atomic_store_explicit (&stream->peer_ttl_ds, ttl_ds, memory_order_relaxed);
}

/* ---- life ---- */

static bool
start_thread (godwit__zmtp_t *driver)
{
    struct godwit__zmtp_heart *heart = driver->heart;
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&heart->stop, &attributes);
    pthread_condattr_destroy (&attributes);
    heart->has_thread = godwit__thread_start (&heart->thread, run, driver) == 0;
    return heart->has_thread;
}

godwit_status_t
godwit__zmtp_heart_start (godwit__zmtp_t *driver, godwit_error_t **error)
{
    const godwit__driver_options_t *options = &driver->options;
    struct godwit__zmtp_heart *heart = calloc (1, sizeof *heart);
    driver->heart = heart;
    if (!heart)
        return godwit__error_no_memory (error);
    const int64_t interval_ns = godwit__ns_of_ms (options->heartbeat_ms) / 2;
    heart->interval_ns = interval_ns > INTERVAL_MIN_NS ? interval_ns : INTERVAL_MIN_NS;
    const int64_t limit = godwit__ns_of_ms (options->heartbeat_timeout_ms) / heart->interval_ns;
    heart->limit = limit < 2 ? 2 : limit > INT32_MAX ? INT32_MAX : (uint32_t) limit;
    heart->timer = (godwit__timer_t){.fire = on_timer, .user = driver};
    if (!options->external_loop || start_thread (driver))
        return GODWIT_OK;
    pthread_cond_destroy (&heart->stop);
    free (heart);
    driver->heart = NULL;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                              "the thread for heartbeats, which external_loop needs, cannot be started");
}

void
godwit__zmtp_heart_stop (godwit__zmtp_t *driver)
{
    struct godwit__zmtp_heart *heart = driver->heart;
    if (!heart)
        return;
    godwit__reactor_disarm (driver->options.reactor, &heart->timer);
    if (heart->has_thread) {
        pthread_mutex_lock (&driver->lock);
        heart->is_stopping = true;
        pthread_cond_signal (&heart->stop);
        pthread_mutex_unlock (&driver->lock);
        pthread_join (heart->thread, NULL);
        pthread_cond_destroy (&heart->stop);
    }
    free (heart);
    driver->heart = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A port is a bound ROUTER, for links, and a bound SUB, for publications, with one leader for both. */
#include "drivers/zmq/port_names.h"
#include "drivers/zmq/port_watch.h"
#include "drivers/zmq/probe.h"
#include "drivers/zmq/zmq_driver.h"

#include "src/error/error.h"
#include "src/folder/folder_sweep.h"
#include "src/interface/tcp_permission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The size of a routing id that a ROUTER gives a peer that did not name itself: a zero, then a number that no
 * other connection gets.
 */
#define ROUTING_ID_SIZE 5
/* A bit above the number in a routing id, so that no routing id is 0 or GODWIT__ROUTING_ID_FANOUT. */
#define ROUTING_ID_MARK (UINT64_C (1) << 32)
/* While links keep the leader busy, it looks for publications after so many frames; after a publication,
 * after each frame. */
#define LINKS_PER_LOOK 128
/* So many frames that are not Godwit's are thrown away before other threads may use the sockets. */
#define THROWN_AWAY_MAX 64
/* While publications keep the leader busy, it looks at links after so many. */
#define PUBLICATIONS_PER_LOOK 16
#define LISTEN_BACKLOG 1024
#define LOOPBACK "127.0.0.1"

typedef struct zmq_port {
    godwit__zmq_channel_t base; /* the guard's socket is the ROUTER; its lock guards the SUB too */
    void *subscriber;           /* NULL: takes no publications */
    unsigned links_before_look;
    unsigned publications_in_row;
    bool interrupted;      /* the limit of thrown away frames was reached: there may be more frames */
    godwit__loads_t loads; /* of the replies to each peer */
    godwit__port_watch_t watch;
    godwit__port_names_t names;
} zmq_port_t;

static godwit__routing_id_t
routing_id_of (const godwit__frame_t *identity)
{
    uint32_t number;
    if (identity->size != ROUTING_ID_SIZE || identity->data[0])
        return 0;
    memcpy (&number, identity->data + 1, sizeof number);
    return ROUTING_ID_MARK | number;
}

/* --- sending --------------------------------------------------------------------------------- */

static int
send_routing_id (void *router, godwit__routing_id_t routing_id)
{
    uint8_t bytes[ROUTING_ID_SIZE] = {0};
    const uint32_t number = (uint32_t) routing_id;
    memcpy (bytes + 1, &number, sizeof number);
    while (zmq_send (router, bytes, sizeof bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* OK, or AGAIN: as many bytes wait for this peer as may wait. */
static godwit__io_t
init_outgoing (zmq_port_t *self, godwit__outgoing_t *outgoing, godwit__routing_id_t routing_id,
               const godwit__message_t *message)
{
    const godwit__driver_options_t *options = &self->base.driver->options;
    godwit__io_t result = GODWIT__IO_REFUSED;
    if (message->size > options->max_message_size)
        return result;
    godwit__load_t *load = NULL;
    if (message->size > GODWIT__LIGHT) {
        load = godwit__loads_get (&self->loads, routing_id);
        if (!load)
            return result;
    }
    if (load && godwit__load_is_full (load, options->max_queue_size))
        result = GODWIT__IO_AGAIN;
    else if (godwit__outgoing_init (outgoing, message, load))
        result = GODWIT__IO_OK;
    godwit__load_unref (load);
    return result;
}

static godwit__io_t
send_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    zmq_port_t *self = (zmq_port_t *) channel;
    godwit__guard_t *guard = &self->base.guard;
    godwit__outgoing_t outgoing;
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_port);
    const godwit__io_t result = init_outgoing (self, &outgoing, routing_id, message);
    if (result != GODWIT__IO_OK)
        return result;

    godwit__guard_lock (guard);
    int failure = EHOSTUNREACH;
    if (routing_id >> 32 == 1) {
        failure = send_routing_id (guard->socket, routing_id);
        if (failure == EAGAIN) {
            /* When it sends, libzmq looks for room only about once a millisecond; when asked, it looks
             * always. */
            godwit__guard_events (guard);
            failure = send_routing_id (guard->socket, routing_id);
        }
        /* The ROUTER decided at the first part: it accepts the second one, and throws it away if the peer
         * goes. */
        if (!failure)
            failure = godwit__outgoing_send (&outgoing, guard->socket);
        if (failure == EAGAIN)
            godwit__guard_full (guard);
        godwit__guard_touched (guard);
    }
    godwit__guard_unlock (guard);

    if (failure)
        godwit__outgoing_cancel (&outgoing);
    else
        godwit__outgoing_sent (&outgoing, message);
    if (failure == EHOSTUNREACH)
        godwit__zmq_count (&self->base.driver->counters.dropped);
    return godwit__zmq_io (failure);
}

/* --- receiving: the lock is held ------------------------------------------------------------- */

static void
throw_away (zmq_port_t *self, godwit__frame_t *frame, void *socket)
{
    godwit__zmq_count (&self->base.driver->counters.malformed);
    godwit__frame_discard (frame, socket);
}

/* True if there was a frame. A peer that named itself, or sends several parts, is no Godwit peer. */
static bool
receive_from_link (zmq_port_t *self, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    void *router = self->base.guard.socket;
    for (int i = 0; i < THROWN_AWAY_MAX; i++) {
        if (godwit__frame_receive (frame, router, ZMQ_DONTWAIT))
            return false;
        *routing_id = routing_id_of (frame);
        if (*routing_id && godwit__frame_has_more (frame)) {
            godwit__frame_release (frame);
            if (godwit__frame_receive (frame, router, ZMQ_DONTWAIT))
                continue;
            if (!godwit__frame_has_more (frame))
                return true;
        }
        throw_away (self, frame, router);
    }
    self->interrupted = true;
    return false;
}

/* A publication is one part that begins with its key. */
static bool
receive_publication (zmq_port_t *self, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    *routing_id = GODWIT__ROUTING_ID_FANOUT;
    for (int i = 0; i < THROWN_AWAY_MAX; i++) {
        if (godwit__frame_receive (frame, self->subscriber, ZMQ_DONTWAIT)) {
            self->base.guard.second_quiet = true;
            return false;
        }
        /* More may be there, for which the descriptor does not become readable again. */
        self->base.guard.second_quiet = false;
        if (frame->size >= GODWIT__KEY_SIZE && !godwit__frame_has_more (frame))
            return true;
        throw_away (self, frame, self->subscriber);
    }
    self->interrupted = true;
    return false;
}

/* The same, and decides which socket is looked at next: publications come in rows, and each look at an empty
 * ROUTER costs a system call. */
static bool
look_at_subscriber (zmq_port_t *self, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    const bool got = receive_publication (self, frame, routing_id);
    if (!got || ++self->publications_in_row > PUBLICATIONS_PER_LOOK)
        self->publications_in_row = 0;
    self->links_before_look = !got ? LINKS_PER_LOOK : self->publications_in_row ? 0 : 1;
    return got;
}

/* Lock held. */
static godwit__io_t
take_frame (zmq_port_t *self, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    godwit__guard_t *guard = &self->base.guard;
    bool got = false;
    self->interrupted = false;
    if (self->subscriber && !self->links_before_look--)
        got = look_at_subscriber (self, frame, routing_id);
    if (!got)
        got = receive_from_link (self, frame, routing_id);
    /* If the last look found nothing, and the SUB's descriptor, which every wait watches, was silent since,
     * there is nothing. A reactor does not tell which descriptor was readable, so with a reactor we look each
     * time.
     */
    if (!got && self->subscriber && (!guard->second_quiet || guard->epoll_fd >= 0))
        got = look_at_subscriber (self, frame, routing_id);
    if (got)
        godwit__guard_received (guard);
    else
        godwit__guard_quiet (guard);
    if (self->interrupted)
        godwit__guard_tell (guard);
    return got ? GODWIT__IO_OK : GODWIT__IO_AGAIN;
}

static godwit__io_t
recv_port (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    zmq_port_t *self = (zmq_port_t *) channel;
    godwit__guard_lock (&self->base.guard);
    const godwit__io_t result = take_frame (self, frame, routing_id);
    godwit__guard_unlock (&self->base.guard);
    return result;
}

static godwit__io_t
receive_port (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
              int64_t timeout_ns)
{
    zmq_port_t *self = (zmq_port_t *) channel;
    godwit__guard_t *guard = &self->base.guard;
    godwit__guard_lock (guard);
    godwit__io_t result = take_frame (self, frame, routing_id);
    if (result == GODWIT__IO_AGAIN && timeout_ns > 0) {
        godwit__guard_wait_unlocked (guard, false, timeout_ns);
        result = take_frame (self, frame, routing_id);
    }
    godwit__guard_unlock (guard);
    return result;
}

/* --- subscriptions --------------------------------------------------------------------------- */

static int
set_subscription (zmq_port_t *self, int option, const uint8_t key[GODWIT__KEY_SIZE])
{
    if (!self->subscriber)
        return EINVAL;
    godwit__guard_lock (&self->base.guard);
    const int failure = zmq_setsockopt (self->subscriber, option, key, GODWIT__KEY_SIZE) < 0 ? errno : 0;
    /* That may have consumed the edge of the SUB's descriptor: the leader has to look. */
    self->base.guard.second_quiet = false;
    godwit__guard_tell (&self->base.guard);
    godwit__guard_unlock (&self->base.guard);
    return failure;
}

godwit_status_t
godwit__zmq_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE], godwit_error_t **error)
{
    const int failure = set_subscription ((zmq_port_t *) port, ZMQ_SUBSCRIBE, key);
    if (!failure)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot subscribe: %s", zmq_strerror (failure));
}

void
godwit__zmq_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE])
{
    set_subscription ((zmq_port_t *) port, ZMQ_UNSUBSCRIBE, key);
}

/* --- life ------------------------------------------------------------------------------------ */

godwit_status_t
godwit__zmq_watch_port (godwit__channel_t *port, godwit__task_t *lost, godwit_error_t **error)
{
    zmq_port_t *self = (zmq_port_t *) port;
    godwit__guard_lock (&self->base.guard);
    const godwit_status_t status =
        godwit__port_watch_open (&self->watch, self->base.driver, self->base.guard.socket, error);
    if (status == GODWIT_OK)
        self->watch.lost = lost;
    godwit__guard_unlock (&self->base.guard);
    return status;
}

static void
close_port (godwit__channel_t *channel)
{
    zmq_port_t *self = (zmq_port_t *) channel;
    godwit__port_watch_close (&self->watch, self->base.guard.socket);
    godwit__port_names_close (&self->names);
    if (self->subscriber)
        zmq_close (self->subscriber);
    godwit__guard_close (&self->base.guard, GODWIT__ZMQ_LINGER_MS);
    godwit__loads_release (&self->loads);
    free (self);
}

static const godwit__channel_ops_t port_ops = {
    .send = send_port,
    .queue = send_port,
    .flush = godwit__channel_flush,
    .recv = recv_port,
    .wait = godwit__zmq_wait,
    .receive = receive_port,
    .wake = godwit__zmq_wake,
    .attach = godwit__zmq_attach,
    .detach = godwit__zmq_detach,
    .close = close_port,
};

/* bound: the address as it was given, but with the port that the system chose. Others reach it under that
 * address (libzmq says [::ffff:127.0.0.1] for 127.0.0.1). */
static godwit_status_t
bind_socket (const zmq_port_t *self, void *socket, const char *at, char bound[GODWIT__ADDRESS_SIZE],
             godwit_error_t **error)
{
    char actual[GODWIT__ADDRESS_SIZE];
    size_t size = sizeof actual;
    const godwit_status_t status = godwit__driver_permits (&self->base.driver->options, at, error);
    if (status != GODWIT_OK)
        return status;
    if (zmq_bind (socket, at) < 0 || zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, actual, &size) < 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: %s", at,
                                  zmq_strerror (errno));
    const char *number = strrchr (actual, ':');
    const char *end = strrchr (at, ':');
    const bool tcp = strncmp (at, "tcp:", 4) == 0;
    const int length = tcp ? snprintf (bound, GODWIT__ADDRESS_SIZE, "%.*s%s", (int) (end - at), at, number)
                           : snprintf (bound, GODWIT__ADDRESS_SIZE, "%s", at);
    if (length < GODWIT__ADDRESS_SIZE)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: the name is too long", at);
}

/* Binds to a TCP port of the host; 0: an ephemeral one. */
static godwit_status_t
bind_tcp (const zmq_port_t *self, void *socket, const char *host, int port, char bound[GODWIT__ADDRESS_SIZE],
          godwit_error_t **error)
{
    char at[GODWIT__ADDRESS_SIZE];
    const bool bare_ipv6 = strchr (host, ':') && host[0] != '[';
    char number[12] = "*";
    if (port)
        snprintf (number, sizeof number, "%d", port);
    if (snprintf (at, sizeof at, bare_ipv6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, number) >=
        (int) sizeof at)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: the name is too long",
                                  host);
    return bind_socket (self, socket, at, bound, error);
}

/* In the first private folder that can be used: the names are random, because records with them reach other
 * machines. Without a folder, *is_there stays false. */
static godwit_status_t
bind_names (zmq_port_t *self, godwit__port_addresses_t *addresses, bool *is_there, godwit_error_t **error)
{
    godwit__zmq_t *const driver = self->base.driver;
    godwit__folder_t *folder = NULL;
    godwit_error_t *why = NULL;
    if (godwit__folders_first (&driver->folders, &folder, &why) != GODWIT_OK)
        return godwit__driver_without_folder (&driver->options, why, error);
    godwit__folder_sweep (folder);
    godwit_status_t status = godwit__port_names_listen (&self->names, folder, self->base.guard.socket, NULL,
                                                        addresses->links[0], error);
    if (status == GODWIT_OK)
        status = godwit__port_names_listen (&self->names, folder, self->subscriber, NULL, addresses->fanout,
                                            error);
    if (status == GODWIT_OK)
        addresses->link_count = 1;
    *is_there = true;
    return status;
}

/* A rendezvous in a private folder: of all processes that try, one gets the name. */
static godwit_status_t
bind_at (zmq_port_t *self, const char *at, char bound[GODWIT__ADDRESS_SIZE], godwit_error_t **error)
{
    godwit__folders_t *const folders = &self->base.driver->folders;
    const char *name = NULL;
    const godwit__folder_t *const found = godwit__folders_find (folders, at, &name);
    if (!found)
        return bind_socket (self, self->base.guard.socket, at, bound, error);
    godwit__folder_t *const folder = &folders->list[found - folders->list];
    const godwit_status_t status = godwit__folder_open (folder, error);
    return status ? status
                  : godwit__port_names_listen (&self->names, folder, self->base.guard.socket, name, bound,
                                               error);
}

static godwit_status_t
bind_port (zmq_port_t *self, const char *at, godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    const godwit__zmq_t *const driver = self->base.driver;
    const godwit__driver_options_t *const options = &driver->options;
    const char *const host = driver->host ? driver->host : LOOPBACK;
    bool is_local = false;
    memset (addresses, 0, sizeof *addresses);
    if (at) {
        addresses->link_count = 1;
        return bind_at (self, at, addresses->links[0], error);
    }
    godwit_status_t status = bind_names (self, addresses, &is_local, error);
    if (status == GODWIT_OK && (driver->host || options->port || options->loopback || !is_local))
        status = bind_tcp (self, self->base.guard.socket, host, options->port,
                           addresses->links[addresses->link_count++], error);
    if (status == GODWIT_OK && (driver->host || !is_local))
        status = bind_tcp (self, self->subscriber, host, 0, addresses->fanout, error);
    return status;
}

static bool
is_tcp (const char *address)
{
    return strncmp (address, "tcp:", 4) == 0;
}

/* The publishers of all hosts use the first address that others can reach. The loopback is no such address,
 * but for processes of other users it is better than none. */
static godwit_status_t
bind_host (const zmq_port_t *self, const char *host, godwit__port_addresses_t *addresses,
           godwit_error_t **error)
{
    const size_t last = addresses->link_count - 1; /* there is one at least */
    const bool replaces =
        strncmp (addresses->links[last], "tcp://" LOOPBACK, strlen ("tcp://" LOOPBACK)) == 0;
    const size_t at = replaces ? last : addresses->link_count;
    char link[GODWIT__ADDRESS_SIZE], fanout[GODWIT__ADDRESS_SIZE] = "";
    const bool is_known = replaces && strcmp (host, LOOPBACK) == 0;
    if (at == GODWIT__PORT_ADDRESS_MAX)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: too many addresses", host);
    godwit_status_t status = GODWIT_OK;
    if (is_known)
        memcpy (link, addresses->links[last], sizeof link);
    else
        status = bind_tcp (self, self->base.guard.socket, host, self->base.driver->options.port, link, error);
    if (status == GODWIT_OK && !is_tcp (addresses->fanout))
        status = bind_tcp (self, self->subscriber, host, 0, fanout, error);
    if (status != GODWIT_OK)
        return status;
    memcpy (addresses->links[at], link, sizeof link);
    addresses->link_count = at + 1;
    if (fanout[0])
        memcpy (addresses->fanout, fanout, sizeof fanout);
    return GODWIT_OK;
}

godwit_status_t
godwit__zmq_add_host (godwit__channel_t *port, const char *host, godwit__port_addresses_t *addresses,
                      godwit_error_t **error)
{
    zmq_port_t *self = (zmq_port_t *) port;
    if (godwit__probe_socket (error))
        return GODWIT_ERR_SYSTEM;
    godwit__guard_lock (&self->base.guard);
    const godwit_status_t status = bind_host (self, host, addresses, error);
    /* That may have consumed the edges of the descriptors: the leader has to look. */
    self->base.guard.second_quiet = false;
    godwit__guard_tell (&self->base.guard);
    godwit__guard_unlock (&self->base.guard);
    return status;
}

/* Makes both sockets and the guard; on failure nothing is left. */
static godwit_status_t
init_sockets (zmq_port_t *self, bool with_subscriber, godwit_error_t **error)
{
    void *router = godwit__zmq_socket (self->base.driver, ZMQ_ROUTER, error);
    if (router && with_subscriber)
        self->subscriber = godwit__zmq_socket (self->base.driver, ZMQ_SUB, error);
    if (!router || (with_subscriber && !self->subscriber)) {
        if (router)
            zmq_close (router);
        return GODWIT_ERR_SYSTEM;
    }
    godwit__zmq_set (router, ZMQ_ROUTER_MANDATORY, 1);
    godwit__zmq_set (router, ZMQ_BACKLOG, LISTEN_BACKLOG);
    const godwit_status_t status = godwit__guard_init (&self->base.guard, router, self->subscriber, error);
    if (status != GODWIT_OK && self->subscriber)
        zmq_close (self->subscriber);
    return status;
}

godwit_status_t
godwit__zmq_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                       godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    zmq_port_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.base.ops = &port_ops;
    self->base.driver = (godwit__zmq_t *) driver;
    self->links_before_look = LINKS_PER_LOOK;
    godwit__port_names_init (&self->names, self->base.driver, &self->base.guard);
    godwit__loads_init (&self->loads);
    godwit_status_t status = init_sockets (self, !at, error);
    if (status != GODWIT_OK) {
        godwit__loads_release (&self->loads);
        free (self);
        return status;
    }
    godwit__port_addresses_t bound;
    if (at)
        godwit__port_watch_strangers (&self->watch, self->base.driver, self->base.guard.socket, at);
    status = bind_port (self, at, &bound, error);
    if (status != GODWIT_OK) {
        close_port (&self->base.base);
        return status;
    }
    *addresses = bound;
    *port = &self->base.base;
    return GODWIT_OK;
}

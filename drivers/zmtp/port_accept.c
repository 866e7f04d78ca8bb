/* SPDX-License-Identifier: Apache-2.0 */
/* A port's reactor side: where it listens, whom it accepts, and what becomes of them until their handshake is
 * over. Limits come before trust: so many handshakes may be unfinished (crowd.h). */
#include "drivers/zmtp/anteroom.h"
#include "drivers/zmtp/parties.h"
#include "drivers/zmtp/port.h"

#include "src/base/own_fd.h"
#include "src/error/error.h"
#include "src/folder/folder_sweep.h"
#include "src/interface/tcp_permission.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOOPBACK "127.0.0.1"

/* ---- connections ---- */

static void
leave_owner (godwit__zmtp_stream_t *stream)
{
    if (godwit__in_list (&stream->in_owner))
        godwit__list_remove (&stream->in_owner);
}

static void
leave_opening (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_port_t *port = stream->owner;
    godwit__zmtp_crowd_remove (&port->opening, stream);
}

/* The reactor's part of a connection is over. */
void
godwit__zmtp_port_let_go (godwit__zmtp_stream_t *stream)
{
    leave_owner (stream);
    godwit__zmtp_stream_close (stream);
}

/* Bytes that came behind the handshake are not in the socket any more: the leader has to be told of them. */
static void
announce (godwit__zmtp_port_t *port, godwit__zmtp_stream_t *stream)
{
    godwit__light_lock (&port->table.lock);
    godwit__list_append (&port->table.arrivals, &stream->in_ready);
    godwit__light_unlock (&port->table.lock);
    godwit__zmtp_port_signal (port);
}

/* Handshakes with a realm cost this end more than a stranger. */
static bool
is_limited (const godwit__zmtp_t *driver, const godwit__zmtp_peer_t *peer)
{
    return driver->options.realm && peer->family != AF_UNIX;
}

static void
on_ready (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_port_t *port = stream->owner;
    leave_opening (stream);
    if (is_limited (port->driver, &stream->peer))
        godwit__zmtp_refusals_forgive (&port->driver->refusals, &stream->peer);
    /* Before the leader can find it, and read. */
    const bool has_bytes = godwit__zmtp_decoder_has_bytes (&stream->in);
    if (!godwit__zmtp_table_add (&port->table, stream)) {
        godwit__zmtp_count (&port->driver->counters.refused);
        godwit__zmtp_port_let_go (stream);
        return;
    }
    if (stream->config->socket == GODWIT__ZMTP_SUB) {
        godwit__list_append (&port->publishers, &stream->in_owner);
        godwit__zmtp_port_tell_keys (port, stream);
    } else {
        godwit__list_append (&port->clients, &stream->in_owner);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = stream->routing_id};
    if (has_bytes)
        announce (port, stream);
    if (epoll_ctl (port->epoll_fd, EPOLL_CTL_ADD, stream->fd, &event) < 0) {
        /* The leader finds the end, which it cannot be told of otherwise. */
        godwit__zmtp_stream_end (stream, "it cannot be watched");
        if (!has_bytes)
            announce (port, stream);
    }
}

/* Somebody may want to know why it ended. Members that are not let in speak the protocol of Godwit. */
static void
tell_end (const godwit__zmtp_port_t *port, const godwit__zmtp_stream_t *stream, const char *reason)
{
    const godwit__driver_options_t *const options = &port->driver->options;
    const bool is_at_fault = atomic_load (&stream->is_at_fault);
    char peer[GODWIT__ZMTP_PEER_SIZE];
    godwit__zmtp_peer_print (peer, &stream->peer);
    if (port->at[0] && stream->routing_id == 0 && stream->failure != GODWIT__ZMTP_FAILED_ADMISSION) {
        if (options->stranger)
            options->stranger (options->stranger_user, port->at, peer, is_at_fault ? reason : NULL);
    } else if (is_at_fault && options->ended) {
        options->ended (options->stranger_user, stream->at, peer, reason);
    }
}

static void
note_refusal (godwit__zmtp_t *driver, const godwit__zmtp_stream_t *stream, const char *reason)
{
    const int64_t now_ns = godwit__reactor_now (driver->options.reactor);
    char peer[GODWIT__ZMTP_PEER_SIZE];
    if (!is_limited (driver, &stream->peer) || !atomic_load (&stream->is_at_fault) ||
        stream->failure == GODWIT__ZMTP_FAILED_MEMORY ||
        !godwit__zmtp_refusals_note (&driver->refusals, &stream->peer, now_ns))
        return;
    if (godwit__zmtp_parties_have (driver, &stream->peer)) {
        godwit__zmtp_refusals_spare (&driver->refusals, &stream->peer, now_ns);
        return;
    }
    godwit__zmtp_refusals_hold (&driver->refusals, &stream->peer, now_ns);
    godwit__zmtp_peer_print (peer, &stream->peer);
    if (godwit__zmtp_refusals_warns (&driver->refusals, now_ns))
        godwit__driver_warn (
            &driver->options,
            "%s was refused for the third time within 10 s, so connections from there are let in "
            "one after the other, 100 a second: %s",
            peer, reason);
}

static void
on_ended (godwit__zmtp_stream_t *stream, const char *reason)
{
    godwit__zmtp_port_t *port = stream->owner;
    tell_end (port, stream, reason);
    if (stream->routing_id == 0) { /* it never was in the table */
        note_refusal (port->driver, stream, reason);
        leave_opening (stream);
    } else if (port->lost) {
        godwit__reactor_post (port->driver->options.reactor, port->lost);
    }
    godwit__zmtp_port_let_go (stream);
}

static void
on_room (godwit__zmtp_stream_t *stream)
{
    godwit__zmtp_port_signal (stream->channel);
}

static const godwit__zmtp_stream_events_t stream_events = {
    .ready = on_ready, .ended = on_ended, .room = on_room};

/* ---- accepting ---- */

static void
warn_of_crowd (godwit__zmtp_port_t *port)
{
    const godwit__driver_options_t *const options = &port->driver->options;
    if (godwit__zmtp_crowd_warns (&port->opening, godwit__reactor_now (options->reactor)))
        godwit__driver_warn (
            options,
            "%zu connections have not ended their handshakes, so each new one puts another one "
            "out: somebody opens them and says nothing, or too many come at once",
            port->opening.count);
}

/* Makes room for one more unfinished handshake. */
static void
make_room (godwit__zmtp_port_t *port)
{
    godwit__zmtp_stream_t *const surplus = godwit__zmtp_crowd_surplus (&port->opening);
    if (!surplus)
        return;
    warn_of_crowd (port);
    godwit__zmtp_count (&port->driver->counters.refused);
    leave_opening (surplus);
    godwit__zmtp_port_let_go (surplus);
}

static void
open_as (godwit__zmtp_listener_t *listener, int fd, const godwit__zmtp_peer_t *peer,
         godwit__zmtp_socket_t socket)
{
    godwit__zmtp_port_t *port = listener->user;
    make_room (port);
    godwit__zmtp_stream_t *stream = godwit__zmtp_stream_new (
        port->driver, fd, godwit__zmtp_end (&port->driver->ends, socket, listener->is_private), 0,
        &stream_events, port, NULL);
    if (!stream) {
        godwit__zmtp_count (&port->driver->counters.refused);
        return;
    }
    stream->peer = *peer;
    stream->at = listener->at;
    stream->peer_hash = godwit__zmtp_peer_hash (peer);
    godwit__zmtp_crowd_add (&port->opening, stream);
}

static void
let_link_in (godwit__zmtp_listener_t *listener, int fd, const godwit__zmtp_peer_t *peer)
{
    open_as (listener, fd, peer, GODWIT__ZMTP_ROUTER);
}

static void
let_publisher_in (godwit__zmtp_listener_t *listener, int fd, const godwit__zmtp_peer_t *peer)
{
    open_as (listener, fd, peer, GODWIT__ZMTP_SUB);
}

static void
accept_as (godwit__zmtp_listener_t *listener, int fd, godwit__zmtp_let_in_t let_in)
{
    const godwit__zmtp_peer_t peer = godwit__zmtp_peer_read (fd);
    if (is_limited (listener->driver, &peer))
        godwit__zmtp_anteroom_enter (listener, fd, &peer, let_in);
    else
        let_in (listener, fd, &peer);
}

static void
on_link (godwit__zmtp_listener_t *listener, int fd)
{
    accept_as (listener, fd, let_link_in);
}

static void
on_publisher (godwit__zmtp_listener_t *listener, int fd)
{
    accept_as (listener, fd, let_publisher_in);
}

/* ---- listening ---- */

static godwit_status_t
listen_at (godwit__zmtp_port_t *port, const char *at, bool for_links, char bound[GODWIT__ADDRESS_SIZE],
           godwit_error_t **error)
{
    godwit__zmtp_listener_t *listener;
    godwit_status_t status = godwit__driver_permits (&port->driver->options, at, error);
    if (status == GODWIT_OK)
        status = godwit__zmtp_listener_new (&listener, port->driver, at, bound,
                                            for_links ? on_link : on_publisher, port, error);
    if (status == GODWIT_OK)
        godwit__list_append (&port->listeners, &listener->in_list);
    return status;
}

/* number 0: the system chooses. */
static godwit_status_t
listen_tcp (godwit__zmtp_port_t *port, const char *host, int number, bool for_links,
            char bound[GODWIT__ADDRESS_SIZE], godwit_error_t **error)
{
    char at[GODWIT__ADDRESS_SIZE];
    const bool bare_ipv6 = strchr (host, ':') && host[0] != '[';
    if (snprintf (at, sizeof at, bare_ipv6 ? "tcp://[%s]:%d" : "tcp://%s:%d", host, number) >=
        (int) sizeof at)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: the name is too long",
                                  host);
    return listen_at (port, at, for_links, bound, error);
}

/* In a private folder, for processes of this user. *is_local: there is one. */
static godwit_status_t
listen_locally (godwit__zmtp_port_t *port, godwit__port_addresses_t *addresses, bool *is_local,
                godwit_error_t **error)
{
    godwit__zmtp_t *driver = port->driver;
    godwit__folder_t *folder = NULL;
    godwit_error_t *why = NULL;
    if (godwit__folders_first (&driver->folders, &folder, &why) != GODWIT_OK)
        return godwit__driver_without_folder (&driver->options, why, error);
    *is_local = true;
    godwit__folder_sweep (folder);
    godwit_status_t status = listen_at (port, GODWIT__ZMTP_ANY_IPC, true, addresses->links[0], error);
    if (status == GODWIT_OK)
        status = listen_at (port, GODWIT__ZMTP_ANY_IPC, false, addresses->fanout, error);
    if (status == GODWIT_OK)
        addresses->link_count = 1;
    return status;
}

static godwit_status_t
bind_chosen (godwit__zmtp_port_t *port, godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    const godwit__zmtp_t *driver = port->driver;
    const godwit__driver_options_t *const options = &driver->options;
    const char *host = driver->host ? driver->host : LOOPBACK;
    bool is_local = false;
    godwit_status_t status = listen_locally (port, addresses, &is_local, error);
    if (status == GODWIT_OK && (driver->host || options->port || options->loopback || !is_local))
        status =
            listen_tcp (port, host, options->port, true, addresses->links[addresses->link_count++], error);
    if (status == GODWIT_OK && (driver->host || !is_local))
        status = listen_tcp (port, host, 0, false, addresses->fanout, error);
    return status;
}

godwit_status_t
godwit__zmtp_port_bind (godwit__zmtp_port_t *port, const char *at, godwit__port_addresses_t *addresses,
                        godwit_error_t **error)
{
    memset (addresses, 0, sizeof *addresses);
    if (!at)
        return bind_chosen (port, addresses, error);
    snprintf (port->at, sizeof port->at, "%s", at);
    addresses->link_count = 1;
    return listen_at (port, at, true, addresses->links[0], error);
}

/* The publishers of all hosts use the first address that others can reach. The loopback is no such address,
 * but for processes of other users it is better than none. */
godwit_status_t
godwit__zmtp_add_host (godwit__channel_t *port, const char *host, godwit__port_addresses_t *addresses,
                       godwit_error_t **error)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) port;
    const size_t last = addresses->link_count - 1; /* there is one at least */
    const bool replaces =
        strncmp (addresses->links[last], "tcp://" LOOPBACK, strlen ("tcp://" LOOPBACK)) == 0;
    const bool is_known = replaces && strcmp (host, LOOPBACK) == 0;
    const size_t place = replaces ? last : addresses->link_count;
    char link[GODWIT__ADDRESS_SIZE], fanout[GODWIT__ADDRESS_SIZE] = "";
    godwit_status_t status = GODWIT_OK;
    if (place == GODWIT__PORT_ADDRESS_MAX)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: too many addresses", host);
    if (is_known)
        memcpy (link, addresses->links[last], sizeof link);
    else
        status = listen_tcp (self, host, self->driver->options.port, true, link, error);
    if (status == GODWIT_OK && !godwit__zmtp_address_is_tcp (addresses->fanout))
        status = listen_tcp (self, host, 0, false, fanout, error);
    if (status != GODWIT_OK)
        return status;
    memcpy (addresses->links[place], link, sizeof link);
    addresses->link_count = place + 1;
    if (fanout[0])
        memcpy (addresses->fanout, fanout, sizeof fanout);
    return GODWIT_OK;
}

godwit_status_t
godwit__zmtp_watch_port (godwit__channel_t *port, godwit__task_t *lost, godwit_error_t **error)
{
    (void) error;
    ((godwit__zmtp_port_t *) port)->lost = lost;
    return GODWIT_OK;
}

static void
let_all_go (const godwit__list_t *streams)
{
    for (godwit__zmtp_stream_t *at; (at = GODWIT__FIRST (streams, godwit__zmtp_stream_t, in_owner));)
        godwit__zmtp_port_let_go (at);
}

void
godwit__zmtp_port_stop (godwit__zmtp_port_t *port)
{
    for (godwit__zmtp_listener_t *at;
         (at = GODWIT__FIRST (&port->listeners, godwit__zmtp_listener_t, in_list));) {
        godwit__list_remove (&at->in_list);
        godwit__zmtp_anteroom_clear (at);
        godwit__zmtp_listener_destroy (at);
    }
    let_all_go (&port->opening.streams);
    let_all_go (&port->publishers);
    let_all_go (&port->clients);
    if (port->lost)
        godwit__reactor_unpost (port->driver->options.reactor, port->lost);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/gatherer.h"

#include <pthread.h>
#include <stdlib.h>

#define LARGE 8000
#define INSERTS_MAX 8

/* A message that was taken over. */
typedef struct held {
    godwit__message_t message;
    godwit__insert_t inserts[INSERTS_MAX];
    struct held *next;
} held_t;

static struct {
    pthread_mutex_t lock;
    const godwit__driver_ops_t *real;
    godwit__driver_ops_t mine;
    const godwit__channel_ops_t *real_link, *real_port, *real_publisher;
    godwit__channel_ops_t link, port, publisher;
    bool holds;
    held_t *held;
    unsigned refuse_count;
    godwit__io_t refuse_with;
    unsigned count;
    void *last;
    size_t last_size;
} gatherer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
give_back (held_t *held)
{
    while (held) {
        held_t *const next = held->next;
        godwit__message_release (&held->message);
        free (held);
        held = next;
    }
}

/* With lock held. joined: a copy of the message that was taken. Returns what need not be held. */
static held_t *
take (const godwit__message_t *message, const godwit__message_t *joined)
{
    held_t *const held = calloc (1, sizeof *held);
    if (!held || message->insert_count > INSERTS_MAX)
        abort ();
    held->message = *message;
    if (message->insert_count)
        memcpy (held->inserts, message->inserts, message->insert_count * sizeof *message->inserts);
    held->message.inserts = held->inserts;
    gatherer.count += message->insert_count > 0;
    if (joined->size >= LARGE) {
        free (gatherer.last);
        gatherer.last = joined->data;
        gatherer.last_size = joined->size;
    } else {
        free (joined->data);
    }
    if (!gatherer.holds)
        return held;
    held->next = gatherer.held;
    gatherer.held = held;
    return NULL;
}

/* Sends on a channel, or publishes if there are no ops. What is there when the message arrives was noted
 * before: the lock is held meanwhile. */
static godwit__io_t
pass (const godwit__channel_ops_t *real, godwit__channel_t *channel, godwit__routing_id_t routing_id,
      const godwit__message_t *message)
{
    godwit__message_t joined;
    godwit__io_t io;
    held_t *given_back = NULL;
    pthread_mutex_lock (&gatherer.lock);
    if (message->insert_count && gatherer.refuse_count > 0) {
        gatherer.refuse_count--;
        io = gatherer.refuse_with;
    } else {
        if (!godwit__message_join (&joined, message))
            abort ();
        joined.free_fn = NULL; /* the real driver makes a copy */
        io = real ? real->send (channel, routing_id, &joined) : gatherer.real->publish (channel, &joined);
        if (io == GODWIT__IO_OK)
            given_back = take (message, &joined);
        else
            free (joined.data);
    }
    pthread_mutex_unlock (&gatherer.lock);
    give_back (given_back);
    return io;
}

static godwit__io_t
send_link (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    return pass (gatherer.real_link, channel, routing_id, message);
}

static godwit__io_t
send_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    return pass (gatherer.real_port, channel, routing_id, message);
}

static godwit__io_t
publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    return pass (NULL, publisher, 0, message);
}

/* ---- channels ---- */

/* Puts this driver's functions in the place of the channel's own. */
static void
replace (godwit__channel_t *channel, const godwit__channel_ops_t **real, godwit__channel_ops_t *mine,
         godwit__io_t (*send) (godwit__channel_t *, godwit__routing_id_t, const godwit__message_t *))
{
    pthread_mutex_lock (&gatherer.lock);
    if (!*real) {
        *real = channel->ops;
        *mine = *channel->ops;
        mine->gathers = true;
        if (send)
            mine->send = mine->queue = send;
    }
    pthread_mutex_unlock (&gatherer.lock);
    channel->ops = mine;
}

static godwit_status_t
open_link (godwit__driver_t *driver, const char *address, const godwit__link_events_t *events, void *user,
           godwit__channel_t **link, godwit_error_t **error)
{
    const godwit_status_t status = gatherer.real->open_link (driver, address, events, user, link, error);
    if (!status)
        replace (*link, &gatherer.real_link, &gatherer.link, send_link);
    return status;
}

static godwit_status_t
open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
           godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    const godwit_status_t status = gatherer.real->open_port (driver, at, port, addresses, error);
    if (!status)
        replace (*port, &gatherer.real_port, &gatherer.port, send_port);
    return status;
}

static godwit_status_t
open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    const godwit_status_t status = gatherer.real->open_publisher (driver, publisher, error);
    if (!status)
        replace (*publisher, &gatherer.real_publisher, &gatherer.publisher, NULL);
    return status;
}

static godwit_status_t
open_driver (godwit__driver_t **driver, const godwit__driver_options_t *options, godwit_error_t **error)
{
    const godwit_status_t status = gatherer.real->open (driver, options, error);
    if (!status)
        (*driver)->ops = &gatherer.mine;
    return status;
}

/* ---- what a test asks for ---- */

const godwit__driver_ops_t *
gatherer_driver (const godwit__driver_ops_t *real)
{
    gatherer.real = real;
    gatherer.mine = *real;
    gatherer.mine.open = open_driver;
    gatherer.mine.open_link = open_link;
    gatherer.mine.open_port = open_port;
    gatherer.mine.open_publisher = open_publisher;
    gatherer.mine.publish = publish;
    return &gatherer.mine;
}

void
gatherer_hold (bool holds)
{
    pthread_mutex_lock (&gatherer.lock);
    held_t *const held = holds ? NULL : gatherer.held;
    gatherer.holds = holds;
    if (!holds)
        gatherer.held = NULL;
    pthread_mutex_unlock (&gatherer.lock);
    give_back (held);
}

void
gatherer_refuse (unsigned count, godwit__io_t with)
{
    pthread_mutex_lock (&gatherer.lock);
    gatherer.refuse_count = count;
    gatherer.refuse_with = with;
    pthread_mutex_unlock (&gatherer.lock);
}

unsigned
gatherer_count (void)
{
    pthread_mutex_lock (&gatherer.lock);
    const unsigned count = gatherer.count;
    pthread_mutex_unlock (&gatherer.lock);
    return count;
}

void
gatherer_last (void **data, size_t *size)
{
    pthread_mutex_lock (&gatherer.lock);
    *data = gatherer.last;
    *size = gatherer.last_size;
    gatherer.last = NULL;
    gatherer.last_size = 0;
    pthread_mutex_unlock (&gatherer.lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the engine, and its life. */
#include "drivers/zmtp/address.h"
#include "drivers/zmtp/anteroom.h"
#include "drivers/zmtp/heart.h"
#include "drivers/zmtp/intern.h"
#include "drivers/zmtp/opening.h"
#include "drivers/zmtp/parties.h"

#include "src/error/error.h"
#include "src/folder/folder_connect.h"
#include "src/interface/lookup.h"

#include <stdlib.h>

static void
release (godwit__zmtp_t *self)
{
    godwit__zmtp_chunk_t *spare = atomic_load (&self->spare_chunk);
    if (spare)
        godwit__zmtp_chunk_unref (spare);
    godwit__zmtp_parties_stop (self);
    godwit__zmtp_anteroom_release (self);
    godwit__zmtp_refusals_release (&self->refusals);
    godwit__zmtp_pool_release (&self->pool);
    godwit__folders_close (&self->folders);
    godwit__lookup_thread_destroy (self->lookups);
    godwit__zmtp_intern_release (self);
    pthread_mutex_destroy (&self->lock);
    free (self->host);
    free (self);
}

static godwit_status_t
open_driver (godwit__driver_t **driver, const godwit__driver_options_t *options, godwit_error_t **error)
{
    godwit__zmtp_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__zmtp_driver;
    self->options = *options;
    self->options.host = NULL;
    self->options.virtual_host = NULL; /* borrowed, so not kept */
    self->options.runtime_dir = NULL;
    self->limits = (godwit__zmtp_out_limits_t){
        .queue_limit = (unsigned) options->queue_limit,
        .max_queue_size = options->max_queue_size ? options->max_queue_size : SIZE_MAX,
        .max_message_size = options->max_message_size,
    };
    pthread_mutex_init (&self->lock, NULL);
    godwit__list_init (&self->streams);
    godwit__list_init (&self->telling);
    godwit__zmtp_closing_init (self);
    godwit__zmtp_ends_init (&self->ends, options->realm);
    godwit__zmtp_anteroom_init (self);
    godwit__zmtp_refusals_init (&self->refusals);
    godwit_status_t status = godwit__folders_init (&self->folders, options->runtime_dir, error);
    if (status == GODWIT_OK && options->host && !(self->host = strdup (options->host)))
        status = godwit__error_no_memory (error);
    if (status == GODWIT_OK)
        status = godwit__zmtp_parties_start (self, error);
    if (status == GODWIT_OK)
        status = godwit__zmtp_heart_start (self, error);
    if (status != GODWIT_OK) {
        release (self);
        return status;
    }
    *driver = &self->base;
    return GODWIT_OK;
}

static void
close_driver (godwit__driver_t *driver)
{
    godwit__zmtp_t *self = (godwit__zmtp_t *) driver;
    godwit__zmtp_heart_stop (self);
    godwit__zmtp_streams_finish (self);
    release (self);
}

static bool
speaks (const godwit__driver_t *driver, const char *address)
{
    const godwit__zmtp_t *self = (const godwit__zmtp_t *) driver;
    return godwit__zmtp_address_is_tcp (address) || godwit__folders_speak (&self->folders, address);
}

static const godwit__driver_counters_t *
counters (const godwit__driver_t *driver)
{
    return &((const godwit__zmtp_t *) driver)->counters;
}

const godwit__driver_ops_t godwit__zmtp_driver = {
    .name = "zmq",
    .open = open_driver,
    .close = close_driver,
    .speaks = speaks,
    .open_link = godwit__zmtp_open_link,
    .open_port = godwit__zmtp_open_port,
    .add_host = godwit__zmtp_add_host,
    .watch_port = godwit__zmtp_watch_port,
    .subscribe = godwit__zmtp_subscribe,
    .unsubscribe = godwit__zmtp_unsubscribe,
    .open_publisher = godwit__zmtp_open_publisher,
    .publisher_connect = godwit__zmtp_publisher_connect,
    .publisher_disconnect = godwit__zmtp_publisher_disconnect,
    .publish = godwit__zmtp_publish,
    .name_topic = godwit__zmtp_name_topic,
    .counters = counters,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the rendezvous matchmaker. It has one source for each rendezvous point of its URL. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_H

#include "matchmaker/rendezvous_source.h"
#include "matchmaker/rendezvous_view.h"

typedef struct godwit__rendezvous {
    godwit__matchmaker_t base;
    godwit__matchmaker_options_t options; /* url is NULL: the URL is not kept */
    char virtual_host[GODWIT__VIRTUAL_HOST_MAX + 1];
    const godwit__matchmaker_events_t *events;
    void *user;
    godwit__view_t view;
    /* The records of this process: first those that sources are told, then those that are withheld, because
     * its certificate does not allow it to serve them. */
    godwit__record_t **own;
    size_t own_count;
    size_t withheld_count;
    size_t own_capacity;
    godwit__realm_watch_t realm_watch; /* in a realm: its certificate may become another one ... */
    godwit__task_t renewed;            /* ... and did */
    uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
    bool is_open; /* events may run */
    godwit__names_state_t names;
    char names_text[GODWIT__NAMES_TEXT_SIZE]; /* as it was told last */
    size_t source_count;
    godwit__folders_t folders; /* where processes of this host meet */
    /* Of old and new hosts while the list changes, each of which may be in each folder. */
    godwit__rendezvous_source_t *sources[2 * GODWIT__FOLDER_MAX * GODWIT__RENDEZVOUS_MAX];
} godwit__rendezvous_t;

#endif

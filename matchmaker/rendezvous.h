/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the rendezvous matchmaker: one matchmaker, with a source for each rendezvous point of its
 * URL. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_H

#include "matchmaker/rendezvous_host.h"
#include "matchmaker/rendezvous_view.h"

typedef enum godwit__source_state {
    GODWIT__SOURCE_WAITING,    /* for the timer, to connect */
    GODWIT__SOURCE_CONNECTING, /* the link is not up yet */
    GODWIT__SOURCE_JOINED,     /* the link is up */
    GODWIT__SOURCE_HOSTING     /* it is here */
} godwit__source_state_t;

typedef struct godwit__rendezvous_source {
    struct godwit__rendezvous *owner;
    unsigned index; /* its bit in the view; not its place in the list */
    char address[GODWIT__ADDRESS_SIZE];
    bool may_host;
    bool is_told; /* it has told all that it knows, or it is here: it counts as joined */
    godwit__source_state_t state;
    godwit__timer_t timer; /* WAITING: connect; JOINED: refresh, and what could not be sent */
    int64_t back_off_ns;   /* the last delay since it was last in order; 0: none */
    uint64_t random;
    godwit__rendezvous_host_t *host; /* HOSTING */
    /* CONNECTING and JOINED */
    godwit__channel_t *link;
    godwit__source_t watch;
    int64_t heard_ns;
    int64_t refresh_at_ns;
    bool must_register; /* own records from `registered` on are still to be sent */
    bool must_resync;   /* so is the wish for a snapshot */
    size_t registered;
    /* What it told; epoch is kept when it is lost, to know it again. */
    uint64_t epoch; /* 0: none yet */
    uint64_t sequence;
    enum { GODWIT__SYNC_NONE, GODWIT__SYNC_PART, GODWIT__SYNC_DONE } sync; /* of the snapshot */
    bool is_same; /* the snapshot is from the host that was there before */
} godwit__rendezvous_source_t;

typedef struct godwit__rendezvous {
    godwit__matchmaker_t base;
    godwit__matchmaker_options_t options; /* url is NULL: it is not kept */
    char virtual_host[GODWIT__VIRTUAL_HOST_MAX + 1];
    const godwit__matchmaker_events_t *events;
    void *user;
    godwit__view_t view;
    godwit__record_t **own;
    size_t own_count;
    size_t own_capacity;
    uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
    size_t source_count;
    godwit__rendezvous_source_t *sources[2 * GODWIT__RENDEZVOUS_MAX]; /* while the list changes: both */
} godwit__rendezvous_t;

/* Starts with the next run of the reactor. OUT_OF_MEMORY. */
godwit_status_t godwit__source_open (godwit__rendezvous_source_t *source, godwit_error_t **error);
/* leaves: tells it that this member's servers are no more, as far as that can be done at once. Otherwise they
 * stay known there for as long as their lease lasts. */
void godwit__source_close (godwit__rendezvous_source_t *source, bool leaves);
/* owner->own[index] is new or changed. */
void godwit__source_announce (godwit__rendezvous_source_t *source, size_t index);
/* It is no longer in owner->own. */
void godwit__source_withdraw (godwit__rendezvous_source_t *source, uint32_t server_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A source: one rendezvous point, as a member sees it. It is the connection to that point, or its host in
 * this process. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_H

#include "matchmaker/rendezvous_host.h"
#include "src/folder/folder_listen.h"
#include "src/interface/lookup.h"

typedef enum godwit__source_state {
    GODWIT__SOURCE_WAITING,    /* for the timer, to connect */
    GODWIT__SOURCE_CONNECTING, /* the link is not up yet */
    GODWIT__SOURCE_JOINED,     /* the link is up */
    GODWIT__SOURCE_HOSTING     /* this process hosts the point */
} godwit__source_state_t;

/* A host that began just now has not heard of its members. They notice at once when the process ends that
 * hosts the loopback, and are back within some tens of ms; elsewhere they may wait for 320 ms before they
 * connect. Until then nobody takes such a host's word that a server is not there. */
#define GODWIT__SETTLE_HERE_MS 100
#define GODWIT__SETTLE_MS 500

/* The most bytes of the reason why a source is out of reach, with its '\0'. */
#define GODWIT__SOURCE_WHY_SIZE 96

typedef struct godwit__rendezvous_source {
    struct godwit__rendezvous *owner;
    unsigned index; /* its bit in the view; not its index in `sources` */
    char address[GODWIT__ADDRESS_SIZE];
    bool may_host;
    bool is_here; /* of this host, named by nobody: its members host it themselves */
    /* In a private folder (rendezvous_folder.h); NULL: it is not. */
    godwit__folder_t *folder;
    bool is_absent;               /* there is no place for the folder */
    godwit__folder_name_t hosted; /* HOSTING */
    bool is_told;                 /* it has sent all its records, or is hosted here: it counts as joined */
    godwit__source_state_t state;
    godwit__names_state_t names;       /* what is to be thought of it */
    char why[GODWIT__SOURCE_WHY_SIZE]; /* OUT_OF_REACH: the reason; else "" */
    int64_t settles_ns;       /* its host began just now: when it will have heard of everybody; else 0 */
    int64_t connect_ns;       /* when it began to connect */
    int64_t failing_since_ns; /* the first attempt that failed in a row; 0: none */
    godwit__timer_t timer; /* WAITING: to connect; JOINED: to refresh, and to send what could not be sent */
    int64_t back_off_ns;   /* the last delay since the source last worked; 0: none */
    int64_t tried_ns;      /* the first attempt since the source last worked; 0: none */
    uint64_t random;
    godwit__rendezvous_host_t *host; /* HOSTING */
    godwit__lookup_t lookup; /* if its address has to be looked up; CONNECTING then begins with that */
    /* CONNECTING and JOINED */
    godwit__channel_t *link;
    godwit__source_t watch;
    int64_t heard_ns;
    int64_t refresh_at_ns;
    bool must_register; /* own records from `registered` on are still to be sent */
    bool must_resync;   /* a request for a snapshot is still to be sent */
    size_t registered;
    /* What the host sent. epoch is kept when the host is lost, to recognise it later. */
    uint64_t epoch;     /* 0: none yet */
    char expelled[256]; /* why the host ended the membership, as it said; "": it did not */
    uint64_t sequence;
    enum { GODWIT__SYNC_NONE, GODWIT__SYNC_PART, GODWIT__SYNC_DONE } sync; /* of the snapshot */
    bool is_same; /* the snapshot is from the host that was there before */
} godwit__rendezvous_source_t;

/* Starts with the next run of the reactor. OUT_OF_MEMORY. */
godwit_status_t godwit__source_open (godwit__rendezvous_source_t *source, godwit_error_t **error);
/* leaves: tells the host that this member's servers are gone, as far as that needs no waiting. Otherwise they
 * stay known there until their lease ends. */
void godwit__source_close (godwit__rendezvous_source_t *source, bool leaves);
/* owner->own[index] is new or changed. */
void godwit__source_announce (godwit__rendezvous_source_t *source, size_t index);
/* The record of this server is no longer in owner->own. */
void godwit__source_withdraw (godwit__rendezvous_source_t *source, uint32_t server_id);

#endif

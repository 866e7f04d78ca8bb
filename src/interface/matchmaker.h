/* SPDX-License-Identifier: Apache-2.0 */
/* The matchmaker interface: how the names of servers reach the transports that want to call them.
 *
 * A matchmaker carries records. It never decides whether a server is alive: the data path does that. The core
 * keeps the records in its directory (src/discovery/directory.h). Calls look servers up there, never in a
 * matchmaker.
 */
#ifndef GODWIT_SRC_INTERFACE_MATCHMAKER_H
#define GODWIT_SRC_INTERFACE_MATCHMAKER_H

#include <godwit/transport.h>
#include <godwit/url.h>
#include <pthread.h>

#include "src/interface/driver.h"
#include "src/value/msgpack/codec.h"

#define GODWIT__UUID_SIZE 16
/* The most rendezvous points of one transport. Each point gets all records, so more points cost more than
 * they help. */
#define GODWIT__RENDEZVOUS_MAX 7

typedef enum godwit__record_state {
    GODWIT__RECORD_UP = 1,
    GODWIT__RECORD_DRAINING = 2
} godwit__record_state_t;

#define GODWIT__RECORD_ADDRESS_MAX 8

/* What one server tells the cluster (architecture 6). Immutable and reference-counted; one allocation. A
 * server is known by (instance, server_id); a higher revision replaces a lower one. */
typedef struct godwit__record {
    atomic_uint refs;
    /* The transport's id, new for each transport. In records of listed servers, which were never announced,
     * it is all zero and server_id is 0: the transport asks such a server who it is
     * (src/discovery/resolve.h). */
    uint8_t instance[GODWIT__UUID_SIZE];
    uint64_t incarnation; /* grows when the same instance could be mistaken for an older self */
    uint32_t server_id;   /* of the server in its transport; 0: listed */
    uint32_t revision;    /* of this record */
    godwit__record_state_t state;
    uint32_t weight;
    const char *exchange;
    const char *topic;
    const char *server;
    size_t address_count; /* of links, shortest path first */
    const char *addresses[GODWIT__RECORD_ADDRESS_MAX];
    const char *fanout_address; /* "" if none */
    const char *host;           /* an opaque name of the machine: ipc addresses work on the same host only */
    const char *versions;       /* what it serves: "namespace=version ...", the text of an offer */
} godwit__record_t;

/* A deep copy of the fields of `from` (its refs are not read). NULL when memory is short. */
godwit__record_t *godwit__record_new (const godwit__record_t *from);
godwit__record_t *godwit__record_ref (godwit__record_t *record);
void godwit__record_unref (godwit__record_t **record);
/* True if both records are of the same server, whatever their revisions. */
static inline bool
godwit__record_is_of (const godwit__record_t *a, const godwit__record_t *b)
{
    return a->server_id == b->server_id && !memcmp (a->instance, b->instance, GODWIT__UUID_SIZE);
}
/* The address that a person can use best: the last one, which reaches the furthest; "?" without one. */
static inline const char *
godwit__record_address (const godwit__record_t *record)
{
    return record->address_count ? record->addresses[record->address_count - 1] : "?";
}
/* A record is written as a map; call bound first, then write. read checks every field (untrusted input):
 * MALFORMED names the field. */
size_t godwit__record_bound (const godwit__record_t *record);
void godwit__record_write (godwit__writer_t *writer, const godwit__record_t *record);
godwit_status_t godwit__record_read (godwit__record_t **record, const godwit_value_t *map,
                                     godwit_error_t **error);
/* Checks that others will accept a record of our own: INVALID_ARGUMENT names the field. It writes and reads
 * the record, so that there is only one set of rules. */
godwit_status_t godwit__record_check (const godwit__record_t *record, godwit_error_t **error);

/* Whether a matchmaker has told all names that there are. It begins with AWAITED. */
typedef enum godwit__names_state {
    GODWIT__NAMES_AWAITED,     /* no source has told all that it knows, but one may soon */
    GODWIT__NAMES_TOLD,        /* a source has, and is there */
    GODWIT__NAMES_OUT_OF_REACH /* none of them can be reached; they are tried again all the time */
} godwit__names_state_t;

/* The most bytes of the text that says which sources are awaited, or out of reach; with its '\0'. */
#define GODWIT__NAMES_TEXT_SIZE 512

/* The events of a matchmaker. They run on the reactor's thread, also inside announce, withdraw and set_hosts,
 * but never inside open or close. Records are borrowed. An event must not call the matchmaker that sends it.
 */
typedef struct godwit__matchmaker_events {
    /* A record is new or changed. The same record may come any number of times; the transport's own may come
     * too.
     */
    void (*seen) (void *user, godwit__record_t *record);
    /* No source has the record any more. This is only a hint: the directory keeps a server that the data path
     * sees alive. withdrawn: the server's own process said so; otherwise only others said so, or did not hear
     * from it. */
    void (*gone) (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn);
    /* A source's snapshot is complete. Comes again after each reconnection. */
    void (*synced) (void *user);
    /* The state of the names has changed, or its text. TOLD comes after the records that were told. A source
     * that began just now, and whose members are still coming back to it, has not told all yet. text: which
     * sources are awaited or out of reach, and why, to be read by people; borrowed, "" when TOLD. NULL:
     * nobody wants to know. */
    void (*names) (void *user, godwit__names_state_t state, const char *text);
} godwit__matchmaker_events_t;

/* The points themselves, those that are known, for those who ask. Whoever opens a matchmaker makes the lock.
 */
#define GODWIT__POINTS_MAX 32
typedef struct godwit__rendezvous_point {
    char address[GODWIT__ADDRESS_SIZE];
    bool is_joined, is_hosted;
} godwit__rendezvous_point_t;

typedef struct godwit__rendezvous_points {
    pthread_mutex_t lock;
    size_t count;
    godwit__rendezvous_point_t list[GODWIT__POINTS_MAX];
} godwit__rendezvous_points_t;

/* Numbers of rendezvous points: known are in the list, joined have told what they know (this process's own
 * included), hosted are this process's own. Written with relaxed atomics. */
typedef struct godwit__matchmaker_gauges {
    atomic_uint_fast64_t rendezvous_known;
    atomic_uint_fast64_t rendezvous_joined;
    atomic_uint_fast64_t rendezvous_hosted;
} godwit__matchmaker_gauges_t;

/* The most addresses of this host that `reach` tells. */
#define GODWIT__REACH_MAX 3

typedef struct godwit__matchmaker_options {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver; /* to connect with and to listen on; not used by every backend */
    const godwit_url_t *url;
    const uint8_t *instance; /* of the transport; borrowed while the matchmaker is open */
    const char *virtual_host;
    const char *control_exchange; /* for listed servers without an exchange; NULL: "" */
    const char *static_list;      /* the options `static` and `static_file`; NULL: not given */
    const char *static_where;     /* where `static` was said, for errors; NULL: nobody says */
    const char *static_file;
    bool refuses_tcp; /* an address of tcp in them is an error: there is neither a realm nor insecure=true */
    const char *runtime_dir; /* where processes of this machine meet; NULL: the usual ones (src/folder/) */
    bool host_rendezvous;
    int64_t refresh_ms; /* how often members refresh their records, which expire after three times as long. 0:
                           5000 */
    uint64_t seed;      /* of jitter */
    bool is_repeatable; /* all random numbers come from the seed (simulated clusters) */
    atomic_uint_fast64_t *malformed;     /* counts malformed messages; NULL: nobody wants to know */
    godwit__matchmaker_gauges_t *gauges; /* kept up to date; NULL: nobody wants to know */
    godwit__rendezvous_points_t *points; /* the same */
    /* Human-readable news for the log; text is borrowed. The function must not call the matchmaker. NULL:
     * nobody wants to know. */
    void (*note) (void *user, godwit_log_level_t level, const char *text);
    void *note_user;
    godwit__look_up_fn *look_up; /* NULL: the system's names */
    godwit__realm_t *realm;      /* whose certificates the driver checks; NULL: there is none */
    /* What `reach` tells may have changed. Never inside the functions of the matchmaker; unlike an event, it
     * may call `reach` and `announce`. NULL: nobody wants to know. */
    void (*reached) (void *user);
    void *reached_user;
} godwit__matchmaker_options_t;

typedef struct godwit__matchmaker godwit__matchmaker_t;

/* All functions run on the reactor's thread; none blocks. */
typedef struct godwit__matchmaker_ops {
    const char *name;
    godwit_status_t (*open) (godwit__matchmaker_t **matchmaker, const godwit__matchmaker_options_t *options,
                             const godwit__matchmaker_events_t *events, void *user, godwit_error_t **error);
    /* Tells the cluster about a record, or its new revision. The matchmaker references the record.
     * INVALID_ARGUMENT names the field that others would not accept; LIMIT_EXCEEDED; OUT_OF_MEMORY. */
    godwit_status_t (*announce) (godwit__matchmaker_t *matchmaker, godwit__record_t *record,
                                 godwit_error_t **error);
    void (*withdraw) (godwit__matchmaker_t *matchmaker, uint32_t server_id);
    /* Replaces the rendezvous points; those that are in both lists keep what they have. INVALID_ARGUMENT: not
     * 1 to GODWIT__RENDEZVOUS_MAX, or one is there twice; OUT_OF_MEMORY; then nothing has changed. The
     * function is NULL if this backend has no rendezvous points. */
    godwit_status_t (*set_hosts) (godwit__matchmaker_t *matchmaker, const godwit_url_host_t *hosts,
                                  size_t count, godwit_error_t **error);
    /* Writes the addresses of this host on the ways to the rendezvous points of other hosts, as far as they
     * are known without waiting, and returns how many. *is_cut_off: there is a point that no way leads to.
     * NULL if this backend has no rendezvous points. */
    size_t (*reach) (const godwit__matchmaker_t *matchmaker,
                     char hosts[GODWIT__REACH_MAX][GODWIT__ADDRESS_SIZE], bool *is_cut_off);
    /* No event comes after close. Announced records are withdrawn, as far as that needs no waiting. */
    void (*close) (godwit__matchmaker_t *matchmaker);
} godwit__matchmaker_ops_t;

struct godwit__matchmaker {
    const godwit__matchmaker_ops_t *ops;
};

/* Connects transports of this process with the same driver name, host part and virtual host. The driver may
 * be NULL. */
extern const godwit__matchmaker_ops_t godwit__matchmaker_local;
/* Rendezvous points on a network, default port 9573. If the URL names no host, they are in the private
 * folders of this user on this host, and the first process there hosts them ("zmq://:9600/": others, of this
 * number). With the option host_rendezvous the transport also hosts those that it can listen on, for as long
 * as it is open. */
extern const godwit__matchmaker_ops_t godwit__matchmaker_rendezvous;
/* Servers listed in the option static=[exchange/]topic/server@address[|address...][,...], or in a file of
 * such lists. */
extern const godwit__matchmaker_ops_t godwit__matchmaker_static;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and suggestions for an unknown option's name. */
#include "src/config/option_table.h"

#include "src/base/distance.h"
#include "src/config/options.h"
#include "src/error/error.h"

#include <stdio.h>
#include <string.h>

#define AT(member) ((int) offsetof (godwit__settings_t, member))
#define KEPT (-1)
#define DAY_MS INT64_C (86400000)
#define YEAR_MS (365 * DAY_MS)

#define IN_ANY (GODWIT__IN_STRUCT | GODWIT__IN_URL | GODWIT__IN_GODWIT)
#define IN_TEXT (GODWIT__IN_URL | GODWIT__IN_GODWIT)

#define TEXT(name_, places_, offset_, least_, most_, normal_, doc_)                                          \
    {                                                                                                        \
        name_, GODWIT__KIND_TEXT, places_, offset_, 0, least_, most_, normal_, "bytes", doc_                 \
    }
#define NUMBER(name_, kind_, places_, offset_, normal_, least_, most_, unit_, doc_)                          \
    {                                                                                                        \
        name_, GODWIT__KIND_##kind_, places_, offset_, normal_, least_, most_, NULL, unit_, doc_             \
    }
#define OTHER(name_, kind_, places_, offset_, number_, normal_, doc_)                                        \
    {                                                                                                        \
        name_, GODWIT__KIND_##kind_, places_, offset_, number_, 0, 0, normal_, "", doc_                      \
    }

const godwit__option_t godwit__options[] = {
    /* options of oslo.messaging, under its names */
    OTHER ("transport_url", URL, GODWIT__IN_DEFAULT, KEPT, 0, "zmq://",
           "where the cluster is, unless the program names a URL"),
    TEXT ("control_exchange", IN_ANY | GODWIT__IN_DEFAULT, AT (known.control_exchange), 1, 255, "godwit",
          "the exchange of targets that name none"),
    NUMBER ("rpc_response_timeout", SECONDS, IN_TEXT | GODWIT__IN_DEFAULT, AT (known.rpc_response_timeout_ms),
            60000, 1, YEAR_MS, "s", "the timeout of calls that name none; a fraction is possible"),
    NUMBER ("executor_thread_pool_size", INT, IN_ANY | GODWIT__IN_DEFAULT,
            AT (known.executor_thread_pool_size), 64, 1, 100000, "handlers",
            "how many handlers of a server run at a time, unless its own options set it"),
    OTHER ("rpc_ping_enabled", BOOL, IN_ANY | GODWIT__IN_DEFAULT, AT (known.rpc_ping_enabled), 0, "false",
           "every server also answers `oslo_rpc_server_ping`"),
    NUMBER ("rpc_workers", INT, GODWIT__IN_DEFAULT, KEPT, 1, 0, 4096, "",
            "for programs that use `godwit/service.h`: 0 disables RPC"),
    TEXT ("host", GODWIT__IN_DEFAULT, KEPT, 1, 255, "the machine's name",
          "for programs that use `godwit/service.h`: the name of their servers"),

    /* notifications */
    OTHER ("driver", NOTIFY, GODWIT__IN_NOTIFICATIONS, KEPT, 0, "none",
           "how notifications are sent; several lines name several"),
    OTHER ("transport_url", URL, GODWIT__IN_NOTIFICATIONS, KEPT, 0, "that of [DEFAULT]",
           "where notifications are sent"),
    OTHER ("topics", NAMES, GODWIT__IN_NOTIFICATIONS, KEPT, 0, "notifications",
           "the topics that notifications are sent to"),
    NUMBER ("retry", INT, GODWIT__IN_NOTIFICATIONS, KEPT, -1, -1, 1000000, "times",
            "how often sending a notification is tried again; -1: for ever"),
    TEXT ("routing_config", GODWIT__IN_NOTIFICATIONS, KEPT, 0, 4096, "none",
          "the file with the rules of the driver `routing`"),

    /* the transport's own */
    NUMBER ("rpc_response_timeout_ms", INT64, IN_ANY, AT (known.rpc_response_timeout_ms), 60000, 1, YEAR_MS,
            "ms", "the same as `rpc_response_timeout`; only one of the two may be set"),
    TEXT ("allowed_remote_exmods", IN_ANY, AT (known.allowed_remote_exmods), 0, 32768, "none",
          "modules whose errors reach a caller as themselves without being registered, joined with `,`"),
    OTHER ("remote_traces", BOOL, IN_ANY, AT (known.remote_traces), 0, "false",
           "`godwit_error_print` shows the files and lines of servers that failed"),
    OTHER ("external_loop", BOOL, IN_ANY, AT (known.external_loop), 0, "false",
           "no threads: the program calls `godwit_transport_process`"),
    TEXT ("host", IN_ANY, AT (known.host), 1, 255,
          "as the rendezvous is reached; this host only, if it is here",
          "the address to listen on and to be reached at"),
    NUMBER ("port", INT, IN_ANY, AT (known.port), 0, 0, 65535, "",
            "the TCP port at which its servers are reached; 0: any"),
    TEXT ("runtime_dir", IN_ANY, AT (known.runtime_dir), 1, 191, "`$GODWIT_DIR`, else the usual ones",
          "the private folder of the sockets by which processes of this user meet on this machine"),
    TEXT ("realm", IN_ANY, AT (known.realm), 1, 4095, "`$GODWIT_REALM`, else the usual ones",
          "the file by which this process is a member of a realm, or `none`"),
    OTHER ("insecure", BOOL, IN_ANY, AT (known.insecure), 0, "false",
           "without a realm: tcp all the same, to and from everybody"),
    OTHER ("paths", PATHS, IN_TEXT, AT (paths), GODWIT__PATH_ALL, "inproc,ipc,tcp",
           "the kinds of address that are used to connect; without ipc, servers listen at the loopback, too"),
    NUMBER ("max_message_size", SIZE, IN_ANY, AT (known.max_message_size), 64 << 20, 4096, INT64_C (1) << 31,
            "bytes", "the longest message"),
    NUMBER ("queue_limit", INT, IN_ANY, AT (known.queue_limit), 10000, 1, 1000000, "messages",
            "messages that may wait, per connection and direction"),
    NUMBER ("retry_budget", INT, IN_ANY, AT (known.retry_budget), 20, -1, 1000, "percent",
            "retries that put load on servers, in percent of a topic's calls, and 10 a second besides; -1: "
            "no limit"),
    NUMBER ("max_queue_size", SIZE, IN_ANY, AT (known.max_queue_size), 64 << 20, 4096, INT64_C (1) << 40,
            "bytes", "bytes that may wait, per connection and direction, and in the queue of a server"),
    NUMBER ("destroy_timeout_ms", INT64, IN_ANY, AT (known.destroy_timeout_ms), 0, 0, YEAR_MS, "ms",
            "how long destroying a server or the transport waits for handlers that run; 0: for ever"),
    NUMBER ("worker_limit", INT, IN_ANY, AT (known.worker_limit), 256, 2, 4096, "threads",
            "threads that run handlers, all servers together"),
    NUMBER ("connect_timeout_ms", INT64, IN_ANY, AT (known.connect_timeout_ms), 2000, 1, DAY_MS, "ms",
            "how long connecting may take"),
    NUMBER ("heartbeat_ms", INT64, IN_ANY, AT (known.heartbeat_ms), 500, 1, DAY_MS, "ms",
            "how often a silent connection is tested"),
    NUMBER ("heartbeat_timeout_ms", INT64, IN_ANY, AT (known.heartbeat_timeout_ms), 2000, 1, DAY_MS, "ms",
            "after this time a silent connection is given up; if it is less than two `heartbeat_ms`, one "
            "`heartbeat_ms` later"),
    NUMBER ("idle_timeout_ms", INT64, IN_ANY, AT (known.idle_timeout_ms), 300000, 1, YEAR_MS, "ms",
            "after this time a connection that nobody uses is closed"),
    NUMBER ("refresh_ms", INT64, IN_ANY, AT (known.refresh_ms), 5000, 10, DAY_MS, "ms",
            "how often names are announced again"),
    NUMBER ("handler_log_after_ms", INT64, IN_ANY, AT (known.handler_log_after_ms), 30000, -1, YEAR_MS, "ms",
            "after this time a handler that still runs is logged; -1: never"),
    NUMBER ("black_box_size", INT64, IN_ANY, AT (known.black_box_size), 131072, -1, 1 << 30, "bytes",
            "the ring of what became of recent calls, 128 bytes each; -1: there is none"),
    OTHER ("without_introspection", BOOL, IN_ANY, AT (known.without_introspection), 0, "false",
           "servers tell nothing of themselves to those who ask"),
    OTHER ("log_level", LEVEL, IN_ANY, AT (known.log_level), GODWIT_LOG_DEBUG, "debug",
           "lines below this level are not given to `log`"),
    OTHER ("log", POINTER, GODWIT__IN_STRUCT, AT (known.log), 0, "silent",
           "the function that gets log lines"),
    OTHER ("log_user", POINTER, GODWIT__IN_STRUCT, AT (known.log_user), 0, "NULL",
           "what `log` gets with them"),

    /* how servers are found; with zmq only */
    TEXT ("static", IN_TEXT, AT (static_list), 1, 32768, "none",
          "the servers, instead of a rendezvous: `[exchange/]topic/server@address[\\|address...][,...]`"),
    TEXT ("static_file", IN_TEXT, AT (static_file), 1, 4096, "none",
          "a file with such a list, also over several lines; `#` begins a comment"),
    OTHER ("host_rendezvous", BOOL, IN_TEXT, AT (host_rendezvous), 0, "false",
           "the transport also hosts those of the URL's rendezvous that it can listen on"),
};

const size_t godwit__option_count = sizeof godwit__options / sizeof godwit__options[0];

_Static_assert(sizeof godwit__options / sizeof godwit__options[0] <= GODWIT__OPTION_MAX, "they have room");

const godwit__option_t *
godwit__option_find (const char *name, unsigned place)
{
    for (size_t i = 0; i < godwit__option_count; i++)
        if ((godwit__options[i].places & place) && !strcmp (godwit__options[i].name, name))
            return &godwit__options[i];
    return NULL;
}

/* ---- unknown names ---- */

/* The new name of an option for which oslo.messaging once had another name; NULL: it had none. */
static const char *
new_name (const char *name)
{
    static const char *const renamed[][2] = {
        {"rpc_thread_pool_size", "executor_thread_pool_size"},
        {"notification_driver", "[oslo_messaging_notifications] driver"},
        {"notification_topics", "[oslo_messaging_notifications] topics"},
        {"notification_transport_url", "[oslo_messaging_notifications] transport_url"},
        {"routing_notifier_config", "[oslo_messaging_notifications] routing_config"},
        {"rpc_backend", "transport_url"},
    };
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        if (!strcmp (renamed[i][0], name))
            return renamed[i][1];
    return NULL;
}

static const godwit__option_t *
nearest (const char *name, unsigned place)
{
    const godwit__option_t *best = NULL;
    const size_t size = strlen (name);
    size_t limit = size / 3 + 1; /* a name that differs more is another word */
    for (size_t i = 0; i < godwit__option_count; i++) {
        const size_t changes = (godwit__options[i].places & place)
                                   ? godwit__distance (name, godwit__options[i].name)
                                   : GODWIT__DISTANCE_FAR;
        if (changes < limit) {
            limit = changes;
            best = &godwit__options[i];
        }
    }
    return best;
}

godwit_status_t
godwit__option_unknown (const char *name, godwit__said_t said, godwit_error_t **error)
{
    static const char *const places[] = {"the struct", "the URL", "[DEFAULT]", "[godwit]",
                                         "[oslo_messaging_notifications]"};
    char hint[256] = "";
    size_t used = 0;
    unsigned elsewhere = 0;
    for (size_t i = 0; i < godwit__option_count; i++)
        if (!strcmp (godwit__options[i].name, name))
            elsewhere |= godwit__options[i].places;
    const godwit__option_t *const near = nearest (name, said.place);
    const char *const now = new_name (name);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (elsewhere & (1u << i))
            used += (size_t) snprintf (hint + used, sizeof hint - used, "%s%s",
                                       used ? ", " : " here, but in ", places[i]);
    if (!elsewhere && (now || near))
        snprintf (hint, sizeof hint, "; did you mean %s?", now ? now : near->name);
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "Option %s%s%s%.200s (%s): there is no such option%s", said.group ? "[" : "",
                              said.group ? said.group : "", said.group ? "] " : "", name, said.where, hint);
}

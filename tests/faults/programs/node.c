/* SPDX-License-Identifier: Apache-2.0 */
/* A process of a cluster that is to be broken: a server, a client, or both, a notifier, a listener, a client
 * or a server of durable casts, with its history in a file.
 *
 *     node --node 3 --role client --name client-1 --url zmq://127.0.0.1:9573/ --log DIR/client-1.3.history
 *
 * It says "ready" when its server is started and its client sees the servers that it waits for. SIGTERM and
 * SIGINT end it in good order: no new calls, all calls ended, the server drained; no new notifications, all
 * acknowledged. --seconds and --calls end it too. */
#include "tests/faults/node_caster.h"
#include "tests/faults/node_client.h"
#include "tests/faults/node_listener.h"
#include "tests/faults/node_notifier.h"
#include "tests/faults/node_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static godwit_transport_t *transport;

static void
must (bool done, const char *what, godwit_error_t *error)
{
    if (done)
        return;
    fprintf (stderr, "node: %s: %s\n", what, godwit_error_print (error));
    exit (1);
}

/* Until somebody asks for the end, or the clients are done. SIGCONT after a SIGSTOP is neither. */
static void
wait_for_end (const sigset_t *signals, int64_t seconds)
{
    const uint64_t end_ns = history_now_ns () + (uint64_t) seconds * 1000000000;
    for (;;) {
        const uint64_t now_ns = history_now_ns ();
        const uint64_t left_ns = now_ns < end_ns ? end_ns - now_ns : 0;
        const struct timespec rest = {(time_t) (left_ns / 1000000000), (long) (left_ns % 1000000000)};
        const int got = seconds > 0 ? sigtimedwait (signals, NULL, &rest) : sigwaitinfo (signals, NULL);
        if (got >= 0 || errno != EINTR)
            return;
    }
}

static void
note_gaps (history_t *history)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    if (stats.fanout_gaps > 0)
        history_put (history, (history_record_t){.event = HISTORY_GAPS, .value = stats.fanout_gaps});
}

int
main (int argc, char **argv)
{
    node_options_t options;
    if (!node_options_parse (&options, argc, argv))
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGTERM);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGUSR1); /* the clients are done */
    pthread_sigmask (SIG_BLOCK, &signals, NULL);

    history_t *history = history_open (options.log, &(const history_options_t){.node = options.node,
                                                                               .roles = options.roles,
                                                                               .name = options.name,
                                                                               .host = options.host,
                                                                               .seed = options.seed,
                                                                               .capacity = options.records});
    if (!history || !history_watch_stalls (history)) {
        perror (options.log);
        return 1;
    }
    godwit_error_t *error = NULL;
    must (godwit_transport_new (&transport, options.url, NULL, &error) == GODWIT_OK, options.url, error);
    if (options.roles & HISTORY_SERVER)
        must (node_server_start (transport, history, &options, &error), "server", error);
    if (options.roles & HISTORY_CLIENT)
        must (node_client_start (transport, history, &options, &error), "client", error);
    if (options.roles & HISTORY_LISTENER)
        must (node_listener_start (transport, history, &options, &error), "listener", error);
    if (options.roles & HISTORY_NOTIFIER)
        must (node_notifier_start (transport, history, &options, &error), "notifier", error);
    if (options.roles & HISTORY_WORKER)
        must (node_worker_start (transport, history, &options, &error), "worker", error);
    if (options.roles & HISTORY_CASTER)
        must (node_caster_start (transport, history, &options, &error), "caster", error);
    printf ("ready\n");
    wait_for_end (&signals, options.seconds);
    if (options.roles & HISTORY_CLIENT)
        node_client_stop ();
    if (options.roles & HISTORY_CASTER)
        node_caster_stop ();
    if (options.roles & HISTORY_WORKER)
        must (node_worker_stop (&error), "stop", error);
    if (options.roles & HISTORY_NOTIFIER)
        node_notifier_stop ();
    if (options.roles & HISTORY_LISTENER)
        must (node_listener_stop (&error), "stop", error);
    if (options.roles & HISTORY_SERVER)
        must (node_server_stop (&error), "stop", error);
    note_gaps (history);
    godwit_transport_destroy (&transport);
    history_close (history);
    printf ("done\n");
    return 0;
}

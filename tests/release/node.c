/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

const godwit_error_class_t node_out_of_stock = {"shop", "OutOfStock"};

unsigned long long
node_mark (int64_t client, int64_t number)
{
    unsigned long long mark = (unsigned long long) client << 32 ^ (unsigned long long) number;
    mark = (mark ^ mark >> 30) * 0xbf58476d1ce4e5b9u;
    mark = (mark ^ mark >> 27) * 0x94d049bb133111ebu;
    return mark ^ mark >> 31;
}

void
node_say (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    flockfile (stdout);
    vprintf (format, arguments);
    putchar ('\n');
    fflush (stdout);
    funlockfile (stdout);
    va_end (arguments);
}

void
node_must (godwit_status_t status, godwit_error_t **error)
{
    if (status == GODWIT_OK)
        return;
    node_say ("ended: %s", godwit_error_print (*error));
    exit (1);
}

void
node_await_stats (const godwit_transport_t *transport,
                  bool (*is_so) (const godwit_transport_stats_t *stats, unsigned long long number),
                  unsigned long long number)
{
    const struct timespec pause = {0, 5000000};
    godwit_transport_stats_t stats = {0};
    for (;;) {
        godwit_transport_stats (transport, &stats, sizeof stats);
        if (is_so (&stats, number))
            return;
        nanosleep (&pause, NULL);
    }
}

/* Until the input ends, or SIGTERM. */
static void
listen_to_words (int signals, void (*do_word) (const char *word, unsigned long long number))
{
    char text[4096];
    size_t size = 0;
    struct pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
    for (;;) {
        if (poll (sources, 2, -1) < 0 || sources[1].revents)
            return;
        const ssize_t got = read (STDIN_FILENO, text + size, sizeof text - 1 - size);
        if (got <= 0)
            return;
        size += (size_t) got;
        text[size] = '\0';
        for (char *end; (end = strchr (text, '\n')); memmove (text, end + 1, size + 1)) {
            char word[16] = "";
            unsigned long long number = 0;
            *end = '\0';
            size -= (size_t) (end + 1 - text);
            sscanf (text, "%15s %llu", word, &number);
            do_word (word, number);
        }
    }
}

int
main (int argc, char **argv)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    godwit_transport_stats_t stats = {0};
    tally_t tally = {0};
    Dl_info library = {0};
    sigset_t terminate;
    if (argc != 4 || (strcmp (argv[1], "server") && strcmp (argv[1], "client")))
        return 2;
    const bool serves = !strcmp (argv[1], "server");
    sigemptyset (&terminate);
    sigaddset (&terminate, SIGTERM);
    sigprocmask (SIG_BLOCK, &terminate, NULL);
    const int signals = signalfd (-1, &terminate, SFD_CLOEXEC);

    /* A machine that stands still for a while is no failure. */
    node_must (godwit_transport_new (&transport, argv[2],
                                     GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = "shop",
                                                               .heartbeat_timeout_ms = 60000,
                                                               .connect_timeout_ms = 20000),
                                     &error),
               &error);
    node_must (godwit_transport_register_error (transport, &node_out_of_stock, &error), &error);
    (serves ? node_server_open : node_client_open) (transport, argv[3]);
    godwit_transport_stats (transport, &stats, sizeof stats); /* bound by now: dladdr tells where to */
    dladdr ((void *) (uintptr_t) godwit_transport_stats, &library);
    node_say ("up %s", library.dli_fname);

    listen_to_words (signals, serves ? node_server_word : node_client_word);

    (serves ? node_server_close : node_client_close) (&tally);
    godwit_transport_stats (transport, &stats, sizeof stats);
    tally.malformed = stats.frames_malformed;
    tally.unknown = stats.frames_unknown;
    tally.refused = stats.requests_refused;
    tally.gaps = stats.fanout_gaps;
    godwit_transport_destroy (&transport);
    node_say ("tally " NODE_TALLY_FORMAT, tally.notes, tally.note_sum, tally.told, tally.told_sum,
              tally.failed, tally.malformed, tally.unknown, tally.refused, tally.gaps, tally.missed);
    close (signals);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* godwit matchmaker: hosts rendezvous points and does nothing else, until SIGTERM or SIGINT. It runs a
 * transport, in this thread. */
#include "tools/godwit/commands.h"
#include "tools/godwit/systemd.h"

#include <godwit/transport.h>

#include "src/interface/tcp_permission.h"

#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_MAX 7
/* How long to wait until all is hosted: listening begins only after a check that nobody else listens. */
#define WAIT_LIMIT_MS 5000
#define REFRESH_MAX_MS 3600000

typedef struct matchmaker {
    const char *addresses[LISTEN_MAX];
    size_t address_count;
    long refresh_ms; /* 0: the default */
    bool is_verbose;
    const char *realm; /* NULL: the usual member file, if there is one */
    bool is_insecure;
    godwit_transport_t *transport;
    int signals;
    bool is_ready;
    bool has_failed;
    char failure[512]; /* why it cannot host */
} matchmaker_t;

/* ---- arguments ---- */

enum { KEY_LISTEN = 'l', KEY_VERBOSE = 'v', KEY_REFRESH = 0x100, KEY_REALM, KEY_INSECURE };

static const struct argp_option options[] = {
    {"listen", KEY_LISTEN, "ADDRESS", 0,
     "Where to listen: host, host:port or [IPv6 address]:port, the host as an address; up to 7 times. "
     "Without it: in the private folders of this user, where processes without configuration meet",
     0},
    {"refresh-ms", KEY_REFRESH, "N", 0,
     "How often to look for members that are silent (50 to 3600000 milliseconds; 5000)", 0},
    {"realm", KEY_REALM, "FILE", 0,
     "The member file of the realm whose members may come, or none; the usual one without it", 0},
    {"insecure", KEY_INSECURE, NULL, 0,
     "Without a realm: let everybody in who can connect, which --listen needs then", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "Tell of members that come and go, on the standard error output", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static long
read_ms (const struct argp_state *state, const char *text)
{
    char *end = NULL;
    errno = 0;
    const long number = strtol (text, &end, 10);
    if (errno || end == text || *end || number < 50 || number > REFRESH_MAX_MS)
        argp_error (state, "--refresh-ms: expected a number from 50 to %d, got \"%s\"", REFRESH_MAX_MS, text);
    return number;
}

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    matchmaker_t *self = state->input;
    switch (key) {
    case KEY_LISTEN:
        if (self->address_count == LISTEN_MAX)
            argp_error (state, "--listen: expected it at most %d times", LISTEN_MAX);
        self->addresses[self->address_count++] = text;
        return 0;
    case KEY_REFRESH:
        self->refresh_ms = read_ms (state, text);
        return 0;
    case KEY_REALM:
        self->realm = text;
        return 0;
    case KEY_INSECURE:
        self->is_insecure = true;
        return 0;
    case KEY_VERBOSE:
        self->is_verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what the transport tells ---- */

/* Until all addresses are hosted, one that cannot be hosted ends the program: it must not serve only some of
 * the addresses that it was given. */
static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    matchmaker_t *self = user;
    if (!self->is_ready && !self->has_failed &&
        (strncmp (text, "Does not host ", 14) == 0 || strncmp (text, "Joined ", 7) == 0)) {
        self->has_failed = true;
        snprintf (self->failure, sizeof self->failure, "%s%s", text,
                  text[0] == 'J' ? ": another process hosts it" : "");
    }
    if (self->is_verbose || level >= GODWIT_LOG_WARNING)
        godwit_log_stderr (NULL, level, text);
}

static bool
is_hosting (const matchmaker_t *self)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (self->transport, &stats, sizeof stats);
    return stats.rendezvous_hosted >= stats.rendezvous_known;
}

/* ---- life ---- */

static int
fail (const char *what)
{
    fprintf (stderr, "godwit matchmaker: %s\n", what);
    return STATUS_FAILED;
}

/* The library speaks of the settings of a program. */
static void
advise (const char *reason)
{
    if (strstr (reason, godwit__tcp_refusal (true)) || strstr (reason, godwit__tcp_refusal (false)))
        fprintf (stderr,
                 "With a realm: put the member file that `godwit realm init` makes on this host, with "
                 "`godwit realm accept`. Without one, for this command: --insecure\n");
}

static int
fail_with (godwit_error_t *error)
{
    fail (godwit_error_message (error));
    advise (godwit_error_message (error));
    godwit_error_destroy (&error);
    return STATUS_FAILED;
}

/* The signals that end it arrive through a descriptor; the transport's threads, which are made later, do not
 * get them either. */
static bool
take_signals (matchmaker_t *self)
{
    sigset_t stop_signals;
    sigemptyset (&stop_signals);
    sigaddset (&stop_signals, SIGTERM);
    sigaddset (&stop_signals, SIGINT);
    if (sigprocmask (SIG_BLOCK, &stop_signals, NULL) < 0)
        return false;
    self->signals = signalfd (-1, &stop_signals, SFD_CLOEXEC);
    return self->signals >= 0;
}

/* The first address, so that an error names it; but of a malformed one the list's error says more. */
static void
print_url (const matchmaker_t *self, char *url, size_t size)
{
    const char *const first = self->address_count ? self->addresses[0] : NULL;
    if (first)
        snprintf (url, size, "zmq://%s/?host_rendezvous=true",
                  strpbrk (first, ",/?#@") ? "127.0.0.1" : first);
    else
        snprintf (url, size, "zmq://");
}

/* The whole list is given afterwards, because a URL may name a point twice. */
static godwit_status_t
open_transport (matchmaker_t *self, godwit_error_t **error)
{
    char url[512];
    print_url (self, url, sizeof url);
    const godwit_status_t status = godwit_transport_new (
        &self->transport, url,
        GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .refresh_ms = self->refresh_ms, .log = on_log,
                                  .log_user = self, .log_level = GODWIT_LOG_DEBUG, .realm = self->realm,
                                  .insecure = self->is_insecure),
        error);
    if (status != GODWIT_OK || self->address_count == 0)
        return status;
    return godwit_transport_set_rendezvous (self->transport, self->addresses, self->address_count, error);
}

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
tell_ready (matchmaker_t *self)
{
    self->is_ready = true;
    printf ("godwit matchmaker: ready at%s", self->address_count ? "" : " the private folders of this user");
    for (size_t i = 0; i < self->address_count; i++)
        printf (" %s", self->addresses[i]);
    printf ("\n");
    fflush (stdout);
    systemd_tell ("READY=1");
}

static int
run (matchmaker_t *self)
{
    struct pollfd sources[] = {{self->signals, POLLIN, 0},
                               {godwit_transport_fd (self->transport), POLLIN, 0}};
    const int64_t wait_limit_end_ms = now_ms () + WAIT_LIMIT_MS;
    godwit_error_t *error = NULL;
    for (;;) {
        if (godwit_transport_process (self->transport, 0, &error) != GODWIT_OK)
            return fail_with (error);
        if (!self->is_ready && is_hosting (self))
            tell_ready (self);
        if (!self->is_ready && self->has_failed)
            return fail (self->failure);
        const int64_t left_ms = wait_limit_end_ms - now_ms ();
        if (!self->is_ready && left_ms <= 0)
            return fail ("cannot listen: another process has the address, and neither answers nor refuses");
        const int count = poll (sources, 2, self->is_ready ? -1 : (int) left_ms);
        if (count < 0 && errno != EINTR)
            return fail (strerror (errno));
        if (sources[0].revents) {
            systemd_tell ("STOPPING=1");
            return EXIT_SUCCESS;
        }
    }
}

const struct argp argp_of_matchmaker = {
    .options = options,
    .parser = on_option,
    .doc = "Host rendezvous points, where the processes of a cluster find each other, and do nothing else.\v"
           "One line on the standard output says when it is ready; a service of systemd is told, too "
           "(Type=notify). It ends with SIGTERM or SIGINT. Run it on up to seven hosts, and name all of them "
           "in the URL of every process: zmq://10.0.0.1,10.0.0.2,10.0.0.3/\n\n"
           "Examples:\n\n"
           "  godwit matchmaker\n"
           "  godwit matchmaker --listen='*' --realm=/etc/godwit/realm.member\n"
           "  godwit matchmaker --listen=127.0.0.1 --insecure --verbose\n\n"
           "Exit status: 0; 1 for a failure; 2 for arguments that make no sense.\n"};

int
command_matchmaker (int argc, char **argv)
{
    matchmaker_t self = {.signals = -1};
    godwit_error_t *error = NULL;
    int status;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_matchmaker, argc, argv, 0, NULL, &self);
    if (!take_signals (&self))
        status = fail (strerror (errno));
    else if (open_transport (&self, &error) == GODWIT_OK)
        status = run (&self);
    else if (godwit_error_status (error) == GODWIT_ERR_INVALID_ARGUMENT ||
             godwit_error_status (error) == GODWIT_ERR_INVALID_URL) {
        fail_with (error);
        status = STATUS_USAGE;
    } else
        status = fail_with (error);
    godwit_transport_destroy (&self.transport);
    if (self.signals >= 0)
        close (self.signals);
    return status;
}

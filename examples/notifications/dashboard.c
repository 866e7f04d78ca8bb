/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what happens in the shop, by the type of event. Dashboards share a pool: each notification is
 * counted by one of them. */
#include <godwit/godwit.h>
#include <godwit/listener.h>

#include <argp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_MAX 64
#define SAY_EACH 250

struct dashboard {
    const char *name;
    pthread_mutex_t lock; /* the endpoint runs for several priorities at once */
    size_t type_count;
    struct {
        char type[64];
        unsigned long count;
    } types[TYPE_MAX];
    unsigned long total;
    unsigned long again; /* delivered before, perhaps: a dashboard that was killed may have counted them */
};

static size_t
find_type (struct dashboard *self, const char *type)
{
    size_t at = 0;
    while (at < self->type_count && strcmp (self->types[at].type, type) != 0)
        at++;
    if (at == self->type_count && at < TYPE_MAX - 1) {
        self->type_count++;
        snprintf (self->types[at].type, sizeof self->types[at].type, "%s", type);
    }
    return at;
}

static godwit_handled_t
on_event (const godwit_notification_t *notification, void *user)
{
    struct dashboard *self = user;
    pthread_mutex_lock (&self->lock);
    self->types[find_type (self, godwit_notification_event_type (notification))].count++;
    self->again += godwit_notification_redeliveries (notification) > 0;
    if (++self->total % SAY_EACH == 0) {
        printf ("%s: counted %lu\n", self->name, self->total);
        fflush (stdout);
    }
    pthread_mutex_unlock (&self->lock);
    return GODWIT_HANDLED;
}

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct dashboard *self = state->input;
    if (key == ARGP_KEY_ARG && state->arg_num == 0)
        self->name = text;
    else if (key == ARGP_KEY_ARG || key == ARGP_KEY_NO_ARGS)
        argp_usage (state);
    return 0;
}

int
main (int argc, char **argv)
{
    static const struct argp parser = {
        .parser = parse, .args_doc = "NAME", .doc = "Counts what happens in the shop, until SIGTERM."};
    static struct dashboard self = {.lock = PTHREAD_MUTEX_INITIALIZER};
    argp_parse (&parser, argc, argv, 0, NULL, &self);

    const char *const url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_listener_t *listener = NULL;
    godwit_error_t *error = NULL;
    sigset_t ends;
    int signal_number, result = EXIT_FAILURE;
    sigemptyset (&ends);
    sigaddset (&ends, SIGTERM);
    sigaddset (&ends, SIGINT);
    pthread_sigmask (SIG_BLOCK, &ends, NULL); /* before there are other threads */
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.audit = on_event, .debug = on_event, .info = on_event,
                                      .warn = on_event, .error = on_event, .critical = on_event,
                                      .sample = on_event, .self = &self);
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                             GODWIT_LISTENER_OPTIONS (.pool = "dashboard"), &error) == GODWIT_OK &&
        godwit_listener_start (listener, NULL, &error) == GODWIT_OK) {
        puts ("ready");
        fflush (stdout);
        sigwait (&ends, &signal_number);
        result = EXIT_SUCCESS;
    } else {
        fprintf (stderr, "%s: %s\n", self.name, godwit_error_print (error));
    }
    godwit_error_destroy (&error);
    godwit_listener_destroy (&listener); /* what has come is counted first */
    godwit_transport_destroy (&transport);
    for (size_t i = 0; i < self.type_count; i++)
        printf ("%s: %s %lu\n", self.name, self.types[i].type, self.types[i].count);
    printf ("%s: %lu in all, of which %lu may have been counted before\n", self.name, self.total, self.again);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A call and a fanout whose words can be recognised in a capture (tests/e2e/capture.sh):
 *
 *     talk serve URL WORD      prints "ready", and "call from NAME" and "fanout" when it got them
 *     talk ask URL WORD [MS]   makes a call and a fanout, each within this time (10000), and prints the reply
 *
 * WORD stands for all of them: the topic is WORD-topic, and so on. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is never to be read by a stranger. */
struct words {
    char topic[64], call[64], fanout[64], argument[64], payload[64], reply[64], context[64];
};

static void
make_words (struct words *words, const char *word)
{
    snprintf (words->topic, sizeof words->topic, "%s-topic", word);
    snprintf (words->call, sizeof words->call, "%s-call", word);
    snprintf (words->fanout, sizeof words->fanout, "%s-fanout", word);
    snprintf (words->argument, sizeof words->argument, "%s-argument", word);
    snprintf (words->payload, sizeof words->payload, "%s-payload", word);
    snprintf (words->reply, sizeof words->reply, "%s-reply", word);
    snprintf (words->context, sizeof words->context, "%s-context", word);
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    const struct words *const words = self;
    const char *const peer = godwit_request_peer (request);
    if (godwit_request_is_cast (request))
        puts ("fanout");
    else
        printf ("call from %s\n", peer ? peer : "nobody");
    fflush (stdout);
    return godwit_request_reply (request, GODWIT_STR (NULL, words->reply));
}

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

static godwit_status_t
serve (godwit_transport_t *transport, struct words *words, godwit_error_t **error)
{
    const godwit_method_t methods[] = {GODWIT_METHOD (words->call, answer, 0),
                                       GODWIT_METHOD (words->fanout, answer, 0)};
    godwit_server_t *server = NULL;
    godwit_status_t status =
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = words->topic, .server = "server"),
                           &GODWIT_ENDPOINT (methods, .self = words), 1, NULL, error);
    if (!status)
        status = godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), error);
    godwit_server_destroy (&server);
    return status;
}

static godwit_status_t
ask (godwit_transport_t *transport, const struct words *words, int64_t timeout_ms, godwit_error_t **error)
{
    godwit_client_t *client = NULL;
    godwit_value_t *context = NULL;
    godwit_value_t *reply = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    const godwit_fields_t args = GODWIT_ARGS (GODWIT_STR (words->argument, words->payload));
    godwit_status_t status =
        godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR (words->context, words->context)), error);
    if (!status)
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = words->topic),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = timeout_ms), error);
    if (!status)
        status = godwit_client_call (client, context, words->call, args, &reply, error);
    if (!status)
        status = godwit_client_fanout (client, context, words->fanout, args, &report, error);
    if (!status)
        printf ("%s, %u reached\n", godwit_value_as_str (reply, "?"), report.reached);
    godwit_value_unref (&reply);
    godwit_value_unref (&context);
    godwit_client_destroy (&client);
    return status;
}

int
main (int argc, char **argv)
{
    struct words words;
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    if (argc < 4) {
        fprintf (stderr, "usage: talk serve|ask URL WORD [MS]\n");
        return EXIT_FAILURE;
    }
    make_words (&words, argv[3]);
    godwit_status_t status = godwit_transport_new (
        &transport, argv[2],
        GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error);
    if (!status)
        status = strcmp (argv[1], "serve") == 0
                     ? serve (transport, &words, &error)
                     : ask (transport, &words, argc > 4 ? atoi (argv[4]) : 10000, &error);
    if (status)
        fprintf (stderr, "talk: %s\n", godwit_error_print (error));
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

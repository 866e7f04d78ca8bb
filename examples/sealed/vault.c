/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a secret, and tells it to whoever has the key: vault URL KEY-FILE */
#include "sealed.h"

#include <pthread.h>
#include <string.h>

struct vault {
    pthread_mutex_t lock;
    char secret[256];
};

struct put_args {
    const char *secret;
};
static const godwit_slot_t put_slots[] = {GODWIT_SLOT (struct put_args, secret)};

/* The arguments are opened and checked when the handler sees them. */
static godwit_status_t
put (godwit_request_t *request, void *self)
{
    struct vault *vault = self;
    const struct put_args *args = godwit_request_params (request);
    pthread_mutex_lock (&vault->lock);
    snprintf (vault->secret, sizeof vault->secret, "%s", args->secret);
    pthread_mutex_unlock (&vault->lock);
    return GODWIT_OK;
}

static godwit_status_t
get (godwit_request_t *request, void *self)
{
    struct vault *vault = self;
    char secret[sizeof vault->secret];
    pthread_mutex_lock (&vault->lock);
    memcpy (secret, vault->secret, sizeof secret);
    pthread_mutex_unlock (&vault->lock);
    return godwit_request_reply (request, GODWIT_STR (NULL, (const char *) secret));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("put", put, struct put_args, put_slots, 0),
    GODWIT_METHOD ("get", get, 0),
};

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    struct vault vault = {.secret = ""};
    struct sealed sealed;
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (argc != 3 || !sealed_read_key (&sealed, argv[2]))
        return EXIT_FAILURE;
    const godwit_serializer_t serializer = sealed_serializer (&sealed);
    pthread_mutex_init (&vault.lock, NULL);

    if (godwit_transport_new (
            &transport, argv[1],
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "secrets", .server = "vault"),
                           &GODWIT_ENDPOINT (methods, .self = &vault), 1,
                           GODWIT_SERVER_OPTIONS (.serializer = &serializer), &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "vault: %s\n", godwit_error_print (error));
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    pthread_mutex_destroy (&vault.lock);
    return result;
}

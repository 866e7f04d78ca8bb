/* SPDX-License-Identifier: Apache-2.0 */
/* A server without the key, in place of whoever listens on the way: tells what it sees: tap URL SECRET */
#include <godwit/godwit.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
holds (const void *data, size_t size, const char *text)
{
    const size_t length = strlen (text);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp ((const char *) data + i, text, length) == 0)
            return true;
    return false;
}

static godwit_status_t
put (godwit_request_t *request, void *self)
{
    const godwit_value_t *secret = godwit_value_get (godwit_request_args (request), "secret");
    const godwit_type_t type = godwit_value_type (secret);
    const void *data = godwit_value_as_str (secret, "");
    size_t size = godwit_value_count (secret);
    if (type == GODWIT_TYPE_BIN)
        godwit_value_get_bin (secret, &data, &size, NULL);
    printf ("put: secret is a %s of %zu bytes, %s\n", godwit_type_name (type), size,
            holds (data, size, self) ? "in plain text" : "which says nothing");
    fflush (stdout);
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "this is no vault");
    return godwit_request_fail (request, &error);
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("put", put, 0)};

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
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (argc != 3)
        return EXIT_FAILURE;

    if (godwit_transport_new (
            &transport, argv[1],
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "secrets", .server = "tap"),
                           &GODWIT_ENDPOINT (methods, .self = argv[2]), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "tap: %s\n", godwit_error_print (error));
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a secret into a server and gets it back: client URL SERVER KEY-FILE SECRET; the key file "-" seals
 * nothing. */
#include "sealed.h"

#include <string.h>

int
main (int argc, char **argv)
{
    struct sealed sealed;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *secret = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    const bool plain = argc == 5 && strcmp (argv[3], "-") == 0;
    if (argc != 5 || (!plain && !sealed_read_key (&sealed, argv[3])))
        return EXIT_FAILURE;
    const godwit_serializer_t serializer = sealed_serializer (&sealed);

    if (godwit_transport_new (
            &transport, argv[1],
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "secrets", .server = argv[2]),
                           GODWIT_CLIENT_OPTIONS (.serializer = plain ? NULL : &serializer),
                           &error) == GODWIT_OK &&
        godwit_client_call (client, NULL, "put", GODWIT_ARGS (GODWIT_STR ("secret", argv[4])), NULL,
                            &error) == GODWIT_OK &&
        godwit_client_call (client, NULL, "get", GODWIT_NO_ARGS, &secret, &error) == GODWIT_OK) {
        printf ("the secret is: %s\n", godwit_value_as_str (secret, "no str"));
        result = EXIT_SUCCESS;
    } else {
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    }
    godwit_value_unref (&secret);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    godwit_error_destroy (&error);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Values of bytes that belong to the program: who frees them, and how they are encoded. */
#include "src/client/encoded_request.h"
#include "src/value/msgpack/codec.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <stdlib.h>

#define LARGE (size_t) GODWIT__INSERT_SIZE

static int freed;

static void
count_freed (void *data, void *hint)
{
    cr_assert_eq (data, hint);
    freed++;
}

static uint8_t bytes[3 * GODWIT__INSERT_SIZE];

static godwit_value_t *
value_of (size_t size)
{
    godwit_value_t *value = NULL;
    MUST (godwit_value_new_bin (&value, bytes, size, count_freed, bytes, &error));
    return value;
}

static void
fill_bytes (void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) (i * 31 + i / 256);
}

TestSuite (value_bin, .init = fill_bytes);

Test (value_bin, is_read_where_it_is_and_freed_with_its_last_reference)
{
    godwit_value_t *value = value_of (100);
    const void *data = NULL;
    size_t size = 0;
    cr_assert_eq (godwit_value_type (value), GODWIT_TYPE_BIN);
    MUST (godwit_value_get_bin (value, &data, &size, &error));
    cr_assert_eq (data, bytes);
    cr_assert_eq (size, 100);
    cr_assert_eq (godwit_value_count (value), 100);

    godwit_value_t *copied = NULL;
    MUST (godwit_value_new (&copied, GODWIT_BIN (NULL, bytes, 100), &error));
    cr_assert (godwit_value_equal (value, copied));
    godwit_value_unref (&copied);

    godwit_value_t *again = godwit_value_ref (value);
    godwit_value_unref (&value);
    cr_assert_eq (freed, 0);
    godwit_value_unref (&again);
    cr_assert_eq (freed, 1);
}

Test (value_bin, of_nothing)
{
    godwit_value_t *value = NULL;
    const void *data = NULL;
    size_t size = 1;
    MUST (godwit_value_new_bin (&value, NULL, 0, NULL, NULL, &error));
    MUST (godwit_value_get_bin (value, &data, &size, &error));
    cr_assert_not_null (data);
    cr_assert_eq (size, 0);
    godwit_value_unref (&value);
}

Test (value_bin, is_freed_once_if_it_cannot_be_made)
{
    godwit_value_t *value = NULL;
    cr_assert_eq (godwit_value_new_bin (NULL, bytes, 1, count_freed, bytes, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (freed, 1);
    cr_assert_eq (godwit_value_new_bin (&value, NULL, 1, count_freed, NULL, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (freed, 2);
    cr_assert_eq (godwit_value_new_bin (&value, bytes, (size_t) UINT32_MAX + 1, count_freed, bytes, NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (freed, 3);
    cr_assert_null (value);
}

/* ---- what is sent ---- */

/* The request as it is on the wire. The caller frees it. */
static uint8_t *
wire_of (const godwit_client_t *client, godwit_fields_t args, bool publication, size_t *size,
         size_t expected_inserts)
{
    static godwit__encoded_request_t request;
    if (publication)
        MUST (godwit__encode_publication (&request, client, NULL, "store", &args, &error));
    else
        MUST (godwit__encode_request (&request, client, NULL, "store", &args, &error));
    godwit__message_t message = godwit__encoded_request_message (&request);
    if (publication) {
        message.data = (uint8_t *) message.data - GODWIT__KEY_SIZE;
        message.size += GODWIT__KEY_SIZE;
        memset (message.data, 7, GODWIT__KEY_SIZE);
    }
    memset ((uint8_t *) message.data + message.size - request.size, 9, GODWIT__HEADER_SIZE);
    cr_assert_eq (message.insert_count, expected_inserts);
    *size = godwit__message_size (&message);
    uint8_t *wire = malloc (*size);
    cr_assert_not_null (wire);
    godwit__message_gather (&message, wire);
    if (!publication && expected_inserts) { /* for a driver that does not gather */
        cr_assert (godwit__encoded_request_join (&request));
        message = godwit__encoded_request_message (&request);
        cr_assert_eq (message.insert_count, 0);
        cr_assert_eq (message.size, *size);
        cr_assert_arr_eq (message.data, wire, *size);
    }
    godwit__encoded_request_release (&request);
    return wire;
}

static void
check_same (const godwit_client_t *client, godwit_fields_t referred, godwit_fields_t copied,
            size_t insert_count)
{
    for (int publication = 0; publication < 2; publication++) {
        size_t size, copied_size;
        uint8_t *wire = wire_of (client, referred, publication, &size, insert_count);
        uint8_t *expected = wire_of (client, copied, publication, &copied_size, 0);
        cr_assert_eq (size, copied_size);
        cr_assert_arr_eq (wire, expected, size);
        free (wire);
        free (expected);
    }
}

Test (value_bin, is_the_same_on_the_wire_as_a_copy)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_transport_new (&transport, "inproc:///bin", NULL, &error));
    MUST (
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "t", .version = "1.2"), NULL, &error));
    static const size_t sizes[] = {0, 1, 255, LARGE - 1, LARGE, LARGE + 1, 65535, 2 * LARGE, 3 * LARGE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i] < sizeof bytes ? sizes[i] : sizeof bytes;
        const size_t inserts = size >= LARGE ? 1 : 0;
        godwit_value_t *value = value_of (size);
        check_same (client, GODWIT_ARGS (GODWIT_VALUE ("image", value)),
                    GODWIT_ARGS (GODWIT_BIN ("image", bytes, size)), inserts);
        check_same (client,
                    GODWIT_ARGS (GODWIT_STR ("name", "x"), GODWIT_VALUE ("a", value), GODWIT_INT ("n", 3),
                                 GODWIT_LIST ("l", GODWIT_VALUE (NULL, value), GODWIT_STR (NULL, "y")),
                                 GODWIT_BOOL ("last", true)),
                    GODWIT_ARGS (GODWIT_STR ("name", "x"), GODWIT_BIN ("a", bytes, size), GODWIT_INT ("n", 3),
                                 GODWIT_LIST ("l", GODWIT_BIN (NULL, bytes, size), GODWIT_STR (NULL, "y")),
                                 GODWIT_BOOL ("last", true)),
                    2 * inserts);
        cr_assert_eq (freed, (int) i);
        godwit_value_unref (&value);
        cr_assert_eq (freed, (int) i + 1);
    }
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

Test (value_bin, parts_of_other_values_are_not_copied_either)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *map = NULL;
    static char text[GODWIT__INSERT_SIZE + 1];
    memset (text, 'x', sizeof text - 1);
    MUST (godwit_transport_new (&transport, "inproc:///bin", NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "t"), NULL, &error));
    const godwit_fields_t fields =
        GODWIT_ARGS (GODWIT_BIN ("a", bytes, LARGE), GODWIT_STR ("s", text), GODWIT_BIN ("b", bytes, 10));
    MUST (godwit_value_new_map (&map, fields, &error));
    check_same (client, godwit_fields_from (map), fields, 2);
    godwit_value_unref (&map);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies that are the library's own: HELLO and WELCOME, and what hostile peers make of them. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/error/error.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

static godwit_status_t
read_identity (godwit__identity_t *identity, const void *body, size_t size)
{
    uint8_t data[2048] = {0};
    memcpy (data + GODWIT__HEADER_SIZE, body, size);
    godwit__frame_t frame = {.data = data, .size = GODWIT__HEADER_SIZE + size};
    return godwit__identity_read (identity, &frame, NULL);
}

/* The body of a good HELLO; an entry is left out, or replaced by a value. */
static size_t
write_map (uint8_t *body, const char *without, const char *instead, godwit_field_t field)
{
    static const uint8_t uuid[GODWIT__UUID_SIZE] = {1};
    const godwit_field_t all[] = {
        GODWIT_BIN ("instance", uuid, sizeof uuid), GODWIT_UINT ("incarnation", 7u),
        GODWIT_UINT ("features", UINT64_MAX),       GODWIT_STR ("virtual_host", "v"),
        GODWIT_BIN ("expect", uuid, sizeof uuid),   GODWIT_NIL ("new in version 2")};
    godwit_field_t fields[8];
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (without && !strcmp (without, all[i].name))
            continue;
        fields[count] = all[i];
        if (instead && !strcmp (instead, all[i].name)) {
            fields[count] = field;
            fields[count].name = instead;
        }
        count++;
    }
    godwit__writer_t writer = {.data = body, .size = 0, .capacity = 2000};
    godwit__write_fields (&writer, &(godwit_fields_t){fields, count, NULL});
    return writer.size;
}

Test (wire, identities_are_read_whatever_else_is_there)
{
    godwit__identity_t identity;
    uint8_t body[2048];
    cr_assert_eq (read_identity (&identity, body, write_map (body, NULL, NULL, GODWIT_NIL (NULL))),
                  GODWIT_OK);
    cr_assert (identity.instance[0] == 1 && identity.incarnation == 7 && identity.features == UINT64_MAX &&
               identity.expect[0] == 1 && !strcmp (identity.virtual_host, "v"));
    /* Absent: anybody, and no virtual host. */
    cr_assert_eq (read_identity (&identity, body, write_map (body, "expect", NULL, GODWIT_NIL (NULL))),
                  GODWIT_OK);
    cr_assert_eq (identity.expect[0], 0);
    cr_assert_eq (read_identity (&identity, body, write_map (body, "virtual_host", NULL, GODWIT_NIL (NULL))),
                  GODWIT_OK);
    cr_assert_str_eq (identity.virtual_host, "");
}

Test (wire, hostile_identities_are_refused)
{
    static const uint8_t zero[GODWIT__UUID_SIZE], bytes[17] = {1};
    static char text[257];
    memset (text, 'x', 256);
    godwit__identity_t identity;
    uint8_t body[2048];
    static const char *const needed[] = {"instance", "incarnation", "features"};
    for (size_t i = 0; i < 3; i++)
        cr_assert_neq (read_identity (&identity, body, write_map (body, needed[i], NULL, GODWIT_NIL (NULL))),
                       GODWIT_OK, "without %s", needed[i]);
    const struct {
        const char *key;
        godwit_field_t field;
    } rows[] = {
        {"instance", GODWIT_BIN (NULL, zero, sizeof zero)},
        {"instance", GODWIT_BIN (NULL, bytes, 15)},
        {"instance", GODWIT_BIN (NULL, bytes, 17)},
        {"instance", GODWIT_STR (NULL, "0123456789abcdef")},
        {"instance", GODWIT_NIL (NULL)},
        {"incarnation", GODWIT_INT (NULL, -1)},
        {"incarnation", GODWIT_DOUBLE (NULL, 1.0)},
        {"incarnation", GODWIT_STR (NULL, "7")},
        {"features", GODWIT_INT (NULL, -1)},
        {"features", GODWIT_LIST (NULL, GODWIT_INT (NULL, 1))},
        {"virtual_host", GODWIT_STRN (NULL, text, 256)},
        {"virtual_host", GODWIT_STRN (NULL, "a\0b", 3)},
        {"virtual_host", GODWIT_INT (NULL, 1)},
        {"expect", GODWIT_BIN (NULL, bytes, 15)},
        {"expect", GODWIT_STR (NULL, "x")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_neq (read_identity (&identity, body, write_map (body, NULL, rows[i].key, rows[i].field)),
                       GODWIT_OK, "row %zu: %s", i, rows[i].key);
    /* Not a map at all, cut short at every byte, or with something behind it. */
    static const uint8_t bombs[][6] = {{0xc0},
                                       {0x90},
                                       {0xc1},
                                       {0xdd, 0xff, 0xff, 0xff, 0xff},
                                       {0xdf, 0xff, 0xff, 0xff, 0xff},
                                       {0xc6, 0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++)
        for (size_t size = 0; size <= sizeof bombs[0]; size++)
            cr_assert_neq (read_identity (&identity, bombs[i], size), GODWIT_OK);
    const size_t size = write_map (body, NULL, NULL, GODWIT_NIL (NULL));
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_neq (read_identity (&identity, body, cut), GODWIT_OK, "cut at %zu", cut);
    body[size] = 0xc0;
    cr_assert_neq (read_identity (&identity, body, size + 1), GODWIT_OK);
    memset (body, 0x80, sizeof body);
    cr_assert_neq (read_identity (&identity, body, 1024), GODWIT_OK);
}

/* It goes into errors, which programs print. */
Test (wire, the_text_of_a_refusal_is_cleaned)
{
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    char text[GODWIT__REFUSAL_TEXT];
    const size_t size =
        godwit__refusal_write (data, 1, GODWIT__NACK_FORBIDDEN, "no\x1b[2J\r\n\x7f, \xc3\xa4");
    godwit__frame_t frame = {.data = data, .size = size};
    godwit__refusal_read (&frame, text, sizeof text);
    cr_assert_str_eq (text, "no?[2J???, \xc3\xa4");
}

Test (wire, reasons_have_names)
{
    cr_assert_str_eq (godwit__nack_name (GODWIT__NACK_OVERLOADED), "OVERLOADED");
    cr_assert_str_eq (godwit__nack_name (GODWIT__NACK_IDENTITY), "IDENTITY");
    cr_assert_str_eq (godwit__nack_name (0), "unknown");
    cr_assert_str_eq (godwit__nack_name (UINT32_MAX), "unknown");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of every form: narrow numbers, floats, char arrays, enums, structs, arrays, and what tells that an
 * entry was there. */
#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/must.h"

enum color { RED = 1, GREEN, BLUE };
static const godwit_name_t colors[] = {{"red", RED}, {"green", GREEN}, {"blue", BLUE}};
static const godwit_name_t signs[] = {{"minus", -1}, {"plus", 1}};

struct point {
    int16_t x, y;
    char label[8];
};
static const godwit_slot_t point_slots[] = {GODWIT_SLOT (struct point, x), GODWIT_SLOT (struct point, y),
                                            GODWIT_SLOT (struct point, label, GODWIT_OPTIONAL)};

struct shape {
    int8_t i8;
    int16_t i16;
    uint8_t u8;
    uint16_t u16;
    long long i64;
    float f;
    char name[6];
    enum color color;
    int8_t sign;
    struct point from;
    struct point points[3];
    size_t point_count;
    uint16_t ports[4];
    size_t port_count;
    const char *tags[2];
    size_t tag_count;
    char words[2][4];
    size_t word_count;
    enum color colors[2];
    size_t color_count;
    const godwit_value_t *list, *map;
    int32_t limit;
    bool has_limit;
};
static const godwit_slot_t slots[] = {
    GODWIT_SLOT (struct shape, i8, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, i16, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, u8, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, u16, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, i64, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, f, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, name, GODWIT_OPTIONAL),
    GODWIT_SLOT_ENUM (struct shape, color, colors, GODWIT_OPTIONAL),
    GODWIT_SLOT_ENUM (struct shape, sign, signs, GODWIT_OPTIONAL),
    GODWIT_SLOT_STRUCT (struct shape, from, point_slots, GODWIT_OPTIONAL),
    GODWIT_SLOT_STRUCTS (struct shape, points, point_count, point_slots, GODWIT_OPTIONAL),
    GODWIT_SLOT_ARRAY (struct shape, ports, port_count, GODWIT_OPTIONAL),
    GODWIT_SLOT_ARRAY (struct shape, tags, tag_count, GODWIT_OPTIONAL),
    GODWIT_SLOT_ARRAY (struct shape, words, word_count, GODWIT_OPTIONAL),
    GODWIT_SLOT_ENUMS (struct shape, colors, color_count, colors, GODWIT_OPTIONAL),
    GODWIT_SLOT_LIST (struct shape, list, GODWIT_OPTIONAL),
    GODWIT_SLOT_MAP (struct shape, map, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct shape, limit, GODWIT_PRESENT (struct shape, has_limit)),
};
enum { SLOTS = sizeof slots / sizeof slots[0] };

static godwit_value_t *
make_map (godwit_fields_t fields)
{
    godwit_value_t *map = NULL;
    MUST (godwit_value_new_map (&map, fields, &error));
    return map;
}

#define POINT(name_, x_, y_) GODWIT_MAP (name_, GODWIT_INT ("x", x_), GODWIT_INT ("y", y_))

/* ---- what fits ---- */

Test (slot_forms, every_form_is_filled)
{
    struct shape shape = {.point_count = 9};
    godwit_value_t *map = make_map (GODWIT_ARGS (
        GODWIT_INT ("i8", -128), GODWIT_INT ("i16", 32767), GODWIT_INT ("u8", 255), GODWIT_INT ("u16", 65535),
        GODWIT_INT ("i64", INT64_MIN), GODWIT_DOUBLE ("f", 0.1), GODWIT_STR ("name", "abcde"),
        GODWIT_STR ("color", "blue"), GODWIT_STR ("sign", "minus"),
        GODWIT_MAP ("from", GODWIT_INT ("x", 1), GODWIT_INT ("y", -2), GODWIT_STR ("label", "home")),
        GODWIT_LIST ("points", POINT (NULL, 3, 4), POINT (NULL, 5, 6)),
        GODWIT_LIST ("ports", GODWIT_INT (NULL, 80), GODWIT_INT (NULL, 443), GODWIT_INT (NULL, 1),
                     GODWIT_INT (NULL, 2)),
        GODWIT_LIST ("tags", GODWIT_STR (NULL, "one")),
        GODWIT_LIST ("words", GODWIT_STR (NULL, "abc"), GODWIT_STR (NULL, "")),
        GODWIT_LIST ("colors", GODWIT_STR (NULL, "green"), GODWIT_STR (NULL, "red")),
        GODWIT_LIST ("list", GODWIT_INT (NULL, 1), GODWIT_STR (NULL, "any")),
        GODWIT_MAP ("map", GODWIT_INT ("any", 1)), GODWIT_INT ("limit", 7)));
    MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
    cr_assert (shape.i8 == -128 && shape.i16 == 32767 && shape.u8 == 255 && shape.u16 == 65535 &&
               shape.i64 == INT64_MIN && shape.f > 0.09f && shape.f < 0.11f);
    cr_assert_str_eq (shape.name, "abcde");
    cr_assert (shape.color == BLUE && shape.sign == -1);
    cr_assert (shape.from.x == 1 && shape.from.y == -2 && !strcmp (shape.from.label, "home"));
    cr_assert (shape.point_count == 2 && shape.points[0].x == 3 && shape.points[0].y == 4 &&
               shape.points[1].x == 5 && shape.points[1].y == 6 && shape.points[2].x == 0);
    cr_assert (shape.port_count == 4 && shape.ports[0] == 80 && shape.ports[1] == 443 && shape.ports[3] == 2);
    cr_assert (shape.tag_count == 1 && !strcmp (shape.tags[0], "one"));
    cr_assert (shape.word_count == 2 && !strcmp (shape.words[0], "abc") && !strcmp (shape.words[1], ""));
    cr_assert (shape.color_count == 2 && shape.colors[0] == GREEN && shape.colors[1] == RED);
    cr_assert_eq (shape.list, godwit_value_get (map, "list"));
    cr_assert_eq (shape.map, godwit_value_get (map, "map"));
    cr_assert (shape.has_limit && shape.limit == 7);
    godwit_value_unref (&map);
}

Test (slot_forms, what_is_absent_or_nil_leaves_its_member_alone)
{
    for (int is_nil = 0; is_nil < 2; is_nil++) {
        struct shape shape = {.point_count = 2, .limit = 5, .has_limit = true, .color = GREEN, .name = "x"};
        godwit_value_t *map = is_nil ? make_map (GODWIT_ARGS (GODWIT_NIL ("limit"), GODWIT_NIL ("points"),
                                                              GODWIT_NIL ("color"), GODWIT_NIL ("name")))
                                     : NULL;
        MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
        cr_assert (shape.point_count == 2 && shape.limit == 5 && !shape.has_limit && shape.color == GREEN &&
                   !strcmp (shape.name, "x"));
        godwit_value_unref (&map);
    }
    struct shape shape = {.point_count = 2};
    godwit_value_t *map = make_map (GODWIT_ARGS (
        (godwit_field_t){.name = "points", .type = GODWIT_TYPE_LIST, .size = 0}, GODWIT_INT ("limit", 0)));
    MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
    cr_assert (shape.point_count == 0 && shape.limit == 0 && shape.has_limit);
    godwit_value_unref (&map);
}

/* ---- what does not ---- */

static void
expect (godwit_field_t field, godwit_status_t status, const char *message)
{
    struct shape shape;
    godwit_error_t *error = NULL;
    godwit_value_t *map = make_map (GODWIT_ARGS (field));
    cr_assert_eq (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error), status, "%s", message);
    cr_assert_str_eq (godwit_error_message (error), message);
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_value_unpack (map, slots, SLOTS, &shape, "args", NULL), status);
    godwit_value_unref (&map);
}

Test (slot_forms, numbers_are_checked_against_the_range_of_their_member)
{
    static const struct {
        const char *name;
        int64_t lowest, highest;
    } rows[] = {{"i8", INT8_MIN, INT8_MAX},
                {"i16", INT16_MIN, INT16_MAX},
                {"u8", 0, UINT8_MAX},
                {"u16", 0, UINT16_MAX}};
    char message[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int k = 0; k < 2; k++) {
            const int64_t good = k ? rows[i].highest : rows[i].lowest;
            const int64_t bad = k ? good + 1 : good - 1;
            struct shape shape;
            godwit_value_t *map = make_map (GODWIT_ARGS (GODWIT_INT (rows[i].name, good)));
            MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
            godwit_value_unref (&map);
            snprintf (message, sizeof message, "args.%s: expected %lld to %lld, got %lld", rows[i].name,
                      (long long) rows[i].lowest, (long long) rows[i].highest, (long long) bad);
            expect (GODWIT_INT (rows[i].name, bad), GODWIT_ERR_TYPE_MISMATCH, message);
        }
    }
    expect (GODWIT_UINT ("i64", UINT64_MAX), GODWIT_ERR_TYPE_MISMATCH,
            "args.i64: expected -9223372036854775808 to 9223372036854775807, got 18446744073709551615");
}

Test (slot_forms, a_float_holds_what_it_can)
{
    struct shape shape;
    godwit_value_t *map = make_map (GODWIT_ARGS (GODWIT_INT ("f", 16777216)));
    MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
    cr_assert_eq ((int) shape.f, 16777216);
    godwit_value_unref (&map);
    map = make_map (GODWIT_ARGS (GODWIT_DOUBLE ("f", -(double) FLT_MAX)));
    MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
    godwit_value_unref (&map);
    map = make_map (GODWIT_ARGS (GODWIT_DOUBLE ("f", (double) INFINITY)));
    MUST (godwit_value_unpack (map, slots, SLOTS, &shape, "args", &error));
    godwit_value_unref (&map);
    expect (GODWIT_INT ("f", 16777217), GODWIT_ERR_TYPE_MISMATCH,
            "args.f: expected an integer that a float holds exactly, got 16777217");
    expect (GODWIT_DOUBLE ("f", 1e300), GODWIT_ERR_TYPE_MISMATCH,
            "args.f: expected a number that a float can hold, got 1e+300");
    expect (GODWIT_STR ("f", "1"), GODWIT_ERR_TYPE_MISMATCH, "args.f: expected double, got str");
}

Test (slot_forms, texts_arrays_and_lists_have_limits)
{
    expect (GODWIT_STR ("name", "abcdef"), GODWIT_ERR_LIMIT_EXCEEDED,
            "args.name: expected at most 5 bytes, got 6");
    expect (GODWIT_STRN ("name", "a\0b", 3), GODWIT_ERR_TYPE_MISMATCH,
            "args.name: expected a text without NUL, got \"a\\u0000b\"");
    expect (GODWIT_BIN ("name", "ab", 2), GODWIT_ERR_TYPE_MISMATCH, "args.name: expected str, got bin");
    expect (GODWIT_LIST ("tags", GODWIT_STR (NULL, "1"), GODWIT_STR (NULL, "2"), GODWIT_STR (NULL, "3")),
            GODWIT_ERR_LIMIT_EXCEEDED, "args.tags: expected at most 2 elements, got 3");
    expect (GODWIT_LIST ("words", GODWIT_STR (NULL, "1"), GODWIT_STR (NULL, "four")),
            GODWIT_ERR_LIMIT_EXCEEDED, "args.words[1]: expected at most 3 bytes, got 4");
    expect (GODWIT_INT ("ports", 80), GODWIT_ERR_TYPE_MISMATCH, "args.ports: expected list, got int");
    expect (GODWIT_INT ("list", 80), GODWIT_ERR_TYPE_MISMATCH, "args.list: expected list, got int");
    expect (GODWIT_INT ("map", 80), GODWIT_ERR_TYPE_MISMATCH, "args.map: expected map, got int");
}

Test (slot_forms, an_unknown_name_of_an_enum_is_told_the_names)
{
    expect (GODWIT_STR ("color", "mauve"), GODWIT_ERR_TYPE_MISMATCH,
            "args.color: expected one of red, green, blue, got \"mauve\"");
    expect (GODWIT_STR ("color", "re"), GODWIT_ERR_TYPE_MISMATCH,
            "args.color: expected one of red, green, blue, got \"re\"");
    expect (GODWIT_INT ("color", 1), GODWIT_ERR_TYPE_MISMATCH,
            "args.color: expected one of red, green, blue, got int");
    expect (GODWIT_LIST ("colors", GODWIT_STR (NULL, "red"), GODWIT_STR (NULL, "pink")),
            GODWIT_ERR_TYPE_MISMATCH, "args.colors[1]: expected one of red, green, blue, got \"pink\"");
}

Test (slot_forms, errors_within_structs_and_lists_have_the_whole_path)
{
    expect (POINT ("from", 1, 70000), GODWIT_ERR_TYPE_MISMATCH,
            "args.from.y: expected -32768 to 32767, got 70000");
    expect (GODWIT_MAP ("from", GODWIT_INT ("x", 1)), GODWIT_ERR_NOT_FOUND,
            "args.from.y: missing, expected int");
    expect (GODWIT_STR ("from", "home"), GODWIT_ERR_TYPE_MISMATCH, "args.from: expected map, got str");
    expect (GODWIT_LIST ("points", POINT (NULL, 1, 2), GODWIT_NIL (NULL)), GODWIT_ERR_TYPE_MISMATCH,
            "args.points[1]: expected map, got nil");
    expect (GODWIT_LIST ("points", POINT (NULL, 1, 2), POINT (NULL, 1, 2),
                         GODWIT_MAP (NULL, GODWIT_INT ("x", 1), GODWIT_INT ("y", 1),
                                     GODWIT_STR ("label", "too long"))),
            GODWIT_ERR_LIMIT_EXCEEDED, "args.points[2].label: expected at most 7 bytes, got 8");
    expect (GODWIT_LIST ("points",
                         GODWIT_MAP (NULL, GODWIT_INT ("x", 1), GODWIT_INT ("y", 1), GODWIT_INT ("z", 1))),
            GODWIT_ERR_INVALID_ARGUMENT, "args.points[0].z: nothing of this name is expected");
}

/* ---- a method's table ---- */

struct outer {
    struct point point;
    int32_t number;
};

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

/* Such a slot would write behind the params; its server is not made. */
Test (slot_forms, a_server_refuses_slots_outside_of_their_struct)
{
    static const godwit_slot_t wide[] = {GODWIT_SLOT_STRUCT (struct outer, point, point_slots),
                                         GODWIT_SLOT (struct outer, number)};
    static const godwit_method_t good[] = {GODWIT_METHOD_WITH ("m", answer, struct outer, wide, 0)},
                                 bad[] = {GODWIT_METHOD_WITH ("m", answer, struct point, wide, 0)};
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    MUST (godwit_transport_new (&transport, "inproc://slot-forms/", NULL, &error));
    MUST (
        godwit_server_new (&server, transport, NULL, &GODWIT_ENDPOINT (good, .self = NULL), 1, NULL, &error));
    godwit_server_destroy (&server);
    godwit_error_t *error = NULL;
    cr_assert_eq (
        godwit_server_new (&server, transport, NULL, &GODWIT_ENDPOINT (bad, .self = NULL), 1, NULL, &error),
        GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error),
                      "m.number: the slot does not lie inside of the struct: int");
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
}

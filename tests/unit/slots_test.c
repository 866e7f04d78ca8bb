/* SPDX-License-Identifier: Apache-2.0 */
#include <godwit/value.h>

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

struct all {
    bool b;
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    double d;
    const char *s;
    godwit_bytes_t x;
    const godwit_value_t *v;
};

static const godwit_slot_t slots[] = {
    GODWIT_SLOT (struct all, b),   GODWIT_SLOT (struct all, i32), GODWIT_SLOT (struct all, i64),
    GODWIT_SLOT (struct all, u32), GODWIT_SLOT (struct all, u64), GODWIT_SLOT (struct all, d),
    GODWIT_SLOT (struct all, s),   GODWIT_SLOT (struct all, x),   GODWIT_SLOT (struct all, v)};
static const godwit_slot_t optional_slots[] = {
    GODWIT_SLOT_OPTIONAL (struct all, b),   GODWIT_SLOT_OPTIONAL (struct all, i32),
    GODWIT_SLOT_OPTIONAL (struct all, i64), GODWIT_SLOT_OPTIONAL (struct all, u32),
    GODWIT_SLOT_OPTIONAL (struct all, u64), GODWIT_SLOT_OPTIONAL (struct all, d),
    GODWIT_SLOT_OPTIONAL (struct all, s),   GODWIT_SLOT_OPTIONAL (struct all, x),
    GODWIT_SLOT_OPTIONAL (struct all, v)};
enum { SLOTS = sizeof slots / sizeof slots[0] };

static godwit_value_t *
make_map (godwit_fields_t fields)
{
    godwit_value_t *map = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_new_map (&map, fields, &error), GODWIT_OK, "%s", godwit_error_message (error));
    return map;
}

Test (slots, every_type_is_filled_in_any_order)
{
    const godwit_field_t fields[] = {GODWIT_BOOL ("b", true),
                                     GODWIT_INT ("i32", INT32_MIN),
                                     GODWIT_INT ("i64", INT64_MIN),
                                     GODWIT_UINT ("u32", UINT32_MAX),
                                     GODWIT_UINT ("u64", UINT64_MAX),
                                     GODWIT_DOUBLE ("d", 1.5),
                                     GODWIT_STR ("s", "text"),
                                     GODWIT_BIN ("x", "\x01\x02\x03", 3),
                                     GODWIT_LIST ("v", GODWIT_INT (NULL, 7))};
    for (size_t turn = 0; turn < SLOTS; turn++) {
        godwit_field_t turned[SLOTS];
        for (size_t i = 0; i < SLOTS; i++)
            turned[i] = fields[(i + turn) % SLOTS];
        godwit_value_t *map = make_map ((godwit_fields_t){turned, SLOTS, NULL});
        for (int k = 0; k < 2; k++) {
            struct all all = {.b = false};
            cr_assert_eq (godwit_value_unpack (map, k ? optional_slots : slots, SLOTS, &all, "args", NULL),
                          GODWIT_OK);
            cr_assert (all.b && all.i32 == INT32_MIN && all.i64 == INT64_MIN && all.u32 == UINT32_MAX &&
                       all.u64 == UINT64_MAX && all.d > 1.4 && all.d < 1.6);
            cr_assert_str_eq (all.s, "text");
            cr_assert (all.x.size == 3 && !memcmp (all.x.data, "\x01\x02\x03", 3));
            cr_assert_eq (all.v, godwit_value_get (map, "v"));
        }
        godwit_value_unref (&map);
    }
}

struct few {
    int32_t a;
    uint32_t u;
    const char *s;
};

static const godwit_slot_t few_slots[] = {GODWIT_SLOT (struct few, a), GODWIT_SLOT_OPTIONAL (struct few, u),
                                          GODWIT_SLOT_OPTIONAL (struct few, s)};

Test (slots, errors_name_the_path)
{
    static const struct {
        godwit_field_t fields[3];
        size_t count;
        godwit_status_t status;
        const char *message;
    } rows[] = {
        {{{"a", GODWIT_TYPE_STR, 1, {.string = "x"}}},
         1,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.a: expected int, got str"},
        {{{"a", GODWIT_TYPE_NIL, 0, {false}}}, 1, GODWIT_ERR_TYPE_MISMATCH, "args.a: expected int, got nil"},
        {{{"a", GODWIT_TYPE_DOUBLE, 0, {.number = 1}}},
         1,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.a: expected int, got double"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = INT64_C (2147483648)}}},
         1,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.a: expected -2147483648 to 2147483647, got 2147483648"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = INT64_C (-2147483649)}}},
         1,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.a: expected -2147483648 to 2147483647, got -2147483649"},
        {{{"a", GODWIT_TYPE_UINT, 0, {.unsigned_integer = UINT64_MAX}}},
         1,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.a: expected -2147483648 to 2147483647, got 18446744073709551615"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}}, {"u", GODWIT_TYPE_INT, 0, {.integer = -1}}},
         2,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.u: expected 0 to 4294967295, got -1"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}},
          {"u", GODWIT_TYPE_INT, 0, {.integer = INT64_C (1) << 32}}},
         2,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.u: expected 0 to 4294967295, got 4294967296"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}}, {"u", GODWIT_TYPE_BOOL, 0, {true}}},
         2,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.u: expected uint, got bool"},
        {{{"s", GODWIT_TYPE_STR, 1, {.string = "x"}}},
         1,
         GODWIT_ERR_NOT_FOUND,
         "args.a: missing, expected int"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}}, {"z", GODWIT_TYPE_INT, 0, {.integer = 1}}},
         2,
         GODWIT_ERR_INVALID_ARGUMENT,
         "args.z: nothing of this name is expected"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}},
          {"A", GODWIT_TYPE_NIL, 0, {false}},
          {"u", GODWIT_TYPE_NIL, 0, {false}}},
         3,
         GODWIT_ERR_INVALID_ARGUMENT,
         "args.A: nothing of this name is expected"},
        {{{"a", GODWIT_TYPE_INT, 0, {.integer = 1}}, {"s", GODWIT_TYPE_BIN, 1, {.bytes = "x"}}},
         2,
         GODWIT_ERR_TYPE_MISMATCH,
         "args.s: expected str, got bin"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *map = make_map ((godwit_fields_t){rows[i].fields, rows[i].count, NULL});
        struct few few = {0};
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_value_unpack (map, few_slots, 3, &few, "args", &error), rows[i].status,
                      "row %zu", i);
        cr_assert_str_eq (godwit_error_message (error), rows[i].message);
        godwit_error_destroy (&error);
        cr_assert_eq (godwit_value_unpack (map, few_slots, 3, &few, "args", NULL), rows[i].status);
        godwit_value_unref (&map);
    }
}

Test (slots, optional_members_stay_as_they_were)
{
    struct few few = {.a = 1, .u = 2, .s = "three"};
    godwit_value_t *map = make_map (GODWIT_ARGS (GODWIT_NIL ("u"), GODWIT_INT ("a", 9)));
    cr_assert_eq (godwit_value_unpack (map, few_slots, 3, &few, "args", NULL), GODWIT_OK);
    cr_assert_eq (few.a, 9);
    cr_assert_eq (few.u, 2);
    cr_assert_str_eq (few.s, "three");
    godwit_value_unref (&map);
}

Test (slots, no_map_is_an_empty_one)
{
    struct few few = {.u = 2};
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_value_unpack (NULL, few_slots + 1, 2, &few, "args", NULL), GODWIT_OK);
    cr_assert_eq (few.u, 2);
    cr_assert_eq (godwit_value_unpack (NULL, NULL, 0, NULL, "args", NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_unpack (NULL, few_slots, 3, &few, "here", &error), GODWIT_ERR_NOT_FOUND);
    cr_assert_str_eq (godwit_error_message (error), "here.a: missing, expected int");
    godwit_error_destroy (&error);

    godwit_value_t *list = NULL;
    cr_assert_eq (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_unpack (list, few_slots, 3, &few, "args", &error), GODWIT_ERR_TYPE_MISMATCH);
    cr_assert_str_eq (godwit_error_message (error), "args: expected map, got list");
    godwit_error_destroy (&error);
    godwit_value_unref (&list);
}

/* Only what a handler was written for gets through: a map with a key that ends in a NUL is not the key. */
Test (slots, a_name_must_match_to_its_last_byte)
{
    static const godwit_field_t fields[] = {{"aa", GODWIT_TYPE_INT, 0, {.integer = 1}}};
    godwit_value_t *map = make_map ((godwit_fields_t){fields, 1, NULL});
    struct few few;
    cr_assert_eq (godwit_value_unpack (map, few_slots, 1, &few, "args", NULL), GODWIT_ERR_NOT_FOUND);
    godwit_value_unref (&map);
}

Test (slots, a_table_made_by_hand_is_checked)
{
    static const godwit_name_t nameless[] = {{NULL, 1}};
    static const godwit_slot_t bad[] = {
        {.name = "a", .type = GODWIT_TYPE_INT, .size = 3},
        {.name = "a", .type = GODWIT_TYPE_BOOL, .size = 4},
        {.name = "a", .type = GODWIT_TYPE_DOUBLE, .size = 2},
        {.name = "a", .type = GODWIT_TYPE_BIN, .size = 8},
        {.name = "a", .type = GODWIT_TYPE_STR, .size = 4},
        {.name = "a", .type = GODWIT_TYPE_NIL, .size = sizeof (void *)},
        {.name = "a", .type = GODWIT_TYPE_OBJECT, .size = sizeof (void *)},
        {.name = "a", .type = (godwit_type_t) 50, .size = sizeof (void *)},
        {.name = "a", .type = GODWIT_TYPE_INT, .size = 4, .form = (godwit_form_t) 50},
        {.name = "a", .type = GODWIT_TYPE_INT, .size = 4, .form = GODWIT_FORM_ENUM},
        {.name = "a", .type = GODWIT_TYPE_STR, .size = 3, .form = GODWIT_FORM_ENUM},
        {.name = "a", .type = GODWIT_TYPE_STR, .size = 4, .form = GODWIT_FORM_ENUM, .table_count = 1},
        {.name = "a",
         .type = GODWIT_TYPE_STR,
         .size = 4,
         .form = GODWIT_FORM_ENUM,
         .names = nameless,
         .table_count = 1},
        {.name = "a", .type = GODWIT_TYPE_STR, .size = 0, .form = GODWIT_FORM_CHARS},
        {.name = "a", .type = GODWIT_TYPE_INT, .size = 4, .form = GODWIT_FORM_CHARS},
        {.name = "a", .type = GODWIT_TYPE_MAP, .size = 4, .form = GODWIT_FORM_STRUCT, .table_count = 1},
        {.name = "a", .type = GODWIT_TYPE_LIST, .size = 4, .form = GODWIT_FORM_STRUCT, .slots = few_slots},
        {.name = "a",
         .type = GODWIT_TYPE_MAP,
         .size = sizeof (struct few) - 1,
         .form = GODWIT_FORM_STRUCT,
         .slots = few_slots,
         .table_count = 3},
        {.name = "a", .type = GODWIT_TYPE_INT, .size = 4, .limit = SIZE_MAX / 2}};
    godwit_value_t *map = make_map (GODWIT_ARGS (GODWIT_INT ("a", 1)));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct all all;
        cr_assert_eq (godwit_value_unpack (map, &bad[i], 1, &all, "args", NULL), GODWIT_ERR_INVALID_ARGUMENT,
                      "row %zu", i);
    }
    const godwit_slot_t twice[] = {few_slots[0], few_slots[0]};
    struct few few;
    cr_assert_eq (godwit_value_unpack (map, twice, 2, &few, "args", NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_value_unref (&map);

    /* By hand a slot may also ask for a list or a map. */
    struct {
        const godwit_value_t *list;
    } holder;
    const godwit_slot_t list_slot = {.name = "l", .type = GODWIT_TYPE_LIST, .size = sizeof holder.list};
    map = make_map (GODWIT_ARGS (GODWIT_LIST ("l", GODWIT_INT (NULL, 1))));
    cr_assert_eq (godwit_value_unpack (map, &list_slot, 1, &holder, "args", NULL), GODWIT_OK);
    cr_assert_eq (godwit_value_count (holder.list), 1);
    godwit_value_unref (&map);
    map = make_map (GODWIT_ARGS (GODWIT_INT ("l", 1)));
    cr_assert_eq (godwit_value_unpack (map, &list_slot, 1, &holder, "args", NULL), GODWIT_ERR_TYPE_MISMATCH);
    godwit_value_unref (&map);
}

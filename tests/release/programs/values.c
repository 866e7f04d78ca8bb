/* SPDX-License-Identifier: Apache-2.0 */
/* What a program makes and reads without a transport: values, slots, targets, URLs, errors, configurations.
 */
#include "expect.h"

typedef struct all_members {
    bool boolean;
    int32_t small;
    int64_t integer;
    uint32_t small_unsigned;
    uint64_t large;
    double number;
    const char *text;
    godwit_bytes_t bytes;
    const godwit_value_t *value;
    int64_t absent;
} all_members_t;

/* A table of several rows: the library walks over it by the size that the program was compiled with. */
static const godwit_slot_t slots[] = {
    GODWIT_SLOT (all_members_t, boolean), GODWIT_SLOT (all_members_t, small),
    GODWIT_SLOT (all_members_t, integer), GODWIT_SLOT (all_members_t, small_unsigned),
    GODWIT_SLOT (all_members_t, large),   GODWIT_SLOT (all_members_t, number),
    GODWIT_SLOT (all_members_t, text),    GODWIT_SLOT (all_members_t, bytes),
    GODWIT_SLOT (all_members_t, value),   GODWIT_SLOT_OPTIONAL (all_members_t, absent)};

static void
unpack (void)
{
    godwit_value_t *map = NULL;
    all_members_t members = {.absent = 42};
    char text[32];
    MUST (godwit_value_new_map (&map,
                                GODWIT_ARGS (GODWIT_BOOL ("boolean", true), GODWIT_INT ("small", -5),
                                             GODWIT_INT ("integer", INT64_MIN),
                                             GODWIT_UINT ("small_unsigned", 7u),
                                             GODWIT_UINT ("large", UINT64_MAX), GODWIT_DOUBLE ("number", 0.5),
                                             GODWIT_STR ("text", "tea"), GODWIT_BIN ("bytes", "\0\1", 2),
                                             GODWIT_LIST ("value", GODWIT_INT (NULL, 1), GODWIT_NIL (NULL))),
                                &error));
    MUST (godwit_value_unpack (map, slots, sizeof slots / sizeof slots[0], &members, NULL, &error));
    EXPECT (members.boolean && members.small == -5 && members.integer == INT64_MIN);
    EXPECT (members.small_unsigned == 7 && members.large == UINT64_MAX && members.number == 0.5);
    EXPECT (!strcmp (members.text, "tea") && members.bytes.size == 2 &&
            !memcmp (members.bytes.data, "\0\1", 2));
    EXPECT (godwit_value_type (members.value) == GODWIT_TYPE_LIST && godwit_value_count (members.value) == 2);
    EXPECT (members.absent == 42);
    EXPECT (godwit_value_print (members.value, text, sizeof text) == strlen (text));
    godwit_value_unref (&map);
}

typedef enum color { RED, GREEN } color_t;

typedef struct point {
    int8_t x;
    float y;
} point_t;

/* Structs in structs, arrays and names: tables within the table. */
typedef struct nested {
    color_t color;
    char name[8];
    point_t from;
    point_t points[4];
    size_t point_count;
    uint16_t ports[2];
    size_t port_count;
    color_t colors[2];
    size_t color_count;
    const godwit_value_t *list;
    const godwit_value_t *map;
    bool has_map;
} nested_t;

static const godwit_name_t colors[] = {{"red", RED}, {"green", GREEN}};
static const godwit_slot_t point_slots[] = {GODWIT_SLOT (point_t, x),
                                            GODWIT_SLOT (point_t, y, GODWIT_OPTIONAL)};
static const godwit_slot_t nested_slots[] = {
    GODWIT_SLOT_ENUM (nested_t, color, colors),
    GODWIT_SLOT (nested_t, name),
    GODWIT_SLOT_STRUCT (nested_t, from, point_slots),
    GODWIT_SLOT_STRUCTS (nested_t, points, point_count, point_slots),
    GODWIT_SLOT_ARRAY (nested_t, ports, port_count),
    GODWIT_SLOT_ENUMS (nested_t, colors, color_count, colors),
    GODWIT_SLOT_LIST (nested_t, list),
    GODWIT_SLOT_MAP (nested_t, map, GODWIT_PRESENT (nested_t, has_map)),
};

static void
unpack_nested (void)
{
    godwit_value_t *map = NULL;
    nested_t got = {.has_map = true};
    MUST (godwit_value_new_map (
        &map,
        GODWIT_ARGS (GODWIT_STR ("color", "green"), GODWIT_STR ("name", "tea"),
                     GODWIT_MAP ("from", GODWIT_INT ("x", -1), GODWIT_DOUBLE ("y", 0.5)),
                     GODWIT_LIST ("points", GODWIT_MAP (NULL, GODWIT_INT ("x", 1)),
                                  GODWIT_MAP (NULL, GODWIT_INT ("x", 2))),
                     GODWIT_LIST ("ports", GODWIT_INT (NULL, 65535)),
                     GODWIT_LIST ("colors", GODWIT_STR (NULL, "green")),
                     GODWIT_LIST ("list", GODWIT_NIL (NULL))),
        &error));
    MUST (godwit_value_unpack (map, nested_slots, sizeof nested_slots / sizeof nested_slots[0], &got, NULL,
                               &error));
    EXPECT (got.color == GREEN && !strcmp (got.name, "tea") && got.from.x == -1 && got.from.y == 0.5f);
    EXPECT (got.point_count == 2 && got.points[1].x == 2 && got.port_count == 1 && got.ports[0] == 65535);
    EXPECT (got.color_count == 1 && got.colors[0] == GREEN && godwit_value_count (got.list) == 1);
    EXPECT (!got.map && !got.has_map);
    godwit_value_unref (&map);
}

static void
build (void)
{
    godwit_value_t *built = NULL, *literal = NULL, *copy = NULL;
    const godwit_field_t first = GODWIT_INT ("a", 1);
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_int (builder, "a", 1);
    godwit_builder_open_list (builder, "b");
    godwit_builder_str (builder, NULL, "x");
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    MUST (godwit_builder_finish (&builder, &built, &error));
    const godwit_fields_t fields = GODWIT_ARGS (first, GODWIT_LIST ("b", GODWIT_STRN (NULL, "xyz", 1)));
    MUST (godwit_value_new_map (&literal, fields, &error));
    MUST (godwit_value_new (&copy, godwit_field_from (built), &error));
    EXPECT (godwit_value_equal (built, literal) && godwit_value_equal (built, copy));
    godwit_value_unref (&copy);
    godwit_value_unref (&literal);
    godwit_value_unref (&built);
}

static void
address (void)
{
    godwit_url_t *url = NULL;
    char text[128];
    bool compatible = false;
    const char *const legacy[] = {"old", NULL};
    const godwit_target_t *target =
        GODWIT_TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                       .fanout = GODWIT_NO, .legacy_namespaces = legacy, .legacy_namespace_count = 2);
    EXPECT (godwit_target_print (target, text, sizeof text) == strlen (text));
    EXPECT (strstr (text, "exchange=e") && strstr (text, "topic=t") && strstr (text, "server=s"));
    EXPECT (godwit_target_equal (target, target));
    EXPECT (!godwit_target_equal (target, GODWIT_TARGET (.exchange = "e", .topic = "t")));
    MUST (godwit_version_compatible ("1.4", "1.2", &compatible, &error));
    EXPECT (compatible);

    MUST (godwit_url_parse (&url, "zmq://kim:secret@first:1,second:2/blue?a=b", &error));
    EXPECT (godwit_url_host_count (url) == 2);
    const godwit_url_host_t *first = godwit_url_host (url, 0), *second = godwit_url_host (url, 1);
    EXPECT (!strcmp (first->username, "kim") && !strcmp (first->password, "secret"));
    EXPECT (!strcmp (first->hostname, "first") && first->port == 1);
    EXPECT (!second->username && !strcmp (second->hostname, "second") && second->port == 2);
    EXPECT (!strcmp (godwit_url_virtual_host (url), "blue") &&
            !strcmp (godwit_url_query_get (url, "a"), "b"));
    godwit_url_destroy (&url);
}

static void
fail (void)
{
    static const godwit_error_class_t sold_out = {"shop", "SoldOut"};
    godwit_value_t *args = NULL;
    MUST (godwit_value_new (&args, GODWIT_LIST (NULL, GODWIT_INT (NULL, 3)), &error));
    godwit_error_t *error = GODWIT_ERROR_OF (&sold_out, "%d left", 0);
    godwit_error_t *cause = GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "no shelf");
    godwit_error_set_data (error, args, NULL);
    godwit_error_set_detail (error, "goods", "tea");
    godwit_error_set_cause (error, &cause);
    EXPECT (godwit_error_status (error) == GODWIT_ERR_FAILED && godwit_error_is (error, &sold_out));
    EXPECT (!strcmp (godwit_error_type (error), "SoldOut") &&
            !strcmp (godwit_error_message (error), "0 left"));
    EXPECT (godwit_error_status (godwit_error_cause (error)) == GODWIT_ERR_NOT_FOUND);
    EXPECT (!strcmp (godwit_error_detail (error, "goods"), "tea"));
    EXPECT (godwit_value_equal (godwit_error_args (error), args));
    EXPECT (godwit_error_outcome (error) == GODWIT_OUTCOME_NONE &&
            strstr (godwit_error_traceback (error), "fail"));
    EXPECT (godwit_status_is (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_ERR_MESSAGING));
    EXPECT (!strcmp (godwit_status_type (GODWIT_ERR_TIMEOUT), "MessagingTimeout"));
    godwit_error_destroy (&error);
    godwit_value_unref (&args);
}

static void
configure (void)
{
    godwit_config_t *config = NULL;
    MUST (godwit_config_parse (&config, "[DEFAULT]\ncontrol_exchange = books\n[mine]\na = b\n", "text",
                               &error));
    EXPECT (!strcmp (godwit_config_get (config, "DEFAULT", "control_exchange"), "books"));
    EXPECT (!strcmp (godwit_config_where (config, "mine", "a"), "text:4"));
    godwit_config_destroy (&config);
}

int
main (void)
{
    unpack ();
    unpack_nested ();
    build ();
    address ();
    fail ();
    configure ();
    return 0;
}

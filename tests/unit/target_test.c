/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/target.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

static const char *const legacy[] = {"old", NULL};
static const char *const other_legacy[] = {NULL, "old"};

Test (target, printed_form)
{
    static const struct {
        const godwit_target_t target;
        const char *text;
    } rows[] = {
        {{.struct_size = sizeof (godwit_target_t)}, "<Target >"},
        {{.struct_size = sizeof (godwit_target_t), .topic = "t"}, "<Target topic=t>"},
        {{.struct_size = sizeof (godwit_target_t), .topic = ""}, "<Target topic=>"},
        {{.struct_size = sizeof (godwit_target_t), .topic = "t", .exchange = "e"},
         "<Target exchange=e, topic=t>"},
        {{.struct_size = sizeof (godwit_target_t),
          .exchange = "e",
          .topic = "t",
          .name_space = "n",
          .version = "1.0",
          .server = "s",
          .fanout = GODWIT_YES,
          .legacy_namespaces = legacy,
          .legacy_namespace_count = 2},
         "<Target exchange=e, topic=t, namespace=n, version=1.0, server=s, fanout=True>"},
        {{.struct_size = sizeof (godwit_target_t), .server = "s", .fanout = GODWIT_NO},
         "<Target server=s, fanout=False>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[128];
        const size_t length = strlen (rows[i].text);
        cr_assert_eq (godwit_target_print (&rows[i].target, text, sizeof text), length, "row %zu", i);
        cr_assert_str_eq (text, rows[i].text);
        for (size_t size = 0; size <= length; size++) {
            memset (text, '#', sizeof text);
            cr_assert_eq (godwit_target_print (&rows[i].target, text, size), length);
            cr_assert (size == 0 || (strlen (text) == size - 1 && !strncmp (text, rows[i].text, size - 1)));
            cr_assert_eq (text[size], '#', "row %zu: wrote behind %zu bytes", i, size);
        }
    }
    char text[16];
    godwit_target_print (NULL, text, sizeof text);
    cr_assert_str_eq (text, "<Target >");
}

Test (target, equality_compares_every_field)
{
    const godwit_target_t base = {.struct_size = sizeof base,
                                  .exchange = "e",
                                  .topic = "t",
                                  .name_space = "n",
                                  .version = "1.0",
                                  .server = "s",
                                  .fanout = GODWIT_NO,
                                  .legacy_namespaces = legacy,
                                  .legacy_namespace_count = 2};
    char topic[] = "t"; /* another address */
    godwit_target_t same = base;
    same.topic = topic;
    cr_assert (godwit_target_equal (&base, &same));
    cr_assert (godwit_target_equal (&base, &base));

    godwit_target_t changed[10];
    for (size_t i = 0; i < 10; i++)
        changed[i] = base;
    changed[0].exchange = "x";
    changed[1].topic = NULL;
    changed[2].name_space = "";
    changed[3].version = "1.1";
    changed[4].server = NULL;
    changed[5].fanout = GODWIT_UNSET;
    changed[6].legacy_namespace_count = 1;
    changed[7].legacy_namespaces = other_legacy;
    changed[8].legacy_namespace_count = 0;
    changed[9].fanout = GODWIT_YES;
    for (size_t i = 0; i < 10; i++) {
        cr_assert_not (godwit_target_equal (&base, &changed[i]), "change %zu", i);
        cr_assert_not (godwit_target_equal (&changed[i], &base), "change %zu", i);
    }

    cr_assert (godwit_target_equal (NULL, NULL));
    cr_assert (godwit_target_equal (NULL, GODWIT_TARGET (.topic = NULL)));
    cr_assert_not (godwit_target_equal (NULL, GODWIT_TARGET (.topic = "")));
}

Test (target, a_copy_outlives_its_source_and_keeps_everything)
{
    char exchange[] = "e", topic[] = "t", space[] = "n", version[] = "1.0", server[] = "s", old[] = "old";
    const char *spaces[] = {old, NULL};
    const godwit_target_t source = {.struct_size = sizeof source,
                                    .exchange = exchange,
                                    .topic = topic,
                                    .name_space = space,
                                    .version = version,
                                    .server = server,
                                    .fanout = GODWIT_YES,
                                    .legacy_namespaces = spaces,
                                    .legacy_namespace_count = 2};
    godwit_target_t copy;
    cr_assert_eq (godwit__target_copy (&copy, &source, NULL), GODWIT_OK);
    exchange[0] = topic[0] = space[0] = version[0] = server[0] = old[0] = '#';
    spaces[0] = spaces[1] = "#";
    const godwit_target_t expected = {.struct_size = sizeof expected,
                                      .exchange = "e",
                                      .topic = "t",
                                      .name_space = "n",
                                      .version = "1.0",
                                      .server = "s",
                                      .fanout = GODWIT_YES,
                                      .legacy_namespaces = legacy,
                                      .legacy_namespace_count = 2};
    cr_assert (godwit_target_equal (&copy, &expected));
    godwit__target_release (&copy);
    cr_assert (godwit_target_equal (&copy, NULL));
    godwit__target_release (&copy);
}

Test (target, copies_of_little)
{
    godwit_target_t copy;
    cr_assert_eq (godwit__target_copy (&copy, NULL, NULL), GODWIT_OK);
    cr_assert (godwit_target_equal (&copy, NULL));
    godwit__target_release (&copy);
    cr_assert_eq (godwit__target_copy (&copy, GODWIT_TARGET (.topic = ""), NULL), GODWIT_OK);
    cr_assert_str_eq (copy.topic, "");
    cr_assert_null (copy.server);
    godwit__target_release (&copy);
}

/* godwit_target_equal and godwit_target_print cannot fail. */
Test (target, without_its_size_nothing_is_set)
{
    const godwit_target_t none = {.topic = "t"};
    char text[64];
    cr_assert (godwit_target_equal (&none, NULL));
    godwit_target_print (&none, text, sizeof text);
    cr_assert_str_eq (text, "<Target >");
}

Test (target, what_cannot_be_copied)
{
    godwit_target_t copy = {.topic = "untouched"};
    godwit_error_t *error = NULL;
    const godwit_target_t unset = {.topic = "t"};
    cr_assert_eq (godwit__target_copy (&copy, &unset, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (godwit_error_message (error), "struct_size") != NULL);
    godwit_error_destroy (&error);
    cr_assert_eq (godwit__target_copy (&copy, GODWIT_TARGET (.legacy_namespace_count = 1), NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit__target_copy (&copy, GODWIT_TARGET (.fanout = (godwit_choice_t) 7), NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (copy.topic, "untouched");
}

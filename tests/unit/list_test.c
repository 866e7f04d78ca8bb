/* SPDX-License-Identifier: Apache-2.0 */
/* The list that lies inside of what it holds. */
#include "src/base/list.h"

#include <criterion/criterion.h>

typedef struct item {
    int number;
    godwit__list_node_t in_list;
} item_t;

static item_t items[5] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};

/* Forwards and backwards. */
static void
expect (const godwit__list_t *list, const int *numbers, size_t count)
{
    size_t found = 0;
    for (const item_t *at = GODWIT__FIRST (list, item_t, in_list); at;
         at = GODWIT__NEXT (list, at, item_t, in_list)) {
        cr_assert_lt (found, count);
        cr_assert_eq (at->number, numbers[found], "place %zu", found);
        found++;
    }
    cr_assert_eq (found, count);
    for (const godwit__list_node_t *at = list->end.previous; at != &list->end; at = at->previous)
        cr_assert_eq (GODWIT__CONTAINER (at, item_t, in_list)->number, numbers[--found]);
    cr_assert_eq (found, 0u);
    cr_assert_eq (godwit__list_is_empty (list), count == 0);
}

#define EXPECT(list_, ...)                                                                                   \
    expect (list_, (const int[]){__VA_ARGS__}, sizeof (const int[]){__VA_ARGS__} / sizeof (int))

Test (list, keeps_the_order_and_gives_up_any_element)
{
    godwit__list_t list;
    godwit__list_init (&list);
    expect (&list, NULL, 0);
    cr_assert_null (GODWIT__FIRST (&list, item_t, in_list));
    cr_assert_null (GODWIT__LAST (&list, item_t, in_list));
    cr_assert_not (godwit__in_list (&items[0].in_list));
    godwit__list_append (&list, &items[1].in_list);
    godwit__list_append (&list, &items[2].in_list);
    godwit__list_prepend (&list, &items[0].in_list);
    godwit__list_append (&list, &items[4].in_list);
    godwit__list_insert_before (&items[4].in_list, &items[3].in_list);
    EXPECT (&list, 0, 1, 2, 3, 4);
    cr_assert_eq (GODWIT__LAST (&list, item_t, in_list), &items[4]);
    cr_assert (godwit__in_list (&items[3].in_list));

    godwit__list_remove (&items[2].in_list);
    cr_assert_not (godwit__in_list (&items[2].in_list));
    EXPECT (&list, 0, 1, 3, 4);
    godwit__list_remove (&items[0].in_list);
    godwit__list_remove (&items[4].in_list);
    EXPECT (&list, 1, 3);
    godwit__list_append (&list, &items[2].in_list);
    EXPECT (&list, 1, 3, 2);
}

Test (list, is_emptied_while_it_is_walked)
{
    godwit__list_t list;
    godwit__list_init (&list);
    for (size_t i = 0; i < 5; i++)
        godwit__list_append (&list, &items[i].in_list);
    for (item_t *at = GODWIT__FIRST (&list, item_t, in_list), *next; at; at = next) {
        next = GODWIT__NEXT (&list, at, item_t, in_list);
        if (at->number % 2 == 0)
            godwit__list_remove (&at->in_list);
    }
    EXPECT (&list, 1, 3);
}

Test (list, all_elements_move_behind_those_of_another)
{
    godwit__list_t to, from;
    godwit__list_init (&to);
    godwit__list_init (&from);
    godwit__list_move_all (&to, &from);
    expect (&to, NULL, 0);
    godwit__list_append (&from, &items[0].in_list);
    godwit__list_append (&from, &items[1].in_list);
    godwit__list_move_all (&to, &from);
    expect (&from, NULL, 0);
    EXPECT (&to, 0, 1);
    godwit__list_append (&from, &items[2].in_list);
    godwit__list_move_all (&to, &from);
    EXPECT (&to, 0, 1, 2);
    godwit__list_move_all (&to, &from);
    EXPECT (&to, 0, 1, 2);
}

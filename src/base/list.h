/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive doubly linked list: each element embeds its node. So nothing is allocated, nothing can fail,
 * and an element can be removed without knowing which list it is in.
 *
 *     typedef struct job {
 *         godwit__list_node_t in_queue;
 *         ...
 *     } job_t;
 *
 *     godwit__list_t queue;
 *     godwit__list_init (&queue);
 *     godwit__list_append (&queue, &job->in_queue);
 *     for (job_t *at = GODWIT__FIRST (&queue, job_t, in_queue), *next; at; at = next) {
 *         next = GODWIT__NEXT (&queue, at, job_t, in_queue);    before `at` is removed, or freed
 *         godwit__list_remove (&at->in_queue);
 *     }
 */
#ifndef GODWIT_SRC_BASE_LIST_H
#define GODWIT_SRC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: in no list. */
typedef struct godwit__list_node {
    struct godwit__list_node *next;
    struct godwit__list_node *previous;
} godwit__list_node_t;

/* The first and the last element point to `end`, so a list must not be moved in memory. */
typedef struct godwit__list {
    godwit__list_node_t end;
} godwit__list_t;

/* The struct whose member pointer_ points to. */
#define GODWIT__CONTAINER(pointer_, type_, member_)                                                          \
    ((type_ *) ((uintptr_t) (pointer_) -offsetof (type_, member_)))

/* The first element, the last one, and the one behind an element; NULL if there is none. */
#define GODWIT__FIRST(list_, type_, member_)                                                                 \
    (godwit__list_is_empty (list_) ? NULL : GODWIT__CONTAINER ((list_)->end.next, type_, member_))
#define GODWIT__LAST(list_, type_, member_)                                                                  \
    (godwit__list_is_empty (list_) ? NULL : GODWIT__CONTAINER ((list_)->end.previous, type_, member_))
#define GODWIT__NEXT(list_, element_, type_, member_)                                                        \
    ((element_)->member_.next == &(list_)->end                                                               \
         ? NULL                                                                                              \
         : GODWIT__CONTAINER ((element_)->member_.next, type_, member_))

static inline void
godwit__list_init (godwit__list_t *list)
{
    list->end.next = list->end.previous = &list->end;
}

static inline bool
godwit__list_is_empty (const godwit__list_t *list)
{
    return list->end.next == &list->end;
}

static inline void
godwit__list_insert_before (godwit__list_node_t *at, godwit__list_node_t *node)
{
    node->next = at;
    node->previous = at->previous;
    at->previous->next = node;
    at->previous = node;
}

static inline void
godwit__list_append (godwit__list_t *list, godwit__list_node_t *node)
{
    godwit__list_insert_before (&list->end, node);
}

static inline void
godwit__list_prepend (godwit__list_t *list, godwit__list_node_t *node)
{
    godwit__list_insert_before (list->end.next, node);
}

static inline bool
godwit__in_list (const godwit__list_node_t *node)
{
    return node->next != NULL;
}

/* Removes the node from the list that it is in. */
static inline void
godwit__list_remove (godwit__list_node_t *node)
{
    node->next->previous = node->previous;
    node->previous->next = node->next;
    node->next = node->previous = NULL;
}

/* Appends all elements of `from` to `to`; `from` is empty afterwards. */
static inline void
godwit__list_move_all (godwit__list_t *to, godwit__list_t *from)
{
    if (godwit__list_is_empty (from))
        return;
    from->end.next->previous = to->end.previous;
    to->end.previous->next = from->end.next;
    from->end.previous->next = &to->end;
    to->end.previous = from->end.previous;
    godwit__list_init (from);
}

#endif

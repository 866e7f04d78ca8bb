/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/method_list.h"

#include "src/base/distance.h"
#include "src/base/listing.h"

/* Names that are compared: callers that are wrong must not cost a server much. */
#define COMPARED_MAX 256

void
godwit__method_list_add (godwit__method_list_t *list, const char *name)
{
    const size_t distance =
        list->total++ < COMPARED_MAX ? godwit__distance (list->wanted, name) : GODWIT__DISTANCE_FAR;
    size_t at = list->count;
    while (at > 0 && distance < list->distances[at - 1])
        at--;
    if (at == GODWIT__METHOD_LIST_MAX)
        return;
    if (list->count < GODWIT__METHOD_LIST_MAX)
        list->count++;
    for (size_t i = list->count - 1; i > at; i--) {
        list->names[i] = list->names[i - 1];
        list->distances[i] = list->distances[i - 1];
    }
    list->names[at] = name;
    list->distances[at] = distance;
}

void
godwit__method_list_print (const godwit__method_list_t *list, char *text, size_t size)
{
    godwit__listing_t listing;
    godwit__listing_begin (&listing, text, size, GODWIT__METHOD_LIST_MAX, ", ");
    for (size_t i = 0; i < list->count; i++)
        godwit__listing_add (&listing, list->names[i], "", "");
    listing.count = list->total;
    godwit__listing_end (&listing);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/near.h"

#include "src/base/distance.h"
#include "tools/godwit/clean.h"

#include <stdbool.h>
#include <string.h>

/* So many letters of a name may be wrong. */
static size_t
near_limit (const char *name)
{
    const size_t length = strlen (name);
    return length < 4 ? 1 : length < 8 ? 2 : 3;
}

static bool
comes_before (const near_t *near, size_t index, const char *name, size_t distance)
{
    return distance != near->distances[index] ? distance < near->distances[index]
                                              : strcmp (name, near->names[index]) < 0;
}

/* What begins with what was typed is as near as can be. */
static size_t
distance_of (const char *wanted, const char *name)
{
    const size_t length = strlen (wanted);
    return length >= 2 && strncmp (wanted, name, length) == 0 ? 1 : godwit__distance (wanted, name);
}

void
near_offer (near_t *near, const char *name)
{
    char cut[NEAR_NAME_SIZE];
    snprintf (cut, sizeof cut, "%s", name);
    const size_t distance = distance_of (near->wanted, name);
    size_t at = near->count;
    for (size_t i = 0; i < near->count; i++)
        if (strcmp (near->names[i], cut) == 0)
            return;
    near->total++;
    while (at > 0 && comes_before (near, at - 1, cut, distance))
        at--;
    if (at == NEAR_MAX)
        return;
    if (near->count < NEAR_MAX)
        near->count++;
    for (size_t i = near->count - 1; i > at; i--) {
        memcpy (near->names[i], near->names[i - 1], NEAR_NAME_SIZE);
        near->distances[i] = near->distances[i - 1];
    }
    memcpy (near->names[at], cut, NEAR_NAME_SIZE);
    near->distances[at] = distance;
}

static size_t
close_count (const near_t *near)
{
    size_t count = 0;
    while (count < near->count && near->distances[count] <= near_limit (near->wanted))
        count++;
    return count;
}

static void
print_names (FILE *to, const near_t *near, size_t count, const char *last)
{
    for (size_t i = 0; i < count; i++) {
        fputs (i == 0 ? "" : i + 1 == count ? last : ", ", to);
        clean_print (to, near->names[i]);
    }
}

void
near_print_close (FILE *to, const near_t *near)
{
    const size_t count = close_count (near);
    if (!count)
        return;
    fprintf (to, "; did you mean ");
    print_names (to, near, count, " or ");
    fprintf (to, "?");
}

void
near_print (FILE *to, const near_t *near, const char *what)
{
    if (close_count (near) || !near->total) {
        near_print_close (to, near);
        return;
    }
    const size_t others = near->total - near->count;
    fprintf (to, "; the %s there are: ", what);
    print_names (to, near, near->count, others ? ", " : " and ");
    if (others)
        fprintf (to, " and %zu other%s", others, others == 1 ? "" : "s");
}

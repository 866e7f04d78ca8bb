/* SPDX-License-Identifier: Apache-2.0 */
#include "src/error/error_classes.h"

#include "src/error/error.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct godwit__error_classes {
    char *allowed;        /* NULL: none but our own */
    pthread_mutex_t lock; /* guards what follows; held alone */
    const godwit_error_class_t **items;
    size_t count;
    size_t capacity;
};

godwit_status_t
godwit__error_classes_new (godwit__error_classes_t **classes, const char *allowed, godwit_error_t **error)
{
    godwit__error_classes_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&self->lock, NULL);
    if (allowed && !(self->allowed = strdup (allowed))) {
        godwit__error_classes_destroy (&self);
        return godwit__error_no_memory (error);
    }
    *classes = self;
    return GODWIT_OK;
}

void
godwit__error_classes_destroy (godwit__error_classes_t **classes)
{
    godwit__error_classes_t *const self = *classes;
    if (!self)
        return;
    *classes = NULL;
    pthread_mutex_destroy (&self->lock);
    free (self->allowed);
    free (self->items);
    free (self);
}

const char *
godwit__error_classes_allowed (const godwit__error_classes_t *classes)
{
    return classes->allowed;
}

/* "" and NULL stand for the library's own module. */
static const char *
module_of (const godwit_error_class_t *error_class)
{
    return error_class->module && *error_class->module ? error_class->module : GODWIT__OWN_MODULE;
}

/* With the lock. */
static bool
is_registered (const godwit__error_classes_t *classes, const char *module, const char *type, size_t type_size)
{
    for (size_t i = 0; i < classes->count; i++)
        if (strlen (classes->items[i]->name) == type_size &&
            !memcmp (classes->items[i]->name, type, type_size) &&
            !strcmp (module_of (classes->items[i]), module))
            return true;
    return false;
}

/* With the lock. */
static bool
make_room (godwit__error_classes_t *classes)
{
    if (classes->count < classes->capacity)
        return true;
    const size_t capacity = classes->capacity ? 2 * classes->capacity : 8;
    const godwit_error_class_t **const items = realloc (classes->items, capacity * sizeof (*items));
    if (!items)
        return false;
    classes->items = items;
    classes->capacity = capacity;
    return true;
}

godwit_status_t
godwit__error_classes_add (godwit__error_classes_t *classes, const godwit_error_class_t *error_class,
                           godwit_error_t **error)
{
    bool has_room = true;
    pthread_mutex_lock (&classes->lock);
    if (!is_registered (classes, module_of (error_class), error_class->name, strlen (error_class->name))) {
        has_room = make_room (classes);
        if (has_room)
            classes->items[classes->count++] = error_class;
    }
    pthread_mutex_unlock (&classes->lock);
    return has_room ? GODWIT_OK : godwit__error_no_memory (error);
}

/* Spaces around a module do not count. */
static bool
is_allowed (const char *allowed, const char *module)
{
    const size_t size = strlen (module);
    if (!strcmp (module, GODWIT__OWN_MODULE))
        return false; /* its types are the statuses; one that this version does not know is a RemoteError */
    for (const char *at = allowed; at && *at;) {
        at += strspn (at, " ,");
        const size_t word = strcspn (at, ",");
        size_t trimmed = word;
        while (trimmed > 0 && at[trimmed - 1] == ' ')
            trimmed--;
        if (trimmed == size && trimmed > 0 && !memcmp (at, module, size))
            return true;
        at += word;
    }
    return false;
}

bool
godwit__error_classes_know (godwit__error_classes_t *classes, const char *module, const char *type,
                            size_t type_size)
{
    if (!classes)
        return false;
    if (is_allowed (classes->allowed, module))
        return true;
    pthread_mutex_lock (&classes->lock);
    const bool known = is_registered (classes, module, type, type_size);
    pthread_mutex_unlock (&classes->lock);
    return known;
}

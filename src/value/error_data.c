/* SPDX-License-Identifier: Apache-2.0 */
/* What an error has besides its texts: its data, and the places that it passed through. */
#include "src/error/error_inside.h"

#include "src/value/msgpack/codec.h"

#include <stdlib.h>
#include <string.h>

/* ---- data ---- */

const struct godwit_value *
godwit_error_args (const godwit_error_t *error)
{
    return error ? error->args.value : NULL;
}

const struct godwit_value *
godwit_error_kwargs (const godwit_error_t *error)
{
    return error ? error->kwargs.value : NULL;
}

/* References the value, if it is of that type. */
static godwit__error_value_t
held (const godwit_value_t *value, godwit_type_t type)
{
    if (godwit_value_type (value) != type)
        return (godwit__error_value_t){NULL, NULL};
    godwit_value_t *const own = godwit_value_ref (value);
    return (godwit__error_value_t){own, godwit__value_block (own)};
}

void
godwit_error_set_data (godwit_error_t *error, const struct godwit_value *args,
                       const struct godwit_value *kwargs)
{
    if (!error || error->is_static)
        return;
    /* Reference the new values first: they may be parts of the old ones. */
    const godwit__error_value_t new_args = held (args, GODWIT_TYPE_LIST);
    const godwit__error_value_t new_kwargs = held (kwargs, GODWIT_TYPE_MAP);
    godwit__error_value_drop (&error->args);
    godwit__error_value_drop (&error->kwargs);
    error->args = new_args;
    error->kwargs = new_kwargs;
}

/* Details of a RemoteError: type, message and traceback of the error that it stands for. */
static const char *
remote_detail (const godwit_error_t *error, const char *name)
{
    static const struct {
        const char *name;
        godwit__error_text_t text;
    } rows[] = {
        {"exc_type", GODWIT__TEXT_FIRST_TYPE},
        {"value", GODWIT__TEXT_FIRST_MESSAGE},
        {"traceback", GODWIT__TEXT_TRACEBACK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strcmp (rows[i].name, name))
            return godwit__error_text (error, rows[i].text);
    return NULL;
}

const char *
godwit_error_detail (const godwit_error_t *error, const char *name)
{
    if (!error || !name)
        return NULL;
    const char *const detail = godwit__error_stands_for_another (error) ? remote_detail (error, name) : NULL;
    return detail ? detail : godwit_value_as_str (godwit_value_get (error->kwargs.value, name), NULL);
}

void
godwit_error_set_detail (godwit_error_t *error, const char *name, const char *text)
{
    if (!error || error->is_static || !name || !text)
        return;
    /* Values are immutable: a new map takes the place of the old one. */
    godwit_value_t *kwargs = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    const godwit_value_t *const old = error->kwargs.value;
    for (size_t i = 0; i < godwit_value_count (old); i++) {
        const char *const key = godwit_value_key_at (old, i);
        if (strcmp (key, name) != 0)
            godwit_builder_value (builder, key, godwit_value_at (old, i));
    }
    godwit_builder_str (builder, name, text);
    godwit_builder_close (builder);
    if (godwit_builder_finish (&builder, &kwargs, NULL))
        return;
    godwit__error_value_drop (&error->kwargs);
    error->kwargs = (godwit__error_value_t){kwargs, godwit__value_block (kwargs)};
}

/* ---- places ---- */

/* Makes room for one more; false if it cannot be kept. */
static bool
make_room (godwit_error_t *error)
{
    const size_t kept = error->places ? error->places->kept : 0;
    size_t capacity = error->places ? error->places->capacity : 0;
    if (kept < capacity)
        return true;
    if (capacity == GODWIT__PLACES_MAX)
        return false;
    capacity = capacity ? 2 * capacity : 4;
    godwit__places_t *const places =
        realloc (error->places, sizeof *places + capacity * sizeof places->at[0]);
    if (!places)
        return false;
    if (!error->places)
        places->count = places->kept = 0;
    places->capacity = capacity;
    error->places = places;
    return true;
}

void
godwit_error_trace (godwit_error_t *error, const char *file, int line, const char *function)
{
    if (!error || error->is_static)
        return;
    if (make_room (error))
        error->places->at[error->places->kept++] =
            (godwit__place_t){file ? file : "?", function ? function : "?", line};
    if (error->places)
        error->places->count++;
    godwit__error_changed (error);
}

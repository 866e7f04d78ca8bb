/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an error, for the files that make, change and print it. */
#ifndef GODWIT_SRC_ERROR_ERROR_INSIDE_H
#define GODWIT_SRC_ERROR_ERROR_INSIDE_H

#include "src/base/block.h"
#include "src/error/error.h"

#include <stdbool.h>

struct godwit_value;

/* The texts of an error. NULL means "", and for the type: the name that belongs to the status. */
typedef enum godwit__error_text {
    GODWIT__TEXT_TYPE, /* as printed: with "_Remote" */
    GODWIT__TEXT_MODULE,
    GODWIT__TEXT_MESSAGE,
    GODWIT__TEXT_TRACEBACK, /* of the other side of a call */
    /* Of a RemoteError: the error that it stands for. That error is sent when the RemoteError is passed
     * on. */
    GODWIT__TEXT_FIRST_TYPE,
    GODWIT__TEXT_FIRST_MODULE,
    GODWIT__TEXT_FIRST_MESSAGE,
    GODWIT__TEXT_COUNT
} godwit__error_text_t;

typedef struct godwit__place {
    const char *file;
    const char *function;
    int line;
} godwit__place_t;

#define GODWIT__PLACES_MAX 32

/* Where an error passed through, innermost first. */
typedef struct godwit__places {
    size_t count; /* also those that were not kept */
    size_t kept;
    size_t capacity;
    godwit__place_t at[];
} godwit__places_t;

/* A value that the error holds, and the block that the error references to keep it alive. Only src/value/
 * knows what a value looks like inside. */
typedef struct godwit__error_value {
    struct godwit_value *value; /* NULL: none */
    godwit__block_t *block;     /* NULL: none */
} godwit__error_value_t;

/* The texts lie behind the struct, in the same allocation. */
struct godwit_error {
    godwit_status_t status;
    godwit_outcome_t outcome;
    bool is_static;
    bool is_remote;
    bool shows_remote_trace;            /* godwit_error_print shows the traceback of the other side */
    char call_id[GODWIT__CALL_ID_SIZE]; /* of the call that it ended; "": none */
    const char *text[GODWIT__TEXT_COUNT];
    godwit_error_t *cause;
    char *where; /* of a call: which one, and of which server; NULL if the message says it, or none of both */
    godwit__error_value_t args, kwargs;
    godwit__places_t *places; /* NULL: none */
    _Atomic (char *) printed; /* what godwit_error_print made; dropped when the error changes */
    _Atomic (char *) traced;  /* the same for godwit_error_traceback */
    char texts[];
};

static inline const char *
godwit__error_text (const godwit_error_t *error, godwit__error_text_t which)
{
    return error->text[which] ? error->text[which] : "";
}

/* True for a RemoteError: it stands for an error whose class this side does not know. */
static inline bool
godwit__error_stands_for_another (const godwit_error_t *error)
{
    return error->text[GODWIT__TEXT_FIRST_TYPE] != NULL;
}

static inline void
godwit__error_value_drop (godwit__error_value_t *held)
{
    if (held->block)
        godwit__block_unref (held->block);
    *held = (godwit__error_value_t){NULL, NULL};
}

/* Frees the printed texts, which show the error as it was before the change. */
void godwit__error_changed (godwit_error_t *error);

#endif

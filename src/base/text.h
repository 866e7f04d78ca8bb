/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows as it is written. What goes wrong is kept, and told at the end. */
#ifndef GODWIT_SRC_BASE_TEXT_H
#define GODWIT_SRC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as {.size_max = ...}. */
typedef struct godwit__text {
    size_t size_max; /* bytes; what would make it longer is too much */
    char *data;
    size_t size;
    size_t room;
    bool is_too_long;
    bool no_memory;
} godwit__text_t;

void godwit__text_add (godwit__text_t *text, const char *more, size_t size);
/* A text that ends with a NUL. */
void godwit__text_put (godwit__text_t *text, const char *more);
void godwit__text_put_number (godwit__text_t *text, uint64_t number);

/* Returns the text, with a NUL behind it, for free (); NULL: something went wrong, and it is freed. */
char *godwit__text_finish (godwit__text_t *text);

#endif

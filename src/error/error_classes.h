/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which remote errors reach a caller with their own class (contract 7): those whose class is
 * registered or whose module is allowed. Only this side can say so, never the one that sends an error. Used
 * only when a call fails. */
#ifndef GODWIT_SRC_ERROR_ERROR_CLASSES_H
#define GODWIT_SRC_ERROR_ERROR_CLASSES_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct godwit__error_classes godwit__error_classes_t;

/* allowed: modules, joined with ','; NULL: none. It is copied. */
godwit_status_t godwit__error_classes_new (godwit__error_classes_t **classes, const char *allowed,
                                           godwit_error_t **error);
/* Accepts a pointer to NULL. */
void godwit__error_classes_destroy (godwit__error_classes_t **classes);
/* The text that godwit__error_classes_new was given; NULL: none. */
const char *godwit__error_classes_allowed (const godwit__error_classes_t *classes);
/* Any thread. The class is borrowed. Adding it twice is the same as once. */
godwit_status_t godwit__error_classes_add (godwit__error_classes_t *classes,
                                           const godwit_error_class_t *error_class, godwit_error_t **error);
/* Any thread. type is not terminated. classes may be NULL. */
bool godwit__error_classes_know (godwit__error_classes_t *classes, const char *module, const char *type,
                                 size_t type_size);

#endif

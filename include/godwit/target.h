/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and versions (docs/contract.md, sections 1 and 2).
 *
 * Threads: any thread may call these functions.
 */
#ifndef GODWIT_TARGET_H
#define GODWIT_TARGET_H

#include <godwit/error.h>

#include <stdbool.h>

GODWIT_BEGIN_DECLS

/* A yes or no that may also be unset. */
typedef enum godwit_choice {
    GODWIT_UNSET,
    GODWIT_YES,
    GODWIT_NO,
    GODWIT_CLEAR_CHOICE /* only in overrides (client.h): unset what was set before */
} godwit_choice_t;

/* Where a message goes, or what a server or an endpoint answers to. Make one with GODWIT_TARGET, which sets
 * struct_size. Every field may be unset: NULL for a string (NULL is not the same as ""), GODWIT_UNSET for
 * fanout. The strings are borrowed for the length of the call that takes the target. A function that keeps
 * the target copies it. */
typedef struct godwit_target {
    size_t struct_size;
    const char *exchange; /* unset: the transport's control exchange */
    const char *topic;
    const char *name_space; /* the namespace of contract 1; C++ reserves the word "namespace" */
    const char *version;    /* "major.minor[.revision]" */
    const char *server;
    godwit_choice_t fanout;
    /* Of an endpoint: further namespaces that it accepts. A NULL entry means "no namespace". */
    const char *const *legacy_namespaces;
    size_t legacy_namespace_count;
} godwit_target_t;

#ifndef __cplusplus
/* Makes a target: GODWIT_TARGET (.topic = "calc", .version = "1.0"). The result is a pointer. The target
 * lives as long as the enclosing block. */
#define GODWIT_TARGET(...) (&(const godwit_target_t){.struct_size = sizeof (godwit_target_t), __VA_ARGS__})
#endif

/* Tells whether two targets are equal. Every field is compared, and unset equals only unset. NULL equals a
 * target with nothing set, and so does one without its struct_size. */
GODWIT_EXPORT bool godwit_target_equal (const godwit_target_t *a, const godwit_target_t *b);
/* Prints a target as text: "<Target exchange=..., topic=...>". Only fields that are set appear, in the order
 * of contract 1. Writes at most size bytes, including the final NUL. Returns the length of the whole text,
 * without the NUL, even if it did not fit. */
GODWIT_EXPORT size_t godwit_target_print (const godwit_target_t *target, char *text, size_t size);

/* Tells whether an implemented version can serve a requested one (contract 2). Either may be NULL (unset).
 * *compatible is written on success. INVALID_ARGUMENT: a malformed version, "Version must contain a major and
 * minor integer. Got ...". */
GODWIT_EXPORT godwit_status_t godwit_version_compatible (const char *implemented, const char *requested,
                                                         bool *compatible, godwit_error_t **error);

GODWIT_END_DECLS

#endif

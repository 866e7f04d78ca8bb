/* Targets and versions (contract 1 and 2). */
#ifndef GODWIT_TARGET_H
#define GODWIT_TARGET_H

#include <godwit/error.h>

#include <stdbool.h>

GODWIT_BEGIN_DECLS

/* Where a message goes, or what a server or an endpoint answers to. Every field may be unset: NULL (which is
 * not ""), GODWIT_UNSET for fanout. Set struct_size with GODWIT_TARGET. Strings are borrowed for the length
 * of the call that takes the target; whoever keeps a target copies it. */
typedef enum godwit_choice {
    GODWIT_UNSET,
    GODWIT_YES,
    GODWIT_NO,
    GODWIT_CLEAR_CHOICE /* in overrides only (client.h): unset what was set before */
} godwit_choice_t;

typedef struct godwit_target {
    size_t struct_size;
    const char *exchange; /* unset: the transport's control exchange */
    const char *topic;
    const char *name_space; /* "namespace" in the contract; the word is taken in C++ */
    const char *version;    /* "major.minor[.revision]" */
    const char *server;
    godwit_choice_t fanout;
    /* Endpoints: further namespaces that are accepted; a NULL entry is "no namespace". */
    const char *const *legacy_namespaces;
    size_t legacy_namespace_count;
} godwit_target_t;

#ifndef __cplusplus
/* GODWIT_TARGET (.topic = "calc", .version = "1.0"): a pointer to a target that lives as long as the
 * enclosing block. */
#define GODWIT_TARGET(...) (&(const godwit_target_t){.struct_size = sizeof (godwit_target_t), __VA_ARGS__})
#endif

/* Every field is compared; unset equals unset only. NULL equals a target with nothing set. Any thread. */
GODWIT_EXPORT bool godwit_target_equal (const godwit_target_t *a, const godwit_target_t *b);
/* "<Target exchange=..., topic=...>", set fields only, in the order of contract 1. Writes at most size bytes
 * with the NUL; returns the length that the whole form has. */
GODWIT_EXPORT size_t godwit_target_print (const godwit_target_t *target, char *text, size_t size);

/* Contract 2: can what implements `implemented` serve `requested`? Either may be NULL (unset). *compatible is
 * written on success. INVALID_ARGUMENT: "Version must contain a major and minor integer. Got ...". Any
 * thread. */
GODWIT_EXPORT godwit_status_t godwit_version_compatible (const char *implemented, const char *requested,
                                                         bool *compatible, godwit_error_t **error);

GODWIT_END_DECLS

#endif

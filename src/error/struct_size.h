/* SPDX-License-Identifier: Apache-2.0 */
/* Public structs that begin with their size. A program gives sizeof as its compiler knew it, and so says
 * which release it was built for:
 *
 *     0 ........... least ........... size ........... GODWIT__STRUCT_SIZE_MOST
 *       never valid   an older release  a newer release    never valid
 *                     what is missing   what is unknown
 *                     is zero           must be zero
 *
 * So a struct grows at its end, and zero is what a program means that does not know a field. A release must
 * not put a field where an earlier one had padding: the sizes would be the same, and the padding is anything.
 *
 * The table in struct_size.c has each struct's last field in the first release. It never changes.
 */
#ifndef GODWIT_SRC_ERROR_STRUCT_SIZE_H
#define GODWIT_SRC_ERROR_STRUCT_SIZE_H

#include <godwit/error.h>

#include <stddef.h>
#include <string.h>

/* No struct is ever this large: a larger size was not set, and what is behind the struct must not be read. */
#define GODWIT__STRUCT_SIZE_MOST 4096

/* What the library knows of a struct that a program gives. */
typedef struct godwit__struct {
    const char *size_name; /* in errors: "godwit_target_t.struct_size" */
    const char *made_with; /* what sets the size, as a program writes it */
    size_t size;           /* in this release */
    size_t least;          /* in the first release */
    size_t alignment;      /* every size is a multiple of it, so that no field is read in part */
} godwit__struct_t;

extern const godwit__struct_t godwit__struct_transport_options;
extern const godwit__struct_t godwit__struct_target;
extern const godwit__struct_t godwit__struct_client_options;
extern const godwit__struct_t godwit__struct_overrides;
extern const godwit__struct_t godwit__struct_fanout_report;
extern const godwit__struct_t godwit__struct_calls_options;
extern const godwit__struct_t godwit__struct_server_options;
extern const godwit__struct_t godwit__struct_step_options;
extern const godwit__struct_t godwit__struct_run_options;
extern const godwit__struct_t godwit__struct_endpoint;
extern const godwit__struct_t godwit__struct_method; /* its size is the endpoint's method_size */
extern const godwit__struct_t godwit__struct_slot;   /* its size is the method's slot_size */
extern const godwit__struct_t godwit__struct_serializer;
extern const godwit__struct_t godwit__struct_context_hooks;
extern const godwit__struct_t godwit__struct_manager;
extern const godwit__struct_t godwit__struct_delivery_options;
extern const godwit__struct_t godwit__struct_listener_options;
extern const godwit__struct_t godwit__struct_notification_endpoint;
extern const godwit__struct_t godwit__struct_filter;
extern const godwit__struct_t godwit__struct_notifier_options;
extern const godwit__struct_t godwit__struct_notify_options;
extern const godwit__struct_t godwit__struct_notify_report;
extern const godwit__struct_t godwit__struct_notify_driver;
extern const godwit__struct_t godwit__struct_notifier_stats;
extern const godwit__struct_t godwit__struct_routing;
extern const godwit__struct_t godwit__struct_faults;
extern const godwit__struct_t godwit__struct_cluster_plan;
extern const godwit__struct_t godwit__struct_cluster_stats;

/* Checks the size of the struct at `given`, and that it is zero behind what this library knows.
 * INVALID_ARGUMENT names the struct and says what to do. */
godwit_status_t godwit__struct_check_size (const godwit__struct_t *known, const void *given, size_t size,
                                           godwit_error_t **error);

/* Checks a table, whose rows do not begin with their size. rows NULL is good. INVALID_ARGUMENT. */
static inline godwit_status_t
godwit__struct_check_rows (const godwit__struct_t *known, const void *rows, size_t size, size_t count,
                           godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; size != known->size && rows && i < count && status == GODWIT_OK; i++)
        status = godwit__struct_check_size (known, (const char *) rows + i * size, size, error);
    return status;
}

/* Copies a struct of a given size to one of this release. What the given one does not have is zero. */
static inline void
godwit__struct_copy (const godwit__struct_t *known, void *to, const void *given, size_t size)
{
    memset (to, 0, known->size);
    memcpy (to, given, size < known->size ? size : known->size);
}

/* Checks a struct that begins with its size; NULL is good. INVALID_ARGUMENT. */
static inline godwit_status_t
godwit__struct_check (const godwit__struct_t *known, const void *given, godwit_error_t **error)
{
    size_t size = known->size;
    if (given)
        memcpy (&size, given, sizeof size);
    return size == known->size ? GODWIT_OK : godwit__struct_check_size (known, given, size, error);
}

/* Checks a struct that begins with its size, and copies it to one of this release. given NULL: all is zero
 * but the size. INVALID_ARGUMENT; then nothing was written. */
static inline godwit_status_t
godwit__struct_read (const godwit__struct_t *known, void *to, const void *given, godwit_error_t **error)
{
    size_t size = sizeof size;
    if (given)
        memcpy (&size, given, sizeof size);
    const godwit_status_t status = given ? godwit__struct_check (known, given, error) : GODWIT_OK;
    if (status)
        return status;
    godwit__struct_copy (known, to, given ? given : &size, size);
    memcpy (to, &known->size, sizeof known->size);
    return GODWIT_OK;
}

/* Writes a struct of this release to one that was checked, and that keeps its size. */
static inline void
godwit__struct_write (const godwit__struct_t *known, void *to, const void *from)
{
    size_t size;
    memcpy (&size, to, sizeof size);
    memcpy ((char *) to + sizeof size, (const char *) from + sizeof size,
            (size < known->size ? size : known->size) - sizeof size);
}

#endif

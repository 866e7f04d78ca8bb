/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and metrics as Prometheus reads them: its text format, version 0.0.4. The names and labels are
 * those of OpenTelemetry's conventions for RPC, where these have one.
 *
 * What is written are values, as godwit_transport_metrics makes them. They may come from another process, so
 * nothing in them is trusted: what is missing or of another type counts as 0 or is left out, and the text is
 * valid whatever the names hold.
 */
#ifndef GODWIT_SRC_INTROSPECTION_EXPOSITION_H
#define GODWIT_SRC_INTROSPECTION_EXPOSITION_H

#include <godwit/value.h>

/* The longest text: all labels that a process may have, each with all that it may count, take a third. */
#define GODWIT__EXPOSITION_MAX ((size_t) 256 << 20)

typedef struct godwit__exposition {
    const godwit_value_t *const *lists; /* of maps, one a label; no label is in two of them */
    size_t list_count;
    const godwit_value_t *counters; /* a map: the fields of godwit_transport_stats_t; NULL: none */
} godwit__exposition_t;

/* *text ends with a NUL, which size does not count, and belongs to the caller: free (). LIMIT_EXCEEDED,
 * OUT_OF_MEMORY. */
godwit_status_t godwit__exposition_write (const godwit__exposition_t *what, char **text, size_t *size,
                                          godwit_error_t **error);

#endif

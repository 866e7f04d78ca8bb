/* SPDX-License-Identifier: Apache-2.0 */
/* Where the collector is: a URL that is checked before it is used. */
#ifndef GODWIT_OTLP_ENDPOINT_H
#define GODWIT_OTLP_ENDPOINT_H

#include <godwit/error.h>

#include <stdbool.h>

/* The URL for traces: endpoint itself, or with is_base with "/v1/traces" behind its path. *url is the
 * caller's (free). *is_loopback: its host is this machine, whatever its name service says. `name` is what the
 * endpoint is called in an error. INVALID_ARGUMENT, OUT_OF_MEMORY. */
godwit_status_t godwit__otlp_endpoint_read (char **url, bool *is_loopback, const char *endpoint, bool is_base,
                                            const char *name, godwit_error_t **error);

#endif

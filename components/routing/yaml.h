/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rules from a text of YAML, by libyaml's events. Only yaml.c includes yaml.h of libyaml. */
#ifndef GODWIT_COMPONENTS_ROUTING_YAML_H
#define GODWIT_COMPONENTS_ROUTING_YAML_H

#include "components/routing/rules.h"

/* name stands for the file in errors. *rules is written on success only. MALFORMED, LIMIT_EXCEEDED,
 * OUT_OF_MEMORY. */
godwit_status_t godwit__routing_parse (godwit__routing_rules_t *rules, const char *text, size_t size,
                                       const char *name, godwit_error_t **error);

#endif

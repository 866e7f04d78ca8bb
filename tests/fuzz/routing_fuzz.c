/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the rules of the driver `routing`: no crash; what is read can be asked, and an error names the
 * file and what was expected. */
#include "components/routing/yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    godwit__routing_rules_t rules = {.drivers = NULL};
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit__routing_parse (&rules, (const char *) data, size, "routes.yaml", &error);
    check (status == GODWIT_OK || !rules.drivers);
    check (status == GODWIT_OK || strncmp (godwit_error_message (error), "routes.yaml:", 12) == 0);
    check (status == GODWIT_OK || strstr (godwit_error_message (error), "expected"));
    for (size_t i = 0; i < rules.driver_count; i++) {
        const godwit__routing_driver_t *const driver = &rules.drivers[i];
        check (*driver->name && strlen (driver->name) <= 255 && driver->rule_count >= 1);
        check (strncmp (driver->where, "routes.yaml:", 12) == 0);
        for (size_t k = 0; k < i; k++)
            check (strcmp (driver->name, rules.drivers[k].name) != 0);
        bool takes_all = false;
        for (size_t k = 0; k < driver->rule_count; k++)
            takes_all |= !driver->rules[k].event_count && !driver->rules[k].priorities;
        check (!takes_all || godwit__routing_accepts (driver, "e", GODWIT_PRIORITY_INFO));
    }
    godwit__routing_clear (&rules);
    godwit_error_destroy (&error);
    return 0;
}

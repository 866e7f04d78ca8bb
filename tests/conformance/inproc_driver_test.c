/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/driver_conformance.h"

static void
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    strcpy (address, "inproc://rendezvous");
}

static const driver_conformance_t inproc = {.ops = &godwit__inproc_driver,
                                            .make_address = make_address,
                                            .dead_address = "inproc://nobody",
                                            .address_count = 1};
DRIVER_CONFORMANCE (inproc)

/* One address in two virtual hosts is two addresses; within one it is taken once. */
Test (inproc_driver, virtual_hosts_do_not_share_addresses)
{
    static const char *const virtual_hosts[] = {"a", "b", "a"};
    godwit__reactor_t *reactor = NULL;
    godwit__driver_t *drivers[3];
    godwit__channel_t *ports[3] = {NULL, NULL, NULL};
    cr_assert_eq (godwit__reactor_new (&reactor, &godwit__clock_system, NULL), GODWIT_OK);
    for (size_t i = 0; i < 3; i++) {
        godwit__port_addresses_t addresses;
        const godwit__driver_options_t options = {
            .reactor = reactor, .queue_limit = 1, .virtual_host = virtual_hosts[i]};
        cr_assert_eq (godwit__inproc_driver.open (&drivers[i], &options, NULL), GODWIT_OK);
        cr_assert_eq (
            godwit__inproc_driver.open_port (drivers[i], "inproc://rendezvous", &ports[i], &addresses, NULL),
            i < 2 ? GODWIT_OK : GODWIT_ERR_SYSTEM);
    }
    for (size_t i = 0; i < 3; i++) {
        if (ports[i])
            ports[i]->ops->close (ports[i]);
        drivers[i]->ops->close (drivers[i]);
    }
    godwit__reactor_destroy (&reactor);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_address.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect (const char *driver, const char *name, int port, const char *expected, bool expected_here)
{
    char address[GODWIT__ADDRESS_SIZE] = "";
    bool is_here = !expected_here;
    const godwit_url_host_t host = {.hostname = name, .port = port};
    cr_assert_eq (godwit__rendezvous_address (address, &is_here, driver, name ? &host : NULL, NULL),
                  GODWIT_OK);
    cr_assert_str_eq (address, expected);
    cr_assert_eq (is_here, expected_here);
}

Test (rendezvous_address, is_made_from_the_host)
{
    expect ("zmq", NULL, 0, "tcp://127.0.0.1:9573", true);
    expect ("zmq", "", 0, "tcp://127.0.0.1:9573", true);
    expect ("zmq", "", 9600, "tcp://127.0.0.1:9600", true);
    expect ("zmq", "10.0.0.1", 0, "tcp://10.0.0.1:9573", false);
    expect ("zmq", "localhost", 9600, "tcp://127.0.0.1:9600", false);
    expect ("zmq", "::1", 9600, "tcp://[::1]:9600", false);
    expect ("inproc", NULL, 0, "inproc://127.0.0.1:9573", true);
}

Test (rendezvous_address, has_a_bound)
{
    char name[GODWIT__ADDRESS_SIZE + 1];
    char address[GODWIT__ADDRESS_SIZE] = "untouched";
    bool is_here = false;
    memset (name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const godwit_url_host_t host = {.hostname = name, .port = 1};
    cr_assert_eq (godwit__rendezvous_address (address, &is_here, "zmq", &host, NULL), GODWIT_ERR_INVALID_URL);
}

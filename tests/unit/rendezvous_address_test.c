/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_address.h"

#include <criterion/criterion.h>
#include <string.h>

static const godwit__folders_t folders = {
    .count = 2,
    .list = {{.path = "/run/user/1000/godwit", .fd = -1}, {.path = "/tmp/godwit-1000", .fd = -1}}};

static void
expect (const char *driver, const char *name, int port, const char *expected, bool expected_here)
{
    godwit__place_t places[GODWIT__FOLDER_MAX];
    const godwit_url_host_t host = {.hostname = name, .port = port};
    cr_assert_eq (godwit__rendezvous_places (places, &folders, driver, name ? &host : NULL, NULL), 1);
    cr_assert_str_eq (places[0].address, expected);
    cr_assert_eq (places[0].is_here, expected_here);
    cr_assert_eq (places[0].folder_index, -1);
}

static void
expect_in_folders (const char *driver, const char *name, int port, const char *first, const char *second)
{
    godwit__place_t places[GODWIT__FOLDER_MAX];
    const godwit_url_host_t host = {.hostname = name, .port = port};
    cr_assert_eq (godwit__rendezvous_places (places, &folders, driver, name ? &host : NULL, NULL), 2);
    cr_assert_str_eq (places[0].address, first);
    cr_assert_str_eq (places[1].address, second);
    for (int i = 0; i < 2; i++)
        cr_assert (places[i].is_here && places[i].folder_index == i);
}

Test (rendezvous_address, is_made_from_the_host)
{
    expect ("zmq", "10.0.0.1", 0, "tcp://10.0.0.1:9573", false);
    expect ("zmq", "localhost", 9600, "tcp://127.0.0.1:9600", false);
    expect ("zmq", "::1", 9600, "tcp://[::1]:9600", false);
    expect ("inproc", NULL, 0, "inproc://127.0.0.1:9573", true);
}

Test (rendezvous_address, of_this_host_is_in_each_private_folder)
{
    expect_in_folders ("zmq", NULL, 0, "ipc:///run/user/1000/godwit/meet-9573",
                       "ipc:///tmp/godwit-1000/meet-9573");
    expect_in_folders ("zmq", "", 9600, "ipc:///run/user/1000/godwit/meet-9600",
                       "ipc:///tmp/godwit-1000/meet-9600");
}

Test (rendezvous_address, has_a_bound)
{
    char name[GODWIT__ADDRESS_SIZE + 1];
    godwit__place_t places[GODWIT__FOLDER_MAX];
    godwit_error_t *error = NULL;
    memset (name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const godwit_url_host_t host = {.hostname = name, .port = 1};
    cr_assert_eq (godwit__rendezvous_places (places, &folders, "zmq", &host, &error), 0);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_INVALID_URL);
    godwit_error_destroy (&error);
}

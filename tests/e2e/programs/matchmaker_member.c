/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a rendezvous: matchmaker_member URL NUMBER. Announces a server for each number that it reads,
 * and tells what it is told: "synced", "seen INSTANCE SERVER", "gone INSTANCE SERVER", where INSTANCE is the
 * NUMBER of who announced. Leaves at the end of its input. */
#include "src/interface/matchmaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static godwit__matchmaker_t *matchmaker;
static uint8_t instance[GODWIT__UUID_SIZE];
static bool is_over;

static void
must (godwit_status_t status, godwit_error_t *error)
{
    if (status == GODWIT_OK)
        return;
    fprintf (stderr, "%s\n", godwit_error_message (error));
    exit (1);
}

static void
on_seen (void *user, godwit__record_t *record)
{
    (void) user;
    printf ("seen %d %u\n", record->instance[0], record->server_id);
}

static void
on_gone (void *user, const uint8_t from[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    (void) user;
    (void) withdrawn;
    printf ("gone %d %u\n", from[0], server_id);
}

static void
on_synced (void *user)
{
    (void) user;
    printf ("synced\n");
}

static const godwit__matchmaker_events_t events = {on_seen, on_gone, on_synced, NULL};

static void
on_input (godwit__source_t *source)
{
    (void) source;
    unsigned server_id = 0;
    char line[64];
    if (!fgets (line, sizeof line,
                stdin)) { /* one line for each time, so that none waits in stdin's buffer */
        is_over = true;
        return;
    }
    if (sscanf (line, "%u", &server_id) != 1)
        return;
    godwit__record_t from;
    memset (&from, 0, sizeof from);
    memcpy (from.instance, instance, sizeof instance);
    from.server_id = server_id;
    from.state = GODWIT__RECORD_UP;
    from.topic = "calc";
    from.server = "one";
    godwit__record_t *record = godwit__record_new (&from);
    godwit_error_t *error = NULL;
    must (record ? matchmaker->ops->announce (matchmaker, record, &error) : GODWIT_ERR_OUT_OF_MEMORY, error);
    godwit__record_unref (&record);
}

int
main (int argc, char **argv)
{
    if (argc != 3)
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    setvbuf (stdin, NULL, _IONBF, 0);
    godwit_error_t *error = NULL;
    godwit__reactor_t *reactor = NULL;
    must (godwit__reactor_new (&reactor, &godwit__clock_system, &error), error);
    const godwit__driver_options_t driver_options = {.reactor = reactor,
                                                     .max_message_size = 1 << 20,
                                                     .queue_limit = 1000,
                                                     .connect_timeout_ms = 5000,
                                                     .heartbeat_ms = 1000,
                                                     .heartbeat_timeout_ms = 5000,
                                                     .virtual_host = "",
                                                     .insecure = true};
    godwit__driver_t *driver = NULL;
    must (godwit__zmtp_driver.open (&driver, &driver_options, &error), error);
    godwit_url_t *url = NULL;
    must (godwit_url_parse (&url, argv[1], &error), error);
    const int number = atoi (argv[2]);
    memset (instance, number, sizeof instance);
    const godwit__matchmaker_options_t options = {.reactor = reactor,
                                                  .driver = driver,
                                                  .url = url,
                                                  .instance = instance,
                                                  .virtual_host = "",
                                                  .seed = (uint64_t) getpid ()};
    must (godwit__matchmaker_rendezvous.open (&matchmaker, &options, &events, NULL, &error), error);
    godwit_url_destroy (&url);

    godwit__source_t input = {.fd = STDIN_FILENO, .ready = on_input};
    must (godwit__reactor_watch (reactor, &input, &error), error);
    while (!is_over)
        godwit__reactor_run_once (reactor, GODWIT__NEVER);
    godwit__reactor_unwatch (reactor, &input);
    matchmaker->ops->close (matchmaker);
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the last release and of the working tree in one cluster: each understands the other. They do
 * all that clients and servers do together (node.h), and everything that ran is counted on both sides. */
#include <criterion/criterion.h>

#include "tests/release/node.h"
#include "tests/support/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVERS = 2, CLIENTS = 2 };

/* Which Godwit a process is. */
typedef enum edition { RELEASE, TREE } edition_t;

typedef struct scene {
    char url[256];
    process_t host; /* godwit matchmaker, if there is one */
    process_t servers[SERVERS];
    process_t clients[CLIENTS];
    process_t guest; /* a server that comes and goes */
    tally_t ran;     /* by the servers that have ended */
    tally_t asked;   /* by the clients */
} scene_t;

static scene_t scene;

static const char *const server_names[SERVERS] = {"one", "two"};

/* ---- processes of both editions ---- */

static const char *
from_environment (const char *name)
{
    const char *value = getenv (name);
    cr_assert_not_null (value, "run this by tests/release/mixed.sh: %s is not set", name);
    return value;
}

static const char *
library_of (edition_t edition)
{
    return edition == RELEASE ? from_environment ("RELEASE_LIBRARY") : GODWIT_BUILD_DIR;
}

static void
start_node (process_t *process, edition_t edition, const char *role, const char *name)
{
    char arguments[sizeof scene.url + 64], library[4096];
    const char *program =
        edition == RELEASE ? from_environment ("RELEASE_NODE") : GODWIT_BUILD_DIR "/tests/release/node";
    /* The library of the release knows no realm, and so no option to do without one. */
    snprintf (arguments, sizeof arguments, "exec \"$NODE\" %s '%s%s' %s", role, scene.url,
              strcmp (library_of (edition), GODWIT_BUILD_DIR) == 0 ? "&insecure=true" : "", name);
    setenv ("NODE", program, 1);
    setenv ("LD_LIBRARY_PATH", library_of (edition), 1);
    process_start (process, "/bin/sh", "-c", arguments);
    unsetenv ("LD_LIBRARY_PATH");
    snprintf (library, sizeof library, "up %s/libgodwit.so", library_of (edition));
    process_wait (process, 1, "up ");
    process_wait (process, 1, "\n");
    cr_assert (!strncmp (process->text, library, strlen (library)), "%s: %s", library, process->text);
    process->seen = process->size;
}

static void
start_host (edition_t edition, int port)
{
    char command[64], ready[64];
    const char *program =
        edition == RELEASE ? from_environment ("RELEASE_TOOL") : GODWIT_BUILD_DIR "/tools/godwit";
    snprintf (command, sizeof command, "exec \"$TOOL\" matchmaker --listen=127.0.0.1:%d%s", port,
              edition == TREE ? " --insecure" : "");
    setenv ("TOOL", program, 1);
    snprintf (ready, sizeof ready, "godwit matchmaker: ready at 127.0.0.1:%d", port);
    process_start (&scene.host, "/bin/sh", "-c", command);
    process_expect (&scene.host, ready);
}

static void
end_host (void)
{
    process_end (&scene.host, SIGTERM);
}

/* It drains; what it counted is added to the sum. */
static void
end_node (process_t *process, int signal_number, tally_t *sum)
{
    tally_t tally = {0};
    if (signal_number)
        kill (process->pid, signal_number);
    else
        close (process->input);
    process_wait (process, 1, "tally ");
    const char *line = strstr (process->text, "tally ");
    while (!strchr (line, '\n'))
        process_wait (process, process_count (process, "\n") + 1, "\n");
    cr_assert_eq (sscanf (line, "tally " NODE_TALLY_FORMAT, &tally.notes, &tally.note_sum, &tally.told,
                          &tally.told_sum, &tally.failed, &tally.malformed, &tally.unknown, &tally.refused,
                          &tally.gaps, &tally.missed),
                  10, "%s", process->text);
    cr_assert_null (strstr (process->text, "failed: "), "%s", process->text);
    sum->notes += tally.notes;
    sum->note_sum += tally.note_sum;
    sum->told += tally.told;
    sum->told_sum += tally.told_sum;
    sum->failed += tally.failed;
    sum->malformed += tally.malformed;
    sum->unknown += tally.unknown;
    sum->refused += tally.refused;
    sum->gaps += tally.gaps;
    sum->missed += tally.missed;
    int status = 0;
    cr_assert_eq (waitpid (process->pid, &status, 0), process->pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d: %s", status, process->text);
    if (signal_number)
        close (process->input);
    close (process->output);
}

/* ---- what the scenes have in common ---- */

static void
start_server (int i, edition_t edition)
{
    start_node (&scene.servers[i], edition, "server", server_names[i]);
}

static void
tell_server (int i, const char *word, const char *answer)
{
    process_tell (&scene.servers[i], word);
    process_expect (&scene.servers[i], answer);
}

/* One of each edition. */
static void
start_clients (void)
{
    start_node (&scene.clients[0], RELEASE, "client", "1");
    start_node (&scene.clients[1], TREE, "client", "2");
}

static void
tell_clients (const char *word, const char *answer)
{
    for (int i = 0; i < CLIENTS; i++)
        process_tell (&scene.clients[i], word);
    for (int i = 0; i < CLIENTS; i++)
        process_expect (&scene.clients[i], answer);
}

/* Everything that there is to ask, by a client of each edition of a server of each edition. */
static void
let_clients_work (void)
{
    tell_clients ("wait 2", "there");
    tell_clients ("check 0", "checked");
    tell_clients ("check 1", "checked");
    tell_clients ("work", "worked");
}

static void
end_clients (void)
{
    for (int i = 0; i < CLIENTS; i++)
        end_node (&scene.clients[i], 0, &scene.asked);
}

/* Fanouts may still be on their way when the clients have ended. */
static void
end_servers (void)
{
    char word[32];
    snprintf (word, sizeof word, "told %llu", scene.asked.told / SERVERS);
    for (int i = 0; i < SERVERS; i++) {
        tell_server (i, word, "told");
    }
    for (int i = 0; i < SERVERS; i++)
        end_node (&scene.servers[i], SIGTERM, &scene.ran);
}

/* What was asked is what ran, by number and by sum, and nobody saw a frame that it did not know. */
static void
check_tallies (void)
{
    fprintf (stderr, "%llu calls and casts, %llu fanouts received\n", scene.ran.notes, scene.ran.told);
    cr_assert_gt (scene.ran.notes, 0u);
    cr_assert_eq (scene.ran.notes, scene.asked.notes, "%llu ran, %llu were asked", scene.ran.notes,
                  scene.asked.notes);
    cr_assert_eq (scene.ran.note_sum, scene.asked.note_sum);
    cr_assert_eq (scene.ran.told, scene.asked.told, "%llu were received, %llu were sent", scene.ran.told,
                  scene.asked.told);
    cr_assert_eq (scene.ran.told_sum, scene.asked.told_sum);
    cr_assert_eq (scene.asked.missed, 0u);
    cr_assert_eq (scene.asked.failed, 0u);
    cr_assert_eq (scene.ran.gaps, 0u);
    cr_assert_eq (scene.ran.refused, 0u);
    cr_assert_eq (scene.ran.malformed + scene.asked.malformed, 0u);
    cr_assert_eq (scene.ran.unknown + scene.asked.unknown, 0u);
}

static void
begin_scene (int port, const char *query)
{
    memset (&scene, 0, sizeof scene);
    snprintf (scene.url, sizeof scene.url, "zmq://127.0.0.1:%d/%s", port, query);
}

/* ---- the scenes ---- */

/* Nobody asks again for what it did not understand: for that the time between two refreshes is too long. So
 * clients hear of servers that come, and of one that goes, by what the rendezvous tells them at once. */
static void
meet_at_a_rendezvous (edition_t edition)
{
    const int port = free_port ();
    begin_scene (port, "?refresh_ms=3600000");
    start_host (edition, port);
    start_clients ();
    tell_clients ("know 0", "known");
    start_server (0, RELEASE);
    start_server (1, TREE);
    let_clients_work ();
    start_node (&scene.guest, edition == RELEASE ? TREE : RELEASE, "server", "guest");
    tell_clients ("know 3", "known");
    end_node (&scene.guest, SIGTERM, &scene.ran);
    tell_clients ("know 2", "known");
    end_clients ();
    end_servers ();
    end_host ();
    check_tallies ();
}

Test (mixed, all_meet_at_a_rendezvous_of_the_release, .timeout = 120)
{
    meet_at_a_rendezvous (RELEASE);
}

Test (mixed, all_meet_at_a_rendezvous_of_the_tree, .timeout = 120)
{
    meet_at_a_rendezvous (TREE);
}

/* A cluster is upgraded under load, process by process, the rendezvous in the middle, and goes back again.
 * With tcp alone, as between hosts. */
Test (mixed, a_rolling_upgrade_and_its_undoing_lose_and_repeat_nothing, .timeout = 120)
{
    const int port = free_port ();
    begin_scene (port, "?paths=tcp");
    start_host (RELEASE, port);
    for (int i = 0; i < SERVERS; i++)
        start_server (i, RELEASE);
    start_clients ();
    tell_clients ("wait 2", "there");
    tell_clients ("load", "loading");
    for (edition_t to = TREE;; to = RELEASE) {
        for (int i = 0; i < SERVERS; i++) {
            tell_server (i, "await 300", "awaited");
            end_node (&scene.servers[i], SIGTERM, &scene.ran);
            if (i == SERVERS / 2) {
                end_host ();
                start_host (to, port);
            }
            start_server (i, to);
        }
        if (to == RELEASE)
            break;
    }
    for (int i = 0; i < SERVERS; i++) {
        tell_server (i, "await 300", "awaited");
    }
    tell_clients ("halt", "halted");
    end_clients ();
    end_servers ();
    end_host ();
    check_tallies ();
}

/* The first process hosts the rendezvous; when it ends, one of the other edition takes over. */
static void
take_over (edition_t first)
{
    const edition_t second = first == RELEASE ? TREE : RELEASE;
    begin_scene (free_port (), "?host_rendezvous=true");
    start_server (0, first);
    tell_server (0, "hosting", "hosting");
    start_server (1, second);
    end_node (&scene.servers[0], SIGTERM, &scene.ran);
    tell_server (1, "hosting", "hosting");
    start_server (0, first);
    start_clients ();
    let_clients_work ();
    end_clients ();
    end_servers ();
    check_tallies ();
}

Test (mixed, the_tree_takes_a_rendezvous_over_from_the_release, .timeout = 120)
{
    take_over (RELEASE);
}

Test (mixed, the_release_takes_a_rendezvous_over_from_the_tree, .timeout = 120)
{
    take_over (TREE);
}

/* Without a rendezvous the clients ask listed servers who they are. */
Test (mixed, listed_servers_say_who_they_are, .timeout = 120)
{
    const int ports[SERVERS] = {free_port (), free_port ()};
    memset (&scene, 0, sizeof scene);
    for (int i = 0; i < SERVERS; i++) {
        snprintf (scene.url, sizeof scene.url, "zmq:///?static=nobody/none@tcp://127.0.0.1:1&port=%d",
                  ports[i]);
        start_server (i, i == 0 ? RELEASE : TREE);
    }
    snprintf (scene.url, sizeof scene.url, "zmq:///?static=%s/%s@tcp://127.0.0.1:%d,%s/%s@tcp://127.0.0.1:%d",
              NODE_TOPIC, server_names[0], ports[0], NODE_TOPIC, server_names[1], ports[1]);
    start_clients ();
    let_clients_work ();
    end_clients ();
    end_servers ();
    check_tallies ();
}

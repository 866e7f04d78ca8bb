/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of Python's zmq, in processes of their own (peer.py), at the engine's channels. Skipped where
 * Python has no zmq; not so where CI is set. */
#include "tests/interop/foreign.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT GODWIT_SOURCE_DIR "/tests/interop/peer.py"

static engine_t engine;

typedef struct python {
    pid_t pid;
    int output;
} python_t;

static void
begin (void)
{
    const char *const ci = getenv ("CI");
    if (system ("/usr/bin/python3 -c 'import zmq' 2>/dev/null") != 0) {
        cr_assert (!ci || strcmp (ci, "true") != 0, "python3-zmq is not installed");
        cr_skip_test ("python3-zmq is not installed");
    }
    foreign_open ();
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
}

static void
end (void)
{
    engine_close (&engine);
    foreign_close ();
}

TestSuite (python, .timeout = 120);

static void
python_start (python_t *python, const char *role, const char *address)
{
    int fds[2];
    cr_assert_eq (pipe2 (fds, O_CLOEXEC), 0);
    python->pid = fork ();
    cr_assert_geq (python->pid, 0);
    if (python->pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        dup2 (fds[1], STDOUT_FILENO);
        execl ("/usr/bin/python3", "python3", SCRIPT, role, address, (char *) NULL);
        _exit (127);
    }
    close (fds[1]);
    python->output = fds[0];
}

/* Reads a line as it comes; true once it is complete, without its end. */
static bool
read_line (const python_t *python, char *line, size_t size)
{
    struct pollfd item = {python->output, POLLIN, 0};
    size_t length = strlen (line);
    while (poll (&item, 1, 0) == 1) {
        char byte;
        cr_assert_eq (read (python->output, &byte, 1), 1, "it ended");
        if (byte == '\n')
            return true;
        cr_assert_lt (length, size - 1);
        line[length++] = byte;
        line[length] = '\0';
    }
    return false;
}

static void
python_address (const python_t *python, char address[FOREIGN_TEXT])
{
    *address = '\0';
    UNTIL (&engine, read_line (python, address, FOREIGN_TEXT));
}

/* It says that it is done. Meanwhile a port gives back all that comes to it. */
static void
python_end (python_t *python, foreign_port_t *port)
{
    char line[FOREIGN_TEXT] = "";
    int status;
    for (const int64_t limit = foreign_now_ns () + 3 * FOREIGN_LIMIT_NS;
         !read_line (python, line, sizeof line);) {
        godwit__frame_t frame;
        godwit__routing_id_t id;
        cr_assert_lt (foreign_now_ns (), limit, "it does not end");
        engine_turn (&engine);
        while (port && port->channel->ops->recv (port->channel, &frame, &id) == GODWIT__IO_OK) {
            channel_send (&engine, port->channel, id, frame.data, frame.size);
            godwit__frame_release (&frame);
        }
    }
    cr_assert_str_eq (line, "done");
    cr_assert_eq (waitpid (python->pid, &status, 0), python->pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    close (python->output);
}

Test (python, dealer_and_a_port)
{
    foreign_port_t port;
    begin ();
    port_open (&port, &engine, NULL);
    for (size_t i = 0; i < port.addresses.link_count; i++) { /* by ipc and by tcp */
        python_t python;
        python_start (&python, "dealer", port.addresses.links[i]);
        python_end (&python, &port);
        EXPECT_ENDED (&port, "a message of several parts");
    }
    port_close (&port);
    end ();
}

Test (python, req_and_a_port)
{
    foreign_port_t port;
    python_t python;
    begin ();
    port_open (&port, &engine, NULL);
    python_start (&python, "req", port.addresses.links[0]);
    python_end (&python, &port);
    EXPECT_ENDED (&port, "\"REQ\" does not speak with one of type ROUTER");
    port_close (&port);
    end ();
}

Test (python, router_and_a_link)
{
    static uint8_t large[8 << 20];
    char path[FOREIGN_TEXT];
    begin ();
    foreign_path (path, "router");
    const char *const bound[] = {"tcp://127.0.0.1:*", path};
    for (int i = 0; i < 2; i++) {
        char address[FOREIGN_TEXT];
        python_t python;
        foreign_link_t link;
        python_start (&python, "router", bound[i]);
        python_address (&python, address);
        link_open (&link, &engine, address);
        UNTIL (&engine, link.ups);
        channel_send (&engine, link.channel, 0, "hello", 5);
        channel_expect (&engine, link.channel, "hello", 5);
        channel_send (&engine, link.channel, 0, large, sizeof large);
        channel_expect (&engine, link.channel, large, sizeof large);
        channel_send (&engine, link.channel, 0, "stop", 4);
        python_end (&python, NULL);
        UNTIL (&engine, link.downs);
        link_close (&link);
    }
    end ();
}

Test (python, xpub_and_a_port)
{
    foreign_port_t port;
    python_t python;
    uint8_t key[GODWIT__KEY_SIZE], publication[GODWIT__KEY_SIZE + 11];
    begin ();
    foreign_key (key, 1);
    port_open (&port, &engine, NULL);
    cr_assert_eq (engine.driver->ops->subscribe (port.channel, key, NULL), GODWIT_OK);
    python_start (&python, "publisher", port.addresses.fanout);
    memcpy (publication, key, sizeof key);
    memcpy (publication + sizeof key, "from python", 11);
    cr_assert_eq (channel_expect (&engine, port.channel, publication, sizeof publication),
                  GODWIT__ROUTING_ID_FANOUT);
    engine.driver->ops->unsubscribe (port.channel, key);
    python_end (&python, NULL);
    port_close (&port);
    end ();
}

Test (python, sub_and_a_publisher)
{
    godwit__channel_t *publisher;
    python_t python;
    char address[FOREIGN_TEXT];
    uint8_t news[1 + GODWIT__KEY_SIZE] = {1}, publication[GODWIT__KEY_SIZE + 10];
    begin ();
    foreign_key (news + 1, 1);
    python_start (&python, "subscriber", "tcp://127.0.0.1:*");
    python_address (&python, address);
    cr_assert_eq (engine.driver->ops->open_publisher (engine.driver, &publisher, NULL), GODWIT_OK);
    cr_assert_eq (engine.driver->ops->publisher_connect (publisher, address, NULL), GODWIT_OK);
    channel_expect (&engine, publisher, news, sizeof news);
    memcpy (publication, news + 1, GODWIT__KEY_SIZE);
    memcpy (publication + GODWIT__KEY_SIZE, "for python", 10);
    channel_publish (&engine, publisher, publication, sizeof publication);
    news[0] = 0;
    channel_expect (&engine, publisher, news, sizeof news);
    python_end (&python, NULL);
    publisher->ops->close (publisher);
    end ();
}

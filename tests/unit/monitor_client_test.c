/* The call monitor's client, with a clock that is moved by hand, and a server that says what the test says:
 * frames by hand over a port of the driver. Nothing here waits for a time to pass. */
#include <godwit/client.h>

#include "src/surroundings.h"
#include "src/transport.h"
#include "src/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS (INT64_C (20000) * GODWIT__NS_PER_MS)
#define BEGIN_MS 1000000

static _Atomic (int64_t) time_ms = BEGIN_MS;

static int64_t
read_clock (void *user)
{
    (void) user;
    return atomic_load (&time_ms) * GODWIT__NS_PER_MS;
}

static const godwit__clock_t hand = {.now_ns = read_clock};

typedef struct fake {
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port;
    godwit__origin_t client;
    godwit_transport_t *transport;
    godwit_client_t *monitored; /* 50 ms, of 120 ms altogether */
    godwit_client_t *patient;
} fake_t;

static const uint8_t instance[GODWIT__UUID_SIZE] = {0xfa, 0xce};

static void
say (fake_t *fake, const void *data, size_t size)
{
    const godwit__message_t message = {(void *) (uintptr_t) data, size, NULL, NULL};
    cr_assert_eq (fake->port->ops->send (fake->port, fake->client, &message), GODWIT__IO_OK);
}

static void
say_header (fake_t *fake, godwit__frame_type_t type, uint64_t id)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &(godwit__header_t){.type = (uint8_t) type, .id = id});
    say (fake, data, sizeof data);
}

static void
welcome (fake_t *fake)
{
    godwit__identity_t identity = {.incarnation = 1};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    memcpy (identity.instance, instance, sizeof instance);
    say (fake, data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
resolve (fake_t *fake, uint64_t id)
{
    godwit__record_t record = {.incarnation = 1,
                               .server_id = 7,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = "calc",
                               .server = "one",
                               .fanout_address = "",
                               .host = "",
                               .versions = ""};
    uint8_t *data = NULL;
    memcpy (record.instance, instance, sizeof instance);
    const size_t size = godwit__resolved_write (&data, id, &record);
    godwit__put_u32 (data + 4, 7);
    say (fake, data, size);
    free (data);
}

/* The next REQUEST or CANCEL; what comes before it is answered. */
static godwit__header_t
expect (fake_t *fake, godwit__frame_type_t type)
{
    for (;;) {
        godwit__frame_t frame;
        godwit__header_t header = {0};
        godwit__io_t io;
        while ((io = fake->port->ops->recv (fake->port, &frame, &fake->client)) == GODWIT__IO_AGAIN)
            fake->port->ops->wait (fake->port, false, PATIENCE_NS);
        cr_assert_eq (io, GODWIT__IO_OK);
        cr_assert_eq (godwit__header_read (&header, frame.data, frame.size), GODWIT__HEADER_OK);
        godwit__frame_release (&frame);
        switch (header.type) {
        case GODWIT__HELLO:
            welcome (fake);
            break;
        case GODWIT__RESOLVE:
            resolve (fake, header.id);
            break;
        case GODWIT__PING:
            break;
        default:
            cr_assert_eq (header.type, type, "%d", header.type);
            return header;
        }
    }
}

static void
start (fake_t *fake)
{
    godwit__port_addresses_t addresses;
    char url[512];
    memset (fake, 0, sizeof *fake);
    atomic_store (&time_ms, BEGIN_MS);
    cr_assert_eq (godwit__reactor_new (&fake->reactor, &godwit__clock_system, NULL), GODWIT_OK);
    const godwit__driver_options_t options = {.reactor = fake->reactor,
                                              .max_message_size = 1 << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 20000,
                                              .heartbeat_ms = 1000,
                                              .heartbeat_timeout_ms = 20000,
                                              .virtual_host = ""};
    cr_assert_eq (godwit__zmq_driver.open (&fake->driver, &options, NULL), GODWIT_OK);
    cr_assert_eq (fake->driver->ops->open_port (fake->driver, NULL, &fake->port, &addresses, NULL),
                  GODWIT_OK);
    snprintf (url, sizeof url, "zmq:///?connect_timeout_ms=20000&static=calc/one@%s",
              addresses.links[addresses.link_count - 1]);
    godwit__surroundings_t surroundings = godwit__system_surroundings;
    surroundings.clock = hand; /* waits still take real time, and look at it again afterwards */
    cr_assert_eq (godwit__transport_new_in (&fake->transport, url, NULL, &surroundings, NULL), GODWIT_OK);
    cr_assert_eq (
        godwit_client_new (&fake->patient, fake->transport, GODWIT_TARGET (.topic = "calc"), NULL, NULL),
        GODWIT_OK);
    cr_assert_eq (godwit_client_prepare (&fake->monitored, fake->patient,
                                         GODWIT_OVERRIDES (.timeout_ms = 120, .call_monitor_timeout_ms = 50),
                                         NULL),
                  GODWIT_OK);
}

static void
end (fake_t *fake)
{
    godwit_client_destroy (&fake->monitored);
    godwit_client_destroy (&fake->patient);
    godwit_transport_destroy (&fake->transport);
    fake->port->ops->close (fake->port);
    fake->driver->ops->close (fake->driver);
    godwit__reactor_destroy (&fake->reactor);
}

/* A call on a thread of its own. */
typedef struct caller {
    godwit_client_t *client;
    pthread_t thread;
    atomic_bool ended;
    godwit_status_t status;
    godwit_error_t *error;
} caller_t;

static void *
run (void *user)
{
    caller_t *caller = user;
    caller->status = godwit_client_call (caller->client, NULL, "any", GODWIT_NO_ARGS, NULL, &caller->error);
    atomic_store (&caller->ended, true);
    return NULL;
}

static void
call (caller_t *caller, godwit_client_t *client)
{
    *caller = (caller_t){.client = client};
    cr_assert_eq (pthread_create (&caller->thread, NULL, run, caller), 0);
}

/* All frames that were said before have been looked at: those of a connection come in their order, and this
 * call ends with the last of them. */
static void
settle (fake_t *fake)
{
    caller_t caller;
    uint8_t data[GODWIT__HEADER_SIZE + 1];
    call (&caller, fake->patient);
    const godwit__header_t request = expect (fake, GODWIT__REQUEST);
    cr_assert_eq (request.aux, 0u);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = request.id});
    data[GODWIT__HEADER_SIZE] = 0xc0; /* nil */
    say (fake, data, sizeof data);
    pthread_join (caller.thread, NULL);
    cr_assert_eq (caller.status, GODWIT_OK, "%s", godwit_error_print (caller.error));
}

static void
expect_end (caller_t *caller, const char *says)
{
    pthread_join (caller->thread, NULL);
    cr_assert_eq (caller->status, GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (caller->error), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert (strstr (godwit_error_message (caller->error), says), "%s",
               godwit_error_message (caller->error));
    godwit_error_destroy (&caller->error);
}

static const char monitor_ended[] =
    "The call monitor ended the call: the server gave no sign of life for 50 ms";

Test (monitor_client, silence_ends_the_call, .timeout = 60)
{
    fake_t fake;
    caller_t caller;
    start (&fake);
    call (&caller, fake.monitored);
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (request.aux, 50u);
    cr_assert_eq (request.budget_ms, 120u);
    atomic_fetch_add (&time_ms, 49);
    settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&time_ms, 1);
    expect_end (&caller, monitor_ended);
    const godwit__header_t cancel = expect (&fake, GODWIT__CANCEL);
    cr_assert_eq (cancel.id, request.id);
    cr_assert_eq (cancel.target, request.target);
    /* A reply that comes now is nobody's. */
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    settle (&fake);
    end (&fake);
}

Test (monitor_client, news_restarts_the_monitor_and_not_the_total, .timeout = 60)
{
    fake_t fake;
    caller_t caller;
    start (&fake);
    call (&caller, fake.monitored);
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&time_ms, 40);
    say_header (&fake, GODWIT__ACCEPTED, request.id);
    settle (&fake);
    atomic_fetch_add (&time_ms, 40); /* 80: more than 50 from the beginning */
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&time_ms, 39); /* 119 */
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&time_ms, 1); /* 120 */
    expect_end (&caller, "No reply within 120 ms");
    end (&fake);
}

Test (monitor_client, each_news_counts_once, .timeout = 60)
{
    fake_t fake;
    caller_t caller;
    start (&fake);
    call (&caller, fake.monitored);
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&time_ms, 30);
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    say_header (&fake, GODWIT__HEARTBEAT, request.id + 1000); /* not about this call */
    settle (&fake);
    atomic_fetch_add (&time_ms, 49); /* 79 */
    settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    say_header (&fake, GODWIT__HEARTBEAT, request.id + 1000);
    settle (&fake);
    atomic_fetch_add (&time_ms, 1); /* 80 */
    expect_end (&caller, monitor_ended);
    end (&fake);
}

/* A call that is not monitored is not moved by heartbeats, whoever sends them. */
Test (monitor_client, news_of_other_calls_is_ignored, .timeout = 60)
{
    fake_t fake;
    caller_t caller;
    godwit_client_t *client = NULL;
    start (&fake);
    cr_assert_eq (godwit_client_prepare (&client, fake.monitored,
                                         GODWIT_OVERRIDES (.call_monitor_timeout_ms = GODWIT_CLEAR_INT),
                                         NULL),
                  GODWIT_OK);
    call (&caller, client);
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    cr_assert_eq (request.aux, 0u);
    atomic_fetch_add (&time_ms, 119);
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    settle (&fake);
    cr_assert_not (atomic_load (&caller.ended));
    atomic_fetch_add (&time_ms, 1);
    expect_end (&caller, "No reply within 120 ms");
    godwit_client_destroy (&client);
    end (&fake);
}

/* The same on the completion reactor. */
Test (monitor_client, asynchronous_calls, .timeout = 60)
{
    fake_t fake;
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    bool finished = true;
    start (&fake);
    cr_assert_eq (godwit_client_call_future (fake.monitored, NULL, "any", GODWIT_NO_ARGS, &future, NULL),
                  GODWIT_OK);
    const godwit__header_t request = expect (&fake, GODWIT__REQUEST);
    atomic_fetch_add (&time_ms, 45);
    say_header (&fake, GODWIT__HEARTBEAT, request.id);
    settle (&fake);
    atomic_fetch_add (&time_ms, 49);
    settle (&fake);
    godwit_future_wait (future, 0, &finished, NULL, NULL);
    cr_assert_not (finished);
    atomic_fetch_add (&time_ms, 1);
    cr_assert_eq (godwit_future_wait (future, -1, &finished, NULL, &error), GODWIT_ERR_TIMEOUT);
    cr_assert (finished && strstr (godwit_error_message (error), monitor_ended));
    godwit_error_destroy (&error);
    godwit_future_destroy (&future);
    cr_assert_eq (expect (&fake, GODWIT__CANCEL).id, request.id);
    end (&fake);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A method with arguments of all kinds: checked against the slots below, and in a struct, before the handler
 * runs. The handler reads no value by hand, and no wrong argument reaches it. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- what the method takes ---- */

enum size { SMALL = 1, LARGE = 4 };

static const godwit_name_t sizes[] = {{"small", SMALL}, {"large", LARGE}};

struct disk {
    char name[8];
    uint32_t gigabytes;
    bool is_encrypted;
};

static const godwit_slot_t disk_slots[] = {
    GODWIT_SLOT (struct disk, name), GODWIT_SLOT (struct disk, gigabytes),
    GODWIT_SLOT (struct disk, is_encrypted, GODWIT_OPTIONAL), /* false, if it is not given */
};

struct network {
    char host[64];
    uint16_t port;
};

static const godwit_slot_t network_slots[] = {GODWIT_SLOT (struct network, host),
                                              GODWIT_SLOT (struct network, port)};

struct create_args {
    char name[16];    /* a copy: no longer than 15 bytes */
    enum size size;   /* by its name */
    float load;       /* rounded to a float */
    uint8_t priority; /* optional, and 0 is not the default: so has_priority tells */
    bool has_priority;
    struct network console; /* a map in the map */
    bool has_console;
    struct disk disks[4]; /* a list of maps, four at the most */
    size_t disk_count;
    uint16_t ports[8]; /* a list of numbers */
    size_t port_count;
    const godwit_value_t *labels; /* any map; NULL, if it is not given; borrowed from the request */
};

static const godwit_slot_t create_slots[] = {
    GODWIT_SLOT (struct create_args, name),
    GODWIT_SLOT_ENUM (struct create_args, size, sizes),
    GODWIT_SLOT (struct create_args, load, GODWIT_OPTIONAL),
    GODWIT_SLOT (struct create_args, priority, GODWIT_PRESENT (struct create_args, has_priority)),
    GODWIT_SLOT_STRUCT (struct create_args, console, network_slots,
                        GODWIT_PRESENT (struct create_args, has_console)),
    GODWIT_SLOT_STRUCTS (struct create_args, disks, disk_count, disk_slots),
    GODWIT_SLOT_ARRAY (struct create_args, ports, port_count, GODWIT_OPTIONAL),
    GODWIT_SLOT_MAP (struct create_args, labels, GODWIT_OPTIONAL),
};

/* ---- the handler ---- */

static godwit_status_t
create (godwit_request_t *request, void *self)
{
    const struct create_args *args = godwit_request_params (request);
    uint64_t gigabytes = 0;
    char console[80] = "none", text[256];
    (void) self;
    for (size_t i = 0; i < args->disk_count; i++)
        gigabytes += args->disks[i].gigabytes;
    if (args->has_console)
        snprintf (console, sizeof console, "%s:%u", args->console.host, args->console.port);
    snprintf (text, sizeof text,
              "%s: %d cpus, priority %d, load %.2f, console %s, %zu disks of %llu GB, %zu ports, %zu labels",
              args->name, (int) args->size, args->has_priority ? args->priority : 100, (double) args->load,
              console, args->disk_count, (unsigned long long) gigabytes, args->port_count,
              godwit_value_count (args->labels));
    return godwit_request_reply (request, GODWIT_STR (NULL, text));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("create", create, struct create_args, create_slots, 0),
};

/* ---- life ---- */

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (void)
{
    const char *url = getenv ("GODWIT_URL");
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, url ? url : "zmq://",
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "machines", .server = "one"),
                           &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}

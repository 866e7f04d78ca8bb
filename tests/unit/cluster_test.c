/* The simulated cluster: the core on a network that loses, repeats, delays, cuts and kills. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdio.h>
#include <string.h>

#define MUST(call_)                                                                                          \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t status_ = (call_);                                                             \
        cr_assert (status_ == GODWIT_OK, "%s: %s", #call_, godwit_error_print (error));                      \
    } while (0)

typedef struct service {
    unsigned runs;
    godwit_server_t *server;
    godwit_transport_t *transport;
} service_t;

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    service_t *service = self;
    service->runs++;
    const godwit_value_t *args = godwit_request_args (request);
    return godwit_request_reply (
        request, GODWIT_INT (NULL, godwit_value_as_int (godwit_value_get (args, "a"), 0) + 1));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("add", add, 0)};

static void
service_open (service_t *service, godwit_cluster_t *cluster, const char *name)
{
    MUST (godwit_cluster_add (&service->transport, cluster, name, NULL, &error));
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods, .self = service)};
    MUST (godwit_server_new (&service->server, service->transport,
                             GODWIT_TARGET (.topic = "work", .server = name), endpoints, 1, NULL, &error));
    MUST (godwit_server_start (service->server, NULL, &error));
}

static void
service_close (service_t *service)
{
    godwit_server_destroy (&service->server);
    godwit_transport_destroy (&service->transport);
}

/* Rendezvous points are on the first three nodes that there really are. */
Test (cluster, a_node_that_could_not_be_added_is_none)
{
    static const char *const names[] = {"ghost-1", "ghost-2", "ghost-3"};
    godwit_cluster_t *cluster = NULL;
    service_t one = {0};
    godwit_transport_t *calling = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq (godwit_cluster_add (&calling, cluster, names[i],
                                          GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = -1), NULL),
                      GODWIT_ERR_INVALID_ARGUMENT);
    service_open (&one, cluster, "one");
    MUST (godwit_cluster_add (&calling, cluster, "two", NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    service_close (&one);
    godwit_transport_destroy (&calling);
    godwit_cluster_destroy (&cluster);
}

Test (cluster, a_call_waits_in_virtual_time)
{
    godwit_cluster_t *cluster = NULL;
    service_t one = {0};
    godwit_transport_t *calling = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *sum = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    service_open (&one, cluster, "one");
    MUST (godwit_cluster_add (&calling, cluster, "two", NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 42);
    const int64_t before = godwit_cluster_now_ms (cluster);
    godwit_cluster_cut (cluster, "two", "one", true);
    godwit_value_unref (&sum);
    cr_assert_eq (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, NULL),
                  GODWIT_ERR_TIMEOUT);
    const int64_t took = godwit_cluster_now_ms (cluster) - before;
    cr_assert (took >= 2000 && took < 3000, "it took %lld ms of virtual time", (long long) took);
    godwit_cluster_cut (cluster, "two", "one", false);
    MUST (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, &error));
    godwit_value_unref (&sum);
    godwit_client_destroy (&client);
    service_close (&one);
    godwit_transport_destroy (&calling);
    godwit_cluster_destroy (&cluster);
}

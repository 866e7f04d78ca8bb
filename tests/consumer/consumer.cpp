/* SPDX-License-Identifier: Apache-2.0 */
/* C++ has no compound literals, so the macros of structs are for C; here the sizes are set by hand. */
#include <cstdio>
#include <godwit/godwit.h>

static godwit_status_t
greet (godwit_request_t *request, void *)
{
    return godwit_request_reply (request, godwit_field_from (nullptr));
}

/* A server and a client of it: a call, and a fanout with its report. */
static godwit_status_t
use (godwit_transport_t *transport, godwit_error_t **error)
{
    godwit_server_t *server = nullptr;
    godwit_client_t *client = nullptr;
    godwit_target_t target = {};
    target.struct_size = sizeof target;
    target.topic = "greetings";
    target.server = "one";
    godwit_method_t method = {};
    method.name = "greet";
    method.handler = greet;
    godwit_endpoint_t endpoint = {};
    endpoint.struct_size = sizeof endpoint;
    endpoint.method_size = sizeof method;
    endpoint.methods = &method;
    endpoint.method_count = 1;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;

    godwit_status_t status = godwit_server_new (&server, transport, &target, &endpoint, 1, nullptr, error);
    if (status == GODWIT_OK)
        status = godwit_server_start (server, nullptr, error);
    if (status == GODWIT_OK)
        status = godwit_client_new (&client, transport, &target, nullptr, error);
    if (status == GODWIT_OK)
        status = godwit_client_call (client, nullptr, "greet", godwit_fields_from (nullptr), nullptr, error);
    if (status == GODWIT_OK)
        status =
            godwit_client_fanout (client, nullptr, "greet", godwit_fields_from (nullptr), &report, error);
    if (status == GODWIT_OK && report.reached != 1)
        status = GODWIT_ERR_FAILED;
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    return status;
}

int
main ()
{
    godwit_transport_t *transport = nullptr;
    godwit_error_t *error = nullptr;
    godwit_status_t status = godwit_transport_new (&transport, "inproc://consumer/", nullptr, &error);
    if (status == GODWIT_OK)
        status = use (transport, &error);
    if (status)
        std::fprintf (stderr, "C++: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_transport_destroy (&transport);
    std::printf ("C++: godwit %s\n", godwit_version_string ());
    return status || godwit_version_string ()[0] != '0' + GODWIT_VERSION_MAJOR;
}

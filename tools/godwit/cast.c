/* SPDX-License-Identifier: Apache-2.0 */
/* godwit cast: sends a request that has no reply. */
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/request.h"

#include <stdlib.h>

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    return request_option (state->input, key, text, state);
}

static int
cast (request_t *self)
{
    godwit_error_t *error = NULL;
    if (godwit_client_cast (self->client, self->context, self->method, godwit_fields_from (self->args),
                            &error) != GODWIT_OK)
        return cluster_fail (&self->common, &error, STATUS_CALL_FAILED);
    if (self->common.json)
        puts ("{\"sent\": true}");
    return EXIT_SUCCESS;
}

const struct argp argp_of_cast = {
    .options = request_options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "TOPIC METHOD [KEY=TEXT|KEY:=JSON...]\nTOPIC METHOD -",
    .doc = "Send a request that has no reply, to one server. Nobody learns what became of it.\v" REQUEST_DOC
           "\n\n"
           "Examples:\n\n"
           "  godwit cast stock echo item=tea\n"
           "  godwit cast stock/one echo item=tea\n\n" COMMON_STATUS "; 4 if it could not be sent.\n"};

int
command_cast (int argc, char **argv)
{
    request_t self = {.common = COMMON_OF ("cast")};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_cast, argc, argv, 0, NULL, &self);
    int status = request_open (&self);
    if (!status)
        status = request_check (&self);
    if (!status)
        status = cast (&self);
    request_close (&self);
    return output_end ("cast", status);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* godwit call: calls a method, and prints its result. */
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"
#include "tools/godwit/request.h"

#include <stdlib.h>
#include <unistd.h>

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    return request_option (state->input, key, text, state);
}

static int
call (request_t *self)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    if (godwit_client_call (self->client, self->context, self->method, godwit_fields_from (self->args),
                            &result, &error) != GODWIT_OK)
        return cluster_fail (&self->common, &error, STATUS_CALL_FAILED);
    if (self->common.json) {
        output_json (stdout, result);
        putchar ('\n');
    } else {
        output_pretty (stdout, result, style_width (STDOUT_FILENO));
    }
    godwit_value_unref (&result);
    return EXIT_SUCCESS;
}

const struct argp argp_of_call = {
    .options = request_options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "TOPIC METHOD [KEY=TEXT|KEY:=JSON...]\nTOPIC METHOD -",
    .doc = "Call a method, and print its result as JSON.\v" REQUEST_DOC
           " They are checked before they are sent, if the server tells of its methods.\n\n"
           "Examples:\n\n"
           "  godwit call stock echo item=tea amount:=3\n"
           "  godwit call stock/one sleep seconds:=0.1 --timeout=2\n"
           "  echo '{\"item\": \"tea\"}' | godwit call stock echo -\n\n" COMMON_STATUS
           "; 4 if the call failed: the error output says why, and whether the method can have run.\n"};

int
command_call (int argc, char **argv)
{
    request_t self = {.common = COMMON_OF ("call")};
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_call, argc, argv, 0, NULL, &self);
    int status = request_open (&self);
    if (!status)
        status = request_check (&self);
    if (!status)
        status = call (&self);
    request_close (&self);
    return output_end ("call", status);
}

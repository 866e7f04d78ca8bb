/* SPDX-License-Identifier: Apache-2.0 */
/* What several answers have in common: who answers, when, and what is for whom. */
#include "src/introspection/look.h"

#include "src/value/build.h"

#include <errno.h>
#include <godwit/version.h>
#include <string.h>
#include <unistd.h>

bool
godwit__look_may (const godwit__look_t *look, const char *exchange, const char *topic)
{
    const godwit__deed_t deed = {.verb = GODWIT__VERB_INSPECT, .exchange = exchange, .topic = topic};
    return !look->caller || godwit__caller_may (look->caller, 0, &deed);
}

bool
godwit__look_may_all (const godwit__look_t *look)
{
    const godwit__certificate_t *const certificate = look->caller ? &look->caller->party->certificate : NULL;
    for (size_t i = 0; certificate && i < certificate->right_count; i++)
        if (certificate->rights[i].verb == GODWIT__VERB_INSPECT &&
            !strcmp (certificate->rights[i].pattern, "*/*"))
            return true;
    return !certificate;
}

void
godwit__look_process (const godwit__look_t *look, godwit_builder_t *builder)
{
    const godwit_transport_t *const transport = look->transport;
    char host[256] = "";
    gethostname (host, sizeof host - 1);
    godwit_builder_open_map (builder, "process");
    godwit_builder_int (builder, "pid", getpid ());
    godwit_builder_str (builder, "host", host);
    godwit_builder_str (builder, "program", program_invocation_short_name);
    godwit_builder_str (builder, "library", godwit_version_string ());
    godwit__build_hex (builder, "instance", transport->instance, sizeof transport->instance);
    /* An incarnation is the wall clock at the start, in microseconds (src/base/host.h). */
    godwit_builder_uint (builder, "started", transport->incarnation * 1000);
    godwit_builder_close (builder);
}

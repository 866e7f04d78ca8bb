/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/transport.h"

#include "src/error/error.h"

#include <stdio.h>
#include <unistd.h>

/* ---- references ---- */

godwit_transport_t *
godwit__transport_ref (godwit_transport_t *transport)
{
    atomic_fetch_add_explicit (&transport->refs, 1, memory_order_relaxed);
    return transport;
}

void
godwit__transport_unref (godwit_transport_t *transport)
{
    if (atomic_fetch_sub_explicit (&transport->refs, 1, memory_order_acq_rel) == 1)
        transport->hooks->release (transport);
}

godwit_status_t
godwit__transport_check (const godwit_transport_t *transport, godwit_error_t **error)
{
    if (!*transport->alive)
        return godwit__error_set (error, GODWIT_ERR_FORKED,
                                  "This transport belongs to the process before fork(): make a new one");
    if (atomic_load_explicit (&transport->closing, memory_order_relaxed))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    return GODWIT_OK;
}

/* ---- the log ---- */

/* ---- the log ---- */

void
godwit__log_open (godwit_transport_t *transport)
{
    godwit_transport_options_t *const options = &transport->options;
    const godwit__log_variable_t *const variable = godwit__log_variable ();
    transport->log_from = options->log ? (int) options->log_level : GODWIT__LOG_NOTHING;
    if (variable->level >= transport->log_from && options->log == godwit_log_stderr &&
        variable->fd == STDERR_FILENO)
        return; /* the program writes these lines there already */
    if (variable->level == GODWIT__LOG_NOTHING)
        return;
    if (options->log == godwit_log_stderr && variable->fd == STDERR_FILENO)
        options->log = NULL; /* the variable wants more of the same */
    transport->log_variable = variable;
    if (variable->level < transport->log_from)
        transport->log_from = variable->level;
}

void
godwit__log_text (const godwit_transport_t *transport, godwit_log_level_t level, const char *text)
{
    const godwit_transport_options_t *const options = &transport->options;
    const godwit__log_variable_t *const variable = transport->log_variable;
    if (options->log && level >= options->log_level)
        options->log (options->log_user, level, text);
    if (variable && (int) level >= variable->level)
        godwit__log_write (variable->fd, level, text);
}

void
godwit__log (const godwit_transport_t *transport, godwit_log_level_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < ' ' || *at == 127)
            *at = ' ';
    godwit__log_text (transport, level, text);
}

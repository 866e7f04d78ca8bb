/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_folder.h"

#include "matchmaker/rendezvous_names.h"
#include "matchmaker/rendezvous_source_report.h"
#include "matchmaker/rendezvous_source_timer.h"
#include "src/folder/folder_sweep.h"

static void
set_absent (godwit__rendezvous_source_t *self, bool is_absent)
{
    if (self->is_absent == is_absent)
        return;
    self->is_absent = is_absent;
    godwit__rendezvous_count_sources (self->owner);
    godwit__source_note (self, GODWIT_LOG_INFO,
                         is_absent ? "There is no place now for" : "There is a place for", NULL);
}

static void
wait_for_folder (godwit__rendezvous_source_t *self, const char *why)
{
    self->state = GODWIT__SOURCE_WAITING;
    godwit__source_arm (self, godwit__source_now (self) + godwit__source_refresh_ns (self));
    godwit__source_names_none (self, why);
}

bool
godwit__source_enter_folder (godwit__rendezvous_source_t *self)
{
    const godwit__matchmaker_options_t *const options = &self->owner->options;
    godwit_error_t *error = NULL;
    set_absent (self, godwit__folder_is_absent (self->folder));
    if (self->is_absent) {
        wait_for_folder (self, "there is no place for it");
        return false;
    }
    if (godwit__folder_open (self->folder, &error) == GODWIT_OK)
        return true;
    if (options->note)
        options->note (options->note_user, GODWIT_LOG_WARNING, godwit_error_message (error));
    godwit_error_destroy (&error);
    wait_for_folder (self, "its folder cannot be used");
    return false;
}

void
godwit__source_hosts_in_folder (godwit__rendezvous_source_t *self)
{
    const char *const name = strrchr (self->address, '/') + 1;
    godwit__folder_remember (self->folder, name, &self->hosted);
    godwit__folder_sweep (self->folder);
}

bool
godwit__source_look_at_folder (godwit__rendezvous_source_t *self)
{
    if (godwit__folder_is_replaced (self->folder) || !godwit__folder_has (self->folder, &self->hosted))
        return false;
    godwit__folder_sweep (self->folder);
    return true;
}

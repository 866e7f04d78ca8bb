/* SPDX-License-Identifier: Apache-2.0 */
/* Two members of the realm join the rendezvous, one behind the other:
 *
 *     teller: has the bulletin beside its member file; connects ---> the other end takes it
 *     hearer: has none; joins when the teller has           <------- gets it from there, and so it is there
 *
 * Both use one certificate, which ends soon and allows nothing, and this thread alone. */
#include "tools/godwit/realm_tell.h"

#include "src/error/error.h"
#include "src/realm/realm.h"
#include "src/runtime/environment.h"
#include "src/runtime/transport.h"
#include "tools/godwit/realm_certify.h"
#include "tools/godwit/realm_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Beside each other in the realm's folder, which is locked; the next command sweeps away what is left. */
#define TELLER_FILE ".godwit-teller.member"
#define TELLER_BULLETIN ".godwit-teller.bulletin"
#define HEARER_FILE ".godwit-hearer.member"
#define CERTIFICATE_LIFE_S 300
#define LOOK_MS 100 /* in case that a transport has nothing to do when it has what is waited for */

typedef struct tell {
    realm_folder_t *folder;
    const char *url;
    int64_t end_ms;
    godwit_transport_t *teller, *hearer;
    char reason[512]; /* the last warning: why nobody is reached */
} tell_t;

/* ---- files ---- */

static godwit_status_t
write_files (const tell_t *self, int64_t now, godwit_error_t **error)
{
    const realm_grant_t grant = {.name = REALM_ADMIN, .from = now, .until = now + CERTIFICATE_LIFE_S};
    const godwit__bulletin_t *const bulletin = self->folder->bulletin;
    realm_bytes_t file = {0};
    godwit_status_t status = realm_certify (self->folder, &grant, &file, NULL, error);
    if (!status)
        status = realm_folder_write (self->folder, TELLER_FILE, file.data, file.size, error);
    if (!status)
        status = realm_folder_write (self->folder, HEARER_FILE, file.data, file.size, error);
    if (!status)
        status = realm_folder_write (self->folder, TELLER_BULLETIN, bulletin->sealed, bulletin->sealed_size,
                                     error);
    realm_bytes_free (&file);
    return status;
}

static void
remove_files (const tell_t *self)
{
    unlinkat (self->folder->fd, TELLER_FILE, 0);
    unlinkat (self->folder->fd, TELLER_BULLETIN, 0);
    unlinkat (self->folder->fd, HEARER_FILE, 0);
}

/* ---- members ---- */

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    tell_t *const self = user;
    (void) level;
    snprintf (self->reason, sizeof self->reason, "%s", text);
}

static godwit_status_t
join (tell_t *self, godwit_transport_t **transport, const char *file, godwit_error_t **error)
{
    realm_path_t path;
    godwit__environment_t environment = godwit__system_environment;
    environment.keeps_bulletins = false; /* the next hearer has to hear it, and cannot read it */
    return godwit__transport_new_in (
        transport, self->url,
        GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .log = on_log, .log_user = self,
                                  .log_level = GODWIT_LOG_WARNING,
                                  .realm = realm_folder_path (self->folder, file, &path)),
        &environment, error);
}

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
has_joined (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return stats.rendezvous_joined > stats.rendezvous_hosted;
}

/* What the hearer has can only come from the rendezvous. An older one is about to be replaced there. */
static bool
has_heard (const tell_t *self)
{
    return self->hearer &&
           godwit__realm_bulletin_number (self->hearer->realm) >= self->folder->bulletin->number;
}

/* Two folders of one realm may have made bulletins with one number: the bytes decide. */
static godwit_status_t
check_heard (const tell_t *self, godwit_error_t **error)
{
    const godwit__bulletin_t *const ours = self->folder->bulletin;
    godwit__bulletin_t *heard = godwit__realm_bulletin (self->hearer->realm);
    const uint64_t number = heard ? heard->number : 0;
    const bool is_ours = heard && heard->sealed_size == ours->sealed_size &&
                         memcmp (heard->sealed, ours->sealed, ours->sealed_size) == 0;
    godwit__bulletin_unref (&heard);
    if (is_ours)
        return GODWIT_OK;
    return godwit__error_set (
        error, GODWIT_ERR_FAILED,
        "%s: the rendezvous has another bulletin, %llu, and keeps it: what this folder's, %llu, revokes in "
        "addition is not revoked there. The folder is an old copy, or there are two. Copy the newest "
        "realm.bulletin of the hosts to %s/" REALM_BULLETIN ", and revoke again",
        self->url, (unsigned long long) number, (unsigned long long) ours->number, self->folder->path);
}

static godwit_status_t
process (const tell_t *self, godwit_error_t **error)
{
    struct pollfd sources[2] = {{.fd = godwit_transport_fd (self->teller), .events = POLLIN},
                                {.fd = -1, .events = POLLIN}};
    const int64_t left_ms = self->end_ms - now_ms ();
    if (self->hearer)
        sources[1].fd = godwit_transport_fd (self->hearer);
    if (poll (sources, 2,
              (int) (left_ms < 0         ? 0
                     : left_ms > LOOK_MS ? LOOK_MS
                                         : left_ms)) < 0 &&
        errno != EINTR)
        return realm_system_error (error, self->url, "cannot wait");
    const godwit_status_t status = godwit_transport_process (self->teller, 0, error);
    return status || !self->hearer ? status : godwit_transport_process (self->hearer, 0, error);
}

static godwit_status_t
fail (const tell_t *self, bool has_told, godwit_error_t **error)
{
    if (has_told)
        return godwit__error_set (
            error, GODWIT_ERR_TIMEOUT,
            "%s: the rendezvous was reached, but has not said that it has bulletin %llu%s%s", self->url,
            (unsigned long long) self->folder->bulletin->number, *self->reason ? ": " : "", self->reason);
    return godwit__error_set (
        error, GODWIT_ERR_TIMEOUT,
        "%s: nobody was reached%s%s. The bulletin holds where it is accepted: ssh HOST godwit "
        "realm accept <%s/" REALM_BULLETIN,
        self->url, *self->reason ? ": " : "", self->reason, self->folder->path);
}

static godwit_status_t
tell (tell_t *self, godwit_error_t **error)
{
    godwit_status_t status = join (self, &self->teller, TELLER_FILE, error);
    while (!status && !has_heard (self)) {
        if (now_ms () >= self->end_ms)
            return fail (self, self->hearer, error);
        status = process (self, error);
        if (!status && !self->hearer && has_joined (self->teller))
            status = join (self, &self->hearer, HEARER_FILE, error);
    }
    return status ? status : check_heard (self, error);
}

godwit_status_t
realm_tell (realm_folder_t *folder, const char *url, int64_t timeout_ms, godwit_error_t **error)
{
    tell_t self = {.folder = folder, .url = url, .end_ms = now_ms () + timeout_ms};
    godwit_status_t status = write_files (&self, realm_now (), error);
    if (!status)
        status = tell (&self, error);
    godwit_transport_destroy (&self.hearer);
    godwit_transport_destroy (&self.teller);
    remove_files (&self);
    return status;
}

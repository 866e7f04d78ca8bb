/* SPDX-License-Identifier: Apache-2.0 */
/* godwit realm accept: checks a member file, an answer to a request or a bulletin from the standard input,
 * and puts it in place. */
#include "tools/godwit/realm_commands.h"

#include "src/error/error.h"
#include "tools/godwit/realm_identity.h"
#include "tools/godwit/realm_member.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND "realm accept"
#define INPUT REALM_INPUT

typedef struct accept {
    const char *to, *group;
    bool is_forced;
    char *bulletin_path, *request_path;
} accept_t;

/* ---- arguments ---- */

enum { KEY_TO = 't', KEY_GROUP = 'g', KEY_FORCE = 'f' };

static const struct argp_option options[] = {
    {"to", KEY_TO, "FILE", 0, "Where it goes (" REALM_MEMBER_PATH ")", 0},
    {"group", KEY_GROUP, "NAME", 0,
     "Let this group read it: mode 0640 (0600; or, as the file that is there, with its owner)", 0},
    {"force", KEY_FORCE, NULL, 0, "Replace what is there, also if it is of another realm", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    accept_t *self = state->input;
    switch (key) {
    case KEY_TO:
        self->to = text;
        return 0;
    case KEY_GROUP:
        self->group = text;
        return 0;
    case KEY_FORCE:
        self->is_forced = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument %s: it is read from the standard input, with <%s", text,
                    text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- reading it ---- */

/* *has_waited: an answer has joined the identity that waits, which is not needed any more. */
static godwit_status_t
read_member (const accept_t *self, godwit__member_file_t *member, const realm_bytes_t *input,
             bool *has_waited, godwit_error_t **error)
{
    return realm_member_is_answer (input)
               ? realm_member_read_answer (member, input, self->request_path, self->to, has_waited, error)
               : godwit__member_file_read (member, input->data, input->size, INPUT, error);
}

/* ---- the bulletin that is there ---- */

/* *bulletin: the one beside the member file that this member's realm has signed; NULL: there is none, or it
 * is of another realm (*is_strange). */
static godwit_status_t
read_bulletin (const accept_t *self, const godwit__member_file_t *member, godwit__bulletin_t **bulletin,
               bool *is_strange, godwit_error_t **error)
{
    realm_bytes_t sealed = {0};
    godwit_status_t status = realm_read_file (&sealed, AT_FDCWD, self->bulletin_path, self->bulletin_path,
                                              GODWIT__BULLETIN_SEALED_MAX, REALM_PUBLIC, error);
    *bulletin = NULL;
    *is_strange = status == GODWIT_ERR_LIMIT_EXCEEDED;
    if (!status) {
        status = godwit__bulletin_open (bulletin, (const uint8_t *) sealed.data, sealed.size,
                                        (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) member->realms,
                                        member->realm_count, error);
        *is_strange = status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_PERMISSION_DENIED;
    }
    realm_bytes_free (&sealed);
    if (status != GODWIT_ERR_NOT_FOUND && !*is_strange)
        return status;
    godwit_error_destroy (error);
    return GODWIT_OK;
}

/* ---- a member file ---- */

static godwit_status_t
check_dates (const godwit__certificate_t *certificate, godwit_error_t **error)
{
    char date[REALM_DATE_SIZE];
    if (certificate->until > realm_now ())
        return GODWIT_OK;
    return godwit__error_set (
        error, GODWIT_ERR_FAILED,
        INPUT ": certificate \"%s\" (serial %" PRIx64 ") has ended at %s: issue another one, or "
              "set the clock of this host",
        certificate->name, certificate->serial, realm_date_print (date, certificate->until));
}

static godwit_status_t
check_bulletin (const accept_t *self, const godwit__member_file_t *member, bool *is_strange,
                godwit_error_t **error)
{
    godwit__bulletin_t *bulletin = NULL;
    godwit_status_t status = read_bulletin (self, member, &bulletin, is_strange, error);
    if (bulletin && godwit__bulletin_revokes (bulletin, &member->certificate))
        status = godwit__error_set (error, GODWIT_ERR_FAILED,
                                    INPUT ": certificate \"%s\" (serial %" PRIx64
                                          ") was revoked, by bulletin %" PRIu64,
                                    member->certificate.name, member->certificate.serial, bulletin->number);
    godwit__bulletin_unref (&bulletin);
    return status;
}

/* Who may read it: whom --group says; or who may read the one that is there. */
static godwit_status_t
choose_readers (const accept_t *self, realm_target_t *target, godwit_error_t **error)
{
    struct stat state;
    const bool is_there = stat (self->to, &state) == 0 && S_ISREG (state.st_mode);
    const struct group *const group = self->group ? getgrnam (self->group) : NULL;
    if (self->group && !group)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "--group: there is no group \"%s\"",
                                  self->group);
    target->uid = is_there && geteuid () == 0 ? state.st_uid : geteuid ();
    target->gid = group ? group->gr_gid : is_there ? state.st_gid : getegid ();
    target->mode = group || (is_there && (state.st_mode & 07777) == 0640) ? 0640 : 0600;
    target->has_owner = group || is_there;
    return GODWIT_OK;
}

static godwit_status_t
write_member (const accept_t *self, const godwit__member_file_t *member, godwit_error_t **error)
{
    realm_bytes_t file = {0};
    realm_target_t target = {.folder = AT_FDCWD, .path = self->to, .name = self->to};
    godwit_status_t status = self->is_forced
                                 ? GODWIT_OK
                                 : realm_member_may_replace (self->to, member->realms, member->realm_count,
                                                             "--force replaces it", error);
    if (!status)
        status = choose_readers (self, &target, error);
    if (!status)
        status = godwit__member_file_write (member, &file.data, &file.size, error);
    if (!status)
        status = realm_write_file (&target, file.data, file.size, error);
    realm_bytes_free (&file);
    return status;
}

static void
tell_member (const accept_t *self, const godwit__member_file_t *member)
{
    const godwit__certificate_t *const certificate = &member->certificate;
    char date[REALM_DATE_SIZE], realm[REALM_FINGERPRINT_SIZE];
    printf ("%s: %s (serial %" PRIx64 ", until %s) of the realm %s: ", self->to, certificate->name,
            certificate->serial, realm_date_print (date, certificate->until),
            sodium_bin2hex (realm, sizeof realm, certificate->realm, 8));
    if (certificate->right_count)
        realm_rights_print (stdout, certificate->rights, certificate->right_count);
    else
        printf ("no rights");
    printf ("\n");
    if (certificate->from > realm_now ())
        printf ("It is not valid before %s.\n", realm_date_print (date, certificate->from));
}

static godwit_status_t
accept_member (const accept_t *self, const realm_bytes_t *input, godwit_error_t **error)
{
    godwit__member_file_t member = {0};
    bool has_waited = false, is_strange = false;
    godwit_status_t status = read_member (self, &member, input, &has_waited, error);
    if (!status)
        status = check_dates (&member.certificate, error);
    if (!status)
        status = check_bulletin (self, &member, &is_strange, error);
    if (!status)
        status = write_member (self, &member, error);
    if (!status) {
        tell_member (self, &member);
        if (has_waited)
            unlink (self->request_path);
        if (is_strange && unlink (self->bulletin_path) == 0)
            printf ("%s was of a realm key that it does not trust, and was removed\n", self->bulletin_path);
    }
    godwit__member_file_clear (&member);
    return status;
}

/* ---- a bulletin ---- */

static godwit_status_t
write_bulletin (const accept_t *self, const realm_bytes_t *input, godwit_error_t **error)
{
    realm_target_t target = {.folder = AT_FDCWD, .path = self->bulletin_path, .name = self->bulletin_path};
    const godwit_status_t status = choose_readers (self, &target, error); /* those of the member file */
    return status ? status : realm_write_file (&target, input->data, input->size, error);
}

/* Two folders of one realm have made bulletins with one number: processes keep the one that they have. */
static godwit_status_t
check_same (const accept_t *self, const godwit__bulletin_t *present, const godwit__bulletin_t *bulletin,
            godwit_error_t **error)
{
    if (!present || present->number != bulletin->number ||
        (present->sealed_size == bulletin->sealed_size &&
         memcmp (present->sealed, bulletin->sealed, bulletin->sealed_size) == 0))
        return GODWIT_OK;
    return godwit__error_set (
        error, GODWIT_ERR_FAILED,
        "%s has another bulletin %" PRIu64 ", and stays as it is: the realm folder that this one is of is an "
        "old copy, or there are two. Copy the newest realm.bulletin of the hosts to FOLDER/bulletin, and "
        "revoke again",
        self->bulletin_path, present->number);
}

static godwit_status_t
accept_bulletin (const accept_t *self, const realm_bytes_t *input, godwit_error_t **error)
{
    godwit__member_file_t member = {0};
    godwit__bulletin_t *bulletin = NULL, *present = NULL;
    bool is_strange = false;
    godwit_status_t status = godwit__member_file_load (&member, self->to, error);
    if (!status)
        status = godwit__bulletin_open (&bulletin, (const uint8_t *) input->data, input->size,
                                        (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) member.realms,
                                        member.realm_count, error);
    if (!status)
        status = read_bulletin (self, &member, &present, &is_strange, error);
    if (!status)
        status = check_same (self, present, bulletin, error);
    const bool is_newer = !status && (!present || bulletin->number > present->number);
    if (is_newer)
        status = write_bulletin (self, input, error);
    if (!status && !is_newer)
        printf ("%s: bulletin %" PRIu64 " is there already; %" PRIu64 " is not newer\n", self->bulletin_path,
                present->number, bulletin->number);
    else if (!status)
        printf ("%s: bulletin %" PRIu64 ", revokes %zu certificates\n", self->bulletin_path, bulletin->number,
                bulletin->revoked_count);
    if (!status && godwit__bulletin_revokes (bulletin, &member.certificate))
        printf ("It revokes the certificate of this host, \"%s\" (serial %" PRIx64 ").\n",
                member.certificate.name, member.certificate.serial);
    godwit__bulletin_unref (&bulletin);
    godwit__bulletin_unref (&present);
    godwit__member_file_clear (&member);
    return status;
}

/* ---- which of them it is ---- */

static godwit_status_t
run (accept_t *self, godwit_error_t **error)
{
    realm_bytes_t input = {0};
    godwit_status_t status = realm_beside (&self->bulletin_path, self->to, REALM_BESIDE_BULLETIN, error);
    if (!status)
        status = realm_beside (&self->request_path, self->to, REALM_BESIDE_REQUEST, error);
    if (!status)
        status = realm_make_parent (self->to, error);
    if (!status)
        status = realm_read_fd (&input, STDIN_FILENO, GODWIT__BULLETIN_SEALED_MAX, INPUT, error);
    if (!status && input.size == 0)
        status = godwit__error_set (error, GODWIT_ERR_FAILED,
                                    INPUT ": got nothing: did the command in front of the pipe fail?");
    /* A msgpack list of two. No text begins with this byte. */
    else if (!status && (uint8_t) *input.data == 0x92)
        status = accept_bulletin (self, &input, error);
    else if (!status)
        status = accept_member (self, &input, error);
    realm_bytes_free (&input);
    return status;
}

int
realm_accept (int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = on_option,
        .doc = "Check what the standard input has, and put it in place: a member file, the answer to a "
               "request, or a bulletin.\v"
               "Examples:\n\n"
               "  ssh web1 godwit realm accept <prod.realm/everyone.member\n"
               "  godwit realm issue web --call='godwit/*' | ssh web1 godwit realm accept --group=web\n"
               "  ssh web1 godwit realm accept <prod.realm/bulletin\n\n"
               "Running processes take it within seconds, without a restart. A file of another realm "
               "is not replaced. A bulletin goes beside the member file, with `.bulletin` in the place "
               "of `.member`; an older one than is there changes nothing.\n\n"
               "Exit status: 0; 1 for a failure, and nothing was changed; 2 for arguments that make no "
               "sense."};
    accept_t self = {.to = REALM_MEMBER_PATH};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp, argc, argv, 0, NULL, &self);
    const godwit_status_t status = run (&self, &error);
    free (self.bulletin_path);
    free (self.request_path);
    return status ? realm_fail (COMMAND, &error) : realm_done (COMMAND, EXIT_SUCCESS);
}

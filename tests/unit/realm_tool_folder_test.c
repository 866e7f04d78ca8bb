/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of `godwit realm`: its files, bulletins that follow each other, certificates that count. */
#include "tests/support/must.h"
#include "tools/godwit/realm_bulletin.h"
#include "tools/godwit/realm_certify.h"
#include "tools/godwit/realm_temporary.h"

#include "src/realm/secret.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1800000000
#define DAY REALM_DAY_S

/* ---- a realm folder ---- */

typedef struct world {
    char path[64];
    realm_folder_t folder;
    const realm_entry_t *added[16];
    size_t added_count;
} world_t;

static void
begin (world_t *world)
{
    realm_bytes_t file = {0};
    *world = (world_t){.path = "/tmp/godwit-realm-tool-XXXXXX", .folder = {.lock = -1}};
    realm_folder_t *const folder = &world->folder;
    cr_assert (mkdtemp (world->path));
    folder->path = strdup (world->path);
    folder->fd = open (world->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST (realm_key_new (&folder->key, &error));
    memcpy (folder->signer, folder->key.public_key, sizeof folder->signer);
    memcpy (folder->realms[0], folder->signer, sizeof folder->signer);
    folder->realm_count = 1;
    folder->doors = godwit__secret_new ();
    randombytes_buf (folder->doors, GODWIT__PUBLIC_SIZE);
    folder->door_count = 1;
    MUST (realm_key_write (&folder->key, &folder->passphrase, &file, &error));
    MUST (realm_folder_write (folder, REALM_KEY, file.data, file.size, &error));
    MUST (realm_folder_write_realms (folder, &error));
    MUST (realm_folder_write_doors (folder, &error));
    realm_bytes_free (&file);
}

static void
end (world_t *world)
{
    realm_folder_close (&world->folder);
    DIR *const entries = opendir (world->path);
    for (const struct dirent *entry; (entry = readdir (entries));)
        unlinkat (dirfd (entries), entry->d_name, 0);
    closedir (entries);
    rmdir (world->path);
}

static uint64_t
issue (world_t *world, const char *name, int64_t from, int64_t until)
{
    static const godwit__right_t right = {GODWIT__VERB_CALL, "godwit/*"};
    const realm_grant_t grant = {
        .name = name, .rights = &right, .right_count = 1, .from = from, .until = until};
    const realm_entry_t *entry = NULL;
    realm_bytes_t file = {0};
    godwit__member_file_t member;
    MUST (realm_certify (&world->folder, &grant, &file, &entry, &error));
    MUST (godwit__member_file_read (&member, file.data, file.size, "file", &error)); /* it checks all of it */
    cr_assert_eq (member.certificate.serial, entry->serial);
    godwit__member_file_clear (&member);
    realm_bytes_free (&file);
    return entry->serial;
}

static void
make_void (world_t *world, const realm_void_t *what, int64_t now)
{
    MUST (realm_bulletin_next (&world->folder, what, now, world->added, &world->added_count, &error));
}

static uint64_t
number (const world_t *world)
{
    return world->folder.bulletin ? world->folder.bulletin->number : 0;
}

/* The folder as the next command finds it. */
static void
reopen (world_t *world)
{
    realm_folder_close (&world->folder);
    MUST (realm_folder_open (&world->folder, world->path, REALM_CHANGE, &error));
    MUST (realm_folder_unlock (&world->folder, NULL, &error));
}

/* ---- certificates ---- */

Test (realm_tool_folder, finds_what_it_has_issued)
{
    world_t world;
    begin (&world);
    const uint64_t web = issue (&world, "web", NOW, NOW + DAY), shop = issue (&world, "shop", NOW, NOW + DAY);
    reopen (&world);
    cr_assert_eq (world.folder.issued.count, 2);
    cr_assert_eq (realm_issued_newest (&world.folder.issued, "web")->serial, web);
    cr_assert_eq (realm_issued_newest (&world.folder.issued, "shop")->serial, shop);
    cr_assert_neq (web, shop);
    end (&world);
}

Test (realm_tool_folder, tells_which_certificates_count)
{
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    const realm_entry_t *const entry = &world.folder.issued.entries[0];
    cr_assert_eq (realm_folder_standing (&world.folder, entry, NOW), REALM_GOOD);
    cr_assert_eq (realm_folder_standing (&world.folder, entry, NOW + DAY), REALM_ENDED);
    world.folder.realms[0][0] ^= 1; /* the key that has signed it was dropped */
    cr_assert_eq (realm_folder_standing (&world.folder, entry, NOW), REALM_OLD_KEY);
    world.folder.realms[0][0] ^= 1;
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    cr_assert_eq (realm_folder_standing (&world.folder, entry, NOW), REALM_REVOKED);
    end (&world);
}

Test (realm_tool_folder, a_certificate_that_cannot_be_is_not_noted)
{
    world_t world;
    godwit_error_t *error = NULL;
    realm_bytes_t file = {0};
    begin (&world);
    const realm_grant_t grant = {.name = "web", .from = NOW, .until = NOW};
    cr_assert_eq (realm_certify (&world.folder, &grant, &file, NULL, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_null (file.data);
    cr_assert_eq (world.folder.issued.count, 0);
    cr_assert_neq (access (REALM_ISSUED, F_OK), 0);
    godwit_error_destroy (&error);
    end (&world);
}

/* ---- bulletins ---- */

Test (realm_tool_folder, each_bulletin_holds_what_the_last_one_did)
{
    world_t world;
    begin (&world);
    const uint64_t first = issue (&world, "web", NOW, NOW + DAY),
                   second = issue (&world, "web", NOW, NOW + 2 * DAY);
    const uint64_t shop = issue (&world, "shop", NOW, NOW + 2 * DAY);
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    cr_assert_eq (world.added_count, 2);
    cr_assert_eq (number (&world), 1);
    cr_assert_eq (world.folder.bulletin->revoked_count, 2);
    reopen (&world);
    make_void (&world, &(realm_void_t){.serial = shop}, NOW);
    cr_assert_eq (world.added_count, 1);
    cr_assert_eq (world.added[0]->serial, shop);
    cr_assert_eq (number (&world), 2);
    cr_assert_eq (world.folder.bulletin->revoked_count, 3);
    cr_assert (godwit__bulletin_revokes (world.folder.bulletin, &(godwit__certificate_t){.serial = first}));
    cr_assert (godwit__bulletin_revokes (world.folder.bulletin, &(godwit__certificate_t){.serial = second}));
    end (&world);
}

/* Members add the skew to the end, and their clocks may be behind by as much. */
Test (realm_tool_folder, a_bulletin_leaves_out_what_has_ended_also_by_clocks_that_are_behind)
{
    const int64_t over = NOW + DAY + 2 * GODWIT__CLOCK_SKEW_S;
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    issue (&world, "shop", NOW, NOW + 9 * DAY);
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    make_void (&world, &(realm_void_t){.is_renewal = true}, over - 1);
    cr_assert_eq (world.folder.bulletin->revoked_count, 1);
    make_void (&world, &(realm_void_t){.name = "shop"}, over);
    cr_assert_eq (world.folder.bulletin->revoked_count, 1);
    cr_assert_eq (number (&world), 3);
    end (&world);
}

Test (realm_tool_folder, a_bulletin_takes_in_what_clocks_that_are_behind_let_in)
{
    const int64_t over = NOW + DAY + 2 * GODWIT__CLOCK_SKEW_S;
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    make_void (&world, &(realm_void_t){.name = "web"}, over);
    cr_assert_eq (world.added_count, 0);
    make_void (&world, &(realm_void_t){.name = "web"}, over - 1);
    cr_assert_eq (world.added_count, 1);
    cr_assert_eq (world.folder.bulletin->revoked_count, 1);
    end (&world);
}

Test (realm_tool_folder, nothing_new_makes_no_bulletin)
{
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    make_void (&world, &(realm_void_t){.name = "web", .has_before = true, .before = NOW}, NOW);
    cr_assert_eq (number (&world), 0);
    make_void (&world, &(realm_void_t){.name = "web"}, NOW + 2 * DAY);
    cr_assert_eq (number (&world), 0);
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    cr_assert_eq (world.added_count, 0);
    cr_assert_eq (number (&world), 1);
    godwit_error_t *error = NULL;
    cr_assert_eq (realm_bulletin_next (&world.folder, &(realm_void_t){.name = "we"}, NOW, world.added,
                                       &world.added_count, &error),
                  GODWIT_ERR_NOT_FOUND);
    godwit_error_destroy (&error);
    end (&world);
}

Test (realm_tool_folder, before_a_date_of_one_name_or_of_all)
{
    world_t world;
    begin (&world);
    issue (&world, "web", NOW - DAY, NOW + DAY);
    issue (&world, "shop", NOW - DAY, NOW + DAY);
    const uint64_t now = issue (&world, "web", NOW, NOW + DAY);
    make_void (&world, &(realm_void_t){.name = "web", .has_before = true, .before = NOW}, NOW);
    cr_assert_eq (world.added_count, 1);
    cr_assert_eq (world.folder.bulletin->before, 0);
    make_void (&world, &(realm_void_t){.has_before = true, .before = NOW}, NOW);
    cr_assert_eq (world.added_count, 1);
    cr_assert_str_eq (world.added[0]->name, "shop");
    cr_assert_eq (world.folder.bulletin->before, NOW);
    cr_assert_not (godwit__bulletin_revokes (world.folder.bulletin,
                                             &(godwit__certificate_t){.serial = now, .from = NOW}));
    make_void (&world, &(realm_void_t){.has_before = true, .before = NOW - DAY},
               NOW); /* it never goes back */
    cr_assert_eq (number (&world), 2);
    make_void (&world, &(realm_void_t){.serial = now}, NOW);
    cr_assert_eq (world.folder.bulletin->before, NOW);
    end (&world);
}

Test (realm_tool_folder, a_bulletin_is_signed_anew_for_another_key)
{
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    cr_assert (realm_bulletin_is_current (&world.folder));
    make_void (&world, &(realm_void_t){.name = "web"}, NOW);
    cr_assert (realm_bulletin_is_current (&world.folder));
    realm_key_close (&world.folder.key);
    MUST (realm_key_new (&world.folder.key, &error));
    memcpy (world.folder.signer, world.folder.key.public_key, sizeof world.folder.signer);
    cr_assert_not (realm_bulletin_is_current (&world.folder));
    make_void (&world, &(realm_void_t){.is_renewal = true}, NOW);
    cr_assert (realm_bulletin_is_current (&world.folder));
    cr_assert_eq (number (&world), 2);
    cr_assert_eq (world.folder.bulletin->revoked_count, 1);
    end (&world);
}

/* ---- files ---- */

static mode_t
mode_of (const world_t *world, const char *file)
{
    struct stat state;
    cr_assert_eq (fstatat (world->folder.fd, file, &state, 0), 0);
    return state.st_mode & 07777;
}

Test (realm_tool_folder, a_file_is_replaced_as_a_whole_and_never_with_a_wider_mode)
{
    world_t world;
    realm_bytes_t read = {0};
    begin (&world);
    umask (0);
    const realm_target_t target = {.folder = world.folder.fd, .path = "file", .name = "file"};
    MUST (realm_write_file (&target, "old", 3, &error));
    MUST (realm_write_file (&target, "new one", 7, &error));
    cr_assert_eq (mode_of (&world, "file"), 0600);
    MUST (realm_read_file (&read, world.folder.fd, "file", "file", 7, REALM_KEYS, &error));
    cr_assert_str_eq (read.data, "new one");
    realm_bytes_free (&read);
    const realm_target_t again = {.folder = world.folder.fd, .path = "file", .name = "file", .is_new = true};
    cr_assert_eq (realm_write_file (&again, "x", 1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (realm_read_file (&read, world.folder.fd, "file", "file", 6, REALM_KEYS, NULL),
                  GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (realm_read_file (&read, world.folder.fd, "none", "none", 6, REALM_KEYS, NULL),
                  GODWIT_ERR_NOT_FOUND);
    fchmodat (world.folder.fd, "file", 0604, 0);
    godwit_error_t *error = NULL;
    cr_assert_eq (realm_read_file (&read, world.folder.fd, "file", "file", 7, REALM_KEYS, &error),
                  GODWIT_ERR_SYSTEM);
    cr_assert_str_eq (godwit_error_message (error), "file: mode 0604; it is secret, so 0600: chmod 600");
    godwit_error_destroy (&error);
    end (&world);
}

static int
touch (const world_t *world, const char *name)
{
    return openat (world->folder.fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

static bool
is_there (const world_t *world, const char *name)
{
    return faccessat (world->folder.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Test (realm_tool_folder, what_a_killed_command_left_beside_a_file_is_swept_and_not_what_another_one_writes)
{
    static const char abandoned[] = ".godwit-0011223344556677", written[] = ".godwit-8899aabbccddeeff";
    static const char *const others[] = {".godwit-teller.member", ".godwit-00112233445566zz", ".godwit-0011",
                                         ".godwit-0000000000000000", ".other"};
    world_t world;
    char name[REALM_TEMPORARY_SIZE];
    begin (&world);
    close (touch (&world, abandoned));
    const int writer = touch (&world, written);
    cr_assert_eq (flock (writer, LOCK_EX), 0);
    symlinkat (".other", world.folder.fd, others[3]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (i != 3)
            close (touch (&world, others[i]));
    const int own = realm_temporary_open (world.folder.fd, name); /* it has its lock */
    const realm_target_t target = {.folder = world.folder.fd, .path = "file", .name = "file"};
    MUST (realm_write_file (&target, "text", 4, &error));
    cr_assert_not (is_there (&world, abandoned));
    cr_assert (is_there (&world, written));
    cr_assert (is_there (&world, name));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert (is_there (&world, others[i]), "%s", others[i]);
    close (own);
    close (writer);
    MUST (realm_write_file (&target, "text", 4, &error));
    cr_assert_not (is_there (&world, written));
    cr_assert_not (is_there (&world, name));
    end (&world);
}

typedef struct writer {
    pthread_t thread;
    int folder;
    godwit_status_t status;
} writer_t;

/* Writers in one folder, each of which sweeps: none takes the file of another one away. */
static void *
write_often (void *arg)
{
    writer_t *const self = arg;
    const realm_target_t target = {.folder = self->folder, .path = "file", .name = "file"};
    for (int i = 0; i < 200 && !self->status; i++)
        self->status = realm_write_file (&target, "text", 4, NULL);
    return NULL;
}

Test (realm_tool_folder, commands_that_write_at_once_do_not_sweep_each_other)
{
    world_t world;
    writer_t writers[4];
    const size_t count = sizeof writers / sizeof *writers;
    begin (&world);
    for (size_t i = 0; i < count; i++) {
        writers[i] = (writer_t){.folder = world.folder.fd};
        cr_assert_eq (pthread_create (&writers[i].thread, NULL, write_often, &writers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join (writers[i].thread, NULL);
        cr_assert_eq (writers[i].status, GODWIT_OK);
    }
    end (&world);
}

Test (realm_tool_folder, what_was_left_is_swept_and_nothing_else)
{
    world_t world;
    begin (&world);
    issue (&world, "web", NOW, NOW + DAY);
    close (openat (world.folder.fd, ".godwit-0011223344556677", O_CREAT | O_WRONLY, 0600));
    close (openat (world.folder.fd, ".other", O_CREAT | O_WRONLY, 0600));
    reopen (&world);
    cr_assert_neq (faccessat (world.folder.fd, ".godwit-0011223344556677", F_OK, 0), 0);
    cr_assert_eq (faccessat (world.folder.fd, ".other", F_OK, 0), 0);
    cr_assert_eq (world.folder.issued.count, 1);
    end (&world);
}

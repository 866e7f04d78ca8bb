/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets lie in the memory of a process that has a realm: only in pages that no core dump has. All
 * other memory is searched for them, stacks and freed blocks, too. */
#include "src/realm/realm_inside.h"
#include "src/realm/secret.h"
#include "tests/support/realm_host.h"

#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

TestSuite (realm_memory, .timeout = 60);

/* ---- a realm that this process has not made itself: its memory would be full of keys ---- */

static void
make_files (int fd)
{
    godwit__test_realm_t *const files = godwit__test_realm_new (1);
    godwit__test_realm_add_door (files);
    realm_host_issue (files, "web");
    realm_host_issue (files, "next");
    const char *const folder = godwit__test_realm_folder (files);
    const size_t size = strlen (folder) + 1;
    _exit (write (fd, folder, size) == (ssize_t) size ? 0 : 1);
}

static const char *
folder_of_files (void)
{
    static char folder[128];
    int ends[2], status = 0;
    cr_assert_eq (pipe (ends), 0);
    const pid_t child = fork ();
    if (child == 0)
        make_files (ends[1]);
    cr_assert_gt (read (ends[0], folder, sizeof folder), 0);
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
    close (ends[0]);
    close (ends[1]);
    return folder;
}

/* ---- searching ---- */

/* Whether the mapping goes into core dumps. */
typedef struct mapping {
    const uint8_t *start;
    size_t size;
    bool is_dumped;
} mapping_t;

#define MAPPINGS_MAX 1024
static mapping_t mappings[MAPPINGS_MAX];

/* Readable and writable ones. Read as a whole before they are searched: reading them changes memory. */
static size_t
list_mappings (void)
{
    char line[512];
    size_t count = 0;
    bool is_wanted = false;
    FILE *const maps = fopen ("/proc/self/smaps", "r");
    cr_assert (maps);
    while (fgets (line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[8];
        if (sscanf (line, "%lx-%lx %7s", &from, &to, mode) == 3) {
            is_wanted = strncmp (mode, "rw", 2) == 0 && count < MAPPINGS_MAX;
            if (is_wanted)
                mappings[count++] = (mapping_t){(const uint8_t *) from, to - from, true};
        } else if (is_wanted && strncmp (line, "VmFlags:", 8) == 0) {
            mappings[count - 1].is_dumped = !strstr (line, " dd");
        }
    }
    fclose (maps);
    return count;
}

/* The middle of a secret: some functions change its ends. */
static bool
is_dumped (const uint8_t *secret, size_t size)
{
    const size_t count = list_mappings ();
    for (size_t i = 0; i < count; i++)
        if (mappings[i].is_dumped && memmem (mappings[i].start, mappings[i].size, secret + 8, size - 16))
            return true;
    return false;
}

/* Its text, as it stands in the member file. */
static bool
is_dumped_as_text (const uint8_t *secret)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    char *const text = (char *) godwit__secret_new (); /* 43 characters and a NUL */
    sodium_bin2base64 (text, GODWIT__SECRET_SIZE, secret, 32, variant);
    const bool is_found = is_dumped ((const uint8_t *) text, 43);
    godwit__secret_free ((uint8_t *) text);
    return is_found;
}

/* The search has a thread of its own: so the stack of the test stays as what was called has left it. */
static sem_t asked, answered;
static const godwit__realm_t *searched; /* NULL: the end */
static const char *found;

static const char *
search (const godwit__realm_t *realm)
{
    const struct {
        const char *name;
        const uint8_t *secret;
    } rows[] = {{"the identity", realm->own.file.identity},
                {"a door", realm->own.file.doors[0]},
                {"the second door", realm->own.file.doors[1]},
                {"K", realm->keys.curve_secret},
                {"sign", realm->keys.sign_secret}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (is_dumped (rows[i].secret, 32) || is_dumped_as_text (rows[i].secret))
            return rows[i].name;
    return NULL;
}

static void *
search_when_asked (void *user)
{
    for (;;) {
        while (sem_wait (&asked) != 0)
            continue;
        if (!searched)
            return user;
        found = search (searched);
        sem_post (&answered);
    }
}

static void
assert_all_hidden (const godwit__realm_t *realm, const char *when)
{
    searched = realm;
    sem_post (&asked);
    while (sem_wait (&answered) != 0)
        continue;
    cr_assert_null (found, "%s is in memory that is dumped, %s", found, when);
}

static int64_t now = REALM_HOST_NOW;

static int64_t
tell_time (void *user)
{
    (void) user;
    return now;
}

/* The search finds what is there. */
Test (realm_memory, a_copy_would_be_found)
{
#ifdef SANITIZED
    cr_skip_test (); /* its memory is too large to be searched */
#endif
    uint8_t *const secret = godwit__secret_new ();
    randombytes_buf (secret, 32);
    cr_assert_not (is_dumped (secret, 32));
    uint8_t *const copy = malloc (32);
    memcpy (copy, secret, 32);
    cr_assert (is_dumped (secret, 32));
    sodium_memzero (copy, 32);
    cr_assert_not (is_dumped (secret, 32));
    free (copy);
    godwit__secret_free (secret);
}

Test (realm_memory, no_secret_is_in_a_core_dump)
{
#ifdef SANITIZED
    cr_skip_test ();
#endif
    char path[256], next[256], command[256], text[GODWIT__ADMIT_TEXT];
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    const godwit__welcome_t welcome = {{0}, {0}, {0}, {0}};
    const char *const folder = folder_of_files ();
    snprintf (path, sizeof path, "%s/web.member", folder);
    snprintf (next, sizeof next, "%s/next.member", folder);
    pthread_t thread;
    sem_init (&asked, 0, 0);
    sem_init (&answered, 0, 0);
    cr_assert_eq (pthread_create (&thread, NULL, search_when_asked, NULL), 0);
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {.path = path, .now_s = tell_time};
    MUST (godwit__realm_open (&realm, &options, &error));
    assert_all_hidden (realm, "after it was opened");

    godwit__credential_t *credential = godwit__realm_credential (realm);
    godwit__party_t *party = NULL;
    cr_assert_eq (godwit__realm_admit (realm, credential->bytes, credential->size, NULL, &party, text),
                  GODWIT__NO_ENTRY_NONE);
    godwit__realm_sign_welcome (realm, &welcome, signature);
    assert_all_hidden (realm, "after a handshake");

    now += GODWIT__PROOF_LIFE_S / 2;
    MUST (godwit__realm_look (realm, false, &error));
    assert_all_hidden (realm, "after a renewal");
    cr_assert_eq (rename (next, path), 0);
    MUST (godwit__realm_look (realm, false, &error));
    cr_assert_str_eq (realm->own.file.certificate.name, "next");
    assert_all_hidden (realm, "after another file was read");

    char *written = NULL;
    size_t size = 0;
    MUST (godwit__member_file_write (&realm->own.file, &written, &size, &error));
    assert_all_hidden (realm, "after a file was written");
    sodium_free (written);
    assert_all_hidden (realm, "after its text was given back");
    godwit__party_unref (&party);
    godwit__credential_unref (&credential);
    godwit__realm_close (&realm);
    searched = NULL;
    sem_post (&asked);
    pthread_join (thread, NULL);
    snprintf (command, sizeof command, "rm -r %s", folder);
    cr_assert_eq (system (command), 0);
}

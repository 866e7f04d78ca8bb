/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for keys. */
#include "src/realm/secret.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 1000, THREADS = 4, ROUNDS = 2000 };

TestSuite (realm_secret, .timeout = 60);

static bool
is_zero (const uint8_t *secret)
{
    for (size_t i = 0; i < GODWIT__SECRET_SIZE; i++)
        if (secret[i])
            return false;
    return true;
}

/* The line of /proc/self/smaps for the mapping with this address that begins so; "" if there is none. */
static const char *
mapping_line (const void *address, const char *start)
{
    static char line[512];
    bool is_there = false;
    FILE *const maps = fopen ("/proc/self/smaps", "r");
    cr_assert (maps);
    while (fgets (line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf (line, "%lx-%lx", &from, &to) == 2)
            is_there =
                (unsigned long) (uintptr_t) address >= from && (unsigned long) (uintptr_t) address < to;
        else if (is_there && strncmp (line, start, strlen (start)) == 0)
            break;
        line[0] = '\0';
    }
    fclose (maps);
    return line;
}

Test (realm_secret, pieces_are_apart_and_zero)
{
    static uint8_t *secrets[MANY];
    for (size_t i = 0; i < MANY; i++) {
        secrets[i] = godwit__secret_new ();
        cr_assert (secrets[i] && is_zero (secrets[i]));
        memset (secrets[i], (int) (1 + i % 255), GODWIT__SECRET_SIZE);
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t j = 0; j < GODWIT__SECRET_SIZE; j++)
            cr_assert_eq (secrets[i][j], 1 + i % 255);
    for (size_t i = 0; i < MANY; i++)
        godwit__secret_free (secrets[i]);
    godwit__secret_free (NULL);
}

Test (realm_secret, what_is_given_back_is_wiped)
{
    uint8_t *const keeps_the_page = godwit__secret_new ();
    for (size_t i = 0; i < MANY; i++) {
        uint8_t *const secret = godwit__secret_new ();
        cr_assert (is_zero (secret));
        memset (secret, 0xa5, GODWIT__SECRET_SIZE);
        godwit__secret_free (secret);
        cr_assert (is_zero (secret)); /* its page is still there */
    }
    godwit__secret_free (keeps_the_page);
}

Test (realm_secret, many_share_a_page)
{
    enum { PAGE = 4096 };
    uint8_t *secrets[50];
    for (size_t i = 0; i < 50; i++)
        secrets[i] = godwit__secret_new ();
    for (size_t i = 0; i < 50; i++) {
        cr_assert_eq ((uintptr_t) secrets[i] / PAGE, (uintptr_t) secrets[0] / PAGE);
        godwit__secret_free (secrets[i]);
    }
}

Test (realm_secret, an_empty_page_is_given_back)
{
    uint8_t *secrets[200];
    for (size_t i = 0; i < 200; i++)
        secrets[i] = godwit__secret_new ();
    cr_assert (*mapping_line (secrets[0], "VmFlags:"));
    for (size_t i = 0; i < 200; i++)
        godwit__secret_free (secrets[i]);
    for (size_t i = 0; i < 200; i++)
        cr_assert_not (*mapping_line (secrets[i], "VmFlags:"));
}

Test (realm_secret, full_pages_have_room_again)
{
    uint8_t *secrets[200];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 200; i++)
            secrets[i] = godwit__secret_new ();
        for (size_t i = 0; i < 200; i += 2)
            godwit__secret_free (secrets[i]);
        for (size_t i = 0; i < 200; i += 2) {
            secrets[i] = godwit__secret_new ();
            cr_assert (is_zero (secrets[i]));
        }
        for (size_t i = 0; i < 200; i++)
            godwit__secret_free (secrets[i]);
    }
}

Test (realm_secret, is_in_no_core_dump)
{
    uint8_t *const secret = godwit__secret_new ();
    cr_assert (strstr (mapping_line (secret, "VmFlags:"), " dd"), "%s", mapping_line (secret, "VmFlags:"));
    godwit__secret_free (secret);
}

/* ---- with limits, in children: they cannot be lifted again ---- */

static void
run_in_child (bool run (void))
{
    int status = 0;
    const pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0)
        _exit (run () ? 0 : 1);
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x", (unsigned) status);
}

static bool
works (void)
{
    uint8_t *secrets[MANY];
    bool is_right = true;
    for (size_t i = 0; i < MANY; i++) {
        secrets[i] = godwit__secret_new ();
        is_right = is_right && secrets[i] && is_zero (secrets[i]);
        if (secrets[i])
            memset (secrets[i], 1, GODWIT__SECRET_SIZE);
    }
    for (size_t i = 0; i < MANY; i++)
        godwit__secret_free (secrets[i]);
    return is_right;
}

static bool
works_without_locked_memory (void)
{
    const struct rlimit none = {0, 0};
    return setrlimit (RLIMIT_MEMLOCK, &none) == 0 && (geteuid () != 0 || setuid (65534) == 0) && works ();
}

Test (realm_secret, needs_no_locked_memory)
{
    run_in_child (works_without_locked_memory);
}

static bool
fails_without_memory (void)
{
    const struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit (RLIMIT_AS, &none) != 0 || godwit__secret_new () != NULL)
        return false;
    return setrlimit (RLIMIT_AS, &all) == 0 && works ();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

Test (realm_secret, short_memory_is_told)
{
#ifdef SANITIZED
    cr_skip_test (); /* the sanitizer needs address space */
#endif
    run_in_child (fails_without_memory);
}

/* ---- fork ---- */

static uint8_t *parents;

static bool
child_has_its_own (void)
{
    memset (parents, 7, GODWIT__SECRET_SIZE);
    uint8_t *const own = godwit__secret_new ();
    godwit__secret_free (parents); /* wiped, and used by nobody */
    const bool is_wiped = is_zero (parents);
    const bool is_right = own && own != parents && is_wiped && works ();
    godwit__secret_free (own);
    return is_right;
}

Test (realm_secret, a_child_has_its_own)
{
    parents = godwit__secret_new ();
    memset (parents, 5, GODWIT__SECRET_SIZE);
    run_in_child (child_has_its_own);
    cr_assert_eq (parents[0], 5);
    godwit__secret_free (parents);
}

static atomic_bool is_over;

static void *
churn (void *user)
{
    (void) user;
    while (!is_over)
        works ();
    return NULL;
}

/* A thread may hold the lock when another one forks. */
Test (realm_secret, a_child_never_waits_for_a_lock)
{
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, churn, NULL), 0);
    for (int i = 0; i < 50; i++)
        run_in_child (works);
    is_over = true;
    pthread_join (thread, NULL);
}

/* ---- threads ---- */

static void *
take_and_give (void *user)
{
    bool *const is_right = user;
    uint8_t *held[8] = {NULL};
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t **const at = &held[i % 8];
        godwit__secret_free (*at);
        *at = godwit__secret_new ();
        *is_right = *is_right && *at && is_zero (*at);
        memset (*at, i, GODWIT__SECRET_SIZE);
    }
    for (size_t i = 0; i < 8; i++)
        godwit__secret_free (held[i]);
    return NULL;
}

Test (realm_secret, any_thread_may_take_and_give)
{
    pthread_t threads[THREADS];
    bool is_right[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        is_right[i] = true;
        cr_assert_eq (pthread_create (&threads[i], NULL, take_and_give, &is_right[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join (threads[i], NULL);
        cr_assert (is_right[i]);
    }
}

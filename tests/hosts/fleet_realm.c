/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/fleet_realm.h"
#include "tests/hosts/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RIGHTS_MAX 4

/* By what the names of the processes begin with. */
static const struct {
    const char *prefix;
    const char *rights[RIGHTS_MAX];
} roles[] = {
    {"rendezvous", {"--host"}},
    {"server", {"--serve=*/*"}},
    {"client", {"--call=*/*", "--publish=*/*"}},
    {"listener", {"--serve=*/*"}},
    {"notifier", {"--publish=*/*"}},
};

static const char *const *
rights_of (const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strncmp (name, roles[i].prefix, strlen (roles[i].prefix)) == 0)
            return roles[i].rights;
    hosts_fail ("nobody has said which rights %s has", name);
}

/* Runs `godwit realm ...`; the arguments end with NULL. */
static void
run (const fleet_t *fleet, const char *const *arguments)
{
    char program[FLEET_PATH_SIZE], errors[FLEET_PATH_SIZE];
    child_options_t options = {.name = "realm", .errors = errors, .arguments = {program, "realm"}};
    size_t count = 2;
    snprintf (program, sizeof program, "%s/tools/godwit", fleet->options.build);
    snprintf (errors, sizeof errors, "%s/realm.stderr", fleet->options.folder);
    for (size_t i = 0; arguments[i] && count + 1 < CHILD_ARGUMENTS; i++)
        options.arguments[count++] = arguments[i];
    const int status = child_run (&options);
    if (status != 0)
        hosts_fail ("godwit realm %s ended with %d: see %s", arguments[0], status, errors);
}

static void
print_folder_option (const fleet_t *fleet, char option[FLEET_PATH_SIZE])
{
    snprintf (option, FLEET_PATH_SIZE, "--realm=%s/fleet.realm", fleet->options.folder);
}

/* The command makes it in the working folder. */
void
fleet_realm_make (const fleet_t *fleet)
{
    char program[FLEET_PATH_SIZE], errors[FLEET_PATH_SIZE];
    snprintf (program, sizeof program, "%s/tools/godwit", fleet->options.build);
    snprintf (errors, sizeof errors, "%s/realm.stderr", fleet->options.folder);
    const int status = child_run (
        &(child_options_t){.name = "realm",
                           .errors = errors,
                           .arguments = {"/bin/sh", "-c", "cd \"$0\" && exec \"$1\" realm init fleet",
                                         fleet->options.folder, program}});
    if (status != 0)
        hosts_fail ("godwit realm init ended with %d: see %s", status, errors);
}

static void
issue (const fleet_t *fleet, const char *name, const char *path)
{
    char folder[FLEET_PATH_SIZE], to[FLEET_PATH_SIZE + 8];
    const char *const *const rights = rights_of (name);
    const char *arguments[8 + RIGHTS_MAX] = {"issue", name, folder, to};
    size_t count = 4;
    print_folder_option (fleet, folder);
    snprintf (to, sizeof to, "--to=%s", path);
    for (size_t i = 0; i < RIGHTS_MAX && rights[i]; i++)
        arguments[count++] = rights[i];
    run (fleet, arguments);
}

static void
print_path (const fleet_t *fleet, const char *name, char path[FLEET_PATH_SIZE])
{
    snprintf (path, FLEET_PATH_SIZE, "%s/%s.member", fleet->options.folder, name);
}

void
fleet_realm_path (const fleet_t *fleet, const char *name, char path[FLEET_PATH_SIZE])
{
    print_path (fleet, name, path);
    if (access (path, F_OK) != 0)
        issue (fleet, name, path);
}

void
fleet_realm_issue_half (fleet_t *fleet, int half)
{
    member_t *members[FLEET_MEMBERS];
    const int count = fleet_members (fleet, members);
    for (int i = half; i < count; i += 2) {
        char path[FLEET_PATH_SIZE];
        print_path (fleet, members[i]->name, path);
        issue (fleet, members[i]->name, path);
    }
}

void
fleet_realm_rotate (const fleet_t *fleet, const char *const *step)
{
    char folder[FLEET_PATH_SIZE];
    const char *arguments[5] = {"rotate", folder};
    print_folder_option (fleet, folder);
    for (size_t i = 0; step[i]; i++)
        arguments[2 + i] = step[i];
    run (fleet, arguments);
}

static void
copy (const char *from, const char *to)
{
    static char bytes[65536];
    char draft[FLEET_PATH_SIZE + 8];
    snprintf (draft, sizeof draft, "%s.draft", to);
    FILE *const source = fopen (from, "rb"), *const target = fopen (draft, "wb");
    const size_t size = source ? fread (bytes, 1, sizeof bytes, source) : 0;
    if (!source || !target || fwrite (bytes, 1, size, target) != size || fclose (target) != 0 ||
        rename (draft, to) != 0)
        hosts_fail ("cannot copy %s to %s", from, to);
    fclose (source);
}

void
fleet_realm_revoke (const fleet_t *fleet, const char *name)
{
    char folder[FLEET_PATH_SIZE], from[FLEET_PATH_SIZE], to[FLEET_PATH_SIZE];
    print_folder_option (fleet, folder);
    run (fleet, (const char *const[]){"revoke", name, folder, NULL});
    snprintf (from, sizeof from, "%s/fleet.realm/bulletin", fleet->options.folder);
    snprintf (to, sizeof to, "%s/%s.bulletin", fleet->options.folder, fleet->rendezvous[0].name);
    copy (from, to);
}

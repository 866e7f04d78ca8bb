/* SPDX-License-Identifier: Apache-2.0 */
/* Transports of one process meet in the local matchmaker; each is told on the thread that runs its own
 * reactor. */
#include "src/interface/matchmaker.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 50

typedef struct member {
    pthread_t thread;
    uint8_t instance[GODWIT__UUID_SIZE];
    godwit__reactor_t *reactor;
    godwit__matchmaker_t *matchmaker;
    godwit__task_t work;
    unsigned round;
    unsigned known[THREADS + 1]; /* the revision that was told of each; 0: gone */
    bool is_wrong;
    atomic_bool is_done; /* it knows the last revision of everybody */
    atomic_bool is_over;
} member_t;

static member_t members[THREADS];

static void
check_thread (member_t *self)
{
    if (!pthread_equal (pthread_self (), self->thread))
        self->is_wrong = true;
}

static void
update_done (member_t *self)
{
    bool done = true;
    for (int i = 1; i <= THREADS; i++)
        done &= self->known[i] == ROUNDS;
    atomic_store (&self->is_done, done);
}

static void
on_seen (void *user, godwit__record_t *record)
{
    member_t *self = user;
    check_thread (self);
    if (self->known[record->instance[0]] >= record->revision)
        self->is_wrong = true; /* an older one came later, or the same twice */
    self->known[record->instance[0]] = record->revision;
    update_done (self);
}

static void
on_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    (void) withdrawn;
    member_t *self = user;
    (void) server_id;
    check_thread (self);
    self->known[instance[0]] = 0;
    update_done (self);
}

static void
on_synced (void *user)
{
    check_thread (user);
}

static const godwit__matchmaker_events_t events = {on_seen, on_gone, on_synced, NULL};

/* Announces again and again; every other time it withdraws before. */
static void
on_work (godwit__task_t *task)
{
    member_t *self = task->user;
    if (self->round == ROUNDS)
        return;
    if (self->round % 2)
        self->matchmaker->ops->withdraw (self->matchmaker, 1);
    godwit__record_t from;
    memset (&from, 0, sizeof from);
    memcpy (from.instance, self->instance, GODWIT__UUID_SIZE);
    from.server_id = 1;
    from.revision = ++self->round;
    from.state = GODWIT__RECORD_UP;
    from.topic = "calc";
    godwit__record_t *record = godwit__record_new (&from);
    if (self->matchmaker->ops->announce (self->matchmaker, record, NULL) != GODWIT_OK)
        self->is_wrong = true;
    godwit__record_unref (&record);
    godwit__reactor_post (self->reactor, &self->work);
}

static void *
run (void *argument)
{
    member_t *self = argument;
    self->thread = pthread_self ();
    godwit_url_t *url = NULL;
    if (godwit_url_parse (&url, "inproc:///", NULL) != GODWIT_OK)
        return NULL;
    const godwit__matchmaker_options_t options = {
        .reactor = self->reactor, .url = url, .instance = self->instance, .virtual_host = ""};
    if (godwit__matchmaker_local.open (&self->matchmaker, &options, &events, self, NULL) == GODWIT_OK) {
        self->work.run = on_work;
        self->work.user = self;
        godwit__reactor_post (self->reactor, &self->work);
        while (!atomic_load (&self->is_over))
            godwit__reactor_run_once (self->reactor, GODWIT__NEVER);
        self->matchmaker->ops->close (self->matchmaker);
    }
    godwit_url_destroy (&url);
    return NULL;
}

Test (local_matchmaker_threads, each_is_told_on_its_own, .timeout = 60)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        memset (members[i].instance, i + 1, GODWIT__UUID_SIZE);
        cr_assert_eq (godwit__reactor_new (&members[i].reactor, &godwit__clock_system, NULL), GODWIT_OK);
        cr_assert_eq (pthread_create (&threads[i], NULL, run, &members[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        while (!atomic_load (&members[i].is_done))
            sched_yield ();
    }
    for (int i = 0; i < THREADS; i++) { /* those that are left are told while the others go */
        atomic_store (&members[i].is_over, true);
        godwit__reactor_wake (members[i].reactor);
        pthread_join (threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert (!members[i].is_wrong);
        godwit__reactor_destroy (&members[i].reactor);
    }
}

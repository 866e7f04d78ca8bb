/* SPDX-License-Identifier: Apache-2.0 */
/* The reactor, with a clock that the tests move by hand, so that no test waits for time. */
#include "src/loop/reactor.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int64_t test_now;

static int64_t
read_test_clock (void *user)
{
    (void) user;
    return test_now;
}

static const godwit__clock_t test_clock = {.now_ns = read_test_clock};
static godwit__reactor_t *reactor;

static void
set_up (void)
{
    test_now = 1000;
    cr_assert_eq (godwit__reactor_new (&reactor, &test_clock, NULL), GODWIT_OK);
}

static void
tear_down (void)
{
    godwit__reactor_destroy (&reactor);
    cr_assert_null (reactor);
}

TestSuite (reactor, .init = set_up, .fini = tear_down, .timeout = 20);

/* What ran, in order. */
static int trail[4096];
static int trail_length;

typedef struct thing {
    int number;
    int again; /* what to do while running */
    godwit__timer_t timer;
    godwit__task_t task;
    godwit__source_t source;
    struct thing *other;
} thing_t;

static void
leave_trail (const thing_t *thing)
{
    trail[trail_length++] = thing->number;
}

static void
on_timer (godwit__timer_t *timer)
{
    thing_t *thing = timer->user;
    leave_trail (thing);
    if (thing->again)
        cr_assert_eq (godwit__reactor_arm (reactor, timer, timer->deadline_ns), GODWIT_OK);
    if (thing->other)
        godwit__reactor_disarm (reactor, &thing->other->timer);
}

static void
on_task (godwit__task_t *task)
{
    thing_t *thing = task->user;
    leave_trail (thing);
    if (thing->again)
        godwit__reactor_post (reactor, task);
    if (thing->other)
        godwit__reactor_unpost (reactor, &thing->other->task);
}

static void
on_ready (godwit__source_t *source)
{
    thing_t *thing = source->user;
    leave_trail (thing);
    if (thing->other) {
        godwit__reactor_unwatch (reactor, &thing->other->source);
        free (thing->other); /* the contract allows it */
        thing->other = NULL;
    }
}

static thing_t *
make_thing (thing_t *thing, int number)
{
    *thing = (thing_t){.number = number,
                       .timer = {.fire = on_timer, .user = thing},
                       .task = {.run = on_task, .user = thing},
                       .source = {.fd = -1, .ready = on_ready, .user = thing}};
    return thing;
}

static int
make_readable_fd (void)
{
    const int fd = eventfd (1, EFD_NONBLOCK | EFD_CLOEXEC);
    cr_assert_geq (fd, 0);
    return fd;
}

Test (reactor, nothing_to_do)
{
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
    godwit__reactor_t *none = NULL;
    godwit__reactor_destroy (&none);
}

Test (reactor, timers_fire_in_order_when_due)
{
    thing_t things[3];
    for (int i = 0; i < 3; i++)
        make_thing (&things[i], i);
    godwit__reactor_arm (reactor, &things[0].timer, 1300);
    godwit__reactor_arm (reactor, &things[1].timer, 1100);
    godwit__reactor_arm (reactor, &things[2].timer, 1200);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
    test_now = 1200;
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 2);
    cr_assert_eq (trail[0], 1);
    cr_assert_eq (trail[1], 2);
    godwit__reactor_arm (reactor, &things[0].timer, 1201); /* moved */
    test_now = 1201;
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail[2], 0);
    cr_assert_eq (things[0].timer.heap_index, 0);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
}

Test (reactor, a_timer_armed_again_for_the_past_waits_for_the_next_run)
{
    thing_t again, after;
    make_thing (&again, 1)->again = 1;
    make_thing (&after, 2);
    godwit__reactor_arm (reactor, &again.timer, 10);
    godwit__reactor_arm (reactor, &after.timer, 20);
    cr_assert (godwit__reactor_run_once (reactor, 0));
    cr_assert_eq (trail_length, 2);
    cr_assert_eq (trail[1], 2);
    cr_assert (godwit__reactor_run_once (reactor, 0));
    cr_assert_eq (trail_length, 3);
}

Test (reactor, a_due_timer_can_be_disarmed_by_another)
{
    thing_t first, second;
    make_thing (&first, 1)->other = make_thing (&second, 2);
    godwit__reactor_arm (reactor, &first.timer, 10);
    godwit__reactor_arm (reactor, &second.timer, 20);
    cr_assert (godwit__reactor_run_once (reactor, 0));
    cr_assert_eq (trail_length, 1);
    cr_assert_eq (second.timer.heap_index, 0);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
}

Test (reactor, many_timers_against_a_sorted_model)
{
    enum { COUNT = 1000 };
    thing_t *things = calloc (COUNT, sizeof *things);
    cr_assert_not_null (things);
    srand (7);
    for (int i = 0; i < COUNT; i++) {
        make_thing (&things[i], i);
        cr_assert_eq (godwit__reactor_arm (reactor, &things[i].timer, 2000 + rand () % 5000), GODWIT_OK);
    }
    int left = COUNT;
    for (int i = 0; i < COUNT; i++) {
        if (i % 3 == 0)
            godwit__reactor_arm (reactor, &things[i].timer, 2000 + rand () % 5000);
        if (i % 5 == 0) {
            godwit__reactor_disarm (reactor, &things[i].timer);
            left--;
        }
    }
    while (test_now < 8000) {
        const int before = trail_length;
        test_now += 100;
        godwit__reactor_run_once (reactor, 0);
        for (int i = before; i < trail_length; i++) {
            const int64_t deadline = things[trail[i]].timer.deadline_ns;
            cr_assert (deadline <= test_now && deadline > test_now - 100);
            cr_assert (i == before || things[trail[i - 1]].timer.deadline_ns <= deadline);
            cr_assert_neq (trail[i] % 5, 0);
        }
    }
    cr_assert_eq (trail_length, left);
    free (things);
}

Test (reactor, tasks_keep_their_order_and_run_once)
{
    thing_t things[3];
    for (int i = 0; i < 3; i++)
        make_thing (&things[i], i);
    for (int i = 2; i >= 0; i--) {
        godwit__reactor_post (reactor, &things[i].task);
        godwit__reactor_post (reactor, &things[2].task); /* pending already */
    }
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq (trail[i], 2 - i);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
}

Test (reactor, a_task_that_posts_itself_runs_in_the_next_run)
{
    thing_t thing;
    make_thing (&thing, 1)->again = 1;
    godwit__reactor_post (reactor, &thing.task);
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 1);
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 2);
    godwit__reactor_unpost (reactor, &thing.task);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
}

Test (reactor, a_task_takes_back_one_that_waits_behind_it)
{
    thing_t first, second, third;
    make_thing (&first, 1)->other = make_thing (&second, 2);
    make_thing (&third, 3);
    godwit__reactor_post (reactor, &first.task);
    godwit__reactor_post (reactor, &second.task);
    godwit__reactor_post (reactor, &third.task);
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 2);
    cr_assert_eq (trail[1], 3);
    godwit__reactor_post (reactor, &second.task); /* usable again */
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail[2], 2);
}

Test (reactor, sources_are_level_triggered)
{
    thing_t thing;
    make_thing (&thing, 1)->source.fd = make_readable_fd ();
    cr_assert_eq (godwit__reactor_watch (reactor, &thing.source, NULL), GODWIT_OK);
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 2);
    godwit__reactor_unwatch (reactor, &thing.source);
    cr_assert_not (thing.source.watched);
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
    close (thing.source.fd);
}

Test (reactor, a_source_may_free_another_that_is_ready)
{
    /* Two ready sources, each about to free the other: one runs, the other is gone. */
    thing_t *one = malloc (sizeof *one), *two = malloc (sizeof *two);
    make_thing (one, 1)->source.fd = make_readable_fd ();
    make_thing (two, 2)->source.fd = make_readable_fd ();
    one->other = two;
    two->other = one;
    const int fds[] = {-1, one->source.fd, two->source.fd};
    godwit__reactor_watch (reactor, &one->source, NULL);
    godwit__reactor_watch (reactor, &two->source, NULL);
    cr_assert (godwit__reactor_run_once (reactor, GODWIT__NEVER));
    cr_assert_eq (trail_length, 1);
    thing_t *left = trail[0] == 1 ? one : two;
    godwit__reactor_unwatch (reactor, &left->source);
    free (left);
    close (fds[1]);
    close (fds[2]);
}

Test (reactor, watching_what_cannot_be_watched_fails)
{
    thing_t thing;
    make_thing (&thing, 1);
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__reactor_watch (reactor, &thing.source, &error), GODWIT_ERR_SYSTEM);
    cr_assert_not_null (error);
    cr_assert_not (thing.source.watched);
    godwit__reactor_unwatch (reactor, &thing.source); /* harmless */
    godwit_error_destroy (&error);
}

static bool
is_readable (int fd, int timeout_ms)
{
    struct pollfd item = {fd, POLLIN, 0};
    return poll (&item, 1, timeout_ms) == 1;
}

Test (reactor, a_foreign_loop_sees_all_there_is_to_do)
{
    const int fd = godwit__reactor_fd (reactor);
    cr_assert_geq (fd, 0);
    cr_assert_eq (godwit__reactor_fd (reactor), fd);
    cr_assert_not (is_readable (fd, 0));

    thing_t thing;
    make_thing (&thing, 1);
    godwit__reactor_post (reactor, &thing.task);
    cr_assert (is_readable (fd, 0));
    godwit__reactor_run_once (reactor, 0);
    cr_assert_not (is_readable (fd, 0));

    godwit__reactor_arm (reactor, &thing.timer, test_now + 1000);
    cr_assert (is_readable (fd, 5000));
    test_now += 1000;
    godwit__reactor_run_once (reactor, 0);
    cr_assert_eq (trail_length, 2);
    cr_assert_not (is_readable (fd, 0));

    /* The descriptor is set again if the injected clock was slower than the system's. */
    godwit__reactor_arm (reactor, &thing.timer, test_now + 1000);
    cr_assert (is_readable (fd, 5000));
    cr_assert_not (godwit__reactor_run_once (reactor, 0));
    cr_assert (is_readable (fd, 5000));
    godwit__reactor_disarm (reactor, &thing.timer);
    godwit__reactor_run_once (reactor, 0);
    cr_assert_not (is_readable (fd, 0));
}

static void *
wake_it (void *argument)
{
    (void) argument;
    godwit__reactor_wake (reactor);
    return NULL;
}

Test (reactor, wake_ends_the_wait_that_runs_or_the_next)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        cr_assert_eq (pthread_create (&thread, NULL, wake_it, NULL), 0);
        cr_assert_not (godwit__reactor_run_once (reactor, GODWIT__NEVER));
        pthread_join (thread, NULL);
    }
}

/* Several threads count under a task that is pending most of the time: a post whose run was missed shows as a
 * reactor that sleeps while `done` is short. */
enum { POSTERS = 4, POSTS = 20000 };

typedef struct counting {
    godwit__task_t task;
    atomic_int written;
    int seen;
} counting_t;

static void
on_count (godwit__task_t *task)
{
    counting_t *counting = task->user;
    counting->seen = atomic_load_explicit (&counting->written, memory_order_relaxed);
}

static void *
post_many (void *argument)
{
    counting_t *counting = argument;
    for (int i = 0; i < POSTS; i++) {
        atomic_fetch_add_explicit (&counting->written, 1, memory_order_relaxed);
        godwit__reactor_post (reactor, &counting->task);
    }
    return NULL;
}

Test (reactor, no_post_is_missed)
{
    counting_t counting = {.task = {.run = on_count}};
    counting.task.user = &counting;
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, post_many, &counting), 0);
    while (counting.seen < POSTERS * POSTS)
        godwit__reactor_run_once (reactor, GODWIT__NEVER);
    for (int i = 0; i < POSTERS; i++)
        pthread_join (threads[i], NULL);
}

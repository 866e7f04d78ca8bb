/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/driver_loop.h"

#include <semaphore.h>
#include <stdlib.h>

typedef struct order {
    godwit__task_t task;
    void (*run) (void *user);
    void *user;
    sem_t done;
} order_t;

static void *
turn (void *user)
{
    driver_loop_t *loop = user;
    while (!loop->is_over)
        godwit__reactor_run_once (loop->reactor, GODWIT__NEVER);
    return NULL;
}

void
driver_loop_start (driver_loop_t *loop, godwit__reactor_t *reactor)
{
    *loop = (driver_loop_t){.reactor = reactor};
    if (pthread_create (&loop->thread, NULL, turn, loop))
        abort ();
}

static void
on_order (godwit__task_t *task)
{
    order_t *order = task->user;
    order->run (order->user);
    sem_post (&order->done);
}

void
driver_loop_run (driver_loop_t *loop, void (*run) (void *user), void *user)
{
    order_t order = {.task.run = on_order, .run = run, .user = user};
    order.task.user = &order;
    sem_init (&order.done, 0, 0);
    godwit__reactor_post (loop->reactor, &order.task);
    while (sem_wait (&order.done))
        ;
    sem_destroy (&order.done);
}

static void
end (void *user)
{
    ((driver_loop_t *) user)->is_over = true;
}

void
driver_loop_stop (driver_loop_t *loop)
{
    driver_loop_run (loop, end, loop);
    pthread_join (loop->thread, NULL);
}

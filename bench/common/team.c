/* SPDX-License-Identifier: Apache-2.0 */
#include "team.h"
#include "clock.h"
#include "die.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
    bench_team_t *team;
    size_t index;
    pthread_t thread;
    bench_samples_t samples;
} member_t;

struct bench_team {
    const bench_team_work_t *work;
    void *argument;
    pthread_barrier_t start;
    pthread_barrier_t end;
    size_t count_each; /* written before `start`, read after it */
    bool stopping;
    size_t size;
    member_t members[];
};

static void *
member_main (void *argument)
{
    member_t *self = argument;
    bench_team_t *team = self->team;
    void *own = team->work->prepare ? team->work->prepare (team->argument, self->index) : team->argument;

    pthread_barrier_wait (&team->end);
    for (;;) {
        pthread_barrier_wait (&team->start);
        if (team->stopping)
            break;
        team->work->run (own, team->count_each, &self->samples);
        pthread_barrier_wait (&team->end);
    }
    if (team->work->finish)
        team->work->finish (own);
    return NULL;
}

bench_team_t *
bench_team_new (size_t size, const bench_team_work_t *work, void *argument)
{
    bench_team_t *team = bench_alloc (sizeof *team + size * sizeof (member_t));
    team->work = work;
    team->argument = argument;
    team->size = size;
    pthread_barrier_init (&team->start, NULL, (unsigned) size + 1);
    pthread_barrier_init (&team->end, NULL, (unsigned) size + 1);
    for (size_t i = 0; i < size; i++) {
        team->members[i].team = team;
        team->members[i].index = i;
        bench_check (pthread_create (&team->members[i].thread, NULL, member_main, &team->members[i]) == 0,
                     "pthread_create");
    }
    pthread_barrier_wait (&team->end);
    return team;
}

uint64_t
bench_team_run (bench_team_t *team, size_t count, bench_samples_t *samples)
{
    team->count_each = count / team->size;
    for (size_t i = 0; i < team->size; i++) {
        bench_samples_clear (&team->members[i].samples);
        bench_samples_reserve (&team->members[i].samples, team->count_each);
    }
    uint64_t begin = bench_now_ns ();
    pthread_barrier_wait (&team->start);
    pthread_barrier_wait (&team->end);
    uint64_t elapsed = bench_now_ns () - begin;
    for (size_t i = 0; i < team->size; i++)
        bench_samples_append (samples, &team->members[i].samples);
    return elapsed;
}

void
bench_team_destroy (bench_team_t **team_p)
{
    bench_team_t *team = *team_p;
    if (team == NULL)
        return;
    *team_p = NULL;
    team->stopping = true;
    pthread_barrier_wait (&team->start);
    for (size_t i = 0; i < team->size; i++) {
        pthread_join (team->members[i].thread, NULL);
        bench_samples_free (&team->members[i].samples);
    }
    pthread_barrier_destroy (&team->start);
    pthread_barrier_destroy (&team->end);
    free (team);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/thread.h"

#include <signal.h>

static void
fill_blocked (sigset_t *blocked)
{
    static const int taken[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigfillset (blocked);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        sigdelset (blocked, taken[i]);
}

int
godwit__thread_start (pthread_t *thread, void *(*run) (void *user), void *user)
{
    sigset_t blocked, before;
    fill_blocked (&blocked);
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    const int result = pthread_create (thread, NULL, run, user);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return result;
}

void
godwit__thread_set_name (const char *name)
{
    pthread_setname_np (pthread_self (), name);
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
}

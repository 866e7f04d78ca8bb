/* SPDX-License-Identifier: Apache-2.0 */
/* Counts heap allocations, to be put before the C library with LD_PRELOAD. When the process ends it writes to
 * the file $GODWIT_MALLOC_COUNT.PID: its command line, then a line `WHO COUNT` for each of libzmq (the caller
 * of malloc or of operator new is inside it), program (the program itself, with Godwit linked into it) and
 * other. */
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own names: asking dlsym for the real functions would allocate. */
void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *memory, size_t size);
void *__libc_memalign (size_t alignment, size_t size);

/* libstdc++'s operator new (size_t) and its variant that returns NULL: with these here, the caller that is
 * counted is the one of `new`, not libstdc++. */
void *_Znwm (size_t size);
void *_ZnwmRKSt9nothrow_t (size_t size, const void *nothrow);

enum { LIBZMQ, PROGRAM, OTHER, WHO_COUNT };
static const char *const names[WHO_COUNT] = {"libzmq", "program", "other"};
static _Atomic uint64_t counts[WHO_COUNT];

typedef struct {
    uintptr_t begin;
    uintptr_t end;
} range_t;
static range_t ranges[2]; /* of LIBZMQ and PROGRAM; empty until the constructor ran */

static int
find_ranges (struct dl_phdr_info *info, size_t size, void *unused)
{
    range_t *range = NULL;
    (void) size;
    (void) unused;
    if (strstr (info->dlpi_name, "libzmq.so") != NULL)
        range = &ranges[LIBZMQ];
    else if (info->dlpi_name[0] == '\0')
        range = &ranges[PROGRAM];
    if (range == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW (Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0)
            continue;
        range->begin = info->dlpi_addr + segment->p_vaddr;
        range->end = range->begin + segment->p_memsz;
    }
    return 0;
}

__attribute__ ((constructor)) static void
begin (void)
{
    dl_iterate_phdr (find_ranges, NULL);
}

static void
count (const void *caller)
{
    uintptr_t address = (uintptr_t) caller;
    int who = OTHER;
    for (int i = 0; i < OTHER; i++)
        if (address >= ranges[i].begin && address < ranges[i].end)
            who = i;
    atomic_fetch_add_explicit (&counts[who], 1, memory_order_relaxed);
}

void *
malloc (size_t size)
{
    count (__builtin_return_address (0));
    return __libc_malloc (size);
}

void *
calloc (size_t number, size_t size)
{
    count (__builtin_return_address (0));
    return __libc_calloc (number, size);
}

void *
realloc (void *memory, size_t size)
{
    count (__builtin_return_address (0));
    return __libc_realloc (memory, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
    count (__builtin_return_address (0));
    return __libc_memalign (alignment, size);
}

int
posix_memalign (void **memory, size_t alignment, size_t size)
{
    count (__builtin_return_address (0));
    void *result = __libc_memalign (alignment, size);
    if (result == NULL)
        return 12; /* ENOMEM */
    *memory = result;
    return 0;
}

void *
_Znwm (size_t size)
{
    count (__builtin_return_address (0));
    void *memory = __libc_malloc (size);
    if (memory == NULL)
        abort (); /* a C file cannot throw */
    return memory;
}

void *
_ZnwmRKSt9nothrow_t (size_t size, const void *nothrow)
{
    (void) nothrow;
    count (__builtin_return_address (0));
    return __libc_malloc (size);
}

__attribute__ ((destructor)) static void
report (void)
{
    const char *prefix = getenv ("GODWIT_MALLOC_COUNT");
    char path[4096], text[4096];
    uint64_t totals[WHO_COUNT];

    for (int i = 0; i < WHO_COUNT; i++)
        totals[i] = atomic_load (&counts[i]);
    if (prefix == NULL)
        return;
    snprintf (path, sizeof path, "%s.%ld", prefix, (long) getpid ());
    int out = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int in = open ("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0)
        return;
    ssize_t length = read (in, text, sizeof text);
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    if (length > 0 && write (out, text, (size_t) length) < 0)
        return;
    for (int i = 0; i < WHO_COUNT; i++)
        dprintf (out, "\n%s %llu", names[i], (unsigned long long) totals[i]);
    dprintf (out, "\n");
    close (in);
    close (out);
}

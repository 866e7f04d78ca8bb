/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/host.h"

#include "src/base/wall.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const unsigned char *
godwit__fork_guard_new (void)
{
    unsigned char *page = mmap (NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise (page, 1, MADV_WIPEONFORK) != 0) {
        munmap (page, 1);
        return NULL;
    }
    *page = 1;
    return page;
}

void
godwit__fork_guard_free (const unsigned char *guard)
{
    if (guard)
        munmap ((void *) (uintptr_t) guard, 1);
}

static void
hash_namespace (crypto_generichash_state *hash, const char *path)
{
    struct stat status;
    if (stat (path, &status) != 0)
        return;
    const uint64_t ids[2] = {status.st_dev, status.st_ino};
    crypto_generichash_update (hash, (const unsigned char *) ids, sizeof ids);
}

static void
hash_file (crypto_generichash_state *hash, const char *path)
{
    unsigned char text[256];
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    const ssize_t size = read (fd, text, sizeof text);
    if (size > 0)
        crypto_generichash_update (hash, text, (unsigned long long) size);
    close (fd);
}

char *
godwit__host_id (void)
{
    unsigned char digest[crypto_generichash_BYTES_MIN];
    char *name = malloc (sizeof digest * 2 + 1);
    crypto_generichash_state hash;
    if (!name)
        return NULL;
    crypto_generichash_init (&hash, NULL, 0, sizeof digest);
    hash_file (&hash, "/proc/sys/kernel/random/boot_id");
    hash_namespace (&hash, "/proc/self/ns/net");
    hash_namespace (&hash, "/proc/self/ns/mnt");
    crypto_generichash_final (&hash, digest, sizeof digest);
    sodium_bin2hex (name, sizeof digest * 2 + 1, digest, sizeof digest);
    return name;
}

uint64_t
godwit__incarnation (void)
{
    return (uint64_t) godwit__wall_ns () / 1000;
}

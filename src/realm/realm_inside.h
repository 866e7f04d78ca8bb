/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a realm, for the files of realm.h.
 *
 * Three locks, never two at once but for the one below the other:
 *
 *     look_lock    held while files are read and keys are made: one thread at a time does that
 *       `- lock    the state: held for a moment, calls nothing
 *     watch_lock   held while watchers are told
 *       `- lock    which they take to ask what is new
 */
#ifndef GODWIT_SRC_REALM_REALM_INSIDE_H
#define GODWIT_SRC_REALM_REALM_INSIDE_H

#include "src/realm/disk.h"
#include "src/realm/realm.h"
#include "src/realm/verified.h"

#include <pthread.h>

/* The keys of this process: constant. */
typedef struct godwit__process_keys {
    uint8_t curve[GODWIT__PUBLIC_SIZE]; /* K */
    uint8_t sign[GODWIT__PUBLIC_SIZE];
    uint8_t *curve_secret; /* 32 bytes; a secret, as the next */
    uint8_t *sign_secret;  /* 64 bytes */
} godwit__process_keys_t;

/* What is made of a member file: all that others see of this process. */
typedef struct godwit__own {
    godwit__member_file_t file;
    godwit__keyring_t *keyring;
    godwit__credential_t *credential;
    godwit__party_t *self;
    int64_t proven_at; /* when the process proof was made */
} godwit__own_t;

/* A file with a bulletin. */
typedef struct godwit__bulletin_file {
    char *path;                 /* NULL: there is no such place */
    godwit__disk_state_t state; /* the one that was read last */
    uint64_t number;            /* of the bulletin that is in there; 0: none of ours */
    uint64_t written;           /* the number that this process has written last */
} godwit__bulletin_file_t;
enum {
    GODWIT__BULLETIN_BESIDE, /* the member file: also where an administrator puts one */
    GODWIT__BULLETIN_STATE,  /* in the state folder: only processes write there */
    GODWIT__BULLETIN_FILES
};

struct godwit__realm {
    godwit__realm_options_t options; /* without the paths */
    char *path;
    godwit__process_keys_t keys;
    uint8_t instance[GODWIT__INSTANCE_SIZE];

    pthread_mutex_t look_lock;
    godwit__disk_state_t file_state; /* the one that was read last */
    godwit__bulletin_file_t bulletins[GODWIT__BULLETIN_FILES];
    bool is_unkept;            /* that the bulletin can be written nowhere was said */
    int64_t retry_at;          /* a file that is not valid yet is read again then; 0: there is none */
    uint64_t credential_count; /* that others are told, so far */
    int64_t told_until;        /* the longest process proof with this certificate that others were told */
    int64_t shortened_at;      /* when a shorter one took the place of a longer one last; by realm_elapsed */

    pthread_mutex_t lock;
    godwit__own_t own;            /* written with both locks */
    godwit__bulletin_t *bulletin; /* NULL: none yet */
    godwit__verified_t verified;

    pthread_mutex_t watch_lock;
    godwit__realm_watch_t *watches;
};

/* ---- realm_own.c: what is made of a member file ---- */

/* False: memory is short. */
bool godwit__process_keys_make (godwit__process_keys_t *keys, const godwit__realm_options_t *options);
void godwit__process_keys_clear (godwit__process_keys_t *keys);
/* Makes of own->file: the keyring, and all that godwit__own_prove makes. OUT_OF_MEMORY: the caller clears
 * own.
 */
godwit_status_t godwit__own_make (godwit__own_t *own, const godwit__process_keys_t *keys, int64_t now,
                                  uint64_t number, godwit_error_t **error);
/* Makes a credential with this number, and the party of this process; what own has of both is overwritten. */
godwit_status_t godwit__own_prove (godwit__own_t *own, const godwit__process_keys_t *keys, int64_t now,
                                   uint64_t number, godwit_error_t **error);
void godwit__own_clear (godwit__own_t *own);
/* When the process proof has to be made again. */
bool godwit__own_is_stale (const godwit__own_t *own, int64_t now);

/* ---- realm_state.c ---- */

/* Seconds of the clock that nobody sets. */
int64_t godwit__realm_elapsed (const godwit__realm_t *realm);
#define GODWIT__NOTE_SIZE 1024
/* No lock is held. */
void godwit__realm_note (const godwit__realm_t *realm, godwit_log_level_t level, const char *format, ...)
    GODWIT_PRINTF (3, 4);
/* A copy of the realm keys that are trusted. Returns how many. */
size_t godwit__realm_trusted (godwit__realm_t *realm,
                              uint8_t keys[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE]);
/* The bulletin that holds; the caller's reference. It may be one whose realm key is not trusted any more:
 * what it has revoked stays so, until one of a trusted key comes. That one takes its place whatever its
 * number is: otherwise a stolen realm key could keep all later bulletins out, even after it was dropped.
 * Others are not shown such a bulletin (godwit__realm_bulletin, godwit__realm_bulletin_number). */
godwit__bulletin_t *godwit__realm_voids (godwit__realm_t *realm);
/* Takes the caller's reference. True: it is newer than the one before, and holds now; tells no watcher. */
bool godwit__realm_adopt (godwit__realm_t *realm, godwit__bulletin_t **bulletin_p);

/* ---- realm_judge.c ---- */

/* Whether a certificate holds now; bulletin may be NULL. */
godwit__no_entry_t godwit__certificate_judge (const godwit__certificate_t *certificate,
                                              const godwit__bulletin_t *bulletin, int64_t now,
                                              char text[GODWIT__ADMIT_TEXT]);

/* ---- realm_watch.c ---- */

/* Tells all watchers; 0: nothing has changed. No lock is held. */
void godwit__realm_tell (godwit__realm_t *realm, unsigned changes);

/* ---- realm_bulletin.c ---- */

/* The path of the bulletin beside a member file; the caller's. NULL: memory is short. */
char *godwit__bulletin_path (const char *path);
/* Reads the file in its present state, and notes both; it has a path. OK with *bulletin NULL: there is none.
 * SYSTEM, MALFORMED, PERMISSION_DENIED (it names another realm key than ours); these name the path.
 * OUT_OF_MEMORY: nothing is noted. */
godwit_status_t godwit__bulletin_load (godwit__bulletin_t **bulletin, godwit__bulletin_file_t *file,
                                       const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count,
                                       godwit_error_t **error);

/* ---- realm_keep.c: bulletins outlive the processes ---- */

/* Decides where, from a member file's path and the state folder. False: memory is short. */
bool godwit__bulletin_files_init (godwit__bulletin_file_t files[GODWIT__BULLETIN_FILES],
                                  const godwit__realm_options_t *options);
void godwit__bulletin_files_clear (godwit__bulletin_file_t files[GODWIT__BULLETIN_FILES]);
/* With look_lock: writes the bulletin that holds to the first of the files that can be written, unless one
 * has it. OK also if there is nothing to write, or the realm keeps none. SYSTEM: it could be written nowhere.
 */
godwit_status_t godwit__realm_keep (godwit__realm_t *realm, godwit_error_t **error);

#endif

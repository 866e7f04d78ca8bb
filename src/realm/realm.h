/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport has of its realm: the keys of its process, its own credential, whom it trusts, and the
 * newest bulletin.
 *
 * One for each transport that has a realm; NULL where there is none. Any thread may call these functions,
 * unless said otherwise; each holds realm.lock for a moment, and calls nothing with it held.
 *
 *     file ---load---> keyring, credential --- look: the file or bulletin has changed, the proof is half over
 * ---> the next ones
 *                                          --- take_bulletin: a peer has a newer one
 * -------------------------> watch;  the next look writes it to a file
 */
#ifndef GODWIT_SRC_REALM_REALM_H
#define GODWIT_SRC_REALM_REALM_H

#include <godwit/transport.h>

#include "src/realm/bulletin.h"
#include "src/realm/member_file.h"
#include "src/realm/party.h"

typedef struct godwit__realm godwit__realm_t;

typedef struct godwit__realm_options {
    const char *path; /* of the member file; copied. A relative one is of the present working folder */
    /* Bulletins that others tell are written beside the member file; where that cannot be, to this folder,
     * and read from both at the start. */
    bool keeps_bulletins;
    const char *state_folder; /* NULL: there is none; copied */
    /* Seconds of Unix's clock. NULL: the system's. */
    int64_t (*now_s) (void *user);
    void *now_user;
    /* Nanoseconds of a clock that nobody sets. NULL: the system's. */
    int64_t (*elapsed_ns) (void *user);
    void *elapsed_user;
    /* Random bytes for the keys of the process. NULL: the system's. */
    void (*random) (void *user, void *bytes, size_t size);
    void *random_user;
    /* Human-readable news; text is borrowed. Any thread, no lock held. NULL: nobody wants to know. */
    void (*note) (void *user, godwit_log_level_t level, const char *text);
    void *note_user;
} godwit__realm_options_t;

/* Reads the member file, and makes the keys of the process. SYSTEM, MALFORMED, OUT_OF_MEMORY;
 * PERMISSION_DENIED: the certificate has ended, or is void. A certificate that is not valid yet is noted, and
 * used. */
godwit_status_t godwit__realm_open (godwit__realm_t **realm, const godwit__realm_options_t *options,
                                    godwit_error_t **error);
/* Sets *realm to NULL; NULL is fine. Nobody uses it any more; what was referenced may live on. */
void godwit__realm_close (godwit__realm_t **realm);

/* Seconds of Unix's clock, as the options have it. */
int64_t godwit__realm_now (const godwit__realm_t *realm);

/* ---- this process ---- */

/* 16 bytes, constant. */
const uint8_t *godwit__realm_instance (const godwit__realm_t *realm);
/* This process as others see it; the caller's reference. Never NULL. */
godwit__party_t *godwit__realm_self (godwit__realm_t *realm);

/* The credential of this process: a msgpack list of 4 bin: certificate, its signature, process proof, its
 * signature. Immutable, counted. */
#define GODWIT__CREDENTIAL_SIZE_MAX                                                                          \
    (GODWIT__CERTIFICATE_SIZE_MAX + GODWIT__PROOF_SIZE_MAX + 2 * GODWIT__SIGNATURE_SIZE + 16)
typedef struct godwit__credential {
    atomic_uint refs;
    uint64_t number; /* grows with each one that those are told who have seen an older one */
    size_t size;
    uint8_t bytes[GODWIT__CREDENTIAL_SIZE_MAX];
} godwit__credential_t;
godwit__credential_t *godwit__realm_credential (godwit__realm_t *realm);
void godwit__credential_unref (godwit__credential_t **credential);

/* The keys of CURVE. Immutable, counted: a handshake goes on with those that it began with. Secrets lie in
 * godwit__secret_new's memory. */
typedef struct godwit__keyring {
    atomic_uint refs;
    size_t door_count;
    uint8_t doors[GODWIT__DOOR_MAX][GODWIT__PUBLIC_SIZE]; /* public keys */
    uint8_t *door_secrets[GODWIT__DOOR_MAX];              /* 32 bytes each */
    uint8_t curve[GODWIT__PUBLIC_SIZE];                   /* K, public */
    uint8_t *curve_secret;                                /* 32 bytes */
} godwit__keyring_t;
godwit__keyring_t *godwit__realm_keyring (godwit__realm_t *realm);
static inline godwit__keyring_t *
godwit__keyring_ref (godwit__keyring_t *keyring)
{
    if (keyring)
        atomic_fetch_add_explicit (&keyring->refs, 1, memory_order_relaxed);
    return keyring;
}
/* Sets *keyring to NULL; NULL is fine. */
void godwit__keyring_unref (godwit__keyring_t **keyring);

/* Signs a welcome proof with this process's `sign` key. */
void godwit__realm_sign_welcome (godwit__realm_t *realm, const godwit__welcome_t *welcome,
                                 uint8_t signature[GODWIT__SIGNATURE_SIZE]);

/* ---- others ---- */

/* Why a party is not let in, or not any more. */
typedef enum godwit__no_entry {
    GODWIT__NO_ENTRY_NONE,
    GODWIT__NO_ENTRY_NO_CERTIFICATE, /* no credential, or one that is malformed, or whose signatures are wrong
                                      */
    GODWIT__NO_ENTRY_WRONG_REALM,
    GODWIT__NO_ENTRY_NOT_YET_VALID, /* the certificate; or the process proof is of a clock that is ahead */
    GODWIT__NO_ENTRY_EXPIRED,       /* the certificate, or the process proof */
    GODWIT__NO_ENTRY_REVOKED,
    GODWIT__NO_ENTRY_OTHER_KEY, /* the process proof is for another K than CURVE has proven, or the welcome
                                  proof is wrong */
    GODWIT__NO_ENTRY_NO_MEMORY
} godwit__no_entry_t;
/* "no-certificate", "wrong-realm", "not-yet-valid", "expired", "revoked", "other-key", "no-memory": what the
 * peer is told. "": NONE. Static text. */
const char *godwit__no_entry_word (godwit__no_entry_t reason);

#define GODWIT__ADMIT_TEXT 256
/* Checks a credential from outside, all of it: form, signatures (verified ones are remembered), realm, dates,
 * bulletin, and that the process proof is for `curve`, the key that CURVE has proven (NULL: nothing was
 * proven; a local socket). On NONE *party is the caller's reference. Otherwise text says for the log what is
 * wrong: `certificate "web" (serial 7f3a) was revoked`; "" on NONE. Costs up to two verifications, 0.2 ms. */
godwit__no_entry_t godwit__realm_admit (godwit__realm_t *realm, const uint8_t *credential, size_t size,
                                        const uint8_t *curve, godwit__party_t **party,
                                        char text[GODWIT__ADMIT_TEXT]);
/* Whether a party that was let in may stay: realm key, dates and bulletin. NULL party: NONE. Writes text as
 * admit does. */
godwit__no_entry_t godwit__realm_judge (godwit__realm_t *realm, const godwit__party_t *party,
                                        char text[GODWIT__ADMIT_TEXT]);
/* Whether a text, as a whole, is that of one whose certificate was revoked, or has ended: the realm has
 * signed the name in it, so it is no invention of the peer. Other texts may be the peer's. */
bool godwit__no_entry_names_member (const char *text);

/* ---- bulletins ---- */

/* The newest that a trusted realm key has signed; the caller's reference. NULL: there is none. */
godwit__bulletin_t *godwit__realm_bulletin (godwit__realm_t *realm);
/* 0: there is none. */
uint64_t godwit__realm_bulletin_number (godwit__realm_t *realm);
/* Takes a sealed bulletin from outside. OK: it is newer, and holds now; watchers are told. NOT_FOUND: it is
 * not newer. MALFORMED: no bulletin, or its signature is wrong. PERMISSION_DENIED: it names a realm key that
 * is not trusted here, or not yet: no reason to end a connection. OUT_OF_MEMORY. */
godwit_status_t godwit__realm_take_bulletin (godwit__realm_t *realm, const uint8_t *sealed, size_t size,
                                             godwit_error_t **error);

/* ---- changes ---- */

enum {
    GODWIT__REALM_CREDENTIAL = 1, /* the own credential is another, with a greater number */
    GODWIT__REALM_KEYS = 2,       /* doors or trusted realm keys are others */
    GODWIT__REALM_BULLETIN = 4    /* there is a newer bulletin */
};

/* Is told what has changed. Any thread, none of the realm's locks held but that of the watchers: `changed`
 * may ask the realm, but not change it (watch, unwatch, look, take_bulletin), and must not block. A driver
 * posts a task to its reactor. Watchers are told in the order in which they came: drivers first. */
typedef struct godwit__realm_watch {
    void (*changed) (struct godwit__realm_watch *watch, unsigned changes);
    void *user;
    struct godwit__realm_watch *next; /* the realm's */
} godwit__realm_watch_t;
void godwit__realm_watch (godwit__realm_t *realm, godwit__realm_watch_t *watch);
/* No `changed` runs any more. */
void godwit__realm_unwatch (godwit__realm_t *realm, godwit__realm_watch_t *watch);

/* Looks whether the files have changed, keeps the newest bulletin, and renews the process proof in time.
 * Called every refresh_ms. force: reads the files in any case, and returns what is wrong with them; the old
 * ones stay in use. Without force what is wrong is noted, once for each state of the file. */
godwit_status_t godwit__realm_look (godwit__realm_t *realm, bool force, godwit_error_t **error);

/* The certificate ends within so many days; 0: in more than 30; -1: it has ended. For a warning once a day.
 */
int godwit__realm_days_left (godwit__realm_t *realm);

/* ---- which file ---- */

/* Where the member file is: `given` (an option; "none": no realm) or, if that is NULL, $GODWIT_REALM
 * (secure_getenv; "none"), then
 * ~/.config/godwit/realm.member, then /etc/godwit/realm.member, the first that exists. OK with *path, the
 * caller's; NULL: there is no realm. A file that is named and does not exist is an error, and so is one that
 * cannot be looked for. */
godwit_status_t godwit__realm_find (char **path, const char *given, godwit_error_t **error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection has of a realm: who is at the other end, and what comes of the commands by which members
 * speak of their realm.
 *
 *     IN ---- a bulletin, a key or a date says so ----> VOID ---- 500 ms ----> TOLD ---- 300 ms ----> ended
 *      `----- its new credential is not let in ---------------------------------^
 *
 * What comes from who is VOID is nobody's: the core says no to it. Publications are not taken from there, and
 * do not go there; replies still do. TOLD: REFUSED was sent, and the peer hangs up when it has read it. Who
 * is void never is IN again over this connection. */
#ifndef GODWIT_DRIVERS_ZMTP_MEMBER_H
#define GODWIT_DRIVERS_ZMTP_MEMBER_H

#include "drivers/zmtp/admission.h"

#include "src/base/light_lock.h"
#include "src/base/list.h"

struct godwit__zmtp_stream;

/* How often the peer may do what costs this end more than itself. One thread at a time. */
typedef struct godwit__zmtp_allowance {
    int64_t used_up_ns; /* until then the credit of the past is spent */
} godwit__zmtp_allowance_t;

/* Takes one. False: so many in a row were taken, and since then none was earned, as one is in each period. */
bool godwit__zmtp_allows (godwit__zmtp_allowance_t *allowance, int in_a_row, int64_t period_ms);

/* So many in a row, then one a second. More of either costs the connection. */
#define GODWIT__ZMTP_CREDENTIALS_IN_A_ROW 16
#define GODWIT__ZMTP_OLD_BULLETINS_IN_A_ROW 64
/* A bulletin is told again for so many new certificates in a row, then for one a minute; for others later. */
#define GODWIT__ZMTP_RETOLD_IN_A_ROW 8

typedef struct godwit__zmtp_member {
    struct godwit__zmtp_stream *stream;
    godwit__light_lock_t lock; /* covers party; the thread that reads writes it, and reads it without */
    godwit__party_t *party;
    godwit__zmtp_allowance_t credentials, old_bulletins; /* the thread that reads */
    atomic_bool is_void;
    atomic_bool
        has_other_keys; /* perhaps: it has shown a new certificate, and was not told the bulletin since */
    atomic_uint_fast64_t bulletin; /* the number of the newest that the peer is known to have; 0: none */

    /* parties.lock. */
    bool is_listed;      /* the reactor wants to hear news */
    const char *refused; /* news: its new credential is not let in; the word. NULL: it is */
    struct godwit__list_node in_news;

    /* The reactor's thread. */
    uint64_t said; /* the number of the own credential that the peer has */
    godwit__zmtp_allowance_t retold;
    struct godwit__list_node in_members;
    struct godwit__list_node in_leaving;
    const char *word; /* VOID: what it will be told */
    bool is_told;
    int64_t due_ns; /* when VOID becomes TOLD, or TOLD the end */
} godwit__zmtp_member_t;

/* Takes the party over. NULL: memory is short, and the admission keeps it. */
godwit__zmtp_member_t *godwit__zmtp_member_new (struct godwit__zmtp_stream *stream,
                                                godwit__zmtp_admission_t *admission);
/* NULL is fine. */
void godwit__zmtp_member_free (godwit__zmtp_member_t *member);

/* Who is at the other end: a reference. Any thread. */
godwit__party_t *godwit__zmtp_member_party (godwit__zmtp_member_t *member);
static inline bool
godwit__zmtp_member_is_void (const godwit__zmtp_member_t *member)
{
    return atomic_load_explicit (&member->is_void, memory_order_relaxed);
}

/* Takes CREDENTIAL, REFUSED and BULLETIN. Returns NULL, or why the stream has to end: static text. The thread
 * that reads. */
const char *godwit__zmtp_member_take (godwit__zmtp_member_t *member, const godwit__zmtp_command_t *command);

#endif

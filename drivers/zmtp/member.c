/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/member.h"

#include "drivers/zmtp/parties.h"
#include "drivers/zmtp/stream.h"

#include "src/error/error.h"
#include "src/loop/reactor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

godwit__zmtp_member_t *
godwit__zmtp_member_new (godwit__zmtp_stream_t *stream, godwit__zmtp_admission_t *admission)
{
    godwit__zmtp_member_t *member = calloc (1, sizeof *member);
    if (!member)
        return NULL;
    member->stream = stream;
    member->party = admission->party;
    member->said = admission->said;
    atomic_init (&member->bulletin, admission->bulletin);
    admission->party = NULL;
    return member;
}

void
godwit__zmtp_member_free (godwit__zmtp_member_t *member)
{
    if (member)
        godwit__party_unref (&member->party);
    free (member);
}

godwit__party_t *
godwit__zmtp_member_party (godwit__zmtp_member_t *member)
{
    godwit__light_lock (&member->lock);
    godwit__party_t *party = godwit__party_ref (member->party);
    godwit__light_unlock (&member->lock);
    return party;
}

/* ---- commands; the thread that reads ---- */

/* Each use costs a period, and so many periods can be spent ahead. */
bool
godwit__zmtp_allows (godwit__zmtp_allowance_t *allowance, int in_a_row, int64_t period_ms)
{
    const int64_t period_ns = period_ms * GODWIT__NS_PER_MS;
    const int64_t now_ns = godwit__clock_now (&godwit__clock_system);
    if (allowance->used_up_ns < now_ns)
        allowance->used_up_ns = now_ns;
    if (allowance->used_up_ns - now_ns > (in_a_row - 1) * period_ns)
        return false;
    allowance->used_up_ns += period_ns;
    return true;
}

static bool
allows (godwit__zmtp_allowance_t *allowance, int in_a_row)
{
    return godwit__zmtp_allows (allowance, in_a_row, 1000);
}

/* A new certificate comes with a new member file, by which the peer may trust a realm key that it did not
 * know: then it has left bulletins of that key alone, and has to hear of them again. A new process proof
 * alone brings no such news. */
static void
set_party (godwit__zmtp_member_t *member, godwit__party_t *party)
{
    if (party->certificate.serial != member->party->certificate.serial)
        atomic_store (&member->has_other_keys, true);
    godwit__light_lock (&member->lock);
    godwit__party_t *before = member->party;
    member->party = party;
    godwit__light_unlock (&member->lock);
    godwit__party_unref (&before);
}

static bool
is_same_process (const godwit__party_t *a, const godwit__party_t *b)
{
    return memcmp (a->proof.curve, b->proof.curve, sizeof a->proof.curve) == 0 &&
           memcmp (a->proof.sign, b->proof.sign, sizeof a->proof.sign) == 0;
}

/* Each certificate has a serial of its own, and each process proof another end. */
static bool
is_same_credential (const godwit__party_t *a, const godwit__party_t *b)
{
    return a->certificate.serial == b->certificate.serial && a->proof.until == b->proof.until;
}

static void
refuse (const godwit__zmtp_member_t *member, godwit__no_entry_t refusal, const char *text)
{
    godwit__zmtp_stream_blame (member->stream, text);
    godwit__zmtp_parties_post (member->stream, godwit__no_entry_word (refusal));
}

/* The keys are those that the connection was made with: K was proven then, or never is. */
static const char *
take_credential (godwit__zmtp_member_t *member, const uint8_t *data, size_t size)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = NULL;
    if (!allows (&member->credentials, GODWIT__ZMTP_CREDENTIALS_IN_A_ROW))
        return "it sent credentials faster than one a second";
    const godwit__no_entry_t refusal = godwit__realm_admit (member->stream->driver->options.realm, data, size,
                                                            member->party->proof.curve, &party, text);
    if (refusal != GODWIT__NO_ENTRY_NONE) {
        refuse (member, refusal, text);
    } else if (!is_same_process (party, member->party)) {
        refuse (member, GODWIT__NO_ENTRY_OTHER_KEY, "its new credential is that of another process");
        godwit__party_unref (&party);
    } else if (is_same_credential (party, member->party)) {
        godwit__party_unref (&party);
    } else {
        set_party (member, party);
        godwit__zmtp_parties_post (member->stream, NULL);
    }
    return NULL;
}

static void
take_refused (const godwit__zmtp_member_t *member, const uint8_t *word, size_t size)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__zmtp_admission_refused_us (text, word, size);
    godwit__zmtp_stream_blame (member->stream, text);
    godwit__zmtp_stream_end (member->stream, GODWIT__ZMTP_REFUSED_US);
}

/* Who sent the newest knows it. Of another one that is no news: what the peer has is not known better than
 * before. */
static void
note_bulletin (godwit__zmtp_member_t *member, const uint8_t *sealed, size_t size)
{
    godwit__bulletin_t *newest = godwit__realm_bulletin (member->stream->driver->options.realm);
    if (newest && newest->sealed_size == size && memcmp (newest->sealed, sealed, size) == 0)
        atomic_store (&member->bulletin, newest->number);
    godwit__bulletin_unref (&newest);
}

/* One that is signed with a key which this process does not trust yet, or no longer, is left alone: realm
 * keys are changed at one process after the other. */
static const char *
take_bulletin (godwit__zmtp_member_t *member, const uint8_t *sealed, size_t size)
{
    godwit__zmtp_t *driver = member->stream->driver;
    const godwit_status_t status = godwit__realm_take_bulletin (driver->options.realm, sealed, size, NULL);
    switch (status) {
    case GODWIT_ERR_NOT_FOUND:
    case GODWIT_ERR_PERMISSION_DENIED:
        if (status == GODWIT_ERR_PERMISSION_DENIED)
            godwit__zmtp_parties_ignored (driver, member->party);
        if (!allows (&member->old_bulletins, GODWIT__ZMTP_OLD_BULLETINS_IN_A_ROW))
            return "it sent bulletins that are no news faster than one a second";
        note_bulletin (member, sealed, size);
        return NULL;
    case GODWIT_OK:
        note_bulletin (member, sealed, size);
        return NULL;
    case GODWIT_ERR_OUT_OF_MEMORY:
        return "memory was short for a bulletin of it";
    default:
        return "it sent a bulletin that its realm has not signed";
    }
}

const char *
godwit__zmtp_member_take (godwit__zmtp_member_t *member, const godwit__zmtp_command_t *command)
{
    switch (command->kind) {
    case GODWIT__ZMTP_CREDENTIAL:
        return take_credential (member, command->data, command->size);
    case GODWIT__ZMTP_REFUSED:
        take_refused (member, command->data, command->size);
        return NULL;
    default:
        return take_bulletin (member, command->data, command->size);
    }
}

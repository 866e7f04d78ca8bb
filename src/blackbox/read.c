/* SPDX-License-Identifier: Apache-2.0 */
#include "src/blackbox/read.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* No box has more of anything: a file that says so is none. */
#define COUNT_MAX (UINT64_C (1) << 24)

/* ---- where a box lies ---- */

/* What is read: a box, or the copy of a file. */
typedef struct source {
    godwit__box_head_t head;
    godwit__box_places_t at;
    const char *names;
    uint64_t names_used;
} source_t;

static void
find_names (source_t *source)
{
    const uint64_t used = atomic_load_explicit (&source->at.names[0], memory_order_acquire);
    source->names = (const char *) (uintptr_t) source->at.names;
    source->names_used = used <= source->head.name_size ? used : 0;
}

/* The texts of a name. False: it is none. */
static bool
read_name (const source_t *source, uint64_t number, const char *texts[GODWIT__BOX_TEXTS])
{
    const char *at = source->names + number;
    const char *const end = source->names + source->names_used;
    if (number < sizeof (godwit__box_word_t) || number >= source->names_used)
        return false;
    for (size_t i = 0; i < GODWIT__BOX_TEXTS; i++) {
        const char *const stop = at < end ? memchr (at, '\0', (size_t) (end - at)) : NULL;
        if (!stop)
            return false;
        texts[i] = at;
        at = stop + 1;
    }
    return true;
}

/* ---- records ---- */

/* Copies a record that nobody writes meanwhile. A running one may get its end while it is copied: then what
 * the end adds is not looked at. */
static bool
copy_record (uint64_t to[GODWIT__BOX_WORDS], const godwit__box_record_t *from)
{
    const uint64_t mark = atomic_load_explicit (&from->word[GODWIT__BOX_MARK], memory_order_acquire);
    if ((mark & 3) != GODWIT__BOX_RUNNING && (mark & 3) != GODWIT__BOX_DONE)
        return false;
    godwit__box_get (to, from->word, GODWIT__BOX_WORDS);
    atomic_thread_fence (memory_order_acquire);
    const uint64_t after = atomic_load_explicit (&from->word[GODWIT__BOX_MARK], memory_order_relaxed);
    to[GODWIT__BOX_MARK] = mark;
    return after >> 8 == mark >> 8;
}

/* Of a word that is one more; -1: it has not come. */
static int64_t
optional (uint64_t word)
{
    return word && word <= INT64_MAX ? (int64_t) word - 1 : -1;
}

/* The durations of a file may be anything. */
static int64_t
duration (uint64_t ns)
{
    return ns <= INT64_MAX ? (int64_t) ns : 0;
}

static void
decode_end (godwit__box_call_t *call, const uint64_t *word)
{
    const uint64_t end = word[GODWIT__BOX_END];
    call->ended_ns = duration (word[GODWIT__BOX_ENDED]);
    call->replied_ns = optional (word[GODWIT__BOX_REPLIED]);
    call->status = end >> 56 < GODWIT_STATUS_COUNT ? (godwit_status_t) (end >> 56) : GODWIT_ERR_FAILED;
    call->outcome = (end >> 48 & 0xff) <= GODWIT_OUTCOME_RAN ? (godwit_outcome_t) (end >> 48 & 0xff)
                                                             : GODWIT_OUTCOME_NONE;
    call->attempts = end >> 32 & 0xffff;
    call->flags = end & 0xff;
    call->request_size = (uint32_t) (word[GODWIT__BOX_SIZES] >> 32);
    call->reply_size = (uint32_t) word[GODWIT__BOX_SIZES];
}

static void
decode (godwit__box_call_t *call, const source_t *source, const uint64_t *word)
{
    const uint64_t mark = word[GODWIT__BOX_MARK];
    *call = (godwit__box_call_t){
        .number = mark >> 8,
        .is_running = (mark & 3) == GODWIT__BOX_RUNNING,
        .side = (mark >> 2 & 3) == GODWIT__BOX_SERVER ? GODWIT__BOX_SERVER : GODWIT__BOX_CLIENT,
        .kind =
            (mark >> 4 & 15) <= GODWIT__BOX_FANOUT ? (godwit__box_kind_t) (mark >> 4 & 15) : GODWIT__BOX_CALL,
        .at_ns = duration (word[GODWIT__BOX_AT]),
        .sent_ns = optional (word[GODWIT__BOX_SENT]),
        .ended_ns = -1,
        .replied_ns = -1,
        .span = word[GODWIT__BOX_SPAN],
        .parent = word[GODWIT__BOX_PARENT],
        .wire_id = word[GODWIT__BOX_WIRE_ID],
        .names = {"", "", "", "", "", ""},
        .peer = (uint32_t) word[GODWIT__BOX_NAME],
        .queued = (uint32_t) (word[GODWIT__BOX_LOAD] >> 32),
        .running = (uint32_t) word[GODWIT__BOX_LOAD],
        .server_id = (uint32_t) word[GODWIT__BOX_SERVER_ID],
    };
    memcpy (call->trace_id, &word[GODWIT__BOX_TRACE_HIGH], sizeof call->trace_id);
    if (!read_name (source, word[GODWIT__BOX_NAME] >> 32, call->names))
        for (size_t i = 0; i < GODWIT__BOX_TEXTS; i++)
            call->names[i] = "";
    if (!call->is_running)
        decode_end (call, word);
}

static void
read_records (godwit__box_snapshot_t *snapshot, const source_t *source, const godwit__box_record_t *records,
              uint64_t count)
{
    uint64_t words[GODWIT__BOX_WORDS];
    for (uint64_t i = 0; i < count; i++)
        if (copy_record (words, &records[i]))
            decode (&snapshot->calls[snapshot->count++], source, words);
}

static int
compare_calls (const void *left, const void *right)
{
    const godwit__box_call_t *const a = left, *const b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (int) b->is_running - (int) a->is_running; /* the one that knows the end comes last */
}

/* A call that failed, or was slow, is there several times. */
static void
sort_calls (godwit__box_snapshot_t *snapshot)
{
    size_t count = 0;
    qsort (snapshot->calls, snapshot->count, sizeof *snapshot->calls, compare_calls);
    for (size_t i = 0; i < snapshot->count; i++) {
        const bool again = count && snapshot->calls[count - 1].number == snapshot->calls[i].number;
        snapshot->calls[again ? count - 1 : count++] = snapshot->calls[i];
    }
    snapshot->count = count;
}

/* ---- notes and peers ---- */

/* Copies the entries of a ring that nobody writes meanwhile; returns how many there are. */
static size_t
read_ring (void *to, const godwit__box_word_t *ring, uint64_t count, size_t words)
{
    uint64_t *at = to;
    size_t found = 0;
    for (uint64_t i = 0; i < count; i++, ring += words) {
        const uint64_t mark = atomic_load_explicit (&ring[0], memory_order_acquire);
        godwit__box_get (at, ring, words);
        atomic_thread_fence (memory_order_acquire);
        if (!mark || atomic_load_explicit (&ring[0], memory_order_relaxed) != mark)
            continue;
        at += words;
        found++;
    }
    return found;
}

static int
compare_notes (const void *left, const void *right)
{
    const godwit__box_note_t *const a = left, *const b = right;
    return a->mark < b->mark ? -1 : a->mark > b->mark;
}

static void
read_texts (godwit__box_snapshot_t *snapshot, const source_t *source)
{
    snapshot->note_count =
        read_ring (snapshot->notes, source->at.notes, source->head.note_count, GODWIT__NOTE_WORDS);
    snapshot->peer_count =
        read_ring (snapshot->peers, source->at.peers, source->head.peer_count, GODWIT__PEER_WORDS);
    qsort (snapshot->notes, snapshot->note_count, sizeof *snapshot->notes, compare_notes);
    for (size_t i = 0; i < snapshot->note_count; i++) {
        godwit__box_note_t *const note = &snapshot->notes[i];
        note->server[sizeof note->server - 1] = note->address[sizeof note->address - 1] =
            note->text[sizeof note->text - 1] = '\0';
    }
    for (size_t i = 0; i < snapshot->peer_count; i++)
        snapshot->peers[i].address[sizeof snapshot->peers[i].address - 1] = '\0';
}

/* ---- a snapshot ---- */

static godwit_status_t
read_all (godwit__box_snapshot_t *snapshot, const source_t *source, godwit_error_t **error)
{
    const godwit__box_head_t *const head = &source->head;
    const uint64_t slow = GODWIT__SLOW_SPANS * GODWIT__SLOW_EACH;
    snapshot->head = *head;
    snapshot->calls = calloc (head->record_count + head->failure_count + slow, sizeof *snapshot->calls);
    snapshot->notes = calloc (head->note_count, sizeof *snapshot->notes);
    snapshot->peers = calloc (head->peer_count, sizeof *snapshot->peers);
    if (!snapshot->calls || !snapshot->notes || !snapshot->peers)
        return godwit__error_no_memory (error);
    /* The ring last: what was copied from it is there, too, and no call is missing before a newer one. */
    read_records (snapshot, source, source->at.failures, head->failure_count);
    read_records (snapshot, source, source->at.slow, slow);
    read_records (snapshot, source, source->at.records, head->record_count);
    sort_calls (snapshot);
    read_texts (snapshot, source);
    return GODWIT_OK;
}

godwit_status_t
godwit__box_read (godwit__box_snapshot_t *snapshot, godwit__box_t *box, godwit_error_t **error)
{
    memset (snapshot, 0, sizeof *snapshot);
    if (!box)
        return GODWIT_OK;
    source_t source = {.at = box->at};
    godwit__box_get (&source.head, (const godwit__box_word_t *) (const void *) box->at.head,
                     sizeof source.head / sizeof (godwit__box_word_t));
    find_names (&source);
    const godwit_status_t status = read_all (snapshot, &source, error);
    if (status)
        godwit__box_forget (snapshot);
    return status;
}

void
godwit__box_forget (godwit__box_snapshot_t *snapshot)
{
    free (snapshot->calls);
    free (snapshot->notes);
    free (snapshot->peers);
    free (snapshot->copy);
    memset (snapshot, 0, sizeof *snapshot);
}

const godwit__box_peer_t *
godwit__box_peer (const godwit__box_snapshot_t *snapshot, uint32_t number)
{
    for (size_t i = 0; number && i < snapshot->peer_count; i++)
        if ((uint32_t) snapshot->peers[i].mark == number)
            return &snapshot->peers[i];
    return NULL;
}

/* ---- of bytes ---- */

static bool
is_count (uint64_t count)
{
    return count > 0 && count <= COUNT_MAX;
}

/* What stands in the head fits together, and into the bytes. */
static bool
is_head (const godwit__box_head_t *head, uint64_t size)
{
    return head->magic == GODWIT__BOX_MAGIC && is_count (head->record_count) &&
           is_count (head->failure_count) && is_count (head->note_count) && is_count (head->peer_count) &&
           head->name_size >= sizeof (godwit__box_word_t) && head->name_size <= COUNT_MAX &&
           head->name_size % sizeof (godwit__box_word_t) == 0 && head->size <= size &&
           godwit__box_lay_out (NULL, NULL, head) == head->size;
}

godwit_status_t
godwit__box_read_bytes (godwit__box_snapshot_t *snapshot, const void *bytes, size_t size,
                        godwit_error_t **error)
{
    source_t source;
    memset (snapshot, 0, sizeof *snapshot);
    if (size < sizeof source.head)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "expected a black box, got %zu bytes", size);
    memcpy (&source.head, bytes, sizeof source.head);
    if (!is_head (&source.head, size))
        return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                  "expected a black box of this release, got something else");
    source.head.program[sizeof source.head.program - 1] = source.head.host[sizeof source.head.host - 1] =
        source.head.library[sizeof source.head.library - 1] = '\0';
    snapshot->copy = aligned_alloc (64, (size + 63) / 64 * 64);
    if (!snapshot->copy)
        return godwit__error_no_memory (error);
    memcpy (snapshot->copy, bytes, size);
    godwit__box_lay_out (&source.at, snapshot->copy, &source.head);
    find_names (&source);
    const godwit_status_t status = read_all (snapshot, &source, error);
    if (status)
        godwit__box_forget (snapshot);
    return status;
}

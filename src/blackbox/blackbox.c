/* SPDX-License-Identifier: Apache-2.0 */
/* A box's life, and what is written under its lock: names, peers and notes. */
#include "src/blackbox/blackbox.h"

#include "src/base/wall.h"
#include "src/blackbox/box_file.h"
#include "src/error/error.h"

#include <errno.h>
#include <godwit/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FAILURES = 256, NOTES = 192, PEERS = 128, NAMES_SIZE = 32768, RECORDS_LEAST = 16 };

/* ---- where everything lies ---- */

static void *
take (unsigned char *memory, uint64_t *at, uint64_t size)
{
    void *const place = memory ? memory + *at : NULL;
    *at += (size + 63) / 64 * 64;
    return place;
}

uint64_t
godwit__box_lay_out (godwit__box_places_t *places, void *memory, const godwit__box_head_t *head)
{
    uint64_t at = 0;
    godwit__box_places_t laid;
    laid.head = take (memory, &at, sizeof *head);
    laid.records = take (memory, &at, head->record_count * sizeof *laid.records);
    laid.failures = take (memory, &at, head->failure_count * sizeof *laid.failures);
    laid.slow = take (memory, &at, (uint64_t) GODWIT__SLOW_SPANS * GODWIT__SLOW_EACH * sizeof *laid.slow);
    laid.notes = take (memory, &at, head->note_count * sizeof (godwit__box_note_t));
    laid.peers = take (memory, &at, head->peer_count * sizeof (godwit__box_peer_t));
    laid.names = take (memory, &at, head->name_size);
    if (places)
        *places = laid;
    return at;
}

static uint64_t
power_of_two_below (uint64_t number)
{
    uint64_t power = RECORDS_LEAST;
    while (power <= number / 2)
        power *= 2;
    return power;
}

static void
fill_head (godwit__box_head_t *head, const godwit__box_options_t *options)
{
    *head = (godwit__box_head_t){
        .magic = GODWIT__BOX_MAGIC,
        .record_count = power_of_two_below (options->size / sizeof (godwit__box_record_t)),
        .failure_count = FAILURES,
        .note_count = NOTES,
        .peer_count = PEERS,
        .name_size = NAMES_SIZE,
        .monotonic_ns = options->now_ns,
        .wall_ns = godwit__wall_ns (),
        .pid = getpid (),
        .started = godwit__box_process_started (getpid ()),
    };
    memcpy (head->instance, options->instance, sizeof head->instance);
    snprintf (head->program, sizeof head->program, "%s", program_invocation_short_name);
    snprintf (head->library, sizeof head->library, "%s", godwit_version_string ());
    if (gethostname (head->host, sizeof head->host - 1) != 0)
        head->host[0] = '\0';
    head->size = godwit__box_lay_out (NULL, NULL, head);
}

/* ---- life ---- */

static void *
plain_memory (uint64_t size)
{
    void *const memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

godwit_status_t
godwit__box_new (godwit__box_t **box, const godwit__box_options_t *options, char **why,
                 godwit_error_t **error)
{
    godwit__box_head_t head;
    *box = NULL;
    if (!options->size)
        return GODWIT_OK;
    godwit__box_t *const self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    fill_head (&head, options);
    if (!options->in_memory)
        self->memory = godwit__box_file_new (&self->file, options->runtime_dir, &head, why);
    if (!self->memory)
        self->memory = plain_memory (head.size);
    if (!self->memory) {
        free (self);
        return godwit__error_no_memory (error);
    }
    godwit__box_lay_out (&self->at, self->memory, &head);
    memcpy (self->at.head, &head, sizeof head);
    atomic_init (&self->at.names[0], sizeof self->at.names[0]);
    atomic_init (&self->refs, 1);
    atomic_init (&self->next, 1);
    self->mask = head.record_count - 1;
    pthread_mutex_init (&self->lock, NULL);
    *box = self;
    return GODWIT_OK;
}

godwit__box_t *
godwit__box_ref (godwit__box_t *box)
{
    if (box)
        atomic_fetch_add_explicit (&box->refs, 1, memory_order_relaxed);
    return box;
}

void
godwit__box_unref (godwit__box_t **box_p)
{
    godwit__box_t *const box = *box_p;
    *box_p = NULL;
    if (!box || atomic_fetch_sub_explicit (&box->refs, 1, memory_order_acq_rel) != 1)
        return;
    munmap (box->memory, box->at.head->size);
    godwit__box_file_close (&box->file);
    pthread_mutex_destroy (&box->lock);
    free (box);
}

void
godwit__box_tick (godwit__box_t *box)
{
    if (box)
        atomic_store_explicit (&box->at.head->seen_ns, (uint64_t) godwit__wall_ns (), memory_order_relaxed);
}

void
godwit__box_end (godwit__box_t *box)
{
    if (!box)
        return;
    atomic_store_explicit (&box->at.head->ended_ns, (uint64_t) godwit__wall_ns (), memory_order_relaxed);
    pthread_mutex_lock (&box->lock);
    const bool stays = box->has_failed;
    pthread_mutex_unlock (&box->lock);
    godwit__box_file_end (box->file, stays);
}

/* ---- names ---- */

/* They lie behind each other, six texts each, from the byte that is their number on. */
static size_t
write_name (char *to, const godwit__box_name_t *name)
{
    const char *const texts[] = {name->exchange, name->topic,  name->name_space,
                                 name->version,  name->server, name->method};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const size_t length = texts[i] ? strnlen (texts[i], 255) : 0;
        if (to && length)
            memcpy (to + size, texts[i], length);
        if (to)
            to[size + length] = '\0';
        size += length + 1;
    }
    return size;
}

/* With the lock. Whole words are written: what reads them at the same time reads no more than is used. */
static uint32_t
append_name (godwit__box_t *box, const godwit__box_name_t *name)
{
    uint64_t text[(6 * 256 + 7) / 8] = {0};
    const uint64_t used = atomic_load_explicit (&box->at.names[0], memory_order_relaxed);
    const size_t words = (write_name (NULL, name) + 7) / 8;
    if (used + words * 8 > box->at.head->name_size)
        return 0;
    write_name ((char *) text, name);
    godwit__box_put (box->at.names + used / 8, text, words);
    atomic_store_explicit (&box->at.names[0], used + words * 8, memory_order_release);
    return (uint32_t) used;
}

uint32_t
godwit__box_add_name (godwit__box_t *box, const godwit__box_name_t *name)
{
    if (!box)
        return 0;
    pthread_mutex_lock (&box->lock);
    const uint32_t number = append_name (box, name);
    pthread_mutex_unlock (&box->lock);
    return number;
}

/* ---- peers and notes: rings ---- */

/* With the lock: in the place of the oldest. The first word of data is its number. */
static void
put_in_ring (godwit__box_word_t *ring, uint64_t count, const uint64_t *data, size_t words)
{
    godwit__box_word_t *const to = ring + data[0] % count * words;
    atomic_store_explicit (&to[0], 0, memory_order_relaxed);
    atomic_thread_fence (memory_order_release);
    godwit__box_put (to + 1, data + 1, words - 1);
    atomic_store_explicit (&to[0], data[0], memory_order_release);
}

uint32_t
godwit__box_add_peer (godwit__box_t *box, const uint8_t instance[16], const char *address, int64_t now_ns)
{
    union {
        godwit__box_peer_t peer;
        uint64_t words[GODWIT__PEER_WORDS];
    } it = {.peer = {.at_ns = now_ns}};
    if (!box)
        return 0;
    memcpy (it.peer.instance, instance, sizeof it.peer.instance);
    snprintf (it.peer.address, sizeof it.peer.address, "%s", address ? address : "");
    pthread_mutex_lock (&box->lock);
    it.peer.mark = ++box->peers;
    put_in_ring (box->at.peers, box->at.head->peer_count, it.words, GODWIT__PEER_WORDS);
    pthread_mutex_unlock (&box->lock);
    return (uint32_t) it.peer.mark;
}

void
godwit__box_note (godwit__box_t *box, const godwit__noted_t *noted)
{
    union {
        godwit__box_note_t note;
        uint64_t words[GODWIT__NOTE_WORDS];
    } it = {
        .note = {.span = noted->span, .at_ns = noted->at_ns, .side = noted->side, .attempt = noted->attempt}};
    if (!box)
        return;
    snprintf (it.note.server, sizeof it.note.server, "%s", noted->server ? noted->server : "");
    snprintf (it.note.address, sizeof it.note.address, "%s", noted->address ? noted->address : "");
    snprintf (it.note.text, sizeof it.note.text, "%s", noted->text ? noted->text : "");
    pthread_mutex_lock (&box->lock);
    it.note.mark = ++box->notes;
    put_in_ring (box->at.notes, box->at.head->note_count, it.words, GODWIT__NOTE_WORDS);
    pthread_mutex_unlock (&box->lock);
}

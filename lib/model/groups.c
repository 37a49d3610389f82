/* SPDX-License-Identifier: Apache-2.0 */
#include "groups_i.h"

#include "base/hash.h"
#include "base/seal.h"
#include "model_i.h"

#define MAGIC 0x55474854u /* "THGU" */
#define VERSION 1u
/* Weights halve in 14 days: of a million devices, no more than this in any feature. */
#define MAX_HOURS 1e12

/* Of a device's hour, the rarest: what an hour may hold of all is so many times the devices. */
#define DEVICE_NOTES 24u

static const enum about table[TH_FEATURE_COUNT] = {
#define TH_GROUP_FEATURE(NAME, ABOUT, did, why) [TH_FEAT_##NAME] = ABOUT_##ABOUT,
#include "group_features.def"
#undef TH_GROUP_FEATURE
};

enum about group_about(unsigned feature)
{
    return table[feature];
}

struct th_groups *th_groups_new(const struct th_models *m)
{
    struct th_groups *g = th_xcalloc(1, sizeof(*g));
    g->models = m;
    g->end_ns = TH_TIME_UNSET;
    return g;
}

void group_event_done(struct event *e)
{
    free(e->device);
    free(e->breach);
    free(e->blamed);
}

static void drop_events(struct th_groups *g)
{
    for (uint32_t i = 0; i < g->event_count; i++)
        group_event_done(&g->event[i]);
    g->event_count = 0;
}

void th_groups_free(struct th_groups *g)
{
    if (!g)
        return;
    drop_events(g);
    free(g->event);
    free(g->note);
    free(g);
}

void th_groups_begin(struct th_groups *g, int64_t end_ns)
{
    drop_events(g);
    g->note_count = 0;
    memset(g->active, 0, sizeof(g->active));
    g->end_ns = end_ns;
}

/* ---- notes ---- */

static struct note *note_add(struct th_groups *g)
{
    if (g->note_count == g->note_cap) {
        g->note_cap = g->note_cap ? 2 * g->note_cap : 64;
        g->note = th_xreallocarray(g->note, g->note_cap, sizeof(*g->note));
    }
    struct note *n = &g->note[g->note_count++];
    memset(n, 0, sizeof(*n));
    return n;
}

static void put_peer(struct note *n, const struct th_signal *s)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_peer p = s->peer;
    if (p.domain.len)
        p.host = p.domain; /* what the key is of */
    text_peer(&text, &p);
    n->kind = TH_SHARED_DESTINATION;
    n->shared = p.key;
    snprintf(n->text, sizeof(n->text), "%.*s", (int)text.len, (const char *)text.p);
}

/* A port, or a client's software: its key does not leave the learner, its words do. */
static void put_words(struct note *n, const struct th_signal *s, enum th_shared kind)
{
    static const struct th_hash_key key = {0x67726f7570732d31, 0x7468796d75730004};
    size_t len = strnlen(s->detail, sizeof(s->detail));
    n->kind = (uint8_t)kind;
    n->shared = len > 0 ? th_siphash(&key, s->detail, len) : 0;
    snprintf(n->text, sizeof(n->text), "%.*s", (int)len, s->detail);
}

void group_put_shared(struct note *n, const struct th_signal *s)
{
    if (s->feature == TH_FEAT_NEW_PORT)
        put_words(n, s, TH_SHARED_PORT);
    else if (s->feature == TH_FEAT_NEW_FINGERPRINT)
        put_words(n, s, TH_SHARED_CLIENT);
    else if (s->has_peer)
        put_peer(n, s);
}

static bool has_rare(const struct th_window *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->signals[i].lgp >= GROUP_BAR)
            return true;
    return false;
}

void th_groups_window(struct th_groups *g, const struct th_window *w)
{
    if (w->end_ns != g->end_ns || w->habit == TH_HABIT_NEW || th_entity_is_user(w->entity))
        return;
    g->active[w->habit]++;
    uint32_t notes = has_rare(w) ? 0 : DEVICE_NOTES;
    for (uint32_t i = 0; i < w->count && notes < DEVICE_NOTES; i++) {
        const struct th_signal *s = &w->signals[i];
        if (s->lgp < GROUP_BAR && !s->has_peer)
            continue;
        notes++;
        struct note *n = note_add(g);
        n->entity = w->entity;
        n->group = (uint8_t)w->habit;
        n->feature = s->feature;
        n->lgp = s->lgp;
        n->observed = s->observed;
        n->first_ns = s->first_ns;
        n->last_ns = s->last_ns;
        group_put_shared(n, s);
    }
}

void th_groups_out(const struct th_groups *g, struct th_buf *out)
{
    th_buf_put(out, g->active, sizeof(g->active));
    th_buf_put(out, g->note, g->note_count * sizeof(*g->note));
}

static bool note_valid(const struct note *n)
{
    return n->group < GROUP_KINDS && n->feature < TH_FEATURE_COUNT &&
        memchr(n->text, '\0', sizeof(n->text));
}

int th_groups_in(struct th_groups *g, struct th_str notes)
{
    uint64_t active[TH_ARRAY_LEN(g->active)];
    struct th_cur c = th_cur_init(notes.p, notes.len);
    struct th_str head = th_cur_bytes(&c, sizeof(active));
    size_t count = th_cur_left(&c) / sizeof(struct note);
    if (c.failed || count * sizeof(struct note) != th_cur_left(&c))
        return TH_E_MALFORMED;
    struct th_str raw = th_cur_bytes(&c, count * sizeof(struct note));
    if (g->note_count + count > g->note_cap) {
        g->note_cap = g->note_count + count;
        g->note = th_xreallocarray(g->note, g->note_cap, sizeof(*g->note));
    }
    struct note *fresh = g->note ? g->note + g->note_count : NULL;
    for (size_t i = 0; i < count; i++) {
        memcpy(&fresh[i], raw.p + i * sizeof(*fresh), sizeof(*fresh));
        if (!note_valid(&fresh[i]))
            return TH_E_MALFORMED;
    }
    memcpy(active, head.p, sizeof(active));
    for (size_t i = 0; i < TH_ARRAY_LEN(active); i++)
        g->active[i] += active[i];
    g->note_count += count;
    return 0;
}

/* ---- state ---- */

void th_groups_save(const struct th_groups *g, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le16(out, TH_FEATURE_COUNT);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++)
        for (unsigned k = 0; k < GROUP_KINDS; k++)
            for (unsigned i = 0; i < GROUP_SLOTS; i++) {
                th_buf_double(out, g->usual[f][k][i].count);
                th_buf_double(out, g->usual[f][k][i].hours);
            }
    th_seal_end(out, at);
}

static struct usual usual_get(struct th_cur *c)
{
    struct usual u = {.count = th_cur_double(c)};
    u.hours = th_cur_double(c);
    if (!(u.count >= 0 && u.count <= u.hours && u.hours <= MAX_HOURS))
        th_cur_fail(c);
    return u;
}

int th_groups_load(struct th_groups *g, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    if (r < 0)
        return r;
    unsigned features = th_cur_le16(&c);
    if (features > TH_FEATURE_COUNT)
        return TH_E_VERSION;
    for (unsigned f = 0; f < features; f++)
        for (unsigned k = 0; k < GROUP_KINDS; k++)
            for (unsigned i = 0; i < GROUP_SLOTS; i++)
                g->usual[f][k][i] = usual_get(&c);
    if (!c.failed && th_cur_left(&c) == 0)
        return 0;
    memset(g->usual, 0, sizeof(g->usual)); /* all or nothing */
    return TH_E_MALFORMED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents as a file, under a seal (base/seal.h) with the magic "THIC". Models go by the hash of
 * id and version; what a model that is gone told is dropped, and an incident without any telling
 * with it.
 */
#include "base/seal.h"
#include "model_i.h"

#define MAGIC 0x43494854u
#define VERSION 1u
#define MAX_STORY_TEXT 8192u

enum { FLAG_ALERT = 1, FLAG_CHANGED = 2, FLAG_TOLD = 4, FLAG_ALERTS = 8 /* how many follow */ };
#define FLAG_ALL (2 * FLAG_ALERTS - 1)

static void put_text(struct th_buf *out, const char *s)
{
    size_t n = TH_MIN(strlen(s), (size_t)MAX_STORY_TEXT);
    th_buf_le16(out, (uint16_t)n);
    th_buf_put(out, s, n);
}

static char *get_text(struct th_cur *c)
{
    struct th_str s = th_cur_bytes(c, th_cur_le16(c));
    if (s.len > MAX_STORY_TEXT || !text_ok(s))
        th_cur_fail(c);
    if (c->failed)
        return NULL;
    char *copy = th_xmalloc(s.len + 1);
    memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}

static void put_ids(struct th_buf *out, const uint64_t *v, uint32_t n)
{
    th_buf_le32(out, n);
    for (uint32_t i = 0; i < n; i++)
        th_buf_le64(out, v[i]);
}

static bool get_ids(struct th_cur *c, uint32_t max, uint64_t **ret, uint32_t *ret_n)
{
    uint32_t n = th_cur_le32(c);
    if (n > max || th_cur_left(c) < (size_t)n * 8)
        return false;
    /* Capacity as add_id keeps it: the next power of two above n. */
    size_t cap = 1;
    while (cap <= n)
        cap *= 2;
    *ret = th_xcalloc(cap, sizeof(**ret));
    *ret_n = n;
    for (uint32_t i = 0; i < n; i++)
        (*ret)[i] = th_cur_le64(c);
    return !c->failed;
}

static void put_story(const struct th_models *m, const struct story *s, struct th_buf *out)
{
    th_buf_le64(out, m->model[s->model].id_hash);
    th_buf_le64(out, s->breach);
    th_buf_le64(out, s->entity);
    th_buf_le64(out, s->peer_key);
    th_buf_le64(out, (uint64_t)s->time_ns);
    th_buf_le64(out, (uint64_t)s->start_ns);
    th_buf_le64(out, (uint64_t)s->end_ns);
    th_buf_double(out, s->score);
    th_buf_le32(out, s->count);
    put_text(out, s->peer);
    put_text(out, s->text);
}

static bool get_story(const struct th_models *m, struct incident *in, struct th_cur *c)
{
    struct story s = {0};
    uint64_t id_hash = th_cur_le64(c);
    s.breach = th_cur_le64(c);
    s.entity = th_cur_le64(c);
    s.peer_key = th_cur_le64(c);
    s.time_ns = (int64_t)th_cur_le64(c);
    s.start_ns = (int64_t)th_cur_le64(c);
    s.end_ns = (int64_t)th_cur_le64(c);
    s.score = th_cur_double(c);
    s.count = th_cur_le32(c);
    s.peer = get_text(c);
    s.text = get_text(c);
    unsigned i = 0;
    while (i < m->count && m->model[i].id_hash != id_hash)
        i++;
    if (c->failed || i == m->count) {
        free(s.peer);
        free(s.text);
        return !c->failed;
    }
    s.model = i;
    in->story[in->story_count++] = s;
    return true;
}

static void put_incident(
    const struct th_incidents *all, const struct incident *in, struct th_buf *out)
{
    th_buf_le64(out, in->id);
    th_buf_le64(out, (uint64_t)in->start_ns);
    th_buf_le64(out, (uint64_t)in->end_ns);
    th_buf_double(out, in->score);
    th_buf_u8(out,
        (uint8_t)((in->alerts ? FLAG_ALERT : 0) | (in->changed ? FLAG_CHANGED : 0) |
            (in->told ? FLAG_TOLD : 0) | FLAG_ALERTS));
    th_buf_le32(out, in->alerts);
    th_buf_le32(out, in->alerts_told);
    th_buf_double(out, in->alert_score);
    th_buf_le64(out, (uint64_t)in->alert_ns);
    put_ids(out, in->device, in->device_count);
    put_ids(out, in->breach, in->breach_count);
    th_buf_le32(out, in->link_count);
    for (uint32_t i = 0; i < in->link_count; i++) {
        th_buf_le64(out, in->link[i].key);
        th_buf_le64(out, (uint64_t)in->link[i].last_ns);
        th_buf_u8(out, in->link[i].strong);
    }
    th_buf_le32(out, in->story_count);
    for (uint32_t i = 0; i < in->story_count; i++)
        put_story(all->models, &in->story[i], out);
}

static bool get_flags(struct incident *in, struct th_cur *c)
{
    uint8_t flags = th_cur_u8(c);
    in->changed = flags & FLAG_CHANGED;
    in->told = flags & FLAG_TOLD || !in->changed; /* who wrote no such bit told them all the same */
    in->alerts = flags & FLAG_ALERT;
    in->alerts_told = in->told ? in->alerts : 0;
    in->alert_score = in->alerts ? in->score : 0;
    in->alert_ns = in->end_ns;
    if (flags & FLAG_ALERTS) {
        in->alerts = th_cur_le32(c);
        in->alerts_told = th_cur_le32(c);
        in->alert_score = th_cur_double(c);
        in->alert_ns = (int64_t)th_cur_le64(c);
    }
    return flags <= FLAG_ALL && in->alerts_told <= in->alerts;
}

static bool get_incident(const struct th_models *m, struct incident *in, struct th_cur *c)
{
    in->id = th_cur_le64(c);
    in->start_ns = (int64_t)th_cur_le64(c);
    in->end_ns = (int64_t)th_cur_le64(c);
    in->score = th_cur_double(c);
    if (!get_flags(in, c) || !get_ids(c, MAX_INCIDENT_DEVICES, &in->device, &in->device_count) ||
        !get_ids(c, MAX_INCIDENT_BREACHES, &in->breach, &in->breach_count))
        return false;
    uint32_t links = th_cur_le32(c);
    if (links > MAX_LINKS)
        return false;
    for (; in->link_count < links; in->link_count++) {
        struct link *l = &in->link[in->link_count];
        l->key = th_cur_le64(c);
        l->last_ns = (int64_t)th_cur_le64(c);
        l->strong = th_cur_u8(c) != 0;
    }
    uint32_t stories = th_cur_le32(c);
    if (stories > MAX_STORIES)
        return false;
    for (uint32_t i = 0; i < stories; i++)
        if (!get_story(m, in, c))
            return false;
    return !c->failed;
}

void th_incidents_save(const struct th_incidents *all, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le64(out, all->dropped);
    th_buf_le32(out, all->count);
    for (uint32_t i = 0; i < all->count; i++)
        put_incident(all, all->v[i], out);
    th_seal_end(out, at);
}

static int load_all(struct th_incidents *all, struct th_cur *c)
{
    all->dropped = th_cur_le64(c);
    uint32_t count = th_cur_le32(c);
    if (c->failed || count > MAX_INCIDENTS)
        return TH_E_MALFORMED;
    all->cap = count + 1;
    all->v = th_xcalloc(all->cap, sizeof(struct incident *));
    for (uint32_t i = 0; i < count; i++) {
        struct incident *in = th_xcalloc(1, sizeof(*in));
        bool ok = get_incident(all->models, in, c);
        if (ok && in->story_count)
            all->v[all->count++] = in;
        else
            incident_free(in);
        if (!ok)
            return TH_E_MALFORMED;
    }
    return th_cur_left(c) == 0 ? 0 : TH_E_MALFORMED;
}

int th_incidents_load(struct th_incidents *all, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    TH_ASSERT(all->count == 0 && !all->v);
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    return r < 0 ? r : load_all(all, &c);
}

static const struct incident *find(const struct th_incidents *all, uint64_t id)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->v[i]->id == id)
            return all->v[i];
    return NULL;
}

int th_incidents_save_told(const struct th_incidents *now, const struct th_models *m,
    const uint8_t *saved, size_t len_bytes, struct th_buf *out)
{
    struct th_incidents *before = th_incidents_new(m, now->identity);
    int r = th_incidents_load(before, saved, len_bytes);
    for (uint32_t i = 0; r == 0 && i < before->count; i++) {
        struct incident *in = before->v[i];
        const struct incident *as_told = find(now, in->id);
        in->told = true;
        in->changed = !as_told || as_told->breach_count != in->breach_count ||
            as_told->end_ns != in->end_ns || as_told->score != in->score ||
            as_told->alerts != in->alerts;
        in->alerts_told = in->alerts;
    }
    if (r == 0)
        th_incidents_save(before, out);
    th_incidents_free(before);
    return r;
}

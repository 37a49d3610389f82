/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdarg.h>

struct lab_life *lab_life_new(const struct lab_life_plan *p)
{
    if (!p->wanted)
        return NULL;
    struct lab_life *l = th_xcalloc(1, sizeof *l);
    l->tail = &l->facts;
    return l;
}

void lab_life_free(struct lab_life *l)
{
    if (!l)
        return;
    th_arena_done(&l->mem);
    free(l);
}

struct lab_rng lab_life_rng(const struct lab_sim *s, enum lab_life_kind k, uint64_t no)
{
    struct lab_rng r;
    lab_rng_init(&r, s->opt.seed ^ 0x6c696665, (uint64_t)k << 32 ^ no);
    return r;
}

struct lab_fact *lab_fact_new(struct lab_sim *s, enum lab_life_kind k, const char *fmt, ...)
{
    struct lab_life *l = s->life;
    struct lab_fact *f = th_arena_alloc(&l->mem, sizeof *f);
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    *f = (struct lab_fact){.kind = k, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    f->note = th_arena_str(&l->mem, th_str_n(text, TH_MIN((size_t)TH_MAX(n, 0), sizeof text - 1)));
    size_t len = s->dev_count / 8u + 1;
    f->seen = th_arena_alloc(&l->mem, len);
    memset(f->seen, 0, len);
    *l->tail = f;
    l->tail = &f->next;
    return f;
}

void lab_fact_did(struct lab_fact *f, const struct lab_device *d, int64_t from_ns, int64_t to_ns)
{
    f->first_ns = TH_MIN(f->first_ns, from_ns);
    f->last_ns = TH_MAX(f->last_ns, to_ns);
    f->actions++;
    f->seen[d->no / 8] |= (uint8_t)(1u << d->no % 8);
}

static void peer(const struct lab_fact *f, struct th_json *j)
{
    th_json_key(j, "peer");
    th_json_open(j);
    th_json_key(j, "ip");
    th_json_addr(j, f->host ? &f->host->v4[0] : &f->server->addr);
    th_json_key(j, "host");
    th_json_str(j, f->host ? f->host->name : th_str_c(f->server->name));
    th_json_close(j);
}

static void text(struct th_json *j, const char *key, const char *value)
{
    th_json_key(j, key);
    th_json_str(j, th_str_c(value));
}

static void tell(const struct lab_sim *s, const struct lab_fact *f, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    text(&j, "kind", lab_life_info(f->kind)->name);
    th_json_key(&j, "benign");
    th_json_bool(&j, true);
    th_json_key(&j, "start");
    th_json_time(&j, f->first_ns);
    th_json_key(&j, "end");
    th_json_time(&j, f->last_ns);
    th_json_key(&j, "actions");
    th_json_u64(&j, f->actions);
    if (f->group)
        text(&j, "group", f->group);
    if (f->host || f->server)
        peer(f, &j);
    if (f->period_ns) {
        th_json_key(&j, "period");
        th_json_seconds(&j, f->period_ns);
        th_json_key(&j, "jitter");
        th_json_double(&j, f->jitter);
    }
    th_json_key(&j, "devices");
    th_json_open_list(&j);
    for (uint32_t i = 0; i < s->dev_count; i++)
        if (f->seen[i / 8] >> i % 8 & 1)
            th_json_str(&j, th_str_c(s->dev[i].name));
    th_json_close_list(&j);
    th_json_key(&j, "note");
    th_json_str(&j, f->note);
    th_json_close(&j);
    th_buf_puts(out, "\n");
}

void lab_life_truth(const struct lab_sim *s, struct th_buf *out)
{
    for (const struct lab_fact *f = s->life ? s->life->facts : NULL; f; f = f->next)
        if (f->first_ns != INT64_MAX)
            tell(s, f, out);
}

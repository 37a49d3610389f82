/* SPDX-License-Identifier: Apache-2.0 */
#include "shard.h"

#include "base/cursor.h"

void th_shard_init(struct th_shard *s, const struct th_shard_config *config)
{
    struct th_identity_config identity = {.key = config->key,
        .local = config->local,
        .local_count = config->local_count,
        .oui = config->oui};
    struct th_learn_config learn = {
        .key = config->key, .partitions = config->partitions, .without = config->without};
    *s = (struct th_shard){
        .identity = th_identity_new(&identity),
        .learn = th_learn_new(&learn),
        .scorer = th_scorer_new(config->models, config->partitions),
        .groups = th_groups_new(config->models),
        .partitions = config->partitions,
        .measure = config->measure,
    };
    if (config->without.parts & TH_WITHOUT_TIME)
        th_scorer_without_time(s->scorer);
    th_measures_init(&s->measures);
}

void th_shard_done(struct th_shard *s)
{
    th_identity_free(s->identity);
    th_learn_free(s->learn);
    th_scorer_free(s->scorer);
    th_groups_free(s->groups);
    th_measures_done(&s->measures);
    free(s->breaches);
    *s = (struct th_shard){0};
}

void th_shard_event(struct th_shard *s, const struct th_event *ev)
{
    struct th_who who;
    th_identity_event(s->identity, ev, &who);
    th_learn_event(s->learn, ev, &who);
}

void th_breach_rebase(struct th_breach *b)
{
    for (uint32_t i = 0; i < b->evidence_count; i++) {
        struct th_signal *e = &b->evidence[i];
        e->peer.host = th_str_c(e->peer_host);
        e->peer.domain = th_str_c(e->peer_domain);
    }
    for (uint32_t i = 0; b->has_peer && i < b->evidence_count; i++) {
        if (b->evidence[i].has_peer && b->evidence[i].peer.key == b->peer.key) {
            b->peer = b->evidence[i].peer;
            return;
        }
    }
    b->peer.host = b->peer.domain = (struct th_str){.p = "", .len = 0};
}

int th_breach_cmp(const void *a, const void *b)
{
    const struct th_breach *x = a;
    const struct th_breach *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void keep_breach(void *arg, const struct th_breach *b)
{
    struct th_shard *s = arg;
    if (s->breach_count == s->breach_cap) {
        s->breach_cap = s->breach_cap ? s->breach_cap * 2 : 16;
        s->breaches = th_xreallocarray(s->breaches, s->breach_cap, sizeof(*s->breaches));
    }
    s->breaches[s->breach_count++] = *b;
}

static void score_window(void *arg, const struct th_window *w)
{
    struct th_shard *s = arg;
    if (s->why) /* before: throttles and sequences as they are */
        th_why_window(s->why, s->scorer, w);
    th_scorer_window(s->scorer, w, keep_breach, s);
    th_groups_window(s->groups, w);
    if (s->measure)
        th_measures_window(&s->measures, w);
}

static void look_at_window(void *arg, const struct th_window *w)
{
    struct th_shard *s = arg;
    th_scorer_look(s->scorer, w, keep_breach, s);
}

size_t th_shard_look(struct th_shard *s)
{
    s->breach_count = 0;
    return th_learn_look(s->learn, look_at_window, s);
}

void th_shard_close(struct th_shard *s, int64_t until_ns)
{
    s->breach_count = 0;
    th_measures_clear(&s->measures);
    th_groups_begin(s->groups, until_ns);
    th_learn_close(s->learn, until_ns, score_window, s);
    th_measures_finish(&s->measures);
}

void th_shard_forget(struct th_shard *s, uint64_t entity)
{
    th_learn_forget(s->learn, entity);
    th_scorer_forget(s->scorer, entity);
    th_identity_forget(s->identity, entity);
}

static void put_block(struct th_buf *out, const struct th_buf *block)
{
    th_buf_le32(out, (uint32_t)block->len);
    th_buf_put(out, block->p, block->len);
}

void th_shard_contribute(struct th_shard *s, unsigned partition, struct th_buf *out)
{
    TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
    th_learn_epoch_out(s->learn, partition, &block);
    put_block(out, &block);
    th_buf_clear(&block);
    th_scorer_epoch_out(s->scorer, partition, &block);
    put_block(out, &block);
}

int th_shard_take_over(
    struct th_shard *s, const uint8_t *blocks, size_t len_bytes, int64_t epoch_ns)
{
    struct th_cur c = th_cur_init(blocks, len_bytes);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        struct th_str learn = th_cur_bytes(&c, th_cur_le32(&c));
        struct th_str scorer = th_cur_bytes(&c, th_cur_le32(&c));
        if (c.failed)
            return TH_E_TRUNCATED;
        int r = th_learn_epoch_in(s->learn, p, (const uint8_t *)learn.p, learn.len);
        if (r == 0)
            r = th_scorer_epoch_in(s->scorer, p, (const uint8_t *)scorer.p, scorer.len);
        if (r < 0)
            return r;
    }
    th_learn_epoch_done(s->learn, epoch_ns);
    th_scorer_epoch_done(s->scorer, epoch_ns);
    return 0;
}

void th_shard_discounts(const struct th_shard *s, struct th_buf *out)
{
    for (size_t i = 0; i < s->breach_count; i++) {
        const struct th_breach *b = &s->breaches[i];
        if (!b->group_event)
            continue;
        th_buf_le32(out, b->model);
        th_buf_le64(out, b->throttle);
        th_buf_le64(out, (uint64_t)b->time_ns);
    }
}

int th_shard_discount(struct th_shard *s, struct th_str discounts)
{
    struct th_cur c = th_cur_init(discounts.p, discounts.len);
    while (th_cur_left(&c) > 0) {
        uint32_t model = th_cur_le32(&c);
        uint64_t throttle = th_cur_le64(&c);
        int64_t time_ns = (int64_t)th_cur_le64(&c);
        if (c.failed)
            return TH_E_TRUNCATED;
        th_scorer_discount(s->scorer, model, throttle, time_ns);
    }
    return 0;
}

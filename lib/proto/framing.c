/* SPDX-License-Identifier: Apache-2.0 */
#include "framing.h"

#include "base/hash.h"

/* The bytes behind the last message go to another protocol. They may lie in the hold, which the
 * old analyser frees. */
static enum th_verdict restart(struct th_conn *c, const struct th_chunk *ch, struct th_cur left)
{
    struct th_chunk rest = *ch;
    size_t n = th_cur_left(&left);
    uint8_t *copy TH_AUTOFREE = n ? th_xmalloc(n) : NULL;
    if (n)
        memcpy(copy, left.p, n);
    rest.p = copy;
    rest.len = rest.wire_len = n;
    return th_conn_restart(c, &rest);
}

static void pass_over(uint64_t *skip, struct th_cur *cur)
{
    uint64_t n = TH_MIN(*skip, (uint64_t)th_cur_left(cur));
    th_cur_skip(cur, (size_t)n);
    *skip -= n;
}

static enum th_verdict stream(struct th_conn *c, struct th_frames *fr, const struct th_chunk *ch)
{
    const struct th_framing *how = c->an->framing;
    struct th_hold *hold = &fr->dir[ch->dir].hold;
    uint64_t *skip = &fr->dir[ch->dir].skip;
    bool ok;
    struct th_cur cur = th_hold_join(hold, ch->p, ch->len, (size_t)how->look_bytes + ch->len, &ok);
    for (;;) {
        pass_over(skip, &cur);
        if (!th_cur_left(&cur))
            break;
        int64_t len = how->length(fr, cur, ch->from_client);
        if (len < 0)
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
        size_t want = TH_MIN((size_t)len, how->look_bytes);
        if (!len || th_cur_left(&cur) < want)
            break;
        struct th_cur msg = th_cur_sub(&cur, want);
        *skip = (uint64_t)len - want;
        if (++fr->messages == how->max_messages)
            return TH_DONE;
        switch (how->message(c, fr, ch, msg)) {
        case TH_FRAME_GO_ON: continue;
        case TH_FRAME_DONE_DIR: return TH_DONE_DIR;
        case TH_FRAME_DONE: return TH_DONE;
        case TH_FRAME_BAIL: return c->service_count ? TH_DONE : TH_BAIL;
        case TH_FRAME_RESTART: pass_over(skip, &cur); return restart(c, ch, cur);
        }
    }
    if (th_hold_keep(hold, &cur, how->look_bytes))
        return TH_GO_ON;
    return c->service_count ? TH_DONE_DIR : TH_BAIL;
}

enum th_verdict th_frames_data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    enum th_verdict v = stream(c, state, ch);
    if (v == TH_GO_ON && c->flow->proto != 6)
        th_frames_forget(state, ch->dir);
    return v;
}

enum th_verdict th_frames_gap(
    struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct th_frames *fr = state;
    (void)c;
    (void)time_ns;
    if (fr->dir[dir].hold.len || fr->dir[dir].skip < len)
        return TH_DONE_DIR;
    fr->dir[dir].skip -= len;
    return TH_GO_ON;
}

void th_frames_forget(struct th_frames *fr, int dir)
{
    th_hold_done(&fr->dir[dir].hold);
    fr->dir[dir].skip = 0;
}

void th_frames_done(struct th_frames *fr)
{
    th_frames_forget(fr, 0);
    th_frames_forget(fr, 1);
}

struct th_str th_cur_cstr(struct th_cur *c)
{
    size_t left = th_cur_left(c);
    const uint8_t *zero = left ? memchr(c->p, 0, left) : NULL;
    if (!zero) {
        th_cur_fail(c);
        return th_str_c("");
    }
    struct th_str s = th_cur_bytes(c, (size_t)(zero - c->p));
    th_cur_skip(c, 1);
    return s;
}

bool th_repeat_full(struct th_conn *c, struct th_repeat *r, int64_t now_ns)
{
    if (now_ns - r->begun_ns >= TH_REPEAT_NS) {
        r->begun_ns = now_ns;
        r->told = 0;
    }
    if (r->told < TH_REPEAT_MAX) {
        r->told++;
        return false;
    }
    if (r->told++ == TH_REPEAT_MAX)
        th_conn_weird(c, now_ns, "transactions_left_out");
    return true;
}

uint32_t th_repeat_due(struct th_conn *c, struct th_repeat *r, uint64_t key, int64_t now_ns)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < TH_REPEAT_SLOTS; i++) {
        if (r->slot[i].key == key && r->slot[i].told_ns) {
            uint32_t n = r->slot[i].since + 1;
            bool due = now_ns - r->slot[i].told_ns >= TH_REPEAT_NS && !th_repeat_full(c, r, now_ns);
            r->slot[i].since = due ? 0 : n;
            if (due)
                r->slot[i].told_ns = now_ns;
            return due ? n : 0;
        }
        if (r->slot[i].told_ns < r->slot[oldest].told_ns)
            oldest = i;
    }
    if (th_repeat_full(c, r, now_ns))
        return 0;
    r->slot[oldest].key = key;
    r->slot[oldest].told_ns = now_ns ? now_ns : 1;
    r->slot[oldest].since = 0;
    return 1;
}

uint64_t th_repeat_key(uint64_t key, struct th_str s)
{
    static const struct th_hash_key fixed = {0x7265706561740001, 0x7468796d75730002};
    return th_hash_pair(key, s.len ? th_siphash(&fixed, s.p, s.len) : 1);
}

struct th_str th_number_name(
    struct th_arena *a, const struct th_named *table, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].number == number)
            return th_str_c(table[i].name);
    return th_arena_printf(a, "0x%02x", number);
}

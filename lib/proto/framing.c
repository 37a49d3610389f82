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

static void pass_over(struct th_frames *fr, struct th_cur *cur)
{
    uint64_t n = TH_MIN(fr->skip, (uint64_t)th_cur_left(cur));
    th_cur_skip(cur, (size_t)n);
    fr->skip -= n;
}

enum th_verdict th_frames_data(struct th_conn *c, void *state, struct th_frames *fr,
    const struct th_framing *how, const struct th_chunk *ch)
{
    bool ok;
    struct th_cur cur =
        th_hold_join(&fr->hold, ch->p, ch->len, (size_t)how->look_bytes + ch->len, &ok);
    for (;;) {
        pass_over(fr, &cur);
        if (!th_cur_left(&cur))
            break;
        int64_t len = how->length(state, cur, ch->from_client);
        if (len < 0)
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
        size_t want = TH_MIN((size_t)len, how->look_bytes);
        if (!len || th_cur_left(&cur) < want)
            break;
        struct th_cur msg = th_cur_sub(&cur, want);
        fr->skip = (uint64_t)len - want;
        switch (how->message(c, state, ch, msg)) {
        case TH_FRAME_GO_ON: continue;
        case TH_FRAME_DONE_DIR: return TH_DONE_DIR;
        case TH_FRAME_DONE: return TH_DONE;
        case TH_FRAME_BAIL: return c->service_count ? TH_DONE : TH_BAIL;
        case TH_FRAME_RESTART: return restart(c, ch, cur);
        }
    }
    return th_hold_keep(&fr->hold, &cur, how->look_bytes) ? TH_GO_ON : TH_DONE_DIR;
}

enum th_verdict th_frames_gap(struct th_frames *fr, uint64_t len)
{
    if (fr->hold.len || fr->skip < len)
        return TH_DONE_DIR;
    fr->skip -= len;
    return TH_GO_ON;
}

void th_frames_done(struct th_frames *fr)
{
    th_hold_done(&fr->hold);
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

uint32_t th_repeat_due(struct th_repeat *r, uint64_t key, int64_t now_ns)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < TH_REPEAT_SLOTS; i++) {
        if (r->slot[i].key == key && r->slot[i].told_ns) {
            uint32_t n = r->slot[i].since + 1;
            bool due = now_ns - r->slot[i].told_ns >= TH_REPEAT_NS;
            r->slot[i].since = due ? 0 : n;
            if (due)
                r->slot[i].told_ns = now_ns;
            return due ? n : 0;
        }
        if (r->slot[i].told_ns < r->slot[oldest].told_ns)
            oldest = i;
    }
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

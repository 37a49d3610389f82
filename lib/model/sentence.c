/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"

enum expect { EXPECT_USUAL, EXPECT_NEVER, EXPECT_NONE };

static const struct {
    const char *feature, *text;
    enum expect expect;
} sentences[] = {
#define TH_SENTENCE(feature, text, EXPECT) {feature, text, EXPECT_##EXPECT},
#include "sentences.def"
#undef TH_SENTENCE
};

static void put_peer(const struct th_signal *s, struct th_buf *out)
{
    if (s->has_peer)
        text_peer(out, &s->peer);
    else
        th_buf_puts(out, "other hosts");
}

static void fill(const struct th_signal *s, const char *text, const char *unit, struct th_buf *out)
{
    for (; *text; text++) {
        if (strncmp(text, "{o}", 3) == 0)
            text_amount(out, s->observed, unit);
        else if (strncmp(text, "{p}", 3) == 0)
            put_peer(s, out);
        else {
            th_buf_u8(out, (uint8_t)*text);
            continue;
        }
        text += 2;
    }
}

static void put_expected(const struct th_signal *s, const char *unit, struct th_buf *out)
{
    th_buf_puts(out, "; usually about ");
    text_amount(out, s->expected, unit);
    if (s->high > s->expected) {
        th_buf_puts(out, ", at most ");
        text_amount(out, s->high, unit);
    }
}

/* Of its sentence; -1: none. */
static int place_of(const struct th_signal *s)
{
    const char *name = th_feature_get(s->feature)->name;
    for (size_t i = 0; i < TH_ARRAY_LEN(sentences); i++)
        if (strcmp(sentences[i].feature, name) == 0)
            return (int)i;
    return -1;
}

bool sentence_has_usual(const struct th_signal *s)
{
    int at = place_of(s);
    return at < 0 || sentences[at].expect != EXPECT_NONE || s->expected > 0 || s->high > 0;
}

bool sentence_tells_popularity(const struct th_signal *s)
{
    return s->has_peer && (!s->peer.inside || th_feature_is_user(s->feature)) && s->org_devices > 0;
}

static void put_popularity(const struct th_signal *s, struct th_buf *out)
{
    if (!sentence_tells_popularity(s))
        return;
    const char *who = th_feature_is_user(s->feature) ? "user" : "device";
    if (s->peer_devices <= 1)
        th_buf_printf(out, "; no other %s uses it", who);
    else
        th_buf_printf(out, "; %u of %u %ss use it", s->peer_devices, s->org_devices, who);
}

static void put_detail(const struct th_signal *s, struct th_buf *out)
{
    struct th_str d = th_str_n(s->detail, strnlen(s->detail, sizeof(s->detail)));
    if (!d.len)
        return;
    th_buf_puts(out, " (");
    text_plain(out, d);
    th_buf_puts(out, ")");
}

void th_signal_sentence(const struct th_signal *s, struct th_buf *out)
{
    const struct th_feature_info *f = th_feature_get(s->feature);
    int at = place_of(s);
    enum expect expect = EXPECT_USUAL;
    if (at >= 0) {
        fill(s, sentences[at].text, f->unit, out);
        expect = sentences[at].expect;
    } else {
        th_buf_puts(out, f->help);
        th_buf_puts(out, ": ");
        text_amount(out, s->observed, f->unit);
        if (s->has_peer) {
            th_buf_puts(out, ", ");
            text_peer(out, &s->peer);
        }
    }
    put_detail(s, out);
    if (expect == EXPECT_USUAL)
        put_expected(s, f->unit, out);
    else if (expect == EXPECT_NEVER)
        th_buf_puts(out, ", for the first time");
    put_popularity(s, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "base/mem.h"

static void set(struct th_text *t, struct th_str s)
{
    t->len = (uint8_t)TH_MIN(s.len, TH_TEXT_MAX);
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

void th_text_set(struct th_text *t, struct th_str s)
{
    set(t, th_str_trim(s));
}

void th_text_set_field(struct th_text *t, struct th_str s)
{
    const char *zero = s.len ? memchr(s.p, 0, s.len) : NULL;
    set(t, zero ? th_str_n(s.p, (size_t)(zero - s.p)) : s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include "base/mem.h"

bool th_line_next(struct th_cur *c, struct th_str *ret)
{
    size_t left = th_cur_left(c);
    const uint8_t *nl = left ? memchr(c->p, '\n', left) : NULL;
    if (!nl)
        return false;
    *ret = th_cur_bytes(c, (size_t)(nl - c->p));
    th_cur_skip(c, 1);
    if (ret->len && ret->p[ret->len - 1] == '\r')
        ret->len--;
    return true;
}

bool th_line_after(struct th_str line, const char *word, struct th_str *ret)
{
    uint32_t n = (uint32_t)strlen(word);
    if (line.len < n || !th_str_ieq(th_str_n(line.p, n), th_str_c(word)))
        return false;
    *ret = th_str_trim(th_str_n(line.p + n, line.len - n));
    return true;
}

struct th_str th_line_word(struct th_str *rest)
{
    struct th_str word = th_str_split(rest, ' ');
    *rest = th_str_trim(*rest);
    return word;
}

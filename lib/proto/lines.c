/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

int64_t th_line_length(const void *state, struct th_cur head, bool from_client)
{
    (void)state;
    (void)from_client;
    size_t left = th_cur_left(&head);
    const uint8_t *nl = left ? memchr(head.p, '\n', left) : NULL;
    return nl ? nl - head.p + 1 : TH_FRAME_SHORT;
}

static struct th_str without_end(struct th_cur msg)
{
    struct th_str line = th_cur_bytes(&msg, th_cur_left(&msg));
    if (line.len && line.p[line.len - 1] == '\n')
        line.len--;
    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

enum th_frame th_line_message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    const struct th_framing *how = c->an->framing;
    th_conn_service(c, c->an->service);
    return (ch->from_client ? how->client_line : how->server_line)(
        c, state, without_end(msg), ch->time_ns);
}

bool th_line_next(struct th_cur *c, struct th_str *ret)
{
    int64_t n = th_line_length(NULL, *c, false);
    if (n == TH_FRAME_SHORT)
        return false;
    *ret = without_end(th_cur_sub(c, (size_t)n));
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

struct th_str th_line_parameter(struct th_str value, const char *name)
{
    struct th_str rest = value;
    while (rest.len) {
        struct th_str part = th_str_trim(th_str_split(&rest, ';'));
        struct th_str text = part;
        struct th_str key = th_str_trim(th_str_split(&text, '='));
        if (key.len == part.len || !th_str_ieq(key, th_str_c(name)))
            continue;
        text = th_str_trim(text);
        if (text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
            text = th_str_n(text.p + 1, text.len - 2);
        return text;
    }
    return th_str_c("");
}

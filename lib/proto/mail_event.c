/* SPDX-License-Identifier: Apache-2.0 */
#include "mail_event.h"

#define ADDRESSES_MAX 16u

/* Addresses with commas between, which may stand in quotes as well. */
static struct th_strs addresses(struct th_arena *a, const struct th_text *t)
{
    struct th_str *v = th_arena_alloc(a, sizeof(*v) * ADDRESSES_MAX), all = th_text_get(t);
    uint32_t n = 0, from = 0;
    bool quoted = false;
    for (uint32_t i = 0; i <= all.len && n < ADDRESSES_MAX; i++) {
        if (i < all.len && all.p[i] == '"')
            quoted = !quoted;
        if (i < all.len && (quoted || all.p[i] != ','))
            continue;
        v[n] = th_str_trim(th_str_n(all.p + from, i - from));
        n += v[n].len > 0;
        from = i + 1;
    }
    return (struct th_strs){.v = v, .n = n};
}

static bool address(const struct th_text *t, struct th_addr *ret)
{
    struct th_str s = th_text_get(t);
    if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
        s = th_str_n(s.p + 1, s.len - 2);
    return th_addr_parse(s, ret);
}

void th_mail_set(struct th_ev_smtp *ev, struct th_arena *a, const struct th_mail_head *h)
{
    struct th_addr from;
    TH_SET_TEXT(ev, SMTP, from, th_text_get(&h->from));
    TH_SET_TEXT(ev, SMTP, subject, th_text_get(&h->subject));
    TH_SET_TEXT(ev, SMTP, user_agent, th_text_get(&h->agent));
    if (h->to.len)
        TH_SET(ev, SMTP, to, addresses(a, &h->to));
    if (h->cc.len)
        TH_SET(ev, SMTP, cc, addresses(a, &h->cc));
    TH_SET_TEXT(ev, SMTP, reply_to, th_text_get(&h->reply_to));
    TH_SET_TEXT(ev, SMTP, msg_id, th_text_get(&h->message_id));
    if (address(&h->originating_ip, &from))
        TH_SET(ev, SMTP, x_originating_ip, from);
    TH_SET_TEXT(ev, SMTP, first_received, th_text_get(&h->received[0]));
    TH_SET_TEXT(ev, SMTP, second_received, th_text_get(&h->received[1]));
    if (h->path_count)
        TH_SET(ev, SMTP, path, (struct th_addrs){h->path, h->path_count});
    struct th_str *list = th_arena_alloc(a, sizeof(*list) * TH_MAIL_FILES_MAX);
    for (unsigned i = 0; i < h->files; i++)
        list[i] = th_str_n(h->fuid[i], TH_FUID_LEN - 1);
    if (h->files)
        TH_SET(ev, SMTP, fuids, (struct th_strs){list, h->files});
}

void th_mail_fetched(
    struct th_conn *c, enum th_service service, struct th_fetched *f, bool complete)
{
    struct th_ev_smtp ev = {0};
    if (!f->mail)
        return;
    TH_CONN_ID(&ev, SMTP, c, f->first_ns);
    TH_SET(&ev, SMTP, trans_depth, ++f->depth);
    TH_SET(&ev, SMTP, fetched_by, th_str_c(th_service_name(service)));
    th_mail_end(f->mail, complete);
    th_mail_set(&ev, &c->pr->scratch, th_mail_head(f->mail));
    th_proto_emit(c->pr, &ev.h, TH_MAX(f->last_ns, f->first_ns));
    th_mail_free(f->mail);
    f->mail = NULL;
}

void th_mail_fetch(
    struct th_conn *c, enum th_service service, struct th_fetched *f, int64_t time_ns)
{
    th_mail_fetched(c, service, f, false);
    f->mail = th_mail_new(c, service, !c->client);
    f->first_ns = f->last_ns = time_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: logins that succeed, fail or are tried, and under which names. */
#include "base/hash.h"
#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))

void th_learn_login(struct th_act *orig, struct th_act *resp, const struct th_who *w, uint16_t port,
    double failed, double tried)
{
    struct th_act *acts[2] = {orig, resp};
    for (unsigned i = 0; i < 2; i++) {
        struct th_act *a = acts[i];
        if (!a)
            continue;
        struct th_peer peer = i == 0 ? w->resp_peer : w->orig_peer;
        unsigned feature = i == 0 ? TH_FEAT_BRUTE_FORCE : TH_FEAT_BRUTE_FORCE_IN;
        peer.port = port;
        if (i == 0)
            a->win->v[TH_FEAT_LOGIN_FAILED] += (uint64_t)failed;
        a->win->tried |= BIT(feature);
        /* Tried against this device: one note a service, whoever they are; but of our own hosts
         * each by itself, for on a Monday some of our people have forgotten their passwords. */
        bool each = i == 0 || peer.inside;
        uint64_t key = th_hash_pair(each ? peer.key : 0, TH_SALT_BRUTE + port);
        struct th_note *n = th_note_get(a, feature, key, 4, failed + tried);
        if (!n)
            continue;
        bool before = n->flags != 0;
        if (!before || each)
            th_note_peer(n, &peer);
        n->a += failed + 2 * tried;
        n->b += failed + tried;
        n->worth = (float)n->b;
        char addr[TH_ADDR_TEXT_LEN];
        th_addr_format(&peer.addr, addr);
        if (!before)
            th_note_example(a->part, n, i == 0 ? "at " : "from ", th_str_c(addr));
    }
}

/* 0: nobody, or a machine. */
static uint64_t user_key(const struct th_act *a, struct th_str user)
{
    char lower[64];
    if (user.len == 0 || user.p[user.len - 1] == '$')
        return 0;
    uint32_t n = TH_MIN(user.len, (uint32_t)sizeof(lower));
    for (uint32_t i = 0; i < n; i++)
        lower[i] = th_lower(user.p[i]);
    return th_siphash(&a->l->cfg.key, lower, n) ^ TH_SALT_USER;
}

static void note_user(struct th_act *a, struct th_str user, const struct th_peer *peer)
{
    uint64_t key = user_key(a, user);
    if (!key)
        return;
    a->win->tried |= BIT(TH_FEAT_NEW_CREDENTIAL) | BIT(TH_FEAT_STRANGE_LOGINS);
    a->win->novel_tried = (uint16_t)(a->win->novel_tried | 1u << TH_NOVEL_STRANGE_LOGIN);
    if (!th_novelty_try(a, TH_NOVEL_USER, key))
        return;
    struct th_note *note =
        th_note_get(a, TH_FEAT_NEW_CREDENTIAL, key, 3, th_org_rarity(a->l->org, key, false));
    if (!note)
        return;
    th_note_fresh(note, TH_NOVEL_USER, key, peer);
    th_note_example(a->part, note, "user ", user);
}

/* A login failed: under the name of somebody who never logged in here? What is tried is not
 * remembered, or a list of names would make the device forget its own. */
static void note_stranger(struct th_act *a, struct th_str user, const struct th_peer *peer)
{
    uint64_t key = user_key(a, user);
    if (!key)
        return;
    a->win->tried |= BIT(TH_FEAT_STRANGE_LOGINS);
    a->win->novel_tried = (uint16_t)(a->win->novel_tried | 1u << TH_NOVEL_STRANGE_LOGIN);
    if (th_seen_get(a->dev->deeds, TH_DEED_BUCKETS, th_mix64(key), a->day, TH_SEEN_DAYS))
        return;
    a->win->novel_new = (uint16_t)(a->win->novel_new | 1u << TH_NOVEL_STRANGE_LOGIN);
    int64_t back = a->dev->hours_at - a->win->start_ns / TH_NS_PER_HOUR;
    if (back >= 0 && back < 32)
        a->dev->strange_bits |= UINT32_C(1) << back;
    struct th_note *note = th_note_get(a, TH_FEAT_STRANGE_LOGINS, 0, 1, 0);
    if (!note)
        return;
    th_note_peer(note, peer);
    note->a += 1;
    th_note_example(a->part, note, "user ", user);
}

static void fail(struct th_act *a, struct th_act *resp, const struct th_who *w, uint16_t port,
    struct th_str user)
{
    th_learn_login(a, resp, w, port, 1, 0);
    if (a)
        note_stranger(a, user, &w->resp_peer);
}

void th_learn_kerberos(
    struct th_act *a, struct th_act *resp, const struct th_ev_kerberos *ev, const struct th_who *w)
{
    bool failed = TH_HAS(ev, KERBEROS, success) && !ev->success;
    struct th_str rest = ev->client;
    struct th_str user = th_str_split(&rest, '/');
    rest = user;
    user = th_str_split(&rest, '@');
    /* Asking for pre-authentication is how every login begins. */
    if (failed && !th_str_is(ev->error_msg, "KDC_ERR_PREAUTH_REQUIRED") && ev->error_msg.len > 0)
        fail(a, resp, w, ev->id_resp_p, user);
    if (a && !failed)
        note_user(a, user, &w->resp_peer);
}

void th_learn_ntlm(
    struct th_act *a, struct th_act *resp, const struct th_ev_ntlm *ev, const struct th_who *w)
{
    if (TH_HAS(ev, NTLM, success) && !ev->success)
        fail(a, resp, w, ev->id_resp_p, ev->username);
    else if (a)
        note_user(a, ev->username, &w->resp_peer);
}

void th_learn_rdp(
    struct th_act *a, struct th_act *resp, const struct th_ev_rdp *ev, const struct th_who *w)
{
    th_learn_login(a, resp, w, ev->id_resp_p, 0, 0.5);
    if (a)
        note_user(a, ev->cookie, &w->resp_peer);
}

/* A password that whoever listens can read; a community of SNMP is everybody's and none. */
static void note_clear(struct th_act *a, const struct th_ev_login *ev, const struct th_who *w)
{
    const struct th_peer *peer = &w->resp_peer;
    uint64_t key = th_hash_pair(peer->key, (uint64_t)TH_SALT_CLEAR << 16 | ev->id_resp_p);
    a->win->tried |= BIT(TH_FEAT_CLEAR_LOGIN);
    if (!ev->cleartext || th_str_is(ev->method, "COMMUNITY") ||
        !th_novelty_try(a, TH_NOVEL_USER, key))
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_CLEAR_LOGIN, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_USER, key, peer);
    n->port = ev->id_resp_p;
    th_note_example(a->part, n, "user ", ev->user);
    th_note_example(a->part, n, "", ev->service);
}

void th_learn_login_read(
    struct th_act *a, struct th_act *resp, const struct th_ev_login *ev, const struct th_who *w)
{
    bool ours = w->resp_peer.inside; /* who is known to a web site outside is no account of ours */
    struct th_str user = ours ? ev->user : th_str_c("");
    if (TH_HAS(ev, LOGIN, success) && !ev->success)
        fail(a, resp, w, ev->id_resp_p, user);
    else if (a && TH_HAS(ev, LOGIN, success))
        note_user(a, user, &w->resp_peer);
    if (a)
        note_clear(a, ev, w);
}

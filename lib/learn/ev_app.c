/* SPDX-License-Identifier: Apache-2.0 */
/* Web, TLS, SSH and files: client software, programs fetched, data posted. */
#include "base/hash.h"
#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))

/* print: what it is known by; shown: what is told of it. */
static void note_print(struct th_act *a, const char *kind, struct th_str print, struct th_str shown,
    const struct th_peer *peer)
{
    if (print.len == 0)
        return;
    uint64_t key = th_siphash(&a->l->cfg.key, print.p, print.len) ^ TH_SALT_PRINT;
    a->win->tried |= BIT(TH_FEAT_NEW_FINGERPRINT);
    if (!th_novelty_try(a, TH_NOVEL_PRINT, key))
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_NEW_FINGERPRINT, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_PRINT, key, peer);
    char *out = th_part_words(a->part, n)->text;
    size_t len = (size_t)snprintf(out, TH_NOTE_DETAIL_LEN, "%s ", kind);
    th_text_put(out + len, TH_NOTE_DETAIL_LEN - len, shown);
}

/* What is left of a user agent when its version is not looked at: a browser that was brought up to
 * date is no new software. "Firefox/121.0" becomes "Firefox/#". */
static struct th_str without_versions(struct th_str agent, char *room, size_t bytes)
{
    size_t n = 0;
    bool number = false;
    for (uint32_t i = 0; i < agent.len && n < bytes; i++) {
        char c = agent.p[i];
        bool digit = c >= '0' && c <= '9';
        if (digit && !number)
            room[n++] = '#';
        number = digit || (number && (c == '.' || c == '_'));
        if (!number)
            room[n++] = c;
    }
    return th_str_n(room, n);
}

static bool is_program(struct th_str mime)
{
    static const char *const types[] = {"application/x-dosexec", "application/x-msdownload",
        "application/x-executable", "application/x-sharedlib", "application/x-mach-binary",
        "application/vnd.microsoft.portable-executable", "application/x-pie-executable",
        "application/x-ms-shortcut", "application/hta"};
    for (size_t i = 0; i < TH_ARRAY_LEN(types); i++) {
        if (th_str_is(mime, types[i]))
            return true;
    }
    return false;
}

static void note_program(struct th_act *a, const struct th_peer *peer, struct th_str what)
{
    uint64_t key = th_hash_pair(peer->key, TH_SALT_EXE);
    th_novelty_try(a, TH_NOVEL_EXE, key);
    /* Any program is new to the hour, whether it came from a known host or not. */
    a->win->novel_new |= 1u << TH_NOVEL_EXE;
    struct th_note *n =
        th_note_get(a, TH_FEAT_EXE_DOWNLOAD, key, 3, th_org_rarity(a->l->org, key, true));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_EXE, key, peer);
    th_note_example(a->part, n, "", what);
}

void th_learn_http(struct th_act *a, const struct th_ev_http *ev, const struct th_who *w)
{
    const struct th_peer *peer = &w->resp_peer;
    a->win->tried |= BIT(TH_FEAT_EXE_DOWNLOAD);
    a->win->novel_tried |= 1u << TH_NOVEL_EXE;
    a->win->v[TH_FEAT_HTTP_POSTS] +=
        th_str_is(ev->method, "POST") || th_str_is(ev->method, "PUT") || ev->request_body_len > 0;
    char agent[512];
    note_print(a, "user agent", without_versions(ev->user_agent, agent, sizeof(agent)),
        ev->user_agent, peer);
    /* Several requests of one connection are beats of their own. */
    if (ev->trans_depth > 1)
        th_beacon_beat(a, peer, ev->ts);
    if (ev->uri.len >= 6 && th_str_ends(ev->uri, "/wsman"))
        th_learn_remote(a, w, 1, "WinRM", th_str_c(""));
    for (uint32_t i = 0; i < ev->resp_mime_types.n; i++) {
        if (is_program(ev->resp_mime_types.v[i])) {
            note_program(a, peer, ev->uri);
            return;
        }
    }
}

enum fault { SELF_SIGNED, EXPIRED, NOT_YET, OTHER_NAME, OUTDATED, FAULTS };

/* Bits of enum fault: as the sensor saw them, or as an imported log says (its validation). */
static unsigned faults_of(const struct th_ev_ssl *ev)
{
    static const char *const names[] = {"self_signed", "expired", "not_yet_valid", "other_name"};
    static const char *const old[] = {"SSLv2", "SSLv3", "TLSv10", "TLSv11"};
    unsigned faults = 0;
    for (uint32_t i = 0; i < ev->cert_faults.n; i++)
        for (unsigned k = 0; k < TH_ARRAY_LEN(names); k++)
            faults |= (unsigned)th_str_is(ev->cert_faults.v[i], names[k]) << k;
    faults |= (unsigned)(th_str_has(ev->validation_status, "self signed") ||
                  th_str_has(ev->validation_status, "self-signed"))
        << SELF_SIGNED;
    faults |= (unsigned)th_str_has(ev->validation_status, "expired") << EXPIRED;
    for (unsigned i = 0; i < TH_ARRAY_LEN(old); i++)
        faults |= (unsigned)th_str_is(ev->version, old[i]) << OUTDATED;
    return faults;
}

/* Models look for these words. */
static void note_faults(struct th_act *a, const struct th_ev_ssl *ev, const struct th_peer *peer)
{
    static const char *const words[FAULTS] = {"self-signed certificate", "expired certificate",
        "certificate not yet valid", "certificate of another name", "outdated"};
    unsigned faults = faults_of(ev);
    uint64_t key = th_hash_pair(peer->key, TH_SALT_CERT);
    a->win->tried |= BIT(TH_FEAT_BAD_CERT);
    if (!faults || !th_novelty_try(a, TH_NOVEL_PRINT, key))
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_BAD_CERT, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_PRINT, key, peer);
    for (unsigned i = 0; i < FAULTS; i++)
        if (faults >> i & 1)
            th_note_example(a->part, n, "", th_str_c(words[i]));
    if (faults >> OUTDATED & 1)
        th_note_example(a->part, n, "", ev->version);
}

void th_learn_ssl(struct th_act *a, const struct th_ev_ssl *ev, const struct th_who *w)
{
    bool ja4 = ev->ja4.len > 0;
    struct th_str print = ja4 ? ev->ja4 : ev->ja3;
    note_print(a, ja4 ? "JA4" : "JA3", print, print, &w->resp_peer);
    note_faults(a, ev, &w->resp_peer);
    if (!w->resp_peer.inside)
        th_learn_mining_name(a, ev->server_name, w->resp_peer.key, w->resp_peer.key);
}

void th_learn_ssh(
    struct th_act *orig, struct th_act *resp, const struct th_ev_ssh *ev, const struct th_who *w)
{
    if (orig)
        note_print(orig, "HASSH", ev->hassh, ev->hassh, &w->resp_peer);
    double attempts = TH_HAS(ev, SSH, auth_attempts) ? (double)TH_MIN(ev->auth_attempts, 100u) : 1;
    if (TH_HAS(ev, SSH, auth_success) && !ev->auth_success)
        th_learn_login(orig, resp, w, ev->id_resp_p, TH_MAX(attempts, 1.0), 0);
    else if (attempts > 1)
        th_learn_login(orig, resp, w, ev->id_resp_p, attempts - 1, 0);
}

void th_learn_files(
    struct th_act *orig, struct th_act *resp, const struct th_ev_files *ev, const struct th_who *w)
{
    /* Who received it. */
    struct th_act *a = ev->is_orig ? resp : orig;
    const struct th_peer *peer = ev->is_orig ? &w->orig_peer : &w->resp_peer;
    if (!a)
        return;
    a->win->tried |= BIT(TH_FEAT_EXE_DOWNLOAD);
    a->win->novel_tried |= 1u << TH_NOVEL_EXE;
    if (is_program(ev->mime_type) && !th_str_is(ev->source, "SMB"))
        note_program(a, peer, ev->filename.len ? ev->filename : ev->mime_type);
}

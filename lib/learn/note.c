/* SPDX-License-Identifier: Apache-2.0 */
#include "learn_i.h"

/* Who comes later must be better by so much: else equals would take turns, and what was told early
 * of one would not stand at the end. */
#define BETTER 1.1

/* Finds the note, or makes one. When the feature has `most` of them in this window, or the window
 * is full, the least worth of them gives way, if this is worth more; else there is none (NULL). */
struct th_note *th_note_get(
    struct th_act *a, unsigned feature, uint64_t key, unsigned most, double worth)
{
    struct th_win *w = a->win;
    struct th_note *least = NULL;
    unsigned same = 0;
    for (uint32_t i = w->notes; i != TH_POOL_NONE;) {
        struct th_note *n = th_note_at(a->part, i);
        i = n->next;
        if (n->feature != feature)
            continue;
        if (n->key == key) {
            n->first_ns = TH_MIN(n->first_ns, a->time_ns);
            n->last_ns = TH_MAX(n->last_ns, a->time_ns);
            n->worth = (float)worth;
            return n;
        }
        same++;
        if (!least || n->worth < least->worth)
            least = n;
    }
    struct th_note *n = least;
    uint32_t next = least ? least->next : 0;
    if (same < most && w->note_count < TH_NOTES_MAX) {
        uint32_t i = th_pool_take(&a->part->notes);
        n = th_note_at(a->part, i);
        next = w->notes;
        w->notes = i;
        w->note_count++;
    } else if (!least || (double)least->worth * BETTER >= worth) {
        return NULL;
    }
    if (n == least)
        th_pool_drop(&a->part->words, &n->words);
    *n = (struct th_note){.key = key,
        .feature = (uint16_t)feature,
        .next = next,
        .worth = (float)worth,
        .first_ns = a->time_ns,
        .last_ns = a->time_ns,
        .slot = UINT32_MAX,
        .words = TH_POOL_NONE,
        .domain_at = TH_NOTE_HOST_LEN};
    return n;
}

size_t th_text_put(char *out, size_t room, struct th_str text)
{
    size_t n = 0;
    for (uint32_t i = 0; i < text.len && n + 1 < room; i++) {
        char c = text.p[i];
        out[n++] = c >= ' ' && c < 0x7f ? c : '?';
    }
    if (room > 0)
        out[n] = '\0';
    return n;
}

static void put_host(struct th_note *n, struct th_str host, struct th_str domain)
{
    /* Too long: the end is what counts, the registered domain lies there. */
    if (host.len >= TH_NOTE_HOST_LEN)
        host = th_str_n(host.p + host.len - (TH_NOTE_HOST_LEN - 1), TH_NOTE_HOST_LEN - 1);
    size_t len = th_text_put(n->host, sizeof(n->host), host);
    if (domain.len > 0 && domain.len <= len)
        n->domain_at = (uint8_t)(len - domain.len);
    else
        n->domain_at = (uint8_t)len;
}

void th_note_peer(struct th_note *n, const struct th_peer *peer)
{
    n->flags = (uint8_t)(TH_NOTE_PEER | (peer->inside ? TH_NOTE_INSIDE : 0) |
        (peer->has_addr ? TH_NOTE_ADDR : 0) | (peer->vouched ? TH_NOTE_VOUCHED : 0));
    n->peer_key = peer->key;
    n->addr = peer->addr;
    n->port = peer->port;
    n->slot = peer->slot;
    put_host(n, peer->host, peer->domain);
}

void th_note_fresh(struct th_note *n, enum th_novel kind, uint64_t key, const struct th_peer *peer)
{
    th_note_peer(n, peer);
    n->popularity_key = key;
    n->novel = (uint8_t)(kind + 1);
    n->a += 1;
}

void th_note_domain(struct th_note *n, uint64_t key, struct th_str host, struct th_str domain)
{
    n->flags = TH_NOTE_PEER | TH_NOTE_NAME;
    n->peer_key = key;
    n->slot = UINT32_MAX;
    put_host(n, host, domain);
}

void th_note_example(struct th_part *p, struct th_note *n, const char *head, struct th_str text)
{
    char *out = th_part_words(p, n)->text;
    size_t len = strnlen(out, TH_NOTE_DETAIL_LEN - 1);
    const char *between = len == 0 ? head : ", ";
    size_t need = strlen(between) + TH_MIN(text.len, 40u);
    if (text.len == 0 || len + need + 1 > TH_NOTE_DETAIL_LEN)
        return;
    len += th_text_put(out + len, TH_NOTE_DETAIL_LEN - len, th_str_c(between));
    th_text_put(out + len, TH_MIN(TH_NOTE_DETAIL_LEN - len, (size_t)41), text);
    n->examples++;
}

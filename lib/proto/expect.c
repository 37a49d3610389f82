/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"

/* From the announcement to the first byte. */
static const int64_t wait_ns = 60 * TH_NS_PER_S;

/* Found by port, so that a flow that nobody announced, as nearly all are, costs one look. */
struct th_expect_table {
    unsigned next;
    uint16_t first[TH_EXPECT_MAX]; /* of a port's lowest bits: a slot's number, from 1; 0: none */
    uint16_t behind[TH_EXPECT_MAX];
    struct th_expected slot[TH_EXPECT_MAX];
};

static uint16_t *first_of(struct th_expect_table *t, uint16_t port)
{
    return &t->first[port % TH_EXPECT_MAX];
}

/* What holds the number of the slot that fits, or the end of the list. */
static uint16_t *find(struct th_expect_table *t, const struct th_addr *from,
    const struct th_addr *to, uint16_t to_port, uint8_t ip_proto)
{
    uint16_t *at = first_of(t, to_port);
    for (; *at; at = &t->behind[*at - 1]) {
        const struct th_expected *e = &t->slot[*at - 1];
        if (e->to_port == to_port && e->ip_proto == ip_proto && th_addr_eq(&e->from, from) &&
            th_addr_eq(&e->to, to))
            break;
    }
    return at;
}

static void forget(struct th_expect_table *t, uint16_t *at)
{
    unsigned i = *at - 1u;
    *at = t->behind[i];
    t->slot[i].an = NULL;
}

/* The oldest goes. */
static unsigned take_slot(struct th_expect_table *t)
{
    unsigned i = t->next++ % TH_EXPECT_MAX;
    const struct th_expected *old = &t->slot[i];
    if (old->an)
        forget(t, find(t, &old->from, &old->to, old->to_port, old->ip_proto));
    return i;
}

void th_expect(struct th_proto *pr, const struct th_expected *e, int64_t now_ns)
{
    if (!pr->expected)
        pr->expected = th_xcalloc(1, sizeof(*pr->expected));
    struct th_expect_table *t = pr->expected;
    uint16_t *at = find(t, &e->from, &e->to, e->to_port, e->ip_proto);
    unsigned i = *at - 1u;
    if (!*at) {
        uint16_t *first = first_of(t, e->to_port);
        i = take_slot(t);
        t->behind[i] = *first;
        *first = (uint16_t)(i + 1);
    } /* else announced again */
    t->slot[i] = *e;
    t->slot[i].until_ns = th_time_add(now_ns, wait_ns);
}

bool th_expect_begin(struct th_proto *pr, struct th_flow *f, int64_t now_ns)
{
    struct th_expect_table *t = pr->expected;
    uint16_t *at = t ? find(t, &f->addr[0], &f->addr[1], f->port[1], f->proto) : NULL;
    if (!at || !*at)
        return false;
    const struct th_expected *e = &t->slot[*at - 1];
    if (now_ns > e->until_ns)
        return false;
    th_conn_begin(pr, f, e->an, 0);
    struct th_conn *c = f->app;
    memcpy(c->state, e, sizeof(*e));
    forget(t, at);
    return true;
}

size_t th_expect_bytes(const struct th_proto *pr)
{
    return pr->expected ? sizeof(*pr->expected) : 0;
}

void th_expect_done(struct th_proto *pr)
{
    free(pr->expected);
    pr->expected = NULL;
}

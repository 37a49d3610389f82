/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest_events.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "crypto/base32.h"
#include "event/batch.h"

#define PREFIX "selftest-"
#define BEACON_NS TH_NS_PER_MIN
#define LOOKUP_NS (20 * TH_NS_PER_S)
enum { RUN_DIGITS = 8, LABEL_LEN = 14, NXDOMAIN = 3 };

bool th_selftest_who(const char *name, struct th_selftest_who *ret)
{
    uint8_t run[RUN_DIGITS / 2];
    struct th_str s = th_str_c(name);
    size_t prefix = strlen(PREFIX);
    if (s.len != prefix + RUN_DIGITS || !th_str_starts(s, PREFIX) ||
        !th_unhex(th_str_n(s.p + prefix, RUN_DIGITS), run, sizeof(run)))
        return false;
    *ret = (struct th_selftest_who){
        .address = {.b = {0xfd, 0x74, 0x68, 0x79, 0x6d, 0x75}}, /* a /48 of RFC 4193 */
        .mac = {.b = {0x02, 0x74, run[0], run[1], run[2], run[3]}}};
    memcpy(ret->address.b + 12, run, sizeof(run));
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    snprintf(ret->domain, sizeof(ret->domain), "thymus-%s.invalid", name);
    return true;
}

struct maker {
    const struct th_selftest_who *who;
    struct th_batch_writer *batch;
    struct th_addr controller, resolver; /* of 2001:db8::/32, which is for documents (RFC 3849) */
    uint64_t random, events;
    int64_t first_ns, last_ns;
    struct th_buf *out;
};

static uint64_t next_random(struct maker *m)
{
    return m->random = th_mix64(m->random + UINT64_C(0x9e3779b97f4a7c15));
}

static int flush(struct maker *m)
{
    struct th_batch_head head = {.complete_until_ns = m->last_ns};
    return th_batch_count(m->batch) ? th_batch_finish(m->batch, &head, m->out) : 0;
}

static int put(struct maker *m, struct th_event *ev, unsigned kind, int64_t time_ns)
{
    ev->kind = (uint16_t)kind;
    ev->time_ns = time_ns;
    if (m->events++ == 0)
        m->first_ns = time_ns;
    m->last_ns = time_ns;
    int r = th_batch_full(m->batch) ? flush(m) : 0;
    return r < 0 ? r : th_batch_add(m->batch, ev);
}

static int lease(struct maker *m, int64_t time_ns)
{
    struct th_ev_dhcp e = {0};
    TH_SET(&e, DHCP, ts, time_ns);
    TH_SET(&e, DHCP, mac, m->who->mac);
    TH_SET(&e, DHCP, host_name, th_str_c(m->who->name));
    TH_SET(&e, DHCP, assigned_addr, m->who->address);
    TH_SET(&e, DHCP, client_message, th_str_c("Thymus self-test"));
    return put(m, &e.h, TH_KIND_DHCP, time_ns);
}

/* A lookup of a name that does not exist. */
static int lookup(struct maker *m, int64_t time_ns)
{
    static const char letters[] = "qxzvkjwbfghpcmtdrlnsy7350";
    struct th_ev_dns e = {0};
    char name[64];
    unsigned n = 0;
    for (; n < LABEL_LEN; n++)
        name[n] = letters[next_random(m) % (sizeof(letters) - 1)];
    snprintf(name + n, sizeof(name) - n, ".invalid");
    TH_SET(&e, DNS, ts, time_ns);
    TH_SET(&e, DNS, id_orig_h, m->who->address);
    TH_SET(&e, DNS, id_orig_p, (uint16_t)(20000 + next_random(m) % 40000));
    TH_SET(&e, DNS, id_resp_h, m->resolver);
    TH_SET(&e, DNS, id_resp_p, 53);
    TH_SET(&e, DNS, proto, th_str_c("udp"));
    TH_SET(&e, DNS, query, th_str_c(name));
    TH_SET(&e, DNS, qtype, 1);
    TH_SET(&e, DNS, qtype_name, th_str_c("A"));
    TH_SET(&e, DNS, rcode, NXDOMAIN);
    TH_SET(&e, DNS, rcode_name, th_str_c("NXDOMAIN"));
    return put(m, &e.h, TH_KIND_DNS, time_ns);
}

/* A handshake, and the connection that it stood in: the same call every time. */
static int call(struct maker *m, int64_t time_ns)
{
    struct th_ev_ssl hello = {0};
    struct th_ev_conn e = {0};
    char uid[32];
    uint16_t port = (uint16_t)(20000 + next_random(m) % 40000);
    snprintf(uid, sizeof(uid), "Cselftest%llu", (unsigned long long)m->events);
    TH_SET(&hello, SSL, ts, time_ns);
    TH_SET(&hello, SSL, uid, th_str_c(uid));
    TH_SET(&hello, SSL, id_orig_h, m->who->address);
    TH_SET(&hello, SSL, id_orig_p, port);
    TH_SET(&hello, SSL, id_resp_h, m->controller);
    TH_SET(&hello, SSL, id_resp_p, 443);
    TH_SET(&hello, SSL, version, th_str_c("TLSv13"));
    TH_SET(&hello, SSL, server_name, th_str_c(m->who->domain));
    TH_SET(&hello, SSL, established, true);
    int r = put(m, &hello.h, TH_KIND_SSL, time_ns);
    TH_SET(&e, CONN, ts, time_ns);
    TH_SET(&e, CONN, uid, th_str_c(uid));
    TH_SET(&e, CONN, id_orig_h, m->who->address);
    TH_SET(&e, CONN, id_orig_p, port);
    TH_SET(&e, CONN, id_resp_h, m->controller);
    TH_SET(&e, CONN, id_resp_p, 443);
    TH_SET(&e, CONN, proto, th_str_c("tcp"));
    TH_SET(&e, CONN, service, th_str_c("ssl"));
    TH_SET(&e, CONN, duration, TH_NS_PER_S / 4);
    TH_SET(&e, CONN, orig_bytes, 620);
    TH_SET(&e, CONN, resp_bytes, 3100);
    TH_SET(&e, CONN, conn_state, th_str_c("SF"));
    TH_SET(&e, CONN, orig_pkts, 9);
    TH_SET(&e, CONN, resp_pkts, 8);
    TH_SET(&e, CONN, orig_l2_addr, m->who->mac);
    return r < 0 ? r : put(m, &e.h, TH_KIND_CONN, time_ns + TH_NS_PER_S / 4);
}

int th_selftest_events(
    const struct th_selftest_who *who, int64_t now_ns, struct th_buf *out, uint64_t *ret_events)
{
    int64_t end_ns = now_ns - TH_NS_PER_S;
    int64_t begin_ns = end_ns - TH_SELFTEST_HOURS * TH_NS_PER_HOUR;
    struct maker m = {.who = who,
        .batch = th_batch_writer_new(),
        .controller = {.b = {0x20, 0x01, 0x0d, 0xb8, 0x74, 0x68, [15] = 1}},
        .resolver = {.b = {0x20, 0x01, 0x0d, 0xb8, 0x74, 0x68, [15] = 53}},
        .random = (uint64_t)now_ns ^ who->mac.b[5],
        .out = out};
    int r = lease(&m, begin_ns - TH_SELFTEST_KNOWN_HOURS * TH_NS_PER_HOUR);
    if (r == 0)
        r = lease(&m, begin_ns);
    for (int64_t t = begin_ns; r == 0 && t + BEACON_NS <= end_ns; t += BEACON_NS) {
        r = call(&m, t + TH_NS_PER_S);
        for (int64_t l = LOOKUP_NS / 2; r == 0 && l < BEACON_NS; l += LOOKUP_NS)
            r = lookup(&m, t + l);
    }
    if (r == 0)
        r = lease(&m, end_ns); /* once more: what is new enough to be believed of names and links */
    if (r == 0)
        r = flush(&m);
    struct th_source_info info = {.source = th_mix64(m.random),
        .events = m.events,
        .first_ns = m.first_ns,
        .last_ns = m.last_ns,
        .format = th_str_c("self-test")};
    if (r == 0)
        th_source_info_put(&info, out);
    th_batch_writer_free(m.batch);
    *ret_events = m.events;
    return r < 0 ? r : out->overflow ? TH_E_LIMIT : 0;
}

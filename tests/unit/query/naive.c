/* SPDX-License-Identifier: Apache-2.0 */
#include "naive.h"

#include <stdio.h>

#include "base/utf8.h"

enum leaf {
    LEAF_TEXT,
    LEAF_NUMBER,
    LEAF_REAL,
    LEAF_SPAN,
    LEAF_TIME,
    LEAF_FLAG,
    LEAF_NET,
    LEAF_MAC
};
enum op { OP_IS, OP_ABOVE, OP_FROM, OP_BELOW, OP_TO, OP_RANGE, OP_SET, OP_COUNT };

struct naive {
    enum { N_AND, N_OR, N_NOT, N_TERM, N_WORD, N_ALL } type;
    struct naive *a, *b;
    char name[64];
    enum leaf leaf;
    enum op op;
    int64_t low, high; /* numbers, spans, times; both the same but for a range */
    double real_low, real_high;
    struct th_addr net_low, net_high;
    struct th_mac mac_low, mac_high;
    bool flag;
    char text[96]; /* as it is written behind the operator, or a glob's text */
    char glob[96]; /* LEAF_TEXT: '\1' is a wildcard */
};

unsigned rng_below(struct rng *r, unsigned n)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((r->state >> 33) % n);
}

#define PICK(r, list) ((list)[rng_below(r, TH_ARRAY_LEN(list))])

static const char *const texts[] = {"alpha", "Beta", "beta", "a.example", "www.a.example",
    "A.Example.", "100%", "under_score", "underXscore", "back\\slash", "it's", "say \"hi\"", "x*y",
    "xzy", "", " ", "caf\xc3\xa9", "\xff\xfe", "' OR 1=1 --", "a..b", "(b)", "AND", "TLSv12", "<b>",
    "null", "\xe6\x97\xa5\xe6\x9c\xac", "$1", "?", ":x"};
static const uint64_t counts[] = {0, 1, 2, 443, 1000, 1024, 1500, 10000000, UINT64_MAX};
static const uint16_t ports[] = {0, 22, 53, 443, 1023, 1024, 65535};
static const int64_t spans[] = {0, TH_NS_PER_MS, TH_NS_PER_S, 5 * TH_NS_PER_S, TH_NS_PER_HOUR};
static const double reals[] = {-1, 0, 0.5, 1, 100};
static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.1",
    "8.8.8.8", "fe80::1", "2001:db8::1", "::", "0.0.0.0", "255.255.255.255"};
static const char *const macs[] = {"00:16:3e:01:02:03", "00:16:3e:ff:00:00", "aa:bb:cc:dd:ee:ff"};
static const char *const ids[] = {"", "d0123456789", "dabcdefghij", "d9876543210"};

/* ---- events ---- */

static struct th_str some_text(struct rng *r, struct th_arena *arena)
{
    return th_arena_str(arena, th_str_c(PICK(r, texts)));
}

static struct th_addr some_addr(struct rng *r)
{
    struct th_addr a;
    TH_ASSERT(th_addr_parse(th_str_c(PICK(r, addresses)), &a));
    return a;
}

static void make_list(struct rng *r, struct th_arena *arena, enum th_type type, void *at)
{
    uint32_t n = rng_below(r, 4);
    struct th_str *s = th_arena_alloc(arena, sizeof(*s) * 4);
    struct th_addr *a = th_arena_alloc(arena, sizeof(*a) * 4);
    int64_t *i = th_arena_alloc(arena, sizeof(*i) * 4);
    for (uint32_t k = 0; k < n; k++) {
        s[k] = some_text(r, arena);
        a[k] = some_addr(r);
        i[k] = PICK(r, spans);
    }
    if (type == TH_TYPE_STRINGS)
        *(struct th_strs *)at = (struct th_strs){s, n};
    else if (type == TH_TYPE_ADDRS)
        *(struct th_addrs *)at = (struct th_addrs){a, n};
    else
        *(struct th_spans *)at = (struct th_spans){i, n};
}

static int64_t some_time(struct rng *r)
{
    return NAIVE_BEGIN_NS + rng_below(r, 100) * TH_NS_PER_S;
}

static void make_value(struct rng *r, struct th_arena *arena, enum th_type type, void *at)
{
    switch (type) {
    case TH_TYPE_TIME: *(int64_t *)at = some_time(r); break;
    case TH_TYPE_INTERVAL: *(int64_t *)at = PICK(r, spans); break;
    case TH_TYPE_COUNT: *(uint64_t *)at = PICK(r, counts); break;
    case TH_TYPE_INT: *(int64_t *)at = (int64_t)rng_below(r, 5) - 2; break;
    case TH_TYPE_PORT: *(uint16_t *)at = PICK(r, ports); break;
    case TH_TYPE_DOUBLE: *(double *)at = PICK(r, reals); break;
    case TH_TYPE_BOOL: *(bool *)at = rng_below(r, 2); break;
    case TH_TYPE_ADDR: *(struct th_addr *)at = some_addr(r); break;
    case TH_TYPE_MAC: TH_ASSERT(th_mac_parse(th_str_c(PICK(r, macs)), at)); break;
    case TH_TYPE_STRING: *(struct th_str *)at = some_text(r, arena); break;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: make_list(r, arena, type, at); break;
    }
}

static unsigned some_kind(struct rng *r)
{
    unsigned kind;
    do
        kind = 1 + (unsigned)rng_below(r, TH_KIND_COUNT - 1);
    while (!th_kind_get(kind));
    return kind;
}

void naive_event_make(struct rng *r, struct th_arena *arena, struct naive_event *ret)
{
    *ret = (struct naive_event){0};
    struct th_event *h = &ret->ev.h;
    h->kind = (uint16_t)some_kind(r);
    h->time_ns = some_time(r);
    ret->entity = th_str_c(PICK(r, ids));
    ret->peer = th_str_c(PICK(r, ids));
    const struct th_kind_info *k = th_kind_get(h->kind);
    for (unsigned i = 0; i < k->field_count; i++) {
        if (rng_below(r, 10) < 3)
            continue;
        h->set |= UINT64_C(1) << i;
        make_value(r, arena, (enum th_type)k->fields[i].type, (uint8_t *)h + k->fields[i].offset);
    }
    if (h->kind == TH_KIND_METRIC)
        ret->ev.metric.entity = th_str_c(PICK(r, ids));
}

/* ---- conditions ---- */

static enum leaf leaf_of(enum th_type type)
{
    switch (type) {
    case TH_TYPE_TIME: return LEAF_TIME;
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INTERVALS: return LEAF_SPAN;
    case TH_TYPE_COUNT:
    case TH_TYPE_INT:
    case TH_TYPE_PORT: return LEAF_NUMBER;
    case TH_TYPE_DOUBLE: return LEAF_REAL;
    case TH_TYPE_BOOL: return LEAF_FLAG;
    case TH_TYPE_ADDR:
    case TH_TYPE_ADDRS: return LEAF_NET;
    case TH_TYPE_MAC: return LEAF_MAC;
    case TH_TYPE_STRING:
    case TH_TYPE_STRINGS: break;
    }
    return LEAF_TEXT;
}

static void pick_name(struct rng *r, struct naive *n)
{
    static const struct {
        const char *name;
        enum leaf leaf;
    } virtual[] = {{"entity", LEAF_TEXT}, {"device", LEAF_TEXT}, {"host", LEAF_TEXT},
        {"ip", LEAF_NET}, {"port", LEAF_NUMBER}, {"mac", LEAF_MAC}, {"user", LEAF_TEXT},
        {"time", LEAF_TIME}, {"kind", LEAF_TEXT}};
    if (rng_below(r, 3) == 0) {
        unsigned i = rng_below(r, TH_ARRAY_LEN(virtual));
        snprintf(n->name, sizeof(n->name), "%s", virtual[i].name);
        n->leaf = virtual[i].leaf;
        return;
    }
    const struct th_kind_info *k = th_kind_get(some_kind(r));
    const struct th_field_info *f = &k->fields[rng_below(r, k->field_count)];
    n->leaf = leaf_of((enum th_type)f->type);
    bool taken = false;
    for (size_t i = 0; i < TH_ARRAY_LEN(virtual); i++)
        taken |= strcmp(virtual[i].name, f->zeek) == 0;
    if (taken || rng_below(r, 4) == 0)
        snprintf(n->name, sizeof(n->name), "%s.%s", k->name, f->zeek);
    else
        snprintf(n->name, sizeof(n->name), "%s", f->zeek);
}

/* A text in quotes or bare with wildcards, and the glob it means. */
static void pick_text(struct rng *r, struct naive *n)
{
    const char *s = PICK(r, texts);
    if (strcmp(n->name, "entity") == 0 || strcmp(n->name, "device") == 0)
        s = ids[1 + rng_below(r, 3)];
    if (strcmp(n->name, "kind") == 0) {
        snprintf(n->text, sizeof(n->text), "%s", th_kind_get(some_kind(r))->name);
        snprintf(n->glob, sizeof(n->glob), "%s", n->text);
        return;
    }
    bool stars = rng_below(r, 2) && (uint8_t)s[0] != 0xff;
    size_t t = 0, g = 0;
    if ((uint8_t)s[0] == 0xff)
        s = "\\xff\\xfe"; /* as it is kept */
    if (!stars)
        n->text[t++] = '"';
    for (; *s; s++) {
        if (stars && rng_below(r, 3) == 0 && ((uint8_t)s[0] & 0xc0) != 0x80) {
            n->text[t++] = '*';
            if (g == 0 || n->glob[g - 1] != '\1')
                n->glob[g++] = '\1';
            if (rng_below(r, 2) && (uint8_t)s[0] < 0x80)
                continue;
        }
        if (stars ? strchr(" \t()*\":\\<>=.", *s) != NULL : *s == '"' || *s == '\\')
            n->text[t++] = '\\';
        n->text[t++] = *s;
        n->glob[g++] = *s;
    }
    if (stars && (t == 0 || rng_below(r, 2))) {
        n->text[t++] = '*';
        if (g == 0 || n->glob[g - 1] != '\1')
            n->glob[g++] = '\1';
    }
    if (!stars)
        n->text[t++] = '"';
}

static void pick_number(struct rng *r, struct naive *n)
{
    static const struct {
        const char *text;
        int64_t value;
    } v[] = {{"0", 0}, {"1", 1}, {"2", 2}, {"443", 443}, {"1k", 1000}, {"1KiB", 1024},
        {"1.5kB", 1500}, {"10MB", 10000000}, {"-1", -1}, {"1023", 1023}};
    unsigned i = rng_below(r, TH_ARRAY_LEN(v)), k = rng_below(r, TH_ARRAY_LEN(v));
    bool swap = v[i].value > v[k].value;
    n->low = v[swap ? k : i].value;
    n->high = n->op == OP_RANGE ? v[swap ? i : k].value : n->low;
    snprintf(n->text, sizeof(n->text), n->op == OP_RANGE ? "%s..%s" : "%s", v[swap ? k : i].text,
        v[swap ? i : k].text);
}

static void pick_real(struct rng *r, struct naive *n)
{
    double a = PICK(r, reals), b = PICK(r, reals);
    n->real_low = TH_MIN(a, b);
    n->real_high = n->op == OP_RANGE ? TH_MAX(a, b) : n->real_low;
    snprintf(
        n->text, sizeof(n->text), n->op == OP_RANGE ? "%g..%g" : "%g", n->real_low, TH_MAX(a, b));
}

static void pick_span(struct rng *r, struct naive *n)
{
    int64_t a = PICK(r, spans), b = PICK(r, spans);
    n->low = TH_MIN(a, b);
    n->high = n->op == OP_RANGE ? TH_MAX(a, b) : n->low;
    snprintf(n->text, sizeof(n->text), n->op == OP_RANGE ? "%.9gs..%.9gms" : "%.9gs",
        (double)n->low / 1e9, (double)n->high / 1e6);
}

static void pick_time(struct rng *r, struct naive *n)
{
    char low[TH_TIME_TEXT_LEN], high[TH_TIME_TEXT_LEN];
    int64_t a = some_time(r), b = some_time(r);
    n->low = TH_MIN(a, b);
    n->high = n->op == OP_RANGE ? TH_MAX(a, b) : n->low;
    th_time_rfc3339(n->low, low);
    th_time_rfc3339(n->high, high);
    snprintf(n->text, sizeof(n->text), n->op == OP_RANGE ? "%s..%s" : "%s", low, high);
}

static void pick_net(struct rng *r, struct naive *n)
{
    static const struct {
        const char *text, *low, *high;
    } nets[] = {{"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
        {"10.0.0.3/30", "10.0.0.0", "10.0.0.3"}, {"10.1.*", "10.1.0.0", "10.1.255.255"},
        {"fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"}, {"10.0.0.2..10.9.9.9", "10.0.0.2", "10.9.9.9"},
        {"8.8.8.8", "8.8.8.8", "8.8.8.8"}, {"2001:db8::1", "2001:db8::1", "2001:db8::1"}};
    unsigned i = rng_below(r, TH_ARRAY_LEN(nets));
    snprintf(n->text, sizeof(n->text), "%s", nets[i].text);
    TH_ASSERT(th_addr_parse(th_str_c(nets[i].low), &n->net_low) &&
        th_addr_parse(th_str_c(nets[i].high), &n->net_high));
    n->op = strstr(n->text, "..") ? OP_RANGE : OP_IS;
}

static void pick_mac(struct rng *r, struct naive *n)
{
    const char *text = PICK(r, macs);
    bool whole = rng_below(r, 2);
    char low[20], high[20];
    snprintf(n->text, sizeof(n->text), whole ? "%.17s" : "%.9s*", text);
    snprintf(low, sizeof(low), whole ? "%.17s" : "%.9s00:00:00", text);
    snprintf(high, sizeof(high), whole ? "%.17s" : "%.9sff:ff:ff", text);
    TH_ASSERT(
        th_mac_parse(th_str_c(low), &n->mac_low) && th_mac_parse(th_str_c(high), &n->mac_high));
}

static void make_term(struct rng *r, struct naive *n)
{
    bool ordered;
    n->type = N_TERM;
    pick_name(r, n);
    ordered = n->leaf == LEAF_NUMBER || n->leaf == LEAF_REAL || n->leaf == LEAF_SPAN ||
        n->leaf == LEAF_TIME;
    n->op = ordered ? (enum op)rng_below(r, OP_SET) : OP_IS;
    if (rng_below(r, 12) == 0) {
        n->op = OP_SET;
        snprintf(n->text, sizeof(n->text), "*");
        return;
    }
    switch (n->leaf) {
    case LEAF_TEXT: pick_text(r, n); break;
    case LEAF_NUMBER: pick_number(r, n); break;
    case LEAF_REAL: pick_real(r, n); break;
    case LEAF_SPAN: pick_span(r, n); break;
    case LEAF_TIME: pick_time(r, n); break;
    case LEAF_FLAG:
        n->flag = rng_below(r, 2);
        snprintf(n->text, sizeof(n->text), n->flag ? "true" : "F");
        break;
    case LEAF_NET: pick_net(r, n); break;
    case LEAF_MAC: pick_mac(r, n); break;
    }
    if (n->leaf != LEAF_TEXT)
        snprintf(n->glob, sizeof(n->glob), "%s", n->text);
    if (n->leaf == LEAF_TEXT && strcmp(n->glob, "\1") == 0)
        n->op = OP_SET;
}

static void make_word(struct rng *r, struct naive *n)
{
    n->type = N_WORD;
    switch (rng_below(r, 6)) {
    case 0:
        n->leaf = LEAF_NET;
        do
            pick_net(r, n);
        while (n->op == OP_RANGE);
        break;
    case 1:
        n->leaf = LEAF_MAC;
        pick_mac(r, n);
        break;
    default:
        n->leaf = LEAF_TEXT;
        do
            pick_text(r, n);
        while (strcmp(n->text, "\"\"") == 0 || strcmp(n->text, "AND") == 0);
        if (strcmp(n->glob, "\1") == 0)
            n->type = N_ALL;
        return;
    }
    snprintf(n->glob, sizeof(n->glob), "%s", n->text);
    char *star = strchr(n->glob, '*');
    if (star)
        *star = '\1';
}

struct naive *naive_make(struct rng *r, struct th_arena *arena, unsigned depth)
{
    struct naive *n = th_arena_alloc(arena, sizeof(*n));
    *n = (struct naive){.type = N_ALL};
    unsigned what = rng_below(r, depth ? 8 : 4);
    if (what < 3) {
        make_term(r, n);
    } else if (what == 3) {
        make_word(r, n);
    } else {
        n->type = what < 5 ? N_NOT : what == 5 ? N_OR : N_AND;
        n->a = naive_make(r, arena, depth - 1);
        n->b = n->type == N_NOT ? NULL : naive_make(r, arena, depth - 1);
    }
    return n;
}

void naive_text(const struct naive *n, struct rng *r, struct th_buf *out)
{
    static const char *const ops[] = {"", ">", ">=", "<", "<=", "", ""};
    switch (n->type) {
    case N_ALL: th_buf_puts(out, "*"); return;
    case N_WORD: th_buf_puts(out, n->text); return;
    case N_TERM: th_buf_printf(out, "%s:%s%s", n->name, ops[n->op], n->text); return;
    case N_NOT:
        th_buf_puts(out, "NOT (");
        naive_text(n->a, r, out);
        th_buf_puts(out, ")");
        return;
    case N_AND:
    case N_OR: break;
    }
    th_buf_puts(out, rng_below(r, 2) ? "(" : "( ");
    naive_text(n->a, r, out);
    th_buf_puts(out, n->type == N_OR ? " OR " : rng_below(r, 2) ? " AND " : "  ");
    naive_text(n->b, r, out);
    th_buf_puts(out, ")");
}

/* ---- truth ---- */

static bool glob_has(const char *g, struct th_str s, bool with_case)
{
    if (!*g)
        return s.len == 0;
    if (*g == '\1') {
        for (uint32_t i = 0; i <= s.len; i++)
            if (glob_has(g + 1, th_str_n(s.p + i, s.len - i), with_case))
                return true;
        return false;
    }
    bool same = s.len && (with_case ? *g == *s.p : th_lower(*g) == th_lower(*s.p));
    return same && glob_has(g + 1, th_str_n(s.p + 1, s.len - 1), with_case);
}

static bool text_is(const struct naive *n, struct th_str s, bool with_case)
{
    char glob[100];
    TH_AUTOBUF struct th_buf clean = TH_BUF_INIT;
    snprintf(glob, sizeof(glob), n->type == N_WORD ? "\1%s\1" : "%s", n->glob);
    return glob_has(glob, th_utf8_clean(s, &clean), with_case);
}

static bool order_is(enum op op, int low, int high)
{
    switch (op) {
    case OP_IS: return low == 0;
    case OP_ABOVE: return low > 0;
    case OP_FROM: return low >= 0;
    case OP_BELOW: return low < 0;
    case OP_TO: return low <= 0;
    case OP_RANGE: return low >= 0 && high <= 0;
    default: return true;
    }
}

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static bool number_is(const struct naive *n, int64_t v)
{
    return order_is(n->op, CMP(v, n->low), CMP(v, n->high));
}

static bool item_is(const struct naive *n, enum th_type type, const void *at, bool with_case)
{
    const struct th_addr *a = at;
    switch (type) {
    case TH_TYPE_TIME:
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INT: return number_is(n, *(const int64_t *)at);
    case TH_TYPE_COUNT:
        return *(const uint64_t *)at > INT64_MAX ? order_is(n->op, 1, 1)
                                                 : number_is(n, (int64_t) * (const uint64_t *)at);
    case TH_TYPE_PORT: return number_is(n, *(const uint16_t *)at);
    case TH_TYPE_DOUBLE:
        return order_is(
            n->op, CMP(*(const double *)at, n->real_low), CMP(*(const double *)at, n->real_high));
    case TH_TYPE_BOOL: return *(const bool *)at == n->flag;
    case TH_TYPE_ADDR: return memcmp(a, &n->net_low, 16) >= 0 && memcmp(a, &n->net_high, 16) <= 0;
    case TH_TYPE_MAC: return memcmp(at, &n->mac_low, 6) >= 0 && memcmp(at, &n->mac_high, 6) <= 0;
    default: return text_is(n, *(const struct th_str *)at, with_case);
    }
}

static bool value_is(const struct naive *n, enum th_type type, const void *at, bool with_case)
{
    const struct th_strs *s = at;
    const struct th_spans *t = at;
    const struct th_addrs *a = at;
    bool is = false;
    if (n->op == OP_SET)
        return true;
    switch (type) {
    case TH_TYPE_STRINGS:
        for (uint32_t i = 0; i < s->n; i++)
            is |= item_is(n, TH_TYPE_STRING, &s->v[i], with_case);
        return is;
    case TH_TYPE_INTERVALS:
        for (uint32_t i = 0; i < t->n; i++)
            is |= item_is(n, TH_TYPE_INTERVAL, &t->v[i], with_case);
        return is;
    case TH_TYPE_ADDRS:
        for (uint32_t i = 0; i < a->n; i++)
            is |= item_is(n, TH_TYPE_ADDR, &a->v[i], with_case);
        return is;
    default: return item_is(n, type, at, with_case);
    }
}

static bool listed(const char *kind, const char *field, const char *const *list, size_t count)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%s", kind, field);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static bool name_means(
    const struct naive *n, const struct th_kind_info *k, const struct th_field_info *f)
{
    static const char *const hosts[] = {"dns.query", "http.host", "ssl.server_name", "x509.san.dns",
        "dhcp.host_name", "dhcp.client_fqdn", "ntlm.hostname", "ntlm.server_nb_computer_name",
        "ntlm.server_dns_computer_name", "rdp.client_name", "smtp.helo", "db.client_host",
        "log.host", "quic.server_name", "socks.request.name"};
    static const char *const users[] = {"http.username", "kerberos.client", "ntlm.username",
        "rdp.cookie", "smtp.mailfrom", "audit.user", "mysql.user", "postgresql.user", "redis.user",
        "db.user", "mqtt_connect.user", "log.user", "mail.sender", "ftp.user", "login.user",
        "snmp.user", "radius.username", "irc.nick", "irc.user", "socks.user"};
    char full[64];
    snprintf(full, sizeof(full), "%s.%s", k->name, f->zeek);
    if (strcmp(n->name, "host") == 0)
        return listed(k->name, f->zeek, hosts, TH_ARRAY_LEN(hosts));
    if (strcmp(n->name, "user") == 0)
        return listed(k->name, f->zeek, users, TH_ARRAY_LEN(users));
    if (strcmp(n->name, "ip") == 0)
        return f->type == TH_TYPE_ADDR || f->type == TH_TYPE_ADDRS;
    if (strcmp(n->name, "port") == 0)
        return f->type == TH_TYPE_PORT;
    if (strcmp(n->name, "mac") == 0)
        return f->type == TH_TYPE_MAC;
    return strcmp(n->name, f->zeek) == 0 || strcmp(n->name, full) == 0;
}

static enum truth truth_of(bool v)
{
    return v ? TRUE_OF_IT : FALSE_OF_IT;
}

static bool id_is(const struct naive *n, struct th_str id)
{
    return id.len && (n->op == OP_SET || text_is(n, id, true));
}

static enum truth term_truth(const struct naive *n, const struct naive_event *e)
{
    static const char *const with_case[] = {"uid", "uids", "fuid", "conn_uids", "orig_fuids",
        "resp_fuids", "cert_chain_fuids", "client_cert_chain_fuids", "tunnel_parents",
        "community_id", "id", "entity"};
    const struct th_event *h = &e->ev.h;
    const struct th_kind_info *k = th_kind_get(h->kind);
    bool known = false, is = false;
    bool metric = h->kind == TH_KIND_METRIC; /* it says itself whose it is */
    bool acted = metric ? TH_HAS(&e->ev.metric, METRIC, entity) &&
            (n->op == OP_SET || text_is(n, e->ev.metric.entity, true))
                        : id_is(n, e->entity);
    if (strcmp(n->name, "entity") == 0)
        return truth_of(acted);
    if (strcmp(n->name, "device") == 0)
        return truth_of(acted || id_is(n, e->peer));
    if (strcmp(n->name, "time") == 0)
        return truth_of(n->op == OP_SET || number_is(n, h->time_ns));
    if (strcmp(n->name, "kind") == 0)
        return truth_of(n->op == OP_SET || strcmp(n->glob, k->name) == 0);
    for (unsigned i = 0; i < k->field_count; i++) {
        const struct th_field_info *f = &k->fields[i];
        enum leaf leaf = leaf_of((enum th_type)f->type);
        bool fits = n->op == OP_SET || leaf == n->leaf || (leaf == LEAF_TEXT && n->op == OP_IS);
        if (!name_means(n, k, f) || !fits)
            continue;
        bool cased = false;
        for (size_t c = 0; c < TH_ARRAY_LEN(with_case); c++)
            cased |= strcmp(with_case[c], f->zeek) == 0;
        known = true;
        is |= (h->set >> i & 1) && value_is(n, (enum th_type)f->type, th_event_field(h, f), cased);
    }
    return known ? truth_of(is) : NOTHING;
}

static enum truth word_truth(const struct naive *n, const struct naive_event *e)
{
    const struct th_event *h = &e->ev.h;
    const struct th_kind_info *k = th_kind_get(h->kind);
    bool is = false;
    for (unsigned i = 0; i < k->field_count; i++) {
        const struct th_field_info *f = &k->fields[i];
        enum leaf leaf = leaf_of((enum th_type)f->type);
        if (h->set >> i & 1 && (leaf == LEAF_TEXT || leaf == n->leaf))
            is |= value_is(n, (enum th_type)f->type, th_event_field(h, f), false);
    }
    return truth_of(is);
}

enum truth naive_truth(const struct naive *n, const struct naive_event *e)
{
    enum truth a, b;
    switch (n->type) {
    case N_ALL: return TRUE_OF_IT;
    case N_WORD: return word_truth(n, e);
    case N_TERM: return term_truth(n, e);
    case N_NOT:
        a = naive_truth(n->a, e);
        return a == NOTHING ? NOTHING : truth_of(a == FALSE_OF_IT);
    case N_AND:
    case N_OR: break;
    }
    a = naive_truth(n->a, e);
    b = naive_truth(n->b, e);
    enum truth strong = n->type == N_OR ? TRUE_OF_IT : FALSE_OF_IT;
    if (a == strong || b == strong)
        return strong;
    return a == NOTHING || b == NOTHING ? NOTHING : a;
}

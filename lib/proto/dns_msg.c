/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_msg.h"

#include "base/addr.h"
#include "base/buf.h"
#include "base/time.h"

/* Jumps inside one name; each goes backwards, so this only bounds the work. */
#define MAX_JUMPS 32u
#define RR_HEAD_BYTES 11u /* a root owner and the fixed part: the shortest record */
#define TEXT_LIMIT 4096u  /* one answer as text */

struct reader {
    const uint8_t *msg;
    size_t len;
    bool netbios;
    struct th_arena *arena;
};

static bool put_label(struct th_dns_name *name, struct th_str label)
{
    size_t need = label.len + (name->len ? 1u : 0u);
    if (name->len + need > TH_DNS_NAME_MAX)
        return false;
    if (name->len)
        name->text[name->len++] = '.';
    for (uint32_t i = 0; i < label.len; i++)
        name->text[name->len++] = th_lower(label.p[i]);
    return true;
}

/* RFC 1035 4.1.4. The cursor moves behind the name as it stands in place. */
static void read_name(const struct reader *r, struct th_cur *c, struct th_dns_name *name)
{
    struct th_cur at = *c;
    bool jumped = false;
    size_t lowest = (size_t)(c->p - r->msg);
    name->len = 0;
    for (unsigned jumps = 0; !at.failed;) {
        uint8_t n = th_cur_u8(&at);
        if (n >= 0xc0) {
            size_t target = (size_t)(n & 0x3f) << 8 | th_cur_u8(&at);
            if (!jumped)
                *c = at;
            jumped = true;
            if (at.failed || target >= lowest || ++jumps > MAX_JUMPS)
                break;
            lowest = target;
            at = th_cur_init(r->msg, r->len);
            th_cur_skip(&at, target);
            continue;
        }
        if (n >= 0x40 || (n && !put_label(name, th_cur_bytes(&at, n))))
            break;
        if (n)
            continue;
        if (!at.failed) {
            if (!jumped)
                *c = at;
            if (!name->len)
                name->text[name->len++] = '.';
            return;
        }
    }
    th_cur_fail(c);
}

static struct th_str name_text(const struct reader *r, struct th_cur *c)
{
    struct th_dns_name name;
    read_name(r, c, &name);
    return c->failed ? th_str_c("") : th_arena_str(r->arena, th_str_n(name.text, name.len));
}

static struct th_str addr_text(const struct reader *r, struct th_cur *c, size_t n)
{
    char text[TH_ADDR_TEXT_LEN];
    struct th_str raw = th_cur_bytes(c, n);
    if (c->failed)
        return th_str_c("");
    struct th_addr a =
        n == 4 ? th_addr_v4((const uint8_t *)raw.p) : th_addr_v6((const uint8_t *)raw.p);
    return th_arena_str(r->arena, th_str_n(text, th_addr_format(&a, text)));
}

static struct th_str take(const struct reader *r, const struct th_buf *b)
{
    return th_arena_str(r->arena, th_buf_view(b));
}

/* Zeek: "TXT length string" for each string. */
static struct th_str strings_text(const struct reader *r, struct th_cur *c, const char *word)
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    while (th_cur_left(c)) {
        struct th_str s = th_cur_bytes(c, th_cur_u8(c));
        th_buf_printf(&b, "%s%s %u ", b.len ? " " : "", word, s.len);
        th_buf_str(&b, s);
    }
    return take(r, &b);
}

static struct th_str hinfo_text(const struct reader *r, struct th_cur *c)
{
    struct th_str cpu = th_cur_bytes(c, th_cur_u8(c));
    struct th_str os = th_cur_bytes(c, th_cur_u8(c));
    return th_arena_printf(r->arena, "HINFO %.*s %.*s", (int)cpu.len, cpu.p, (int)os.len, os.p);
}

static void svc_hints(struct th_buf *b, struct th_cur *c, size_t addr_len)
{
    for (bool first = true; th_cur_left(c) >= addr_len; first = false) {
        const uint8_t *raw = (const uint8_t *)th_cur_bytes(c, addr_len).p;
        struct th_addr a = addr_len == 4 ? th_addr_v4(raw) : th_addr_v6(raw);
        char text[TH_ADDR_TEXT_LEN];
        th_buf_puts(b, first ? "" : ",");
        th_buf_put(b, text, th_addr_format(&a, text));
    }
}

/* RFC 9460 2.2, in its presentation form; keys we do not print stay keyN. */
static void svc_param(struct th_buf *b, unsigned key, struct th_cur *c)
{
    bool first = true;
    switch (key) {
    case 1:
        th_buf_puts(b, " alpn=");
        for (; th_cur_left(c); first = false) {
            th_buf_puts(b, first ? "" : ",");
            th_buf_str(b, th_cur_bytes(c, th_cur_u8(c)));
        }
        break;
    case 2: th_buf_puts(b, " no-default-alpn"); break;
    case 3: th_buf_printf(b, " port=%u", th_cur_be16(c)); break;
    case 4:
        th_buf_puts(b, " ipv4hint=");
        svc_hints(b, c, 4);
        break;
    case 5: th_buf_puts(b, " ech"); break;
    case 6:
        th_buf_puts(b, " ipv6hint=");
        svc_hints(b, c, 16);
        break;
    default: th_buf_printf(b, " key%u", key); break;
    }
}

static struct th_str svcb_text(const struct reader *r, struct th_cur *c, const char *word)
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    struct th_dns_name target;
    th_buf_printf(&b, "%s %u ", word, th_cur_be16(c));
    read_name(r, c, &target);
    if (!c->failed)
        th_buf_put(&b, target.text, target.len);
    while (th_cur_left(c)) {
        unsigned key = th_cur_be16(c);
        struct th_cur value = th_cur_sub(c, th_cur_be16(c));
        if (!c->failed)
            svc_param(&b, key, &value);
    }
    return take(r, &b);
}

static struct th_str caa_text(const struct reader *r, struct th_cur *c)
{
    unsigned flags = th_cur_u8(c);
    struct th_str tag = th_cur_bytes(c, th_cur_u8(c));
    struct th_str value = th_cur_bytes(c, th_cur_left(c));
    return th_arena_printf(
        r->arena, "CAA %u %.*s %.*s", flags, (int)tag.len, tag.p, (int)value.len, value.p);
}

static struct th_str rrsig_text(const struct reader *r, struct th_cur *c)
{
    unsigned covered = th_cur_be16(c);
    th_cur_skip(c, 16);
    struct th_str signer = name_text(r, c);
    if (th_str_is(signer, "."))
        signer = th_str_c("<Root>");
    return th_arena_printf(r->arena, "RRSIG %u %.*s", covered, (int)signer.len, signer.p);
}

static struct th_str dnssec_text(const struct reader *r, struct th_cur *c, unsigned type)
{
    switch (type) {
    case 43: {
        th_cur_skip(c, 2);
        unsigned algorithm = th_cur_u8(c), digest = th_cur_u8(c);
        return th_arena_printf(r->arena, "DS %u %u", algorithm, digest);
    }
    case 46: return rrsig_text(r, c);
    case 47: {
        struct th_str next = name_text(r, c);
        return th_arena_printf(r->arena, "NSEC %.*s", (int)next.len, next.p);
    }
    case 48: th_cur_skip(c, 3); return th_arena_printf(r->arena, "DNSKEY %u", th_cur_u8(c));
    case 50: return th_str_c("NSEC3");
    default: return th_str_c("NSEC3PARAM");
    }
}

/* NetBIOS name service, RFC 1002 4.2.13: flags and address, repeated. */
static struct th_str nb_text(const struct reader *r, struct th_cur *c)
{
    TH_AUTOBUF struct th_buf b = {.limit = TEXT_LIMIT};
    while (th_cur_left(c) >= 6) {
        th_cur_skip(c, 2);
        struct th_str a = addr_text(r, c, 4);
        th_buf_puts(&b, b.len ? "," : "");
        th_buf_str(&b, a);
    }
    return take(r, &b);
}

/* RFC 1002 4.2.18: the names a node answers to. The one it has alone, of the workstation service
 * (suffix 0), is its own. */
static struct th_str nbstat_text(const struct reader *r, struct th_cur *c)
{
    for (unsigned n = th_cur_u8(c); n && !c->failed; n--) {
        struct th_str name = th_cur_bytes(c, 15);
        unsigned suffix = th_cur_u8(c);
        bool group = (th_cur_be16(c) & 0x8000) != 0;
        if (!c->failed && suffix == 0 && !group)
            return th_arena_str(r->arena, th_str_trim(name));
    }
    return th_str_c("");
}

static struct th_str srv_text(const struct reader *r, struct th_cur *c)
{
    th_cur_skip(c, 6);
    return name_text(r, c);
}

/* The answer as text; c holds its data alone, but names in it point into the whole message. */
static struct th_str rdata_text(const struct reader *r, struct th_cur *c, unsigned type)
{
    switch (type) {
    case 1: return addr_text(r, c, 4);
    case 28: return addr_text(r, c, 16);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: /* SOA: its primary server */
    case 7:
    case 8:
    case 9:
    case 12:
    case 39: return name_text(r, c);
    case 13: return hinfo_text(r, c);
    case 15:
    case 18:
    case 36: th_cur_skip(c, 2); return name_text(r, c);
    case 16: return strings_text(r, c, "TXT");
    case 99: return strings_text(r, c, "SPF");
    case 32: return nb_text(r, c);
    case 33: return r->netbios ? nbstat_text(r, c) : srv_text(r, c);
    case 43:
    case 46:
    case 47:
    case 48:
    case 50:
    case 51: return dnssec_text(r, c, type);
    case 64: return svcb_text(r, c, "SVCB");
    case 65: return svcb_text(r, c, "HTTPS");
    case 257: return caa_text(r, c);
    default: return th_arena_printf(r->arena, "<unknown type=%u>", type);
    }
}

static void read_answers(const struct reader *r, struct th_cur *c, struct th_dns_msg *ret)
{
    size_t max = TH_MIN((size_t)ret->counts[1], th_cur_left(c) / RR_HEAD_BYTES);
    max = TH_MIN(max, TH_DNS_MAX_ANSWERS);
    struct th_str *texts = th_arena_alloc(r->arena, max * sizeof(*texts));
    int64_t *ttls = th_arena_alloc(r->arena, max * sizeof(*ttls));
    uint32_t n = 0;
    for (size_t i = 0; i < max && texts && ttls; i++) {
        struct th_dns_name owner;
        read_name(r, c, &owner);
        uint16_t type = th_cur_be16(c), class = th_cur_be16(c);
        uint32_t ttl = th_cur_be32(c);
        struct th_cur data = th_cur_sub(c, th_cur_be16(c));
        if (c->failed)
            break;
        if (i == 0) {
            ret->owner = owner;
            ret->owner_type = type;
            ret->owner_class = class;
        }
        texts[n] = rdata_text(r, &data, type);
        if (data.failed && !texts[n].len)
            break;
        ttls[n++] = (int64_t)ttl * TH_NS_PER_S;
    }
    ret->answers = texts;
    ret->ttls_ns = ttls;
    ret->answer_count = n;
    ret->bad = n < ret->counts[1];
}

bool th_dns_parse(
    const uint8_t *p, size_t len, bool netbios, struct th_arena *arena, struct th_dns_msg *ret)
{
    const struct reader r = {.msg = p, .len = len, .netbios = netbios, .arena = arena};
    struct th_cur c = th_cur_init(p, len);
    ret->id = th_cur_be16(&c);
    ret->flags = th_cur_be16(&c);
    for (int i = 0; i < 4; i++)
        ret->counts[i] = th_cur_be16(&c);
    ret->has_question = false;
    ret->bad = false;
    ret->answers = NULL;
    ret->answer_count = 0;
    ret->qname.len = ret->owner.len = 0;
    if (c.failed)
        return false;
    for (unsigned i = 0; i < ret->counts[0] && !c.failed; i++) {
        struct th_dns_name name;
        read_name(&r, &c, &name);
        uint16_t qtype = th_cur_be16(&c), qclass = th_cur_be16(&c);
        if (i || c.failed)
            continue;
        ret->has_question = true;
        ret->qname = name;
        ret->qtype = qtype;
        ret->qclass = qclass;
    }
    if (c.failed) {
        ret->bad = true;
        return ret->has_question;
    }
    if (ret->counts[1])
        read_answers(&r, &c, ret);
    return ret->counts[0] || ret->answer_count || ret->flags & TH_DNS_QR;
}

bool th_dns_question(const uint8_t *p, size_t len, unsigned index, struct th_dns_msg *ret)
{
    const struct reader r = {.msg = p, .len = len};
    struct th_cur c = th_cur_init(p, len);
    th_cur_skip(&c, 4);
    unsigned count = th_cur_be16(&c);
    th_cur_skip(&c, 6);
    for (unsigned i = 0; i <= index && index < count && !c.failed; i++) {
        read_name(&r, &c, &ret->qname);
        ret->qtype = th_cur_be16(&c);
        ret->qclass = th_cur_be16(&c);
    }
    return index < count && !c.failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Search filters of LDAP (RFC 4511 4.5.1) as text. */
#include "base/buf.h"

#include "ldap_ops.h"

#define DEPTH_MAX 16u

enum {
    AND = 0xa0,
    OR = 0xa1,
    NOT = 0xa2,
    EQUAL = 0xa3,
    SUBSTRINGS = 0xa4,
    GREATER = 0xa5,
    LESS = 0xa6,
    PRESENT = 0x87,
    APPROX = 0xa8,
    EXTENSIBLE = 0xa9
};

/* Attributes whose values are of the schema and say nothing of a person. */
static bool is_plain(struct th_str attribute)
{
    static const char *const plain[] = {"objectClass", "objectCategory", "sAMAccountType",
        "userAccountControl", "groupType", "adminCount", "primaryGroupID", "systemFlags",
        "trustType", "trustDirection", "trustAttributes", "msDS-SupportedEncryptionTypes",
        "isDeleted", "NtVer", "schemaIDGUID"};
    for (size_t i = 0; i < TH_ARRAY_LEN(plain); i++)
        if (th_str_ieq(attribute, th_str_c(plain[i])))
            return true;
    return false;
}

/* Bytes that are not printable are written as RFC 4515 3 does. */
static void put_text(struct th_buf *b, struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        unsigned ch = (uint8_t)s.p[i];
        bool special = ch < 0x20 || ch > 0x7e || memchr("()*\\", (int)ch, 4);
        if (special)
            th_buf_printf(b, "\\%02x", ch);
        else
            th_buf_str(b, th_str_n(s.p + i, 1));
    }
}

static void put_value(struct th_buf *b, struct th_str attribute, struct th_str value)
{
    if (is_plain(attribute))
        put_text(b, value);
    else
        th_buf_puts(b, "?");
}

static void put_compared(struct th_buf *b, struct th_cur *body, const char *sign)
{
    struct th_cur name = th_der_expect(body, TH_DER_OCTET_STRING);
    struct th_cur value = th_der_expect(body, TH_DER_OCTET_STRING);
    struct th_str attribute = th_der_rest(&name);
    put_text(b, attribute);
    th_buf_puts(b, sign);
    put_value(b, attribute, th_der_rest(&value));
}

static void put_substrings(struct th_buf *b, struct th_cur *body)
{
    struct th_cur name = th_der_expect(body, TH_DER_OCTET_STRING);
    struct th_cur parts = th_der_expect(body, TH_DER_SEQUENCE);
    struct th_der d;
    bool ends = false;
    put_text(b, th_der_rest(&name));
    th_buf_puts(b, "=");
    while (th_der_next(&parts, &d)) {
        th_buf_puts(b, d.tag == 0x80 ? "?" : "*?");
        ends = d.tag == 0x82;
    }
    th_buf_puts(b, ends ? "" : "*");
}

/* The rules are numbers of bits (MS-ADTS 3.1.1.3.4.4): 1.2.840.113556.1.4.803 is "all of them". */
static void put_extensible(struct th_buf *b, struct th_cur *body)
{
    struct th_str rule = th_str_c(""), attribute = rule, value = rule;
    struct th_der d;
    while (th_der_next(body, &d)) {
        struct th_str text = th_der_rest(&d.body);
        if (d.tag == 0x81)
            rule = text;
        else if (d.tag == 0x82)
            attribute = text;
        else if (d.tag == 0x83)
            value = text;
    }
    put_text(b, attribute);
    th_buf_puts(b, ":");
    put_text(b, rule);
    th_buf_puts(b, ":=");
    put_value(b, attribute, value);
}

static void put_filter(struct th_buf *b, struct th_cur *c, unsigned depth)
{
    struct th_der d, inner;
    if (depth == DEPTH_MAX || !th_der_next(c, &d))
        return;
    th_buf_puts(b, "(");
    switch (d.tag) {
    case AND:
    case OR:
    case NOT:
        th_buf_puts(b, d.tag == AND ? "&" : d.tag == OR ? "|" : "!");
        while (th_cur_left(&d.body) && !d.body.failed && b->len < TH_TEXT_MAX) {
            if (depth + 1 == DEPTH_MAX && !th_der_next(&d.body, &inner))
                break;
            put_filter(b, &d.body, depth + 1);
        }
        break;
    case EQUAL: put_compared(b, &d.body, "="); break;
    case GREATER: put_compared(b, &d.body, ">="); break;
    case LESS: put_compared(b, &d.body, "<="); break;
    case APPROX: put_compared(b, &d.body, "~="); break;
    case SUBSTRINGS: put_substrings(b, &d.body); break;
    case PRESENT:
        put_text(b, th_der_rest(&d.body));
        th_buf_puts(b, "=*");
        break;
    case EXTENSIBLE: put_extensible(b, &d.body); break;
    default: th_buf_puts(b, "?"); break;
    }
    th_buf_puts(b, ")");
}

struct th_str th_ldap_filter(struct th_arena *a, struct th_cur body)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_filter(&b, &body, 0);
    struct th_str text = th_buf_view(&b);
    text.len = TH_MIN(text.len, TH_TEXT_MAX);
    return th_arena_str(a, text);
}

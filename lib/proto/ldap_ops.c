/* SPDX-License-Identifier: Apache-2.0 */
#include "ldap_ops.h"

#include "base/buf.h"

#define ATTRIBUTES_MAX 32u

static const struct th_named operations[] = {{TH_LDAP_BIND, "bind"}, {TH_LDAP_MODIFY, "modify"},
    {TH_LDAP_ADD, "add"}, {TH_LDAP_DELETE, "delete"}, {TH_LDAP_RENAME, "modify DN"},
    {TH_LDAP_COMPARE, "compare"}, {TH_LDAP_EXTENDED, "extended"}};

/* RFC 4511 4.1.9 */
static const struct th_named results[] = {{0, "success"}, {1, "operations error"},
    {2, "protocol error"}, {3, "time limit exceeded"}, {4, "size limit exceeded"},
    {5, "compare false"}, {6, "compare true"}, {7, "auth method not supported"},
    {8, "stronger auth required"}, {10, "referral"}, {11, "admin limit exceeded"},
    {12, "unavailable critical extension"}, {13, "confidentiality required"},
    {14, "SASL bind in progress"}, {16, "no such attribute"}, {17, "undefined attribute type"},
    {18, "inappropriate matching"}, {19, "constraint violation"}, {20, "attribute or value exists"},
    {21, "invalid attribute syntax"}, {32, "no such object"}, {33, "alias problem"},
    {34, "invalid DN syntax"}, {36, "alias dereferencing problem"},
    {48, "inappropriate authentication"}, {49, "invalid credentials"},
    {50, "insufficient access rights"}, {51, "busy"}, {52, "unavailable"},
    {53, "unwilling to perform"}, {54, "loop detect"}, {64, "naming violation"},
    {65, "object class violation"}, {66, "not allowed on non-leaf"}, {67, "not allowed on RDN"},
    {68, "entry already exists"}, {69, "object class mods prohibited"},
    {71, "affects multiple DSAs"}, {80, "other"}};

struct th_ldap_result th_ldap_result_read(struct th_cur body)
{
    struct th_cur code = th_der_expect(&body, TH_DER_ENUMERATED);
    struct th_ldap_result r = {.code = th_der_int(&code)};
    if (body.failed || code.failed)
        r.code = -1;
    th_der_expect(&body, TH_DER_OCTET_STRING); /* the part of a name that was found */
    struct th_cur text = th_der_expect(&body, TH_DER_OCTET_STRING);
    if (!body.failed)
        r.message = th_der_rest(&text);
    /* Servers quote names and values; some end it with a zero. */
    r.message = th_str_split(&r.message, '\0');
    r.message = th_str_split(&r.message, '\'');
    return r;
}

static struct th_str outcome(struct th_arena *a, int64_t code)
{
    return code < 0 ? th_str_c("") : TH_NUMBER_NAME(a, results, (uint32_t)code);
}

static struct th_strs split(struct th_arena *a, const struct th_text *t)
{
    struct th_str rest = th_text_get(t);
    struct th_str *v = th_arena_alloc(a, ATTRIBUTES_MAX * sizeof(*v));
    uint32_t n = 0;
    while (rest.len && n < ATTRIBUTES_MAX)
        v[n++] = th_str_split(&rest, ',');
    return (struct th_strs){.v = v, .n = n};
}

static void emit_search(struct th_ldap_ops *o, struct th_conn *c, const struct th_ldap_op *op,
    const struct th_ldap_result *r, int64_t time_ns)
{
    static const char *const scopes[] = {"base", "single", "tree"};
    static const char *const derefs[] = {"never", "in searching", "in finding base", "always"};
    struct th_arena *a = &c->pr->scratch;
    struct th_ev_ldap_search ev = {0};
    uint64_t key = th_repeat_key((uint64_t)(r ? r->code : -1) + 2, th_text_get(&op->object));
    key = th_repeat_key(key + op->scope, th_text_get(&op->argument));
    uint32_t due = th_repeat_due(c, &o->told, key, time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, LDAP_SEARCH, c, op->time_ns);
    TH_SET(&ev, LDAP_SEARCH, message_id, op->id);
    if (op->scope < TH_ARRAY_LEN(scopes))
        TH_SET(&ev, LDAP_SEARCH, scope, th_str_c(scopes[op->scope]));
    if (op->deref < TH_ARRAY_LEN(derefs))
        TH_SET(&ev, LDAP_SEARCH, deref_aliases, th_str_c(derefs[op->deref]));
    TH_SET_TEXT(&ev, LDAP_SEARCH, base_object, th_text_get(&op->object));
    TH_SET(&ev, LDAP_SEARCH, result_count, op->results);
    TH_SET_TEXT(&ev, LDAP_SEARCH, filter, th_text_get(&op->argument));
    if (op->attributes.len)
        TH_SET(&ev, LDAP_SEARCH, attributes, split(a, &op->attributes));
    if (r) {
        TH_SET_TEXT(&ev, LDAP_SEARCH, result, outcome(a, r->code));
        TH_SET_TEXT(&ev, LDAP_SEARCH, diagnostic_message, r->message);
    }
    TH_SET_REPEATS(&ev, LDAP_SEARCH, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, op->time_ns));
}

static void emit(struct th_ldap_ops *o, struct th_conn *c, const struct th_ldap_op *op,
    const struct th_ldap_result *r, int64_t time_ns)
{
    struct th_arena *a = &c->pr->scratch;
    struct th_ev_ldap ev = {0};
    if (op->tag == TH_LDAP_SEARCH) {
        emit_search(o, c, op, r, time_ns);
        return;
    }
    if (th_repeat_full(c, &o->told, time_ns))
        return;
    TH_CONN_ID(&ev, LDAP, c, op->time_ns);
    TH_SET(&ev, LDAP, message_id, op->id);
    if (op->version)
        TH_SET(&ev, LDAP, version, op->version);
    struct th_str name = TH_NUMBER_NAME(a, operations, op->tag);
    if (op->tag == TH_LDAP_BIND)
        name = th_str_c(op->argument.len ? "bind SASL" : "bind simple");
    TH_SET(&ev, LDAP, opcode, name);
    TH_SET_TEXT(&ev, LDAP, object, th_text_get(&op->object));
    TH_SET_TEXT(&ev, LDAP, argument, th_text_get(&op->argument));
    if (r) {
        TH_SET_TEXT(&ev, LDAP, result, outcome(a, r->code));
        TH_SET_TEXT(&ev, LDAP, diagnostic_message, r->message);
    }
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, op->time_ns));
}

static void add_name(struct th_buf *b, struct th_cur name)
{
    th_buf_puts(b, b->len ? "," : "");
    th_buf_str(b, th_der_rest(&name));
}

/* Names of a list's attributes: each alone (a search's), or first in a sequence with its values, or
 * of a change that has its kind before it. */
static void names(struct th_text *t, struct th_cur list, bool change)
{
    TH_AUTOBUF struct th_buf b = {.limit = 4u * TH_TEXT_MAX};
    struct th_der d;
    for (unsigned i = 0; i < ATTRIBUTES_MAX && th_der_next(&list, &d); i++) {
        struct th_cur in = d.body;
        if (change) {
            th_der_expect(&in, TH_DER_ENUMERATED);
            in = th_der_expect(&in, TH_DER_SEQUENCE);
        }
        add_name(&b, d.tag == TH_DER_OCTET_STRING ? in : th_der_expect(&in, TH_DER_OCTET_STRING));
    }
    th_text_set_field(t, th_buf_view(&b));
}

static void read_bind(struct th_ldap_op *op, struct th_cur body)
{
    struct th_cur version = th_der_expect(&body, TH_DER_INTEGER);
    int64_t v = th_der_int(&version);
    struct th_cur name = th_der_expect(&body, TH_DER_OCTET_STRING), sasl;
    op->version = v > 0 && v < 10 ? (uint32_t)v : 0;
    th_text_set_field(&op->object, th_der_rest(&name));
    if (th_der_optional(&body, TH_DER_CONTEXT(3), &sasl)) {
        struct th_cur mechanism = th_der_expect(&sasl, TH_DER_OCTET_STRING);
        th_text_set_field(&op->argument, th_der_rest(&mechanism));
    } else if (!body.failed && th_cur_left(&body) && th_cur_peek(&body, 0) != 0x80) {
        th_text_set_field(&op->argument, th_str_c("NTLM")); /* MS-ADTS 5.1.1.1.3, "Sicily" */
    }
}

static void read_search(struct th_arena *a, struct th_ldap_op *op, struct th_cur body)
{
    struct th_cur base = th_der_expect(&body, TH_DER_OCTET_STRING);
    struct th_cur scope = th_der_expect(&body, TH_DER_ENUMERATED);
    struct th_cur deref = th_der_expect(&body, TH_DER_ENUMERATED);
    th_text_set_field(&op->object, th_der_rest(&base));
    op->scope = th_cur_u8(&scope);
    op->deref = th_cur_u8(&deref);
    th_der_expect(&body, TH_DER_INTEGER);
    th_der_expect(&body, TH_DER_INTEGER);
    th_der_expect(&body, TH_DER_BOOLEAN);
    struct th_der filter;
    if (body.failed || !th_der_next(&body, &filter))
        return;
    struct th_cur at = th_cur_init(filter.raw.p, filter.raw.len);
    th_text_set_field(&op->argument, th_ldap_filter(a, at));
    names(&op->attributes, th_der_expect(&body, TH_DER_SEQUENCE), false);
}

static void read_request(struct th_arena *a, struct th_ldap_op *op, struct th_cur body)
{
    switch (op->tag) {
    case TH_LDAP_BIND: read_bind(op, body); return;
    case TH_LDAP_SEARCH: read_search(a, op, body); return;
    case TH_LDAP_DELETE: th_text_set_field(&op->object, th_der_rest(&body)); return;
    case TH_LDAP_EXTENDED: {
        struct th_cur oid;
        if (th_der_optional(&body, 0x80, &oid))
            th_text_set_field(&op->object, th_der_rest(&oid));
        return;
    }
    default: break;
    }
    struct th_cur name = th_der_expect(&body, TH_DER_OCTET_STRING);
    th_text_set_field(&op->object, th_der_rest(&name));
    if (op->tag == TH_LDAP_RENAME) {
        struct th_cur to = th_der_expect(&body, TH_DER_OCTET_STRING);
        th_text_set_field(&op->argument, th_der_rest(&to));
    } else {
        /* A compare has one sequence of attribute and value, the others a list of sequences. */
        struct th_cur list = op->tag == TH_LDAP_COMPARE ? body : th_der_expect(&body, 0x30);
        names(&op->argument, list, op->tag == TH_LDAP_MODIFY);
    }
}

void th_ldap_request(struct th_ldap_ops *o, struct th_conn *c, unsigned tag, int64_t id,
    struct th_cur body, int64_t time_ns)
{
    if (!o->pending)
        o->pending = th_xcalloc(TH_LDAP_PENDING_MAX, sizeof(*o->pending));
    if (o->count == TH_LDAP_PENDING_MAX) {
        emit(o, c, &o->pending[0], NULL, time_ns);
        memmove(o->pending, o->pending + 1, --o->count * sizeof(*o->pending));
    }
    struct th_ldap_op *op = &o->pending[o->count++];
    *op = (struct th_ldap_op){.tag = (uint8_t)tag, .id = (int32_t)id, .time_ns = time_ns};
    read_request(&c->pr->scratch, op, body);
}

void th_ldap_answer(struct th_ldap_ops *o, struct th_conn *c, unsigned tag, int64_t id,
    struct th_cur body, int64_t time_ns)
{
    for (uint32_t i = 0; i < o->count; i++) {
        struct th_ldap_op *op = &o->pending[i];
        if (op->id != id)
            continue;
        if (tag == TH_LDAP_ENTRY || tag == TH_LDAP_REFERENCE) {
            op->results++;
            return;
        }
        struct th_ldap_result r = th_ldap_result_read(body);
        emit(o, c, op, &r, time_ns);
        memmove(op, op + 1, (--o->count - i) * sizeof(*op));
        return;
    }
}

void th_ldap_ops_done(struct th_ldap_ops *o, struct th_conn *c)
{
    for (uint32_t i = 0; i < o->count; i++)
        emit(o, c, &o->pending[i], NULL, o->pending[i].time_ns);
    free(o->pending);
}

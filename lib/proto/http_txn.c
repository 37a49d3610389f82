/* SPDX-License-Identifier: Apache-2.0 */
#include "http_txn.h"

#include "doh.h"
#include "lines.h"
#include "mask.h"

#define BLOCK_FIRST_BYTES 56u

/* RFC 9110, WebDAV (RFC 4918), UPnP, and what Windows and its services use. */
static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT",
    "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH",
    "REPORT", "MERGE", "CHECKOUT", "MKACTIVITY", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH",
    "RPC_IN_DATA", "RPC_OUT_DATA", "BITS_POST", "CCM_POST", "SOURCE"};

uint32_t th_http_method_len(struct th_str s)
{
    for (size_t i = 0; s.len && i < TH_ARRAY_LEN(methods); i++) {
        if (s.p[0] != methods[i][0])
            continue;
        uint32_t n = (uint32_t)strlen(methods[i]);
        if (s.len > n && s.p[n] == ' ' && memcmp(s.p, methods[i], n) == 0)
            return n;
    }
    return 0;
}

struct th_http_txn *th_http_txn_new(int64_t time_ns, uint32_t depth)
{
    struct th_http_txn *t = th_xcalloc(1, sizeof(*t));
    t->time_ns = t->last_ns = time_ns;
    t->depth = depth;
    return t;
}

const struct th_http_message *th_http_told(const struct th_http_txn *t, int side)
{
    static const struct th_http_message nothing;
    return t->message[side] ? t->message[side] : &nothing;
}

struct th_http_message *th_http_message(struct th_http_txn *t, int side)
{
    if (!t->message[side])
        t->message[side] = th_xcalloc(1, sizeof(*t->message[side]));
    return t->message[side];
}

void th_http_forget_framing(struct th_http_txn *t, int side)
{
    struct th_http_message *m = t->message[side];
    if (!m)
        return;
    struct th_http_message kept = {
        .token = m->token, .info = m->info, .info_reason = m->info_reason};
    th_buf_done(&m->dns_body);
    *m = kept;
}

/* Twice as large each time; 8 less than a multiple of 16 is what malloc wastes nothing of. */
static void make_room(struct th_http_txn *t, uint32_t len)
{
    uint32_t cap = t->block_cap ? t->block_cap : BLOCK_FIRST_BYTES;
    while (cap < len)
        cap = cap * 2 + 8;
    if (cap == t->block_cap)
        return;
    t->block = th_xrealloc(t->block, cap);
    t->block_cap = (uint16_t)cap;
}

struct th_http_text th_http_keep(struct th_http_txn *t, struct th_str s)
{
    struct th_http_text x = {.at = t->block_len, .len = (uint16_t)s.len};
    if (s.len > TH_HTTP_TEXT_MAX - t->block_len)
        return (struct th_http_text){0};
    if (!s.len)
        return x;
    make_room(t, t->block_len + s.len);
    memcpy(t->block + t->block_len, s.p, s.len);
    t->block_len = (uint16_t)(t->block_len + s.len);
    return x;
}

struct th_http_text th_http_keep_uri(struct th_http_txn *t, struct th_str s)
{
    struct th_http_text x = th_http_keep(t, s);
    if (x.len)
        x.len = (uint16_t)th_mask_uri(t->block + x.at, x.len);
    return x;
}

struct th_str th_http_get(const struct th_http_txn *t, struct th_http_text x)
{
    return x.len ? th_str_n(t->block + x.at, x.len) : th_str_c("");
}

/* Without "HTTP/": "1.1". */
static bool version_of(struct th_str word, struct th_str *ret)
{
    if (word.len < 8 || !th_str_starts(word, "HTTP/") || word.p[6] != '.')
        return false;
    *ret = th_str_n(word.p + 5, 3);
    return true;
}

bool th_http_request_line(struct th_http_txn *t, struct th_str line)
{
    uint32_t n = th_http_method_len(line);
    if (!n)
        return false;
    struct th_str target = th_str_trim(th_str_n(line.p + n, line.len - n));
    struct th_str version = th_str_c("");
    for (uint32_t i = target.len; i > 0; i--) {
        if (target.p[i - 1] != ' ')
            continue;
        if (version_of(th_str_n(target.p + i, target.len - i), &version))
            target = th_str_trim(th_str_n(target.p, i));
        break;
    }
    t->has_request = true;
    t->method = th_http_keep(t, th_str_n(line.p, n));
    t->uri = th_http_keep_uri(t, target);
    t->version = th_http_keep(t, version);
    return true;
}

bool th_http_status_line(
    struct th_str line, struct th_str *ret_version, unsigned *ret_status, struct th_str *ret_reason)
{
    struct th_str rest = line;
    struct th_str word = th_str_split(&rest, ' ');
    struct th_str code = th_str_split(&rest, ' ');
    uint64_t status;
    if (!version_of(word, ret_version) || !th_str_u64(code, &status) || status > 999)
        return false;
    *ret_status = (unsigned)status;
    *ret_reason = th_str_trim(rest);
    return true;
}

static bool has_word(struct th_str value, const char *word)
{
    struct th_str rest = value;
    while (rest.len)
        if (th_str_ieq(th_str_trim(th_str_split(&rest, ',')), th_str_c(word)))
            return true;
    return false;
}

static bool framing_header(struct th_http_txn *t, int side, struct th_str name, struct th_str value)
{
    uint64_t n;
    if (th_str_ieq(name, th_str_c("content-length"))) {
        if (th_str_u64(value, &n)) {
            struct th_http_message *m = th_http_message(t, side);
            m->has_length = true;
            m->length = n;
        }
    } else if (th_str_ieq(name, th_str_c("transfer-encoding"))) {
        struct th_http_message *m = th_http_message(t, side);
        m->chunked = m->chunked || has_word(value, "chunked");
    } else if (th_str_ieq(name, th_str_c("content-encoding"))) {
        th_http_message(t, side)->encoded = !th_str_ieq(value, th_str_c("identity"));
    } else if (th_str_ieq(name, th_str_c("content-disposition"))) {
        th_http_message(t, side)->filename = th_http_keep(t, th_line_parameter(value, "filename"));
    } else if (th_str_ieq(name, th_str_c("upgrade"))) {
        struct th_http_message *m = th_http_message(t, side);
        m->to_http2 = has_word(value, "h2c");
        m->to_websocket = has_word(value, "websocket");
    } else if (th_str_ieq(name, th_str_c("content-type"))) {
        struct th_http_message *f = th_http_message(t, side);
        struct th_str v;
        f->form = th_line_after(value, "application/x-www-form-urlencoded", &v);
        f->json = th_line_after(value, "application/json", &v);
        f->dns = th_str_ieq(value, th_str_c("application/dns-message"));
        f->type = th_http_keep(t, value);
    } else {
        return false;
    }
    return true;
}

static const char *const proxy_headers[] = {"forwarded", "x-forwarded-for", "x-forwarded-from",
    "client-ip", "via", "xroxy-connection", "proxy-connection"};

static void proxy_header(struct th_http_txn *t, struct th_str name, struct th_str value)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(proxy_headers); i++) {
        if (!th_str_ieq(name, th_str_c(proxy_headers[i])))
            continue;
        struct th_http_message *m = th_http_message(t, 0);
        if (m->proxied_count == TH_HTTP_PROXIED_MAX)
            return;
        /* Zeek's form: NAME -> value */
        TH_AUTOBUF struct th_buf b = {.limit = TH_HTTP_TEXT_MAX};
        for (uint32_t k = 0; k < name.len; k++) {
            char ch = th_lower(name.p[k]);
            th_buf_u8(&b, (uint8_t)(ch >= 'a' && ch <= 'z' ? ch - 32 : ch));
        }
        th_buf_puts(&b, " -> ");
        th_buf_str(&b, value);
        struct th_http_text x = th_http_keep(t, th_buf_view(&b));
        if (x.len)
            m->proxied[m->proxied_count++] = x;
        return;
    }
}

void th_http_field(struct th_http_txn *t, int side, struct th_str name, struct th_str value)
{
    if (framing_header(t, side, name, value))
        return;
    if (side == 1) {
        if (th_str_ieq(name, th_str_c("www-authenticate")) ||
            th_str_ieq(name, th_str_c("proxy-authenticate")))
            th_http_challenge(t, value);
        return;
    }
    if (th_str_ieq(name, th_str_c("host")))
        t->host = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("user-agent")))
        t->user_agent = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("referer")))
        t->referrer = th_http_keep_uri(t, value);
    else if (th_str_ieq(name, th_str_c("origin")))
        th_http_message(t, 0)->origin = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("authorization")) ||
        th_str_ieq(name, th_str_c("proxy-authorization")))
        th_http_authorization(t, value);
    else
        proxy_header(t, name, value);
}

void th_http_header(struct th_http_txn *t, int side, struct th_str line)
{
    struct th_str value = line;
    struct th_str name = th_str_split(&value, ':');
    if (name.len && name.len != line.len && line.p[0] != ' ' && line.p[0] != '\t')
        th_http_field(t, side, name, th_str_trim(value));
}

/* Zeek leaves the port out of the host. */
static struct th_str host_name(struct th_str host)
{
    int64_t bracket = th_str_index(host, ']');
    if (host.len && host.p[0] == '[' && bracket > 0)
        return th_str_n(host.p + 1, (size_t)bracket - 1);
    int64_t colon = th_str_index(host, ':');
    return colon > 0 ? th_str_n(host.p, (size_t)colon) : host;
}

static void set_request(struct th_ev_http *ev, struct th_conn *c, const struct th_http_txn *t)
{
    const struct th_http_message *m = th_http_told(t, 0);
    TH_SET_TEXT(ev, HTTP, method, th_http_get(t, t->method));
    TH_SET_TEXT(ev, HTTP, host, host_name(th_http_get(t, t->host)));
    TH_SET_TEXT(ev, HTTP, uri, th_http_get(t, t->uri));
    TH_SET_TEXT(ev, HTTP, referrer, th_http_get(t, t->referrer));
    TH_SET_TEXT(ev, HTTP, version, th_http_get(t, t->version));
    TH_SET_TEXT(ev, HTTP, user_agent, th_http_get(t, t->user_agent));
    TH_SET_TEXT(ev, HTTP, origin, th_http_get(t, m->origin));
    TH_SET_TEXT(ev, HTTP, username, th_http_get(t, m->username));
    struct th_str *list =
        m->proxied_count ? th_arena_alloc(&c->pr->scratch, m->proxied_count * sizeof(*list)) : NULL;
    for (unsigned i = 0; list && i < m->proxied_count; i++)
        list[i] = th_http_get(t, m->proxied[i]);
    if (list)
        TH_SET(ev, HTTP, proxied, (struct th_strs){list, m->proxied_count});
}

static struct th_file *begin_file(
    struct th_conn *c, struct th_http_txn *t, int side, const struct th_chunk *ch)
{
    struct th_http_message *m = th_http_message(t, side);
    struct th_file *file = th_file_new(c, TH_SVC_HTTP, ch->dir, ch->time_ns, 0);
    if (m->has_length && !m->chunked)
        th_file_expect(file, m->length);
    if (m->encoded)
        th_file_encoded(file);
    if (!side && (m->form || m->json))
        th_file_private(file);
    th_file_set_name(file, th_http_get(t, m->filename));
    memcpy(m->fuid, th_file_uid(file), TH_FUID_LEN);
    return file;
}

void th_http_body(struct th_conn *c, struct th_http_txn *t, int side, struct th_file **file,
    const struct th_chunk *ch, struct th_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    if (!*file) {
        *file = begin_file(c, t, side, ch);
        if (!side)
            th_http_form(t, bytes);
    }
    th_file_data(*file, ch->time_ns, p, bytes.len);
    struct th_http_message *m = th_http_message(t, side);
    m->mime = th_file_mime(*file);
    m->body_len += bytes.len;
    th_doh_body(t, side, p, bytes.len);
    if (side)
        t->last_ns = TH_MAX(t->last_ns, ch->time_ns);
}

size_t th_http_txn_held(const struct th_http_txn *t)
{
    size_t n = sizeof(*t) + t->block_cap;
    for (int i = 0; i < 2; i++)
        n += t->message[i] ? sizeof(*t->message[i]) + t->message[i]->dns_body.cap : 0;
    return n;
}

static bool is_program(struct th_str mime)
{
    static const char *const programs[] = {"application/x-dosexec", "application/x-executable",
        "application/x-mach-o-executable", "application/x-ms-shortcut", "text/x-shellscript"};
    for (size_t i = 0; i < TH_ARRAY_LEN(programs); i++)
        if (th_str_is(mime, programs[i]))
            return true;
    return false;
}

/* A program that says it is something to look at, or pictures and sound that are none. */
static bool mismatch(struct th_str said, struct th_str mime)
{
    static const char *const shown[] = {
        "image/", "audio/", "video/", "text/", "font/", "application/pdf", "application/json"};
    struct th_str v;
    if (!mime.len || th_str_ieq(said, mime))
        return false;
    for (size_t i = 0; i < TH_ARRAY_LEN(shown); i++)
        if (th_line_after(said, shown[i], &v))
            return is_program(mime) || (i < 3 && !th_str_starts(mime, shown[i]));
    return false;
}

void th_http_emit(struct th_conn *c, const struct th_http_txn *t)
{
    struct th_ev_http ev = {0};
    const struct th_http_message *m[2] = {th_http_told(t, 0), th_http_told(t, 1)};
    struct th_str fuid[2], mime[2], filename = th_http_get(t, m[1]->filename);
    TH_CONN_ID(&ev, HTTP, c, t->time_ns);
    TH_SET(&ev, HTTP, trans_depth, t->depth);
    set_request(&ev, c, t);
    TH_SET(&ev, HTTP, request_body_len, m[0]->body_len);
    TH_SET(&ev, HTTP, response_body_len, m[1]->body_len);
    if (t->has_response) {
        TH_SET(&ev, HTTP, status_code, t->status);
        TH_SET_TEXT(&ev, HTTP, status_msg, th_http_get(t, m[1]->reason));
    }
    if (m[1]->info) {
        TH_SET(&ev, HTTP, info_code, m[1]->info);
        TH_SET_TEXT(&ev, HTTP, info_msg, th_http_get(t, m[1]->info_reason));
    }
    for (int i = 0; i < 2; i++) {
        fuid[i] = th_str_c(m[i]->fuid);
        mime[i] = th_str_c(m[i]->mime ? m[i]->mime : "");
    }
    if (fuid[0].len)
        TH_SET(&ev, HTTP, orig_fuids, (struct th_strs){&fuid[0], 1});
    if (mime[0].len)
        TH_SET(&ev, HTTP, orig_mime_types, (struct th_strs){&mime[0], 1});
    if (fuid[1].len)
        TH_SET(&ev, HTTP, resp_fuids, (struct th_strs){&fuid[1], 1});
    if (fuid[1].len && filename.len)
        TH_SET(&ev, HTTP, resp_filenames, (struct th_strs){&filename, 1});
    if (mime[1].len)
        TH_SET(&ev, HTTP, resp_mime_types, (struct th_strs){&mime[1], 1});
    struct th_str type = th_http_get(t, m[1]->type);
    type = th_str_trim(th_str_split(&type, ';'));
    TH_SET_TEXT(&ev, HTTP, resp_content_type, type);
    if (mismatch(type, mime[1]))
        TH_SET(&ev, HTTP, mime_mismatch, true);
    th_proto_emit(c->pr, &ev.h, TH_MAX(t->last_ns, t->time_ns));
    th_doh_emit(c, t);
}

void th_http_txn_free(struct th_http_txn *t)
{
    if (!t)
        return;
    for (int i = 0; i < 2; i++) {
        if (t->message[i])
            th_buf_done(&t->message[i]->dns_body);
        free(t->message[i]);
    }
    free(t->block);
    free(t);
}

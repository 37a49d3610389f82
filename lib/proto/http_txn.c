/* SPDX-License-Identifier: Apache-2.0 */
#include "http_txn.h"

#include "login.h"

#define USERNAME_MAX 128u

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

struct th_http_text th_http_keep(struct th_http_txn *t, struct th_str s)
{
    struct th_http_text x = {.at = (uint32_t)t->block.len, .len = s.len};
    if (s.len > TH_HTTP_TEXT_MAX - TH_MIN(x.at, TH_HTTP_TEXT_MAX))
        return (struct th_http_text){0};
    th_buf_str(&t->block, s);
    return x;
}

struct th_str th_http_get(const struct th_http_txn *t, struct th_http_text x)
{
    return x.len ? th_str_n(t->block.p + x.at, x.len) : th_str_c("");
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
    t->uri = th_http_keep(t, target);
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

/* RFC 7617: decodes up to the colon and no further, so that the password never exists here. */
static void basic_user(struct th_http_txn *t, struct th_str encoded)
{
    char user[USERNAME_MAX];
    uint32_t n = th_base64_until(encoded, ':', 0, false, user, sizeof(user));
    t->basic = true;
    t->username = th_http_keep(t, th_str_n(user, n));
}

static void authorization(struct th_http_txn *t, struct th_str value)
{
    struct th_str rest = value;
    if (th_str_ieq(th_str_split(&rest, ' '), th_str_c("basic")))
        basic_user(t, th_str_trim(rest));
}

/* The text behind "name=" of a header with parameters, unquoted. */
static struct th_str parameter(struct th_str value, const char *name)
{
    struct th_str rest = value;
    while (rest.len) {
        struct th_str part = th_str_trim(th_str_split(&rest, ';'));
        struct th_str text = part;
        struct th_str key = th_str_trim(th_str_split(&text, '='));
        if (key.len == part.len || !th_str_ieq(key, th_str_c(name)))
            continue;
        text = th_str_trim(text);
        if (text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
            text = th_str_n(text.p + 1, text.len - 2);
        return text;
    }
    return th_str_c("");
}

static void content_range(struct th_http_framing *f, struct th_str value)
{
    struct th_str rest = value;
    th_str_split(&rest, '/');
    uint64_t total;
    if (th_str_u64(rest, &total))
        f->range_total = total;
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
    struct th_http_framing *f = &t->framing[side];
    uint64_t n;
    if (th_str_ieq(name, th_str_c("content-length"))) {
        if (th_str_u64(value, &n)) {
            f->has_length = true;
            f->length = n;
        }
    } else if (th_str_ieq(name, th_str_c("transfer-encoding"))) {
        f->chunked = f->chunked || has_word(value, "chunked");
    } else if (th_str_ieq(name, th_str_c("content-encoding"))) {
        f->encoded = !th_str_ieq(value, th_str_c("identity"));
    } else if (th_str_ieq(name, th_str_c("content-range"))) {
        content_range(f, value);
    } else if (th_str_ieq(name, th_str_c("content-disposition"))) {
        f->filename = th_http_keep(t, parameter(value, "filename"));
    } else if (th_str_ieq(name, th_str_c("connection"))) {
        f->close = has_word(value, "close");
    } else if (th_str_ieq(name, th_str_c("upgrade"))) {
        f->to_http2 = has_word(value, "h2c");
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
        if (t->proxied_count == TH_HTTP_PROXIED_MAX)
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
            t->proxied[t->proxied_count++] = x;
        return;
    }
}

void th_http_field(struct th_http_txn *t, int side, struct th_str name, struct th_str value)
{
    if (framing_header(t, side, name, value) || side == 1)
        return;
    if (th_str_ieq(name, th_str_c("host")))
        t->host = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("user-agent")))
        t->user_agent = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("referer")))
        t->referrer = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("origin")))
        t->origin = th_http_keep(t, value);
    else if (th_str_ieq(name, th_str_c("authorization")) ||
        th_str_ieq(name, th_str_c("proxy-authorization")))
        authorization(t, value);
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
    TH_SET_TEXT(ev, HTTP, method, th_http_get(t, t->method));
    TH_SET_TEXT(ev, HTTP, host, host_name(th_http_get(t, t->host)));
    TH_SET_TEXT(ev, HTTP, uri, th_http_get(t, t->uri));
    TH_SET_TEXT(ev, HTTP, referrer, th_http_get(t, t->referrer));
    TH_SET_TEXT(ev, HTTP, version, th_http_get(t, t->version));
    TH_SET_TEXT(ev, HTTP, user_agent, th_http_get(t, t->user_agent));
    TH_SET_TEXT(ev, HTTP, origin, th_http_get(t, t->origin));
    TH_SET_TEXT(ev, HTTP, username, th_http_get(t, t->username));
    struct th_str *list =
        t->proxied_count ? th_arena_alloc(&c->pr->scratch, t->proxied_count * sizeof(*list)) : NULL;
    for (unsigned i = 0; list && i < t->proxied_count; i++)
        list[i] = th_http_get(t, t->proxied[i]);
    if (list)
        TH_SET(ev, HTTP, proxied, (struct th_strs){list, t->proxied_count});
}

void th_http_emit(struct th_conn *c, const struct th_http_txn *t)
{
    struct th_ev_http ev = {0};
    struct th_str fuid[2], mime[2], filename = th_http_get(t, t->framing[1].filename);
    TH_CONN_ID(&ev, HTTP, c, t->time_ns);
    TH_SET(&ev, HTTP, trans_depth, t->depth);
    set_request(&ev, c, t);
    TH_SET(&ev, HTTP, request_body_len, t->body_len[0]);
    TH_SET(&ev, HTTP, response_body_len, t->body_len[1]);
    if (t->has_response) {
        TH_SET(&ev, HTTP, status_code, t->status);
        TH_SET_TEXT(&ev, HTTP, status_msg, th_http_get(t, t->reason));
    }
    if (t->info) {
        TH_SET(&ev, HTTP, info_code, t->info);
        TH_SET_TEXT(&ev, HTTP, info_msg, th_http_get(t, t->info_reason));
    }
    for (int i = 0; i < 2; i++) {
        fuid[i] = th_str_c(t->fuid[i]);
        mime[i] = th_str_c(t->mime[i] ? t->mime[i] : "");
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
    th_proto_emit(c->pr, &ev.h, TH_MAX(t->last_ns, t->time_ns));
}

void th_http_login(struct th_conn *c, const struct th_http_txn *t)
{
    struct th_login l = {0};
    th_login_begin(&l, th_str_c("BASIC"), true, t->time_ns);
    th_text_set(&l.user, th_http_get(t, t->username));
    bool refused = t->status == 401 || t->status == 407;
    th_login_end(c, &l, TH_SVC_HTTP,
        !t->has_response ? TH_LOGIN_UNKNOWN
            : refused    ? TH_LOGIN_FAILED
                         : TH_LOGIN_OK,
        t->last_ns);
}

void th_http_txn_free(struct th_http_txn *t)
{
    if (t)
        th_buf_done(&t->block);
    free(t);
}

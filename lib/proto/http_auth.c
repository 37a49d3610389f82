/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who logs in over HTTP: the schemes of Authorization (RFC 7617, RFC 7616, RFC 6750), forms with a
 * password in them, and NTLM (MS-NTHT) inside of NTLM and Negotiate. A password or token is looked
 * for and never copied.
 */
#include "http_txn.h"

#include "lines.h"
#include "login.h"
#include "ntlm.h"

#define USERNAME_MAX 128u
#define TOKEN_MAX_BYTES 2048u /* of a decoded NTLM message */
#define FORM_FIELDS_MAX 64u

static void login(struct th_http_txn *t, const char *method, bool clear, struct th_str user)
{
    struct th_http_message *m = th_http_message(t, 0);
    m->login = method;
    m->login_clear = clear;
    m->username = th_http_keep(t, user);
}

/* RFC 7617: decodes up to the colon and no further, so that the password never exists here. */
static void basic(struct th_http_txn *t, struct th_str encoded)
{
    char user[USERNAME_MAX];
    uint32_t n = th_base64_until(encoded, ':', 0, false, user, sizeof(user));
    login(t, "BASIC", true, th_str_n(user, n));
}

/* "username="anna", realm=..."; a name with a comma in it ends there. */
static void digest(struct th_http_txn *t, struct th_str rest)
{
    struct th_str user = th_str_c(""), v;
    while (rest.len) {
        struct th_str part = th_str_trim(th_str_split(&rest, ','));
        if (!th_line_after(part, "username=", &v))
            continue;
        if (v.len && v.p[0] == '"')
            v = th_str_n(v.p + 1, v.len - 1);
        user = th_str_split(&v, '"');
        break;
    }
    login(t, "DIGEST", false, user);
}

static bool carries_ntlm(struct th_str scheme)
{
    return th_str_ieq(scheme, th_str_c("ntlm")) || th_str_ieq(scheme, th_str_c("negotiate"));
}

void th_http_authorization(struct th_http_txn *t, struct th_str value)
{
    struct th_str rest = value, scheme = th_str_split(&rest, ' ');
    rest = th_str_trim(rest);
    if (th_str_ieq(scheme, th_str_c("basic")))
        basic(t, rest);
    else if (th_str_ieq(scheme, th_str_c("digest")))
        digest(t, rest);
    else if (th_str_ieq(scheme, th_str_c("bearer")))
        login(t, "BEARER", true, th_str_c(""));
    else if (carries_ntlm(scheme))
        th_http_message(t, 0)->token = th_http_keep(t, rest);
}

void th_http_challenge(struct th_http_txn *t, struct th_str value)
{
    struct th_str rest = value, scheme = th_str_split(&rest, ' ');
    if (carries_ntlm(scheme) && rest.len)
        th_http_message(t, 1)->token = th_http_keep(t, th_str_trim(rest));
}

static bool is_one_of(struct th_str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (th_str_ieq(name, th_str_c(names[i])))
            return true;
    return false;
}

/* %40 and + as they are meant. */
static struct th_str decoded(struct th_str s, char out[USERNAME_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.len && n < USERNAME_MAX; i++) {
        char hex[3] = {0};
        char ch = s.p[i] == '+' ? ' ' : s.p[i];
        if (ch == '%' && i + 2 < s.len) {
            memcpy(hex, s.p + i + 1, 2);
            ch = (char)strtoul(hex, NULL, 16);
            i += 2;
        }
        out[n++] = ch;
    }
    return th_str_n(out, n);
}

void th_http_form(struct th_http_txn *t, struct th_str body)
{
    static const char *const passwords[] = {"password", "passwd", "pass", "pwd", "pw", "passwort",
        "j_password", "user_pass", "userpass", "login_password", "secretkey"};
    static const char *const users[] = {"username", "user", "login", "log", "email", "name", "uid",
        "userid", "user_login", "j_username", "account"};
    struct th_str user = th_str_c("");
    char text[USERNAME_MAX];
    bool found = false;
    if (!th_http_told(t, 0)->form || th_http_told(t, 0)->login)
        return;
    for (unsigned i = 0; body.len && i < FORM_FIELDS_MAX; i++) {
        struct th_str value = th_str_split(&body, '&'), name = th_str_split(&value, '=');
        if (!user.len && is_one_of(name, users, TH_ARRAY_LEN(users)))
            user = value;
        found = found || (value.len && is_one_of(name, passwords, TH_ARRAY_LEN(passwords)));
    }
    if (found)
        login(t, "FORM", true, decoded(user, text));
}

static void look(struct th_ntlm **n, struct th_conn *c, const struct th_http_txn *t, int side)
{
    struct th_str encoded = th_http_get(t, th_http_told(t, side)->token);
    char *raw = encoded.len ? th_arena_alloc(&c->pr->scratch, TOKEN_MAX_BYTES) : NULL;
    if (!raw)
        return;
    uint32_t len = th_base64(encoded, raw, TOKEN_MAX_BYTES);
    th_ntlm_look(n, c, side ? t->last_ns : t->time_ns, (const uint8_t *)raw, len);
}

void th_http_ntlm(struct th_ntlm **n, struct th_conn *c, const struct th_http_txn *t)
{
    look(n, c, t, 0);
    if (th_ntlm_pending(*n) && t->has_response)
        th_ntlm_outcome(*n, c, t->last_ns, !th_http_refused(t));
    look(n, c, t, 1);
}

bool th_http_refused(const struct th_http_txn *t)
{
    return t->status == 401 || t->status == 407;
}

/* A form is answered in words, which are not read. */
void th_http_login(struct th_conn *c, const struct th_http_txn *t, bool *told)
{
    struct th_login l = {0};
    const struct th_http_message *m = th_http_told(t, 0);
    bool form = m->login && strcmp(m->login, "FORM") == 0, refused = th_http_refused(t);
    if (!m->login || (*told && !form && !refused))
        return;
    *told = *told || (!form && !refused);
    th_login_begin(&l, th_str_c(m->login), m->login_clear, t->time_ns);
    th_text_set(&l.user, th_http_get(t, m->username));
    th_login_end(c, &l, TH_SVC_HTTP,
        refused                        ? TH_LOGIN_FAILED
            : form || !t->has_response ? TH_LOGIN_UNKNOWN
                                       : TH_LOGIN_OK,
        t->last_ns);
}

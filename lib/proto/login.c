/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

/* From '+' to 'z'. */
const int8_t th_base64_values['z' - '+' + 1] = {62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59,
    60, 61, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51};

uint32_t th_base64_until(
    struct th_str encoded, char end, unsigned skip, bool whole, char *ret, uint32_t cap)
{
    uint32_t n = 0, bits = 0, have = 0;
    for (uint32_t i = 0; i < encoded.len; i++) {
        int v = th_base64_value(encoded.p[i]);
        if (v < 0)
            break;
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        char ch = (char)(bits >> have & 0xff);
        if (ch == end && !skip)
            return n;
        if (ch == end)
            skip--;
        else if (!skip && n == cap)
            return n;
        else if (!skip)
            ret[n++] = ch;
    }
    return whole ? n : 0;
}

uint32_t th_base64(struct th_str encoded, char *ret, uint32_t cap)
{
    uint32_t n = 0, bits = 0, have = 0;
    for (uint32_t i = 0; i < encoded.len && n < cap; i++) {
        int v = th_base64_value(encoded.p[i]);
        if (v < 0)
            break;
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        ret[n++] = (char)(bits >> have & 0xff);
    }
    return n;
}

void th_login_method(struct th_login *l, struct th_str method, bool clear)
{
    l->clear = clear;
    l->method_len = (uint8_t)TH_MIN(method.len, TH_LOGIN_METHOD_MAX);
    for (unsigned i = 0; i < l->method_len; i++) {
        char ch = method.p[i];
        l->method[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - 32 : ch);
    }
}

void th_login_begin(struct th_login *l, struct th_str method, bool clear, int64_t time_ns)
{
    l->begun = true;
    l->time_ns = time_ns;
    l->user.len = 0;
    th_login_method(l, method, clear);
}

void th_login_end(struct th_conn *c, struct th_login *l, enum th_service service,
    enum th_login_result result, int64_t time_ns)
{
    if (!l->begun)
        return;
    l->begun = false;
    if (l->told++ >= TH_LOGIN_MAX) {
        l->told = TH_LOGIN_MAX;
        return;
    }
    struct th_ev_login ev = {0};
    TH_CONN_ID(&ev, LOGIN, c, l->time_ns);
    TH_SET(&ev, LOGIN, service, th_str_c(th_service_name(service)));
    TH_SET_TEXT(&ev, LOGIN, user, th_text_get(&l->user));
    TH_SET_TEXT(&ev, LOGIN, method, th_str_n(l->method, l->method_len));
    if (result != TH_LOGIN_UNKNOWN)
        TH_SET(&ev, LOGIN, success, result == TH_LOGIN_OK);
    TH_SET(&ev, LOGIN, cleartext, l->clear);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, l->time_ns));
}

bool th_sasl_is_clear(struct th_str mechanism)
{
    static const char *const clear[] = {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"};
    for (size_t i = 0; i < TH_ARRAY_LEN(clear); i++)
        if (th_str_ieq(mechanism, th_str_c(clear[i])))
            return true;
    return false;
}

/* RFC 4616: authority, user, password, with zeros between; LOGIN sends the user alone; the bearer
 * tokens say "user=" or "a=" up to a byte 1 or a comma. */
void th_sasl_user(struct th_login *l, struct th_str encoded)
{
    char user[TH_TEXT_MAX];
    struct th_str method = th_str_n(l->method, l->method_len), rest;
    uint32_t n = 0;
    if (!l->begun || !l->clear || l->user.len)
        return;
    if (th_str_is(method, "PLAIN")) {
        n = th_base64_until(encoded, '\0', 1, false, user, sizeof(user));
    } else if (th_str_is(method, "LOGIN")) {
        n = th_base64_until(encoded, '\0', 0, true, user, sizeof(user));
    } else if (th_str_is(method, "XOAUTH2")) {
        n = th_base64_until(encoded, '\1', 0, false, user, sizeof(user));
        n = th_line_after(th_str_n(user, n), "user=", &rest) ? n : 0;
        if (n)
            th_text_set(&l->user, rest);
        return;
    }
    th_text_set(&l->user, th_str_n(user, n));
}

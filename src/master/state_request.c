/* SPDX-License-Identifier: Apache-2.0 */
#include "state_request.h"

bool th_state_secret(const json_t *object, const char *key, size_t max_bytes, struct th_str *ret)
{
    const json_t *v = json_object_get(object, key);
    size_t len = json_string_length(v);
    if (!json_is_string(v) || len == 0 || len > max_bytes)
        return false;
    *ret = th_str_n(json_string_value(v), len);
    return true;
}

bool th_state_text(const json_t *object, const char *key, size_t max_bytes, struct th_str *ret)
{
    struct th_str s;
    if (!th_state_secret(object, key, max_bytes, &s))
        return false;
    for (uint32_t i = 0; i < s.len; i++)
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    *ret = s;
    return true;
}

static const json_t *object_of(const json_t *root, const char *key)
{
    const json_t *v = json_object_get(root, key);
    return json_is_object(v) ? v : NULL;
}

int th_state_request_parse(struct th_str text, struct th_state_request *ret)
{
    static const struct th_str none = {.p = "", .len = 0};
    struct th_state_request r = {.address = none,
        .agent = none,
        .id = none,
        .session_key = none,
        .session_cookie = none,
        .login_cookie = none,
        .csrf = none};
    if (text.len > TH_STATE_MAX_REQUEST)
        return TH_E_LIMIT;
    r.root = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(r.root) || !th_state_text(r.root, "route", TH_STATE_MAX_ROUTE, &r.route)) {
        json_decref(r.root);
        return TH_E_MALFORMED;
    }
    const json_t *cookies = object_of(r.root, "cookies");
    r.body = object_of(r.root, "body");
    r.params = object_of(r.root, "params");
    th_state_text(r.root, "address", 63, &r.address);
    th_state_text(r.root, "agent", 1024, &r.agent);
    th_state_text(object_of(r.root, "path"), "id", 128, &r.id);
    th_state_text(object_of(r.root, "user"), "session", 64, &r.session_key);
    th_state_text(cookies, "session", 64, &r.session_cookie);
    th_state_text(cookies, "login", 64, &r.login_cookie);
    th_state_text(r.root, "csrf", 64, &r.csrf);
    *ret = r;
    return 0;
}

void th_state_request_done(struct th_state_request *r)
{
    json_decref(r->root);
    r->root = NULL;
}

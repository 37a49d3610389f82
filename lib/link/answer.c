/* SPDX-License-Identifier: Apache-2.0 */
#include "link/answer.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/time.h"

static const int64_t retry_min_s = 1;
static const int64_t retry_max_s = 300;
static const int64_t retry_unknown_s = 5;

static void json_freep(json_t **j)
{
    json_decref(*j);
}

static json_t *parse(struct th_str body)
{
    if (body.len == 0 || body.len > TH_LINK_MAX_ANSWER)
        return NULL;
    json_t *root = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static bool text_of(const json_t *object, const char *key, struct th_str *ret)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v))
        return false;
    *ret = th_str_n(json_string_value(v), json_string_length(v));
    return true;
}

static bool number_of(const json_t *object, const char *key, uint64_t *ret)
{
    const json_t *v = json_object_get(object, key);
    struct th_str text;
    if (json_is_integer(v)) {
        *ret = (uint64_t)json_integer_value(v);
        return json_integer_value(v) >= 0;
    }
    return text_of(object, key, &text) && th_str_u64(text, ret);
}

bool th_link_id_read(struct th_str text, uint64_t *ret)
{
    uint64_t v = 0;
    if (text.len != 16)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = th_lower(text.p[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = v;
    return v != 0;
}

static bool id_of(const json_t *object, const char *key, uint64_t *ret)
{
    struct th_str text;
    return text_of(object, key, &text) && th_link_id_read(text, ret);
}

static bool standing_of(const json_t *object, enum th_link_standing *ret)
{
    struct th_str text;
    if (!text_of(object, "status", &text))
        return false;
    if (th_str_is(text, "pending"))
        *ret = TH_LINK_PENDING;
    else if (th_str_is(text, "authorised"))
        *ret = TH_LINK_AUTHORISED;
    else if (th_str_is(text, "revoked"))
        *ret = TH_LINK_REVOKED;
    else
        return false;
    return true;
}

/* {"error": {"code": .., "message": ..}}; whatever stands in a message, a log line can show it. */
static bool read_error(const json_t *root, char *ret)
{
    const json_t *error = json_object_get(root, "error");
    struct th_str code, message;
    if (!json_is_object(error) || !text_of(error, "code", &code))
        return false;
    if (!text_of(error, "message", &message))
        message = code;
    size_t n = TH_MIN((size_t)message.len, (size_t)TH_LINK_MESSAGE_ROOM - 1);
    for (size_t i = 0; i < n; i++)
        ret[i] = message.p[i] >= ' ' && message.p[i] <= '~' ? message.p[i] : '?';
    ret[n] = '\0';
    return true;
}

static bool read_enrolled(const json_t *root, struct th_link_answer *a)
{
    return id_of(root, "sensor", &a->sensor) && id_of(root, "instance", &a->instance) &&
        standing_of(root, &a->standing);
}

static bool read_next(const json_t *root, struct th_link_answer *a)
{
    a->has_next = number_of(root, "epoch", &a->epoch) && number_of(root, "next", &a->next);
    return a->has_next;
}

int64_t th_link_retry_after_ns(struct th_str value)
{
    uint64_t s;
    if (!th_str_u64(th_str_trim(value), &s))
        return retry_unknown_s * TH_NS_PER_S;
    if (s > (uint64_t)retry_max_s)
        return retry_max_s * TH_NS_PER_S;
    return TH_MAX((int64_t)s, retry_min_s) * TH_NS_PER_S;
}

/* Who has no header to say it in says it in the body. */
static int64_t read_retry(const json_t *root)
{
    uint64_t s;
    char text[24];
    if (!number_of(root, "retry_after_s", &s) && !number_of(root, "retry_s", &s))
        return 0;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)s);
    return th_link_retry_after_ns(th_str_c(text));
}

int th_link_answer_read(
    enum th_link_request request, long status, struct th_str body, struct th_link_answer *ret)
{
    struct th_link_answer a = {0};
    TH_CLEANUP(json_freep) json_t *root = parse(body);
    bool complete = true;
    if (root) {
        a.ours = read_error(root, a.message);
        a.retry_after_ns = read_retry(root);
    }
    if (status == 200 && request == TH_LINK_ENROL)
        complete = root && read_enrolled(root, &a);
    else if (request == TH_LINK_BATCH && (status == 200 || status == 409))
        complete = root && read_next(root, &a);
    else if (request == TH_LINK_PACKETS && status == 200)
        complete = root && number_of(root, "next", &a.next);
    else if (request == TH_LINK_BATCH && status == 403)
        complete = root && standing_of(root, &a.standing);
    else if (request == TH_LINK_ENROL && status == 403 && root)
        a.ours |= standing_of(root, &a.standing);
    if (!complete)
        return TH_E_MALFORMED;
    a.ours |= status == 200 || a.has_next || a.standing != TH_LINK_UNKNOWN;
    *ret = a;
    return 0;
}

static bool word_of(const json_t *object, const char *key, const char **ret)
{
    struct th_str text;
    if (!text_of(object, key, &text) || text.len == 0 || text.len > TH_LINK_MAX_WORD)
        return false;
    for (uint32_t i = 0; i < text.len; i++)
        if (text.p[i] < '!' || text.p[i] > '~')
            return false;
    *ret = text.p;
    return true;
}

int th_link_commands_read(
    struct th_str body, void (*fn)(void *arg, const struct th_link_command *command), void *arg)
{
    TH_CLEANUP(json_freep) json_t *root = parse(body);
    const json_t *list = json_object_get(root, "commands");
    if (!json_is_array(list) || json_array_size(list) > TH_LINK_MAX_COMMANDS)
        return TH_E_MALFORMED;
    struct th_link_command c;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!word_of(item, "id", &c.id) || !word_of(item, "type", &c.type))
            return TH_E_MALFORMED;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        TH_ASSERT(word_of(item, "id", &c.id) && word_of(item, "type", &c.type));
        TH_AUTOFREE char *text = json_dumps(item, JSON_COMPACT);
        TH_ASSERT(text);
        c.json = th_str_c(text);
        fn(arg, &c);
    }
    return 0;
}

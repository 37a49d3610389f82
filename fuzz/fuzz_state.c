/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role state from what reaches it: the first byte says whether the rest is a request of the
 * gateway, one of the operator, or a control out of the log. Whatever it is: one answer at most,
 * JSON in it, and the database stays consistent. A user, a session whose key a seed can name, and a
 * token are there.
 */
#include <jansson.h>

#include "account/session.h"
#include "account/token.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_NS (INT64_C(1700000000) * TH_NS_PER_S)

struct seen {
    struct th_state *s;
    unsigned answers;
    uint64_t hash_job, control_job, look_job;
};

static void on_answer(void *arg, const struct th_state_asker *asker, unsigned status,
    struct th_str cookies, struct th_str body)
{
    struct seen *seen = arg;
    json_t *json = body.len ? json_loadb(body.p, body.len, 0, NULL) : NULL;
    TH_ASSERT(asker->id == 1 && status >= 200 && status < 600);
    TH_ASSERT(body.len == 0 || json);
    for (uint32_t i = 0; i < cookies.len; i++)
        TH_ASSERT(cookies.p[i] == '\n' || (cookies.p[i] >= 0x20 && cookies.p[i] < 0x7f));
    json_decref(json);
    seen->answers++;
}

static int on_hash(void *arg, uint64_t job, const struct th_state_hash *h)
{
    struct seen *seen = arg;
    TH_ASSERT(h->verify_hash.len < TH_PASSWORD_HASH_LEN);
    seen->hash_job = job;
    return 0;
}

static int on_control(void *arg, uint64_t job, struct th_str json)
{
    struct seen *seen = arg;
    json_t *control = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    TH_ASSERT(json_is_string(json_object_get(control, "type")));
    json_decref(control);
    seen->control_job = job;
    return 0;
}

static void fill(struct th_accounts *a, char ret_key[TH_COOKIE_LEN])
{
    char cookie[TH_COOKIE_LEN];
    char token[TH_TOKEN_LEN];
    struct th_session s;
    int64_t id;
    th_accounts_begin(a);
    int r = th_user_add(
        a, NOW_NS, "system", th_str_c("root"), th_str_c("administrator"), "$argon2id$", &id);
    TH_ASSERT(r == 0);
    th_session_begin(a, NOW_NS, id, "", th_str_c("192.0.2.1"), th_str_c("a"), cookie);
    r = th_session_find(a, NOW_NS, th_str_c(cookie), false, th_str_c("192.0.2.1"), &s);
    TH_ASSERT(r == 0);
    memcpy(ret_key, s.key, TH_COOKIE_LEN);
    r = th_token_add(a, NOW_NS, "root", th_str_c("site-a"), token);
    TH_ASSERT(r == 0);
    r = th_accounts_commit(a);
    TH_ASSERT(r == 0);
}

/* A seed cannot know a random key: "KEY" between quotes stands for it. */
static void put_keyed(struct th_buf *out, const uint8_t *data, size_t size, const char *key)
{
    for (size_t i = 0; i < size; i++) {
        if (size - i >= 5 && memcmp(data + i, "\"KEY\"", 5) == 0) {
            th_buf_printf(out, "\"%s\"", key);
            i += 4;
        } else {
            th_buf_u8(out, data[i]);
        }
    }
}

static void feed(struct th_state *s, struct seen *seen, uint8_t kind, struct th_str text)
{
    struct th_state_asker asker = {.connection = kind % 3, .id = 1};
    if (kind % 3 == 2) {
        th_state_follow_begin(s);
        th_state_follow_control(s, text);
        int r = th_state_follow_end(s, 1);
        TH_ASSERT(r == 0);
        return;
    }
    th_state_request(s, NOW_NS, &asker, text, text);
    if (seen->hash_job)
        th_state_hashed(s, NOW_NS, seen->hash_job, kind & 4, kind & 8 ? "$argon2id$new" : NULL);
    if (seen->control_job)
        th_state_done(s, NOW_NS, seen->control_job, kind & 4 ? 0 : -EIO);
    th_state_tick(s, NOW_NS + TH_NS_PER_MIN);
    TH_ASSERT(seen->answers == 1);
}

static int on_look(void *arg, uint64_t job, struct th_str text)
{
    struct seen *seen = arg;
    json_t *look = json_loadb(text.p, text.len, 0, NULL);
    TH_ASSERT(json_is_string(json_object_get(look, "route")));
    json_decref(look);
    seen->look_job = job;
    return 0;
}

/* A disk without files that takes none. */
static int no_open(void *arg, const char *name, enum th_io_open how)
{
    (void)arg, (void)name;
    return how == TH_IO_CREATE ? -ENOSPC : -ENOENT;
}

static int no_name(void *arg, const char *name)
{
    (void)arg, (void)name;
    return -ENOENT;
}

static int no_list(void *arg, int (*fn)(void *fn_arg, const char *name), void *fn_arg)
{
    (void)arg, (void)fn, (void)fn_arg;
    return 0;
}

static int64_t much_room(void *arg)
{
    (void)arg;
    return INT64_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES] = {1};
    char key[TH_COOKIE_LEN];
    struct seen seen = {0};
    if (size < 1)
        return 0;
    TH_CLEANUP(th_keychain_freep) struct th_keychain *keys = th_keychain_new(instance_key);
    TH_CLEANUP(th_accounts_closep) struct th_accounts *a = NULL;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf status = TH_BUF_INIT;
    int r = th_accounts_open(":memory:", keys, NOW_NS, &a);
    TH_ASSERT(r == 0);
    fill(a, key);
    put_keyed(&text, data + 1, size - 1, key);
    const struct th_io disk = {
        .open = no_open, .remove = no_name, .list = no_list, .free_bytes = much_room};
    struct th_state_config config = {.accounts = a,
        .keys = keys,
        .folder = &disk,
        .instance = "fuzz",
        .instance_id = "00",
        .host_name = "h"};
    const struct th_state_ops ops = {
        .answer = on_answer, .hash = on_hash, .control = on_control, .look = on_look};
    th_settings_default(&config.defaults);
    seen.s = th_state_new(&config, &ops, &seen);
    feed(seen.s, &seen, data[0], th_buf_view(&text));
    if (seen.look_job)
        th_state_looked(seen.s, NOW_NS, seen.look_job, 200, th_str_c("{}"));
    th_state_status(seen.s, NOW_NS, &status);
    th_state_free(seen.s);
    return 0;
}

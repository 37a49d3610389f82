/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>

#include "state_bench.h"

static const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES] = {5};
static const struct th_password_cost cheap = {.passes = 1, .memory_bytes = 8u << 10};

static char *text_of(struct th_str s)
{
    char *t = th_xcalloc(1, (size_t)s.len + 1);
    if (s.len > 0)
        memcpy(t, s.p, s.len);
    return t;
}

static void on_answer(void *arg, const struct th_state_asker *asker, unsigned status,
    struct th_str cookies, struct th_str body)
{
    struct state_bench *b = arg;
    b->answered = asker->id;
    b->answers++;
    b->status = status;
    assert_true(cookies.len < sizeof(b->cookies));
    snprintf(
        b->cookies, sizeof(b->cookies), "%.*s", (int)cookies.len, cookies.len ? cookies.p : "");
    json_decref(b->body);
    b->body = body.len ? json_loadb(body.p, body.len, 0, NULL) : NULL;
    th_buf_clear(&b->raw);
    th_buf_str(&b->raw, body);
    if (b->is_raw)
        return;
    assert_true(body.len == 0 || b->body); /* always JSON */
    assert_true(body.len == 0 || !memchr(body.p, '<', body.len));
}

static int on_hash(void *arg, uint64_t job, const struct th_state_hash *h)
{
    struct state_bench *b = arg;
    assert_true(b->hash_count < ST_MAX_WAITING);
    struct waiting *w = &b->hashes[b->hash_count++];
    *w = (struct waiting){
        .job = job, .verify_text = text_of(h->verify_text), .hash_text = text_of(h->hash_text)};
    assert_true(h->verify_hash.len < sizeof(w->verify_hash));
    if (h->verify_hash.len > 0)
        memcpy(w->verify_hash, h->verify_hash.p, h->verify_hash.len);
    return 0;
}

static int on_control(void *arg, uint64_t job, struct th_str json)
{
    struct state_bench *b = arg;
    if (b->refuse_controls)
        return -ENOTCONN;
    assert_true(b->control_count < ST_MAX_WAITING);
    b->controls[b->control_count++] = (struct waiting){.job = job, .control = text_of(json)};
    return 0;
}

static int on_look(void *arg, uint64_t job, struct th_str json)
{
    struct state_bench *b = arg;
    if (b->refuse_controls)
        return -ENOTCONN;
    assert_true(b->look_count < ST_MAX_WAITING);
    b->looks[b->look_count++] = (struct waiting){.job = job, .control = text_of(json)};
    return 0;
}

int sb_open(void **state)
{
    struct state_bench *b = th_xcalloc(1, sizeof(*b));
    const struct th_state_ops ops = {
        .answer = on_answer, .hash = on_hash, .control = on_control, .look = on_look};
    snprintf(b->folder, sizeof(b->folder), "/tmp/th-state-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof(b->path), "%s/state.db", b->folder);
    b->now_ns = ST_START_NS;
    b->keys = th_keychain_new(instance_key);
    assert_int_equal(th_accounts_open(b->path, b->keys, b->now_ns, &b->a), 0);
    b->folder_fd = open(b->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    th_io_folder(&b->io, &b->folder_fd);
    b->bytes = th_str_c("");
    struct th_state_config config = {.accounts = b->a,
        .keys = b->keys,
        .folder = &b->io,
        .instance = "test",
        .instance_id = "00000000000000aa",
        .host_name = "thymus.test"};
    th_settings_default(&config.defaults);
    b->ops = ops;
    b->s = th_state_new(&config, &ops, b);
    *state = b;
    return 0;
}

static int find_packets(void *arg, const char *name)
{
    if (!strstr(name, ".packets"))
        return 0;
    snprintf(arg, 300, "%s", name);
    return 1;
}

int sb_close(void **state)
{
    struct state_bench *b = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[300];
    while (b->io.list(b->io.arg, find_packets, name) == 1)
        assert_int_equal(b->io.remove(b->io.arg, name), 0);
    for (size_t i = 0; i < b->hash_count; i++) {
        free(b->hashes[i].verify_text);
        free(b->hashes[i].hash_text);
    }
    for (size_t i = 0; i < b->control_count; i++)
        free(b->controls[i].control);
    for (size_t i = 0; i < b->look_count; i++)
        free(b->looks[i].control);
    th_state_free(b->s);
    th_accounts_close(b->a);
    th_keychain_free(b->keys);
    close(b->folder_fd);
    json_decref(b->body);
    th_buf_done(&b->raw);
    for (size_t i = 0; i < TH_ARRAY_LEN(ends); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s%s", b->path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

uint64_t sb_send(struct state_bench *b, unsigned from, const char *text)
{
    const struct th_state_asker asker = {.connection = from, .id = ++b->next_id};
    th_state_request(b->s, b->now_ns, &asker, th_str_c(text), b->bytes);
    return asker.id;
}

void sb_run_hashes(struct state_bench *b)
{
    while (b->hash_count > 0) {
        struct waiting w = b->hashes[0];
        char hash[TH_PASSWORD_HASH_LEN] = "";
        memmove(b->hashes, b->hashes + 1, --b->hash_count * sizeof(w));
        /* The hash that is nobody's costs as much as a true one, and matches nothing. */
        bool real = *w.verify_hash && !th_password_is_dated(w.verify_hash, cheap);
        bool matches = real && th_password_matches(w.verify_hash, th_str_c(w.verify_text));
        if (*w.hash_text)
            assert_int_equal(th_password_hash(th_str_c(w.hash_text), cheap, hash), 0);
        th_state_hashed(b->s, b->now_ns, w.job, matches, *hash ? hash : NULL);
        free(w.verify_text);
        free(w.hash_text);
    }
}

void sb_run(struct state_bench *b)
{
    while (b->hash_count + b->control_count > 0) {
        sb_run_hashes(b);
        if (b->control_count == 0)
            continue;
        struct waiting w = b->controls[0];
        memmove(b->controls, b->controls + 1, --b->control_count * sizeof(w));
        th_state_follow_begin(b->s);
        th_state_follow_control(b->s, th_str_c(w.control));
        assert_int_equal(th_state_follow_end(b->s, ++b->position), 0);
        th_state_done(b->s, b->now_ns, w.job, 0);
        free(w.control);
    }
}

static unsigned ask(struct state_bench *b, unsigned from, const char *fmt, va_list args)
{
    char text[8192];
    vsnprintf(text, sizeof(text), fmt, args);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    uint64_t id = sb_send(b, from, text);
    sb_run(b);
    assert_int_equal(b->answered, id);
    return b->status;
}

unsigned sb_ask(struct state_bench *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    unsigned status = ask(b, 0, fmt, args);
    va_end(args);
    return status;
}

unsigned sb_operator(struct state_bench *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    unsigned status = ask(b, 1, fmt, args);
    va_end(args);
    return status;
}

const char *sb_text(struct state_bench *b, const char *member)
{
    const char *text = json_string_value(json_object_get(b->body, member));
    return text ? text : "";
}

const char *sb_code(struct state_bench *b)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(b->body, "error"), "code"));
    return text ? text : "";
}

int64_t sb_user(struct state_bench *b, const char *name, const char *role)
{
    char hash[TH_PASSWORD_HASH_LEN];
    int64_t id;
    assert_int_equal(th_password_hash(th_str_c("one-time"), cheap, hash), 0);
    th_accounts_begin(b->a);
    assert_int_equal(
        th_user_add(b->a, b->now_ns, "system", th_str_c(name), th_str_c(role), hash, &id), 0);
    assert_int_equal(th_accounts_commit(b->a), 0);
    return id;
}

void sb_session(
    struct state_bench *b, const char *name, char ret_cookie[TH_COOKIE_LEN], struct th_session *ret)
{
    struct th_user u;
    th_accounts_begin(b->a);
    assert_int_equal(th_user_find(b->a, th_str_c(name), &u), 0);
    th_session_begin(
        b->a, b->now_ns, u.id, "", th_str_c("192.0.2.1"), th_str_c("test"), ret_cookie);
    assert_int_equal(
        th_session_find(b->a, b->now_ns, th_str_c(ret_cookie), false, th_str_c("192.0.2.1"), ret),
        0);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

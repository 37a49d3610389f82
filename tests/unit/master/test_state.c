/* SPDX-License-Identifier: Apache-2.0 */
/* Role state by what it answers: logins, rights, sensors, settings, time limits, hostile requests.
 */
#include "unit.h"

#include "account/permit.h"
#include "account/sensor.h"
#include "crypto/base64.h"
#include "crypto/sign.h"
#include "crypto/totp.h"
#include "state_bench.h"
#include "state_request.h"
#include "web/api.h"

#define ADDR "'address':'192.0.2.1','agent':'Browser'"

static void cookie_value(struct state_bench *b, const char *name, char ret[TH_COOKIE_LEN])
{
    char begin[40];
    snprintf(begin, sizeof(begin), "%s=", name);
    const char *at = strstr(b->cookies, begin);
    assert_non_null(at);
    assert_non_null(strstr(at, "; Path=/; Secure; HttpOnly; SameSite=Strict"));
    snprintf(ret, TH_COOKIE_LEN, "%s", at + strlen(begin));
    assert_int_equal(strlen(ret), TH_COOKIE_LEN - 1);
}

static void unbase32(const char *text, uint8_t ret[TH_TOTP_SECRET_BYTES])
{
    uint64_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (; *text; text++) {
        bits = bits << 5 | (unsigned)(*text >= 'A' ? *text - 'A' : *text - '2' + 26);
        have += 5;
        if (have >= 8)
            ret[n++] = (uint8_t)(bits >> (have -= 8));
    }
    assert_int_equal(n, TH_TOTP_SECRET_BYTES);
}

static void test_first_and_second_login(void **state)
{
    struct state_bench *b = *state;
    char half[TH_COOKIE_LEN];
    char cookie[TH_COOKIE_LEN];
    char code[TH_TOTP_DIGITS + 1];
    char one_time[TH_ONE_TIME_LEN];
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    assert_int_equal(sb_operator(b,
                         "{'route':'ctl.user.create','body':{'name':'ann','role':"
                         "'administrator'}}"),
        200);
    snprintf(one_time, sizeof(one_time), "%s", sb_text(b, "one_time_password"));
    assert_int_equal(strlen(one_time), 23);
    assert_int_equal(
        sb_ask(b, "{'route':'login'," ADDR ",'body':{'user':'ann','password':'no'}}"), 401);
    assert_int_equal(
        sb_ask(b, "{'route':'login'," ADDR ",'body':{'user':'ann','password':'%s'}}", one_time),
        200);
    assert_string_equal(sb_text(b, "next"), "password");
    cookie_value(b, "__Host-thymus-login", half);
    assert_non_null(strstr(b->cookies, "Max-Age=600"));
#define HALF ADDR ",'cookies':{'login':'%s'}"
    assert_int_equal(
        sb_ask(b, "{'route':'login_password'," HALF ",'body':{'password':'short'}}", half), 400);
    assert_int_equal(
        sb_ask(b, "{'route':'login_password'," HALF ",'body':{'password':'%s'}}", half, one_time),
        400);
    assert_int_equal(sb_ask(b, "{'route':'login_enrol'," HALF ",'body':{'code':'000000'}}", half),
        401); /* not yet */
    assert_int_equal(
        sb_ask(
            b, "{'route':'login_password'," HALF ",'body':{'password':'my very own one'}}", half),
        200);
    assert_string_equal(sb_text(b, "next"), "enrol");
    unbase32(sb_text(b, "secret"), secret);
    assert_non_null(strstr(sb_text(b, "otpauth"), "otpauth://totp/Thymus%20test:ann?secret="));
    th_totp_code(secret, b->now_ns, code);
    assert_int_equal(
        sb_ask(b, "{'route':'login_enrol'," HALF ",'body':{'code':'%s'}}", half, code), 200);
    assert_string_equal(sb_text(b, "next"), "done");
    assert_int_equal(json_array_size(json_object_get(b->body, "recovery_codes")), 10);
    char recovery[16];
    snprintf(recovery, sizeof(recovery), "%s",
        json_string_value(json_array_get(json_object_get(b->body, "recovery_codes"), 0)));
    cookie_value(b, "__Host-thymus", cookie);
    assert_int_equal(
        sb_ask(b, "{'route':'session_get'," ADDR ",'cookies':{'session':'%s'}}", cookie), 200);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(b->body, "user"), "name")), "ann");
    assert_int_equal(json_array_size(json_object_get(b->body, "rights")), TH_RIGHT_WEB_COUNT);
    /* again, with the code of another step, and with a recovery code */
    for (int i = 0; i < 3; i++) {
        b->now_ns += TH_NS_PER_MIN;
        assert_int_equal(
            sb_ask(
                b, "{'route':'login'," ADDR ",'body':{'user':'ann','password':'my very own one'}}"),
            200);
        assert_string_equal(sb_text(b, "next"), "code");
        cookie_value(b, "__Host-thymus-login", half);
        th_totp_code(secret, b->now_ns, code);
        assert_int_equal(sb_operator(b, "{'route':'ctl.keys.rotate'}"), 200);
        if (i == 0) {
            assert_int_equal(
                sb_ask(b, "{'route':'login_code'," HALF ",'body':{'code':'%s'}}", half, code), 200);
        } else {
            assert_int_equal(sb_ask(b, "{'route':'login_code'," HALF ",'body':{'recovery':'%s'}}",
                                 half, recovery),
                i == 1 ? 200 : 401);
        }
    }
    /* a change of the password, and out */
    char csrf[TH_COOKIE_LEN];
    assert_int_equal(
        sb_ask(b, "{'route':'session_get'," ADDR ",'cookies':{'session':'%s'}}", cookie), 200);
    snprintf(csrf, sizeof(csrf), "%s", sb_text(b, "csrf"));
#define WHOLE ADDR ",'cookies':{'session':'%s'},'csrf':'%s'"
    b->now_ns += TH_NS_PER_MIN;
    assert_int_equal(sb_ask(b,
                         "{'route':'password'," WHOLE
                         ",'body':{'old':'not it at all','new':'another one of mine'}}",
                         cookie, csrf),
        403);
    assert_int_equal(sb_ask(b,
                         "{'route':'password'," WHOLE
                         ",'body':{'old':'my very own one','new':'another one of mine'}}",
                         cookie, csrf),
        200);
    assert_int_equal(sb_ask(b, "{'route':'session_end'," WHOLE "}", cookie, csrf), 200);
    assert_non_null(strstr(b->cookies, "__Host-thymus=; "));
    assert_int_equal(
        sb_ask(b, "{'route':'session_get'," ADDR ",'cookies':{'session':'%s'}}", cookie), 401);
}

/* Every role of accounts, and nobody, with every route. */
static void test_every_role_with_every_route(void **state)
{
    struct state_bench *b = *state;
    size_t roles;
    const struct th_web_account_role *role = th_web_account_roles(&roles);
    sb_user(b, "root", "administrator");
    for (size_t i = 0; i < roles; i++)
        if (strcmp(role[i].name, "administrator") != 0)
            sb_user(b, role[i].name, role[i].name);
        else
            sb_user(b, "administrator2", role[i].name);
    unsigned allowed = 0;
    unsigned refused = 0;
    for (unsigned id = 0; id < TH_ROUTE_COUNT; id++) {
        const struct th_web_route *route = th_web_route((enum th_web_route_id)id);
        char word[TH_ROUTE_WORD_BYTES];
        th_web_route_word((enum th_web_route_id)id, word);
        if (route->right == TH_RIGHT_WEB_NONE)
            continue;
        const char *right =
            route->right == TH_RIGHT_WEB_SESSION ? "session" : th_web_right(route->right)->name;
        for (size_t i = 0; i < roles; i++) {
            struct th_session s;
            char cookie[TH_COOKIE_LEN];
            bool admin = strcmp(role[i].name, "administrator") == 0;
            sb_session(b, admin ? "administrator2" : role[i].name, cookie, &s);
            bool may = route->right == TH_RIGHT_WEB_SESSION || (role[i].rights >> route->right & 1);
            /* by the gateway's question */
            unsigned status = sb_ask(b,
                "{'route':'authorise'," ADDR
                ",'body':{'cookie':'%s','csrf':'%s','method':'%s','right':'%s'}}",
                cookie, s.csrf, th_web_method_name(route->method), right);
            assert_int_equal(status, may ? 200 : 403);
            if (route->owner != TH_OWNER_STATE)
                continue;
            /* and by the route itself, which believes no role that a request claims */
            status = sb_ask(b,
                "{'route':'%s'," ADDR ",'path':{'id':'999'},'params':{},'body':{},"
                "'user':{'session':'%s','role':'administrator','name':'root','id':1}}",
                word, s.key);
            if (may ? status == 401 || status == 403 : status != 403)
                fail_msg("%s as %s: %u", word, role[i].name, status);
            allowed += may;
            refused += !may;
        }
        if (route->owner == TH_OWNER_STATE) {
            assert_int_equal(sb_ask(b,
                                 "{'route':'%s'," ADDR ",'path':{'id':'1'},'body':{},"
                                 "'user':{'id':'1','name':'root','role':'administrator'}}",
                                 word),
                401);
        }
    }
    assert_true(allowed > 20 && refused > 15);
}

static void test_csrf(void **state)
{
    struct state_bench *b = *state;
    struct th_session s;
    struct th_session other;
    char cookie[TH_COOKIE_LEN];
    char another[TH_COOKIE_LEN];
    sb_user(b, "root", "administrator");
    sb_session(b, "root", cookie, &s);
    sb_session(b, "root", another, &other);
    const char *const wrong[] = {"", other.csrf, cookie, "0"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++) {
        assert_int_equal(sb_ask(b, "{'route':'token_add'," WHOLE ",'body':{'label':'site-a'}}",
                             cookie, wrong[i]),
            403);
        assert_string_equal(sb_code(b), "csrf");
        assert_int_equal(
            sb_ask(b,
                "{'route':'authorise','body':{'cookie':'%s','csrf':'%s','method':'POST',"
                "'right':'configure'}}",
                cookie, wrong[i]),
            403);
        assert_int_equal(
            sb_ask(b,
                "{'route':'authorise','body':{'cookie':'%s','csrf':'%s','method':'GET',"
                "'right':'configure'}}",
                cookie, wrong[i]),
            200);
    }
    assert_int_equal(
        sb_ask(b, "{'route':'token_add'," WHOLE ",'body':{'label':'site-a'}}", cookie, s.csrf),
        200);
}

static void test_kept_searches_are_ones_own(void **state)
{
    struct state_bench *b = *state;
    struct th_session ann;
    struct th_session root;
    char anns[TH_COOKIE_LEN];
    char roots[TH_COOKIE_LEN];
    sb_user(b, "ann", "reader");
    sb_user(b, "root", "administrator");
    sb_session(b, "ann", anns, &ann);
    sb_session(b, "root", roots, &root);
    assert_int_equal(sb_ask(b,
                         "{'route':'search_save'," WHOLE
                         ",'body':{'name':'uploads','q':'orig_bytes:>1GB','from':'-1h'}}",
                         anns, ann.csrf),
        200);
    assert_string_equal(sb_text(b, "name"), "uploads");
    assert_string_equal(sb_text(b, "id"), "1");
    assert_int_equal(sb_ask(b, "{'route':'searches'," WHOLE "}", anns, ann.csrf), 200);
    assert_int_equal(json_array_size(json_object_get(b->body, "searches")), 1);
    assert_int_equal(sb_ask(b, "{'route':'searches'," WHOLE "}", roots, root.csrf), 200);
    assert_int_equal(json_array_size(json_object_get(b->body, "searches")), 0);
    assert_int_equal(
        sb_ask(b, "{'route':'search_remove'," WHOLE ",'path':{'id':'1'}}", roots, root.csrf), 404);
    assert_int_equal(
        sb_ask(b, "{'route':'search_remove'," WHOLE ",'path':{'id':'x'}}", anns, ann.csrf), 404);
    assert_int_equal(
        sb_ask(b, "{'route':'search_remove'," WHOLE ",'path':{'id':'1'}}", anns, ann.csrf), 200);
    char *wide = th_xcalloc(1, 5000);
    memset(wide, 'a', 4097);
    assert_int_equal(sb_ask(b, "{'route':'search_save'," WHOLE ",'body':{'name':'n','q':'%s'}}",
                         anns, ann.csrf, wide),
        400);
    assert_string_equal(sb_code(b), "search");
    assert_int_equal(sb_ask(b, "{'route':'search_save'," WHOLE ",'body':{'name':'n','q':['a']}}",
                         anns, ann.csrf),
        400);
    assert_string_equal(sb_code(b), "search");
    wide[81] = 0;
    assert_int_equal(sb_ask(b, "{'route':'search_save'," WHOLE ",'body':{'name':'%s','q':''}}",
                         anns, ann.csrf, wide),
        400);
    assert_string_equal(sb_code(b), "name");
    free(wide);
}

static void test_helper_queue_is_bounded(void **state)
{
    struct state_bench *b = *state;
    unsigned answers = 0;
    for (int i = 0; i < 70; i++) {
        char text[256];
        snprintf(text, sizeof(text),
            "{\"route\":\"login\",\"address\":\"198.51.100.%d\",\"body\":{\"user\":\"u%d\","
            "\"password\":\"x\"}}",
            i / 5, i);
        answers = b->answers;
        sb_send(b, 0, text);
        bool refused = b->answers != answers;
        bool fifth = i % 5 == 4;
        assert_int_equal(refused, fifth || b->hash_count >= TH_STATE_MAX_HASHES);
        if (refused)
            assert_int_equal(b->status, 429);
    }
    assert_true(b->hash_count <= TH_STATE_MAX_HASHES);
    sb_run(b);
    assert_int_equal(b->status, 401);
}

static void make_token(struct state_bench *b, const char *label, char *ret, size_t room)
{
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.token.create','body':{'label':'%s'}}", label), 200);
    snprintf(ret, room, "%s", sb_text(b, "token"));
}

static void key_text(const struct th_sign_key *key, char ret[TH_BASE64URL_ROOM(32)])
{
    uint8_t public_key[TH_SIGN_PUBLIC_BYTES];
    th_sign_key_public(key, public_key);
    th_base64url(public_key, sizeof(public_key), ret);
}

#define ENROL                                                                                      \
    "{'route':'enrol','address':'%s','body':{'token':'%s','key':'%s','name':'%s',"                 \
    "'version':'0.1.0','protocol':1,'capabilities':[]}}"

static void test_sensor_from_token_to_revoked(void **state)
{
    struct state_bench *b = *state;
    char token[128];
    char key[TH_BASE64URL_ROOM(32)];
    char id[TH_SENSOR_ID_LEN];
    struct th_sign_key sign;
    const uint8_t seed[TH_SIGN_SEED_BYTES] = {9};
    th_sign_key_init(&sign, seed);
    key_text(&sign, key);
    make_token(b, "site-a", token, sizeof(token));
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", "site-a:wrong", key, "office"), 401);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, "AAAA", "office"), 400);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, key, "<b>&office"), 200);
    assert_string_equal(sb_text(b, "status"), "pending");
    assert_string_equal(sb_text(b, "instance"), "00000000000000aa");
    snprintf(id, sizeof(id), "%s", sb_text(b, "sensor"));
    assert_int_equal(strlen(id), 16);
    /* again, from elsewhere, it is the same */
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.10", token, key, "office"), 200);
    assert_string_equal(sb_text(b, "sensor"), id);
    assert_string_equal(sb_text(b, "status"), "pending");
    assert_int_equal(sb_operator(b, "{'route':'ctl.sensor.list','body':{}}"), 200);
    assert_int_equal(json_array_size(json_object_get(b->body, "sensors")), 1);
    assert_int_equal(
        sb_operator(
            b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'authorised'}}", id),
        200);
    assert_string_equal(sb_text(b, "status"), "authorised");
    assert_string_equal(sb_text(b, "address"), "192.0.2.10");
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'god'}}", id), 400);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'00','status':'revoked'}}"), 404);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'revoked'}}", id),
        200);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.10", token, key, "office"), 403);
    assert_string_equal(sb_text(b, "status"), "revoked");
    assert_int_equal(sb_operator(b, "{'route':'ctl.token.revoke','body':{'label':'site-a'}}"), 200);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.10", token, key, "office"), 401);
    /* of another version */
    assert_int_equal(sb_ask(b, "{'route':'enrol','body':{'token':'%s','protocol':2}}", token), 426);
    assert_int_equal(sb_operator(b, "{'route':'ctl.audit.check','body':{}}"), 200);
    assert_true(json_is_true(json_object_get(b->body, "intact")));
}

static void test_guessing_tokens_locks_the_address(void **state)
{
    struct state_bench *b = *state;
    char token[128];
    char key[TH_BASE64URL_ROOM(32)];
    struct th_sign_key sign;
    const uint8_t seed[TH_SIGN_SEED_BYTES] = {9};
    th_sign_key_init(&sign, seed);
    key_text(&sign, key);
    make_token(b, "site-a", token, sizeof(token));
    for (int i = 0; i < 11; i++)
        assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", "site-a:wrong", key, "office"), 401);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, key, "office"), 429);
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.8", token, key, "office"), 200);
    b->now_ns += TH_NS_PER_S;
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, key, "office"), 200);
}

static void send_status(struct state_bench *b, const struct th_sign_key *key, const char *id,
    int64_t time_ns, const char *signed_status, const char *status)
{
    char said[512];
    char text[1024];
    char signature[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)];
    uint8_t bytes[TH_SIGNATURE_BYTES];
    int n = snprintf(said, sizeof(said), "GET\n/link/v1/commands\n%s\n%lld%s%s", id,
        (long long)time_ns, *signed_status ? "\n" : "", signed_status);
    th_sign(key, said, (size_t)n, bytes);
    th_base64url(bytes, sizeof(bytes), signature);
    snprintf(text, sizeof(text),
        "{\"route\":\"commands\",\"body\":{\"sensor\":\"%s\",\"time\":\"%lld\",\"signature\":\"%"
        "s\"%s%s}}",
        id, (long long)time_ns, signature, *status ? ",\"status\":" : "", status);
    sb_send(b, 0, text);
}

static void send_commands(
    struct state_bench *b, const struct th_sign_key *key, const char *id, int64_t time_ns)
{
    send_status(b, key, id, time_ns, "", "");
}

/* What state says of the first sensor that said something of itself, of a list how long it is; -1:
 * nobody. */
static json_int_t reported(struct state_bench *b, const char *name)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    th_state_status(b->s, b->now_ns, &out);
    json_t *status = json_loadb((const char *)out.p, out.len, 0, NULL);
    assert_non_null(status);
    const json_t *report = json_array_get(json_object_get(status, "sensors"), 0);
    const json_t *value = json_object_get(report, name);
    json_int_t v = !report     ? -1
        : json_is_array(value) ? (json_int_t)json_array_size(value)
                               : json_integer_value(value);
    json_decref(status);
    return v;
}

static void test_commands_wait(void **state)
{
    struct state_bench *b = *state;
    char token[128];
    char key[TH_BASE64URL_ROOM(32)];
    char id[TH_SENSOR_ID_LEN];
    struct th_sign_key sign;
    struct th_sign_key other;
    const uint8_t seed[TH_SIGN_SEED_BYTES] = {9};
    const uint8_t other_seed[TH_SIGN_SEED_BYTES] = {8};
    th_sign_key_init(&sign, seed);
    th_sign_key_init(&other, other_seed);
    key_text(&sign, key);
    make_token(b, "site-a", token, sizeof(token));
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, key, "office"), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "sensor"));
    send_commands(b, &sign, id, 1);
    assert_int_equal(b->status, 403); /* pending */
    assert_int_equal(
        sb_operator(
            b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'authorised'}}", id),
        200);
    send_commands(b, &other, id, 2);
    assert_int_equal(b->status, 401);
    send_commands(b, &sign, id, 1);
    assert_int_equal(b->status, 401); /* replayed */
    /* What it says of itself is signed, too, and kept when it has the form. */
    send_status(b, &sign, id, 2, "{'drops':1}", "\"{'drops':2}\"");
    assert_int_equal(b->status, 401);
    static const char *const none[] = {"[]", "{", "1", "x"};
    for (size_t i = 0; i < TH_ARRAY_LEN(none); i++) {
        char quoted[16];
        snprintf(quoted, sizeof(quoted), "\"%s\"", none[i]);
        send_status(b, &sign, id, 10 + (int64_t)i, none[i], quoted);
        assert_int_equal(reported(b, "drops"), -1);
    }
    send_status(
        b, &sign, id, 20, "{\"drops\":7,\"more\":[]}", "\"{\\\"drops\\\":7,\\\"more\\\":[]}\"");
    assert_int_equal(reported(b, "drops"), 7);
    assert_int_equal(reported(b, "packets"), 0);
    assert_int_equal(reported(b, "problems"), 0);
    send_status(b, &sign, id, 21, "{\"drops\":7,\"problems\":\"keep_short newer flows_lost\"}",
        "\"{\\\"drops\\\":7,\\\"problems\\\":\\\"keep_short newer flows_lost\\\"}\"");
    assert_int_equal(reported(b, "problems"), 2);
    send_status(b, &sign, id, 22, "{\"drops\":-7}", "\"{\\\"drops\\\":-7}\"");
    assert_int_equal(reported(b, "drops"), 7);
    send_commands(b, &sign, id, 30);
    th_state_tick(b->s, b->now_ns); /* those before are given up */
    unsigned answers = b->answers;
    th_state_tick(b->s, b->now_ns);
    assert_int_equal(b->answers, answers); /* it waits */
    b->now_ns += TH_STATE_COMMANDS_WAIT_NS - 1;
    th_state_tick(b->s, b->now_ns);
    assert_int_equal(b->answers, answers);
    b->now_ns += 1;
    th_state_tick(b->s, b->now_ns);
    assert_int_equal(b->answers, answers + 1);
    assert_int_equal(b->status, 204);
    /* who is revoked does not go on waiting */
    send_commands(b, &sign, id, 40);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'revoked'}}", id),
        200);
    answers = b->answers;
    th_state_tick(b->s, b->now_ns);
    assert_int_equal(b->answers, answers + 1);
    assert_int_equal(b->status, 204);
}

static void test_what_is_forgotten(void **state)
{
    struct state_bench *b = *state;
    char token[128];
    char key[TH_BASE64URL_ROOM(32)];
    char id[TH_SENSOR_ID_LEN];
    struct th_sign_key sign;
    const uint8_t seed[TH_SIGN_SEED_BYTES] = {9};
    th_sign_key_init(&sign, seed);
    key_text(&sign, key);
    make_token(b, "site-a", token, sizeof(token));
    assert_int_equal(sb_ask(b, ENROL, "192.0.2.9", token, key, "office"), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "sensor"));
    static const char *const wrong[] = {
        "{}", "{'entity':'d1'}", "{'address':'nowhere'}", "{'entity':'daaaaaaaaab','sensor':7}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++) {
        int status = (int)sb_operator(b, "{'route':'ctl.forget','body':%s}", wrong[i]);
        assert_true(status == 400 || status == 404);
    }
    assert_int_equal(sb_operator(b, "{'route':'ctl.forget','body':{'sensor':'%s'}}", id), 409);
    sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'revoked'}}", id);
    sb_operator(b, "{'route':'ctl.token.revoke','body':{'label':'site-a'}}");
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.forget','body':{'sensor':'%s','address':'10.0.0.1'}}", id),
        200);
    sb_operator(b, "{'route':'ctl.sensor.list'}");
    assert_int_equal(json_array_size(json_object_get(b->body, "sensors")), 0);
    sb_operator(b, "{'route':'ctl.token.list'}");
    assert_int_equal(json_array_size(json_object_get(b->body, "tokens")), 0);
    sb_operator(b, "{'route':'ctl.audit'}");
    const json_t *last = json_array_get(json_object_get(b->body, "entries"), 0);
    assert_string_equal(json_string_value(json_object_get(last, "action")), "forget");
    assert_string_equal(json_string_value(json_object_get(last, "detail")), "device 10.0.0.1");
    assert_int_equal(sb_operator(b, "{'route':'ctl.forget','body':{'entity':'daaaaaaaaab'}}"), 200);
}

#define SETTINGS                                                                                   \
    "'body':{'alerts_per_day':9,'approve_sensors':false,'time_zone':'Asia/Tokyo',"                 \
    "'retention_days':{'conn':7},'data_bytes':2000000000}"

static void test_settings_and_incidents_go_through_the_log(void **state)
{
    struct state_bench *b = *state;
    struct th_session s;
    char cookie[TH_COOKIE_LEN];
    sb_user(b, "root", "administrator");
    sb_session(b, "root", cookie, &s);
    assert_int_equal(
        sb_ask(b, "{'route':'settings_set','user':{'session':'%s'}," SETTINGS "}", s.key), 200);
    assert_int_equal(json_integer_value(json_object_get(b->body, "alerts_per_day")), 9);
    assert_int_equal(sb_ask(b, "{'route':'settings','user':{'session':'%s'}}", s.key), 200);
    assert_string_equal(sb_text(b, "time_zone"), "Asia/Tokyo");
    assert_int_equal(
        sb_ask(b, "{'route':'settings_set','user':{'session':'%s'},'body':{}}", s.key), 400);
    assert_int_equal(
        sb_ask(b,
            "{'route':'incident_change','user':{'session':'%s'},'path':{'id':'abc123'},"
            "'body':{'state':'acknowledged','comment':'seen <b>'}}",
            s.key),
        200);
    assert_int_equal(sb_ask(b,
                         "{'route':'incident_change','user':{'session':'%s'},'path':{'id':'../x'},"
                         "'body':{'state':'acknowledged'}}",
                         s.key),
        404);
    assert_int_equal(sb_ask(b,
                         "{'route':'incident_change','user':{'session':'%s'},'path':{'id':'x'},"
                         "'body':{'state':'gone'}}",
                         s.key),
        400);
    assert_int_equal(sb_ask(b,
                         "{'route':'audit_list','user':{'session':'%s'},"
                         "'params':{'limit':'1'}}",
                         s.key),
        200);
    json_t *entry = json_array_get(json_object_get(b->body, "entries"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "user")), "root");
    assert_string_equal(
        json_string_value(json_object_get(entry, "action")), "incident.acknowledge");
    assert_string_equal(json_string_value(json_object_get(entry, "detail")), "seen <b>");
    assert_true(json_is_true(json_object_get(b->body, "intact")));
}

/* Asks for a permit as this session; the status. */
static unsigned permit(struct state_bench *b, const struct th_session *s, const char *body)
{
    return sb_ask(b, "{'route':'permit_add','user':{'session':'%s'},'body':{%s}}", s->key, body);
}

static json_t *audit_entry(struct state_bench *b, const struct th_session *s, size_t at)
{
    sb_ask(b, "{'route':'audit_list','user':{'session':'%s'}}", s->key);
    return json_array_get(json_object_get(b->body, "entries"), at);
}

static void assert_entry(
    const json_t *e, const char *user, const char *action, const char *object, const char *detail)
{
    assert_string_equal(json_string_value(json_object_get(e, "user")), user);
    assert_string_equal(json_string_value(json_object_get(e, "action")), action);
    assert_string_equal(json_string_value(json_object_get(e, "object")), object);
    assert_string_equal(json_string_value(json_object_get(e, "detail")), detail);
}

static void test_what_is_normal_here(void **state)
{
    struct state_bench *b = *state;
    struct th_session root;
    struct th_session ann;
    struct th_session rob;
    char cookie[TH_COOKIE_LEN];
    char id[20];
    sb_user(b, "root", "administrator");
    sb_user(b, "ann", "analyst");
    sb_user(b, "rob", "reader");
    sb_session(b, "root", cookie, &root);
    sb_session(b, "ann", cookie, &ann);
    sb_session(b, "rob", cookie, &rob);
    assert_int_equal(permit(b, &rob, "'device':'dabcdefghij','reason':'r'"), 403);
    static const char *const wrong[] = {"'reason':'everything'", "'port':443,'reason':'r'",
        "'model':'internal-scan','reason':'r'", "'device':'10.0.0.1','reason':'r'",
        "'device':'dabcdefghij'", "'device':'dabcdefghij','reason':''",
        "'device':'dabcdefghij','reason':'r','days':0",
        "'device':'dabcdefghij','reason':'r','days':366",
        "'device':'dabcdefghij','reason':'r','days':'9'",
        "'device':'dabcdefghij','reason':'r','model':'A B'",
        "'device':'dabcdefghij','reason':'r','model':'a','tactic':'b'",
        "'host':'a.example','domain':'example','reason':'r'", "'address':'a.example','reason':'r'",
        "'device':'dabcdefghij','reason':'r','incident':'../x'",
        "'device':'dabcdefghij','reason':'r','port':70000"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_int_equal(permit(b, &ann, wrong[i]), 400);
    char big[400];
    snprintf(big, sizeof(big), "'device':'dabcdefghij','reason':'%0241d'", 0);
    assert_int_equal(permit(b, &ann, big), 400);
    assert_int_equal(permit(b, &ann, "'device':'dabcdefghij','reason':'r','days':null"), 403);
    assert_int_equal(permit(b, &root, "'domain':'example.com','reason':'r','days':null"), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    assert_entry(audit_entry(b, &root, 0), "root", "permit.add", id,
        "device any, model any, domain example.com; until somebody ends it: r");
    assert_int_equal(
        permit(b, &ann,
            "'device':'dabcdefghij','tactic':'discovery','reason':'<b>our scanner</b>',"
            "'incident':'abc','breach':'def'"),
        200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    assert_int_equal(strlen(id), 16);
    assert_entry(audit_entry(b, &root, 1), "ann", "permit.add", id,
        "device dabcdefghij, tactic discovery, peer any; until 2024-02-12T22:13:20.000000Z: <b>our "
        "scanner</b>");
    snprintf(big, sizeof(big), "permit %s", id);
    assert_entry(audit_entry(b, &root, 0), "ann", "incident.acknowledge", "abc", big);
    assert_int_equal(
        sb_ask(b, "{'route':'permit_end','user':{'session':'%s'},'path':{'id':'%s'}}", rob.key, id),
        403);
    for (unsigned i = 0; i < 2; i++) /* by anybody who may say so, once */
        assert_int_equal(
            sb_ask(b, "{'route':'permit_end','user':{'session':'%s'},'path':{'id':'%s'}}", ann.key,
                id),
            i == 0 ? 200 : 404);
    assert_entry(audit_entry(b, &root, 0), "ann", "permit.end", id, "");
    /* an end that comes by itself */
    assert_int_equal(permit(b, &ann, "'address':'192.0.2.1','port':22,'reason':'r','days':1"), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    b->now_ns += TH_NS_PER_DAY;
    th_state_tick(b->s, b->now_ns);
    sb_session(b, "root", cookie, &root);
    assert_entry(audit_entry(b, &root, 0), "system", "permit.expire", id, "");
}

/* Also those on their way are counted. */
static void test_so_many_permits_and_no_more(void **state)
{
    struct state_bench *b = *state;
    char text[300];
    th_state_follow_begin(b->s);
    for (unsigned i = 1; i <= 999; i++) {
        snprintf(text, sizeof(text),
            "{\"type\":\"permit\",\"at_ns\":1,\"id\":\"%016x\",\"device\":\"dabcdefghij\","
            "\"reason\":\"r\"}",
            i);
        for (unsigned k = 0; k < 2; k++) /* followed twice */
            th_state_follow_control(b->s, th_str_c(text));
    }
    assert_int_equal(th_state_follow_end(b->s, 77), 0);
    static const char ask[] = "{\"route\":\"ctl.permit.add\",\"body\":{\"device\":"
                              "\"dabcdefghij\",\"reason\":\"r\",\"days\":null}}";
    unsigned answers = b->answers;
    sb_send(b, 1, ask);
    assert_int_equal(b->answers, answers); /* waits for the log */
    sb_send(b, 1, ask);
    assert_int_equal(b->status, 409);
    sb_run(b);
    assert_int_equal(b->status, 200);
    assert_int_equal(sb_operator(b, "{'route':'ctl.permit.end','body':{'id':'%016x'}}", 5), 200);
    sb_send(b, 1, ask);
    sb_run(b);
    assert_int_equal(b->status, 200);
}

static void test_a_log_that_does_not_answer(void **state)
{
    struct state_bench *b = *state;
    struct th_session s;
    char cookie[TH_COOKIE_LEN];
    char text[512];
    sb_user(b, "root", "administrator");
    sb_session(b, "root", cookie, &s);
    snprintf(
        text, sizeof(text), "{'route':'settings_set','user':{'session':'%s'}," SETTINGS "}", s.key);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    for (int i = 0; i < 3; i++) {
        unsigned answers = b->answers;
        b->refuse_controls = i == 0;
        sb_send(b, 0, text);
        if (i > 0) {
            assert_int_equal(b->answers, answers);
            if (i == 1) {
                b->now_ns += TH_STATE_CONTROL_WAIT_NS;
                th_state_tick(b->s, b->now_ns);
            } else {
                th_state_controls_lost(b->s, b->now_ns);
            }
        }
        assert_int_equal(b->answers, answers + 1);
        assert_int_equal(b->status, 503);
    }
    /* what was given up is answered once */
    unsigned answers = b->answers;
    sb_run(b);
    assert_int_equal(b->answers, answers);
}

static void test_controls_apply_again_to_the_same(void **state)
{
    struct state_bench *b = *state;
    static const char control[] =
        "{\"type\":\"settings\",\"at_ns\":5,\"by\":{\"id\":\"1\",\"name\":\"ann\"},"
        "\"alerts_per_day\":3,\"approve_sensors\":true,\"time_zone\":\"UTC\",\"retention_days\":{},"
        "\"data_bytes\":2000000000}";
    static const char other_key[] =
        "{\"type\":\"sensor\",\"at_ns\":1,\"id\":\"0000000000000000\",\"key\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"name\":\"x\",\"status\":\"authorised\"}";
    static const char *const hostile[] = {"{\"type\":\"permit\",\"at_ns\":1}",
        "{\"type\":\"permit\",\"at_ns\":1,\"id\":\"0000000000000001\",\"reason\":\"all\"}",
        "{\"type\":\"permit_end\",\"at_ns\":1,\"id\":7}", "", "null", "[]", "{\"type\":5}",
        "{\"type\":\"sensor\"}", other_key, "{\"type\":\"settings\",\"at_ns\":1}",
        "{\"type\":\"ack\",\"at_ns\":1}", "{\"type\":\"tick\",\"at_ns\":1,\"wall_ns\":1}",
        "{\"type\":\"of tomorrow\",\"at_ns\":1}"};
    struct th_settings s;
    struct th_settings defaults;
    th_settings_default(&defaults);
    for (int i = 0; i < 2; i++) {
        th_state_follow_begin(b->s);
        th_state_follow_control(b->s, th_str_c(control));
        for (size_t k = 0; k < TH_ARRAY_LEN(hostile); k++)
            th_state_follow_control(b->s, th_str_c(hostile[k]));
        assert_int_equal(th_state_follow_end(b->s, 77), 0);
    }
    th_settings_get(b->a, &defaults, &s);
    assert_int_equal(s.alerts_per_day, 3);
    assert_int_equal(th_accounts_position(b->a), 77);
    assert_int_equal(th_account_permits(b->a), 0);
    assert_int_equal(sb_operator(b, "{'route':'ctl.sensor.list'}"), 200);
    assert_int_equal(json_array_size(json_object_get(b->body, "sensors")), 0);
}

static void test_operator_routes_are_the_operators(void **state)
{
    struct state_bench *b = *state;
    assert_int_equal(
        sb_ask(b, "{'route':'ctl.user.create','body':{'name':'x','role':'administrator'}}"), 404);
    assert_int_equal(sb_operator(b, "{'route':'users_list'}"), 404);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.user.create','body':{'name':'ann','role':'administrator'}}"),
        200);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.user.create','body':{'name':'ann','role':'reader'}}"), 409);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.user.create','body':{'name':'system','role':'reader'}}"),
        400);
    assert_int_equal(sb_operator(b, "{'route':'ctl.user.remove','body':{'name':'ann'}}"), 409);
    assert_string_equal(sb_code(b), "last_administrator");
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.user.change','body':{'name':'ann','reset':true}}"), 200);
    assert_int_equal(strlen(sb_text(b, "one_time_password")), 23);
    assert_int_equal(
        sb_operator(b, "{'route':'ctl.user.change','body':{'name':'bob','reset':true}}"), 404);
    assert_int_equal(sb_operator(b, "{'route':'ctl.user.list'}"), 200);
}

static void test_hostile_requests(void **state)
{
    struct state_bench *b = *state;
    const char *const texts[] = {"", "x", "[]", "null", "{}", "{'route':5}", "{'route':''}",
        "{'route':'no such'}", "{'route':'login'}", "{'route':'login','body':[]}",
        "{'route':'login','body':{'user':{},'password':[]}}",
        "{'route':'login','body':{'user':'a\\u0000b','password':'x'}}",
        "{'route':'login','body':{'user':'a','user':'b','password':'x'}}",
        "{'route':'session_get','user':5,'cookies':'x'}",
        "{'route':'session_get','user':{'session':'zz'},'cookies':{'session':'%00'}}",
        "{'route':'authorise','body':{'cookie':'','method':'GET','right':'x'}}",
        "{'route':'enrol','body':{'protocol':1,'token':{},'key':5}}",
        "{'route':'commands','body':{'sensor':'../../etc','time':'x','signature':'y'}}",
        "{'route':'login_password','cookies':{'login':'0'},'body':{'password':'x'}}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s", texts[i]);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        for (unsigned from = 0; from < 2; from++) {
            unsigned answers = b->answers;
            sb_send(b, from, text);
            sb_run(b);
            assert_int_equal(b->answers, answers + 1);
            assert_true(b->status >= 400 && b->status < 500);
        }
    }
    TH_AUTOFREE char *large = th_xcalloc(1, TH_STATE_MAX_REQUEST + 100);
    memset(large, '[', TH_STATE_MAX_REQUEST + 50);
    sb_send(b, 0, large);
    assert_int_equal(b->status, 400);
    large[TH_STATE_MAX_REQUEST - 1] = 0; /* deep, and not too long */
    sb_send(b, 0, large);
    assert_int_equal(b->status, 400);
    TH_AUTOBUF struct th_buf status = TH_BUF_INIT;
    th_state_status(b->s, b->now_ns, &status);
    json_t *json = json_loadb((const char *)status.p, status.len, 0, NULL);
    assert_true(
        json_integer_value(json_object_get(json_object_get(json, "counters"), "malformed")) > 10);
    json_decref(json);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sb_open, sb_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_and_second_login),
        TEST(test_every_role_with_every_route),
        TEST(test_csrf),
        TEST(test_kept_searches_are_ones_own),
        TEST(test_helper_queue_is_bounded),
        TEST(test_sensor_from_token_to_revoked),
        TEST(test_guessing_tokens_locks_the_address),
        TEST(test_commands_wait),
        TEST(test_what_is_forgotten),
        TEST(test_settings_and_incidents_go_through_the_log),
        TEST(test_what_is_normal_here),
        TEST(test_so_many_permits_and_no_more),
        TEST(test_a_log_that_does_not_answer),
        TEST(test_controls_apply_again_to_the_same),
        TEST(test_operator_routes_are_the_operators),
        TEST(test_hostile_requests),
    };
    return cmocka_run_group_tests_name("master/state", tests, NULL, NULL);
}

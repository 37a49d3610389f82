/* SPDX-License-Identifier: Apache-2.0 */
/* Asked-for packets in role state, in virtual time: from the asking to the day after, with sensors
 * that send twice, out of order, too much, nothing, or are not who they say. */
#include "unit.h"

#include "account/ask.h"
#include "account/audit.h"
#include "base/cursor.h"
#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "state_bench.h"

#define WISH "'wish':{'host':'10.0.0.1','from':'2023-11-14T00:00:00Z','to':'2023-11-15T00:00:00Z'}"
#define PART_BYTES 150000u /* three records of a file */

struct sensor {
    struct th_sign_key key;
    char id[TH_SENSOR_ID_LEN];
    int64_t asked; /* times in its requests grow */
};

static void sensor_make(struct state_bench *b, struct sensor *x, uint8_t seed)
{
    const uint8_t bytes[TH_SIGN_SEED_BYTES] = {seed};
    struct th_sensor s = {.name = "office", .status = "authorised", .version = "1"};
    th_sign_key_init(&x->key, bytes);
    th_sign_key_public(&x->key, s.key);
    th_sensor_id(s.key, s.id);
    memcpy(x->id, s.id, sizeof(x->id));
    x->asked = 0;
    th_accounts_begin(b->a);
    th_sensor_apply(b->a, &s);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void sign_text(
    const struct sensor *x, const char *said, char ret[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)])
{
    uint8_t signature[TH_SIGNATURE_BYTES];
    th_sign(&x->key, said, strlen(said), signature);
    th_base64url(signature, sizeof(signature), ret);
}

/* The sensor asks what to do, and says this of itself. */
static void report(struct state_bench *b, struct sensor *x, const char *status)
{
    char said[256], time[24], signature[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)];
    snprintf(time, sizeof(time), "%lld", (long long)++x->asked);
    snprintf(said, sizeof(said), "GET\n/link/v1/commands\n%s\n%s\n%s", x->id, time, status);
    sign_text(x, said, signature);
    json_t *request = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "route", "commands", "body",
        "sensor", x->id, "time", time, "status", status, "signature", signature);
    char *text = json_dumps(request, JSON_COMPACT);
    assert_non_null(text);
    sb_send(b, 0, text);
    free(text);
    json_decref(request);
}

/* The id of the command that it is given for that, "" when it has to wait. */
static const char *command_for(struct state_bench *b, struct sensor *x, const char *status)
{
    unsigned answers = b->answers;
    report(b, x, status);
    if (b->answers == answers)
        return "";
    assert_int_equal(b->status, 200);
    const json_t *command = json_array_get(json_object_get(b->body, "commands"), 0);
    assert_string_equal(json_string_value(json_object_get(command, "type")), "packets");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(command, "wish"), "host")), "10.0.0.1");
    return json_string_value(json_object_get(command, "id"));
}

static const char *command_of(struct state_bench *b, struct sensor *x)
{
    return command_for(b, x, "{}");
}

static unsigned send_part(struct state_bench *b, const struct sensor *by, const char *as,
    const char *command, const char *part, struct th_str bytes)
{
    char said[512], text[768], signature[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)];
    uint8_t digest[TH_SHA256_LEN];
    char digest_text[2 * TH_SHA256_LEN + 1];
    th_sha256(bytes.p, bytes.len, digest);
    th_hex(digest, sizeof(digest), digest_text);
    snprintf(said, sizeof(said), "POST\n/link/v1/packets/%s\n%s\n7\n%s\n%s", command, as, part,
        digest_text);
    sign_text(by, said, signature);
    snprintf(text, sizeof(text),
        "{\"route\":\"part\",\"body\":{\"sensor\":\"%s\",\"time\":\"7\",\"part\":\"%s\","
        "\"command\":\"%s\",\"signature\":\"%s\"}}",
        as, part, command, signature);
    b->bytes = bytes;
    uint64_t id = sb_send(b, 0, text);
    b->bytes = th_str_c("");
    assert_int_equal(b->answered, id);
    return b->status;
}

static unsigned part(struct state_bench *b, const struct sensor *x, const char *command,
    const char *number, struct th_str bytes)
{
    return send_part(b, x, x->id, command, number, bytes);
}

static unsigned ask(struct state_bench *b, const struct sensor *x)
{
    return sb_operator(b, "{'route':'ctl.packets.ask','body':{'sensor':'%s'," WISH "}}", x->id);
}

/* A member of the only ask. */
static const json_t *listed(struct state_bench *b, const char *member)
{
    assert_int_equal(sb_operator(b, "{'route':'ctl.packets.list'}"), 200);
    const json_t *asks = json_object_get(b->body, "asks");
    assert_int_equal(json_array_size(asks), 1);
    return json_object_get(json_array_get(asks, 0), member);
}

#define STATE_IS(b, want) assert_string_equal(json_string_value(listed((b), "state")), (want))
#define PROBLEM_HAS(b, want)                                                                       \
    assert_non_null(strstr(json_string_value(listed((b), "problem")), (want)))

static unsigned audited(struct state_bench *b, const char *action)
{
    unsigned n = 0;
    assert_int_equal(sb_operator(b, "{'route':'ctl.audit'}"), 200);
    const json_t *entries = json_object_get(b->body, "entries");
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const char *is = json_string_value(json_object_get(json_array_get(entries, i), "action"));
        n += is && strcmp(is, action) == 0;
    }
    return n;
}

/* All of the file, piece by piece. */
static void download(struct state_bench *b, const char *id, struct th_buf *out)
{
    uint64_t at = 0;
    do {
        char text[256];
        snprintf(text, sizeof(text),
            "{\"route\":\"ctl.packets.file\",\"body\":{\"id\":\"%s\",\"at\":\"%llu\"}}", id,
            (unsigned long long)at);
        b->is_raw = true;
        sb_send(b, 1, text);
        b->is_raw = false;
        assert_int_equal(b->status, 200);
        struct th_cur c = th_cur_init(b->raw.p, b->raw.len);
        th_cur_skip(&c, 8);
        at = th_cur_le64(&c);
        th_buf_str(out, th_cur_bytes(&c, th_cur_left(&c)));
        assert_false(c.failed);
    } while (at != 0);
}

static void fill(struct th_buf *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        th_buf_u8(b, (uint8_t)(i * 7 + i / 251));
}

static void tick(struct state_bench *b, int64_t after_ns)
{
    b->now_ns += after_ns;
    th_state_tick(b->s, b->now_ns);
}

static const char end_of[] =
    "{\"packets\":9,\"bytes\":300000,\"cut\":true,\"oldest\":\"2023-11-13T00:00:00Z\","
    "\"problem\":\"\"}";

static void test_from_asking_to_expiry(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    TH_AUTOBUF struct th_buf sent = TH_BUF_INIT, got = TH_BUF_INIT;
    char id[TH_ASK_ID_LEN], command[TH_ASK_ID_LEN], text[160];
    sensor_make(b, &x, 1);
    assert_string_equal(command_of(b, &x), ""); /* it waits */
    assert_int_equal(ask(b, &x), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    STATE_IS(b, "waiting");
    tick(b, TH_NS_PER_S); /* the one that waits is sent away, to come again */
    assert_int_equal(b->status, 204);
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(strlen(command), 16);
    assert_string_not_equal(command, id);
    STATE_IS(b, "sent");
    fill(&sent, 2 * PART_BYTES);
    struct th_str first = th_str_n(sent.p, PART_BYTES);
    struct th_str second = th_str_n(sent.p + PART_BYTES, PART_BYTES);
    assert_int_equal(part(b, &x, command, "1", second), 409);
    assert_int_equal(part(b, &x, command, "0", first), 200);
    STATE_IS(b, "arriving");
    assert_int_equal(json_integer_value(listed(b, "bytes")), PART_BYTES);
    assert_int_equal(part(b, &x, command, "0", first), 200); /* taken once */
    assert_int_equal(part(b, &x, command, "1", second), 200);
    assert_int_equal(part(b, &x, command, "2 end", th_str_c(end_of)), 200);
    STATE_IS(b, "done");
    assert_true(json_is_true(listed(b, "cut")));
    assert_int_equal(json_integer_value(listed(b, "packets")), 9);
    assert_string_equal(json_string_value(listed(b, "oldest")), "2023-11-13T00:00:00.000000Z");
    assert_int_equal(part(b, &x, command, "2 end", th_str_c(end_of)), 200); /* told again */
    download(b, id, &got);
    assert_int_equal(got.len, sent.len);
    assert_memory_equal(got.p, sent.p, sent.len);
    assert_int_equal(audited(b, "packets.ask"), 1);
    assert_int_equal(audited(b, "packets.arrive"), 1);
    assert_int_equal(audited(b, "packets.download"), 1); /* once, though in two pieces */
    /* What lies on the disk is sealed, and for its place. */
    snprintf(text, sizeof(text), "%s/%s.packets", b->folder, id);
    FILE *f = fopen(text, "r+b");
    assert_non_null(f);
    uint8_t raw[400];
    assert_int_equal(fread(raw, 1, sizeof(raw), f), sizeof(raw));
    assert_null(memmem(raw, sizeof(raw), sent.p + 8, 16));
    assert_int_equal(fseek(f, 100, SEEK_SET), 0);
    fputc(raw[100] ^ 1, f);
    fclose(f);
    assert_int_equal(sb_operator(b, "{'route':'ctl.packets.file','body':{'id':'%s'}}", id), 500);
    tick(b, 24 * TH_NS_PER_HOUR - TH_NS_PER_S);
    assert_int_equal(access(text, F_OK), 0);
    tick(b, 2 * TH_NS_PER_S);
    assert_int_not_equal(access(text, F_OK), 0);
    assert_int_equal(audited(b, "packets.expire"), 1);
    assert_int_equal(sb_operator(b, "{'route':'ctl.packets.file','body':{'id':'%s'}}", id), 404);
}

static void test_who_may_not_send(void **state)
{
    struct state_bench *b = *state;
    struct sensor x, other;
    char command[TH_ASK_ID_LEN];
    struct th_str bytes = th_str_c("some packets");
    sensor_make(b, &x, 1);
    sensor_make(b, &other, 2);
    assert_int_equal(ask(b, &x), 200);
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(send_part(b, &other, x.id, command, "0", bytes), 401);
    assert_int_equal(part(b, &other, command, "0", bytes), 404); /* it was not asked */
    assert_int_equal(part(b, &x, "00000000000000ff", "0", bytes), 404);
    assert_int_equal(part(b, &x, command, "0 fin", bytes), 400);
    assert_int_equal(part(b, &x, command, "-1", bytes), 400);
    STATE_IS(b, "sent");
    assert_int_equal(part(b, &x, command, "0", bytes), 200);
    sb_operator(
        b, "{'route':'ctl.packets.delete','body':{'id':'%s'}}", json_string_value(listed(b, "id")));
    assert_int_equal(b->status, 200);
    assert_int_equal(part(b, &x, command, "1", bytes), 404); /* nobody waits any more */
}

static void test_who_may_not_look(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    char cookie[TH_COOKIE_LEN];
    struct th_session s;
    static const char *const who[] = {"reader", "analyst"};
    sensor_make(b, &x, 1);
    for (size_t i = 0; i < TH_ARRAY_LEN(who); i++) {
        unsigned want = i == 0 ? 403 : 200;
        sb_user(b, who[i], who[i]);
        sb_session(b, who[i], cookie, &s);
        assert_int_equal(
            sb_ask(b, "{'route':'packets_list','user':{'session':'%s'}}", s.key), want);
        assert_int_equal(
            sb_ask(b,
                "{'route':'packets_ask','user':{'session':'%s'},'body':{'sensor':'%s'," WISH "}}",
                s.key, x.id),
            want);
        assert_int_equal(
            sb_ask(b, "{'route':'packets_file','path':{'id':'1'},'user':{'session':'%s'}}", s.key),
            i == 0 ? 403 : 404);
    }
    assert_int_equal(sb_ask(b, "{'route':'packets_list'}"), 401);
}

static void test_wishes_that_are_none(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    sensor_make(b, &x, 1);
#define ASK "{'route':'ctl.packets.ask','body':{"
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 409); /* nobody is there */
    assert_int_equal(sb_operator(b, ASK "'sensor':'00'," WISH "}}"), 404);
    assert_int_equal(sb_operator(b, ASK "'sensor':'%s'}}", x.id), 400);
    assert_int_equal(sb_operator(b, ASK "'sensor':'%s','wish':{'host':'x'}}}", x.id), 400);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ask(b, &x), 200);
    assert_int_equal(ask(b, &x), 409); /* as many as may be */
    assert_string_equal(sb_code(b), "asks");
}

static void test_too_many_bytes_are_refused(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    TH_AUTOBUF struct th_buf bytes = TH_BUF_INIT;
    char command[TH_ASK_ID_LEN];
    sensor_make(b, &x, 1);
    assert_int_equal(
        sb_operator(b,
            "{'route':'ctl.packets.ask','body':{'sensor':'%s','wish':{'host':'10.0.0.1'"
            ",'from':'2023-11-14T00:00:00Z','to':'2023-11-15T00:00:00Z','limit_bytes':"
            "1000}}}",
            x.id),
        200);
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    fill(&bytes, PART_BYTES);
    assert_int_equal(part(b, &x, command, "0", th_buf_view(&bytes)), 200);
    assert_int_equal(part(b, &x, command, "1", th_buf_view(&bytes)), 413);
    STATE_IS(b, "failed");
    PROBLEM_HAS(b, "more bytes");
    assert_int_equal(part(b, &x, command, "2", th_buf_view(&bytes)), 404);
}

static void test_a_silent_sensor_is_asked_thrice(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    char before[TH_ASK_ID_LEN] = "";
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    for (unsigned i = 0; i < 3; i++) {
        char command[TH_ASK_ID_LEN];
        snprintf(command, sizeof(command), "%s", command_of(b, &x));
        assert_int_equal(strlen(command), 16);
        assert_string_not_equal(command, before);
        memcpy(before, command, sizeof(before));
        assert_int_equal(part(b, &x, command, "0", th_str_c("some")), 200);
        tick(b, 2 * TH_NS_PER_MIN);
        STATE_IS(b, "arriving");
        tick(b, 2 * TH_NS_PER_MIN);
    }
    STATE_IS(b, "failed");
    PROBLEM_HAS(b, "did not answer");
    assert_int_equal(part(b, &x, before, "1", th_str_c("late")), 404);
}

static void test_a_sensor_that_is_away(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    tick(b, 9 * TH_NS_PER_MIN);
    STATE_IS(b, "waiting");
    tick(b, 2 * TH_NS_PER_MIN);
    STATE_IS(b, "failed");
    PROBLEM_HAS(b, "not there");
    assert_int_equal(audited(b, "packets.fail"), 1);
}

static void test_a_sensor_that_says_why_not(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    assert_int_equal(part(b, &x, command_of(b, &x), "0 end",
                         th_str_c("{\"problem\":\"This sensor keeps no packets.\"}")),
        200);
    STATE_IS(b, "failed");
    PROBLEM_HAS(b, "keeps no packets");
}

static void test_an_end_that_is_no_end(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    char command[TH_ASK_ID_LEN];
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(part(b, &x, command, "0", th_str_c("some")), 200);
    assert_int_equal(part(b, &x, command, "1 end",
                         th_str_c("{\"packets\":9,\"bytes\":9000000,\"cut\":7,\"oldest\":[]}")),
        200);
    STATE_IS(b, "failed"); /* so many bytes never came */
}

static void test_any_sensor_that_has_some(void **state)
{
    struct state_bench *b = *state;
    struct sensor x[2];
    sensor_make(b, &x[0], 1);
    sensor_make(b, &x[1], 2);
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(command_of(b, &x[i]), ""); /* both are there */
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 200);
    unsigned first = strcmp(sb_text(b, "sensor"), x[0].id) == 0 ? 0 : 1;
    const struct sensor *had = &x[1 - first];
    assert_int_equal(part(b, &x[first], command_of(b, &x[first]), "0 end",
                         th_str_c("{\"packets\":0,\"bytes\":0}")),
        200);
    STATE_IS(b, "waiting");
    assert_string_equal(json_string_value(listed(b, "sensor")), had->id);
    char command[TH_ASK_ID_LEN];
    snprintf(command, sizeof(command), "%s", command_of(b, &x[1 - first]));
    assert_int_equal(part(b, had, command, "0", th_str_c("some")), 200);
    assert_int_equal(part(b, had, command, "1 end", th_str_c("{\"packets\":1,\"bytes\":4}")), 200);
    STATE_IS(b, "done");
}

static void test_a_sensor_that_has_just_gone_is_not_waited_for(void **state)
{
    struct state_bench *b = *state;
    struct sensor gone, here;
    sensor_make(b, &gone, 1);
    sensor_make(b, &here, 2);
    assert_string_equal(command_of(b, &gone), "");
    b->now_ns += 26 * TH_NS_PER_S;
    th_state_tick(b->s, b->now_ns); /* it was sent away, and does not come again */
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 200);
    assert_string_equal(sb_text(b, "sensor"), gone.id); /* it may yet */
    assert_string_equal(command_of(b, &here), "");
    tick(b, 9 * TH_NS_PER_S);
    assert_string_equal(json_string_value(listed(b, "sensor")), gone.id);
    assert_string_equal(command_of(b, &here), "");
    tick(b, 2 * TH_NS_PER_S);
    assert_string_equal(json_string_value(listed(b, "sensor")), here.id);
    tick(b, 0);
    assert_int_equal(strlen(command_of(b, &here)), 16);
    /* One that waits at this moment is better than one that was heard of late. */
    assert_string_equal(command_of(b, &here), "");
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 200);
    assert_string_equal(sb_text(b, "sensor"), here.id);
}

/* Who keeps none is asked last, and not waited for before those that do. */
static void test_sensors_that_keep_some_come_first(void **state)
{
    struct state_bench *b = *state;
    struct sensor x[3];
    static const char *const says[] = {
        "{}", "{\"keep_limit_bytes\":0}", "{\"keep_limit_bytes\":9}"};
    for (unsigned i = 0; i < TH_ARRAY_LEN(x); i++) {
        sensor_make(b, &x[i], (uint8_t)(i + 1));
        report(b, &x[i], says[i]);
    }
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 200);
    assert_string_equal(sb_text(b, "sensor"), x[2].id);
}

/* The last of several that has just gone is not waited for either: what the others said stands. */
static void test_what_the_others_said_stands(void **state)
{
    struct state_bench *b = *state;
    struct sensor gone, here;
    sensor_make(b, &gone, 1);
    sensor_make(b, &here, 2);
    assert_string_equal(command_of(b, &gone), "");
    b->now_ns += 26 * TH_NS_PER_S;
    th_state_tick(b->s, b->now_ns);
    assert_string_equal(command_of(b, &here), "");
    assert_int_equal(sb_operator(b, ASK WISH "}}"), 200);
    assert_string_equal(sb_text(b, "sensor"), here.id);
    assert_int_equal(part(b, &here, command_of(b, &here), "0 end",
                         th_str_c("{\"packets\":0,\"bytes\":0,\"problem\":\"none kept\"}")),
        200);
    STATE_IS(b, "waiting");
    assert_string_equal(json_string_value(listed(b, "sensor")), gone.id);
    tick(b, 9 * TH_NS_PER_S);
    STATE_IS(b, "waiting");
    tick(b, 2 * TH_NS_PER_S);
    STATE_IS(b, "failed");
    assert_string_equal(json_string_value(listed(b, "problem")), "none kept");
}

/* State is ended in the middle and begins anew over the same database and folder. */
static void again(struct state_bench *b)
{
    struct th_state_config config = {.accounts = b->a,
        .keys = b->keys,
        .folder = &b->io,
        .instance = "test",
        .instance_id = "00000000000000aa",
        .host_name = "thymus.test"};
    const struct th_state_ops ops = b->ops;
    th_settings_default(&config.defaults);
    th_state_free(b->s);
    b->s = th_state_new(&config, &ops, b);
    th_state_tick(b->s, b->now_ns);
}

static void test_what_was_on_its_way_is_asked_for_anew(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    char command[TH_ASK_ID_LEN], id[TH_ASK_ID_LEN];
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(part(b, &x, command, "0", th_str_c("some")), 200);
    again(b);
    STATE_IS(b, "waiting");
    assert_int_equal(part(b, &x, command, "1", th_str_c("more")), 404);
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(part(b, &x, command, "0", th_str_c("all")), 200);
    assert_int_equal(part(b, &x, command, "1 end", th_str_c("{\"packets\":1,\"bytes\":3}")), 200);
    again(b);
    STATE_IS(b, "done");
    download(b, id, &got);
    assert_int_equal(got.len, 3);
    assert_memory_equal(got.p, "all", 3);
    assert_int_equal(b->io.remove(b->io.arg, json_string_value(listed(b, "id"))), -ENOENT);
    char name[120];
    snprintf(name, sizeof(name), "%s.packets", id);
    assert_int_equal(b->io.rename(b->io.arg, name, "00000000000000aa.packets"), 0);
    again(b); /* a file that nobody has goes, an ask without its file fails */
    STATE_IS(b, "failed");
    snprintf(name, sizeof(name), "%s/00000000000000aa.packets", b->folder);
    assert_int_not_equal(access(name, F_OK), 0);
}

/* A sensor that was started again in the middle says that it works on nothing. */
static void test_a_sensor_that_forgot_is_asked_again(void **state)
{
    struct state_bench *b = *state;
    struct sensor x;
    char first[TH_ASK_ID_LEN], second[TH_ASK_ID_LEN], status[40];
    sensor_make(b, &x, 1);
    assert_int_equal(ask(b, &x), 200);
    snprintf(first, sizeof(first), "%s", command_of(b, &x));
    report(b, &x, "{\"asked\":\"\"}"); /* was on its way when the wish set off */
    STATE_IS(b, "sent");
    assert_int_equal(part(b, &x, first, "0", th_str_c("some")), 200);
    b->now_ns += 10 * TH_NS_PER_S;
    snprintf(status, sizeof(status), "{\"asked\":\"%s\"}", first);
    report(b, &x, status);
    STATE_IS(b, "arriving");
    snprintf(second, sizeof(second), "%s", command_for(b, &x, "{\"asked\":\"\"}"));
    assert_int_equal(strlen(second), 16);
    assert_string_not_equal(second, first);
    STATE_IS(b, "sent");
    assert_int_equal(part(b, &x, first, "1", th_str_c("more")), 404);
    assert_int_equal(part(b, &x, second, "0", th_str_c("all")), 200);
    /* So does one whose keep was started again. */
    assert_int_equal(part(b, &x, second, "1 end",
                         th_str_c("{\"problem\":\"ended in the middle\",\"again\":true}")),
        200);
    STATE_IS(b, "waiting");
    snprintf(second, sizeof(second), "%s", command_of(b, &x));
    assert_int_equal(part(b, &x, second, "0 end",
                         th_str_c("{\"problem\":\"ended in the middle\",\"again\":true}")),
        200);
    STATE_IS(b, "failed"); /* thrice is enough */
    PROBLEM_HAS(b, "ended in the middle");
}

static void ask_of(struct state_bench *b, const struct sensor *x, const char *ends)
{
    assert_int_equal(sb_operator(b,
                         "{'route':'ctl.packets.ask','body':{'sensor':'%s','wish':{%s,"
                         "'from':'2023-11-14T00:00:00Z','to':'2023-11-15T00:00:00Z'}}}",
                         x->id, ends),
        200);
}

/* How many asks there are after the forgetting. */
static size_t left_after(struct state_bench *b, const char *whom)
{
    assert_int_equal(sb_operator(b, "{'route':'ctl.forget','body':{%s}}", whom), 200);
    assert_int_equal(sb_operator(b, "{'route':'ctl.packets.list'}"), 200);
    return json_array_size(json_object_get(b->body, "asks"));
}

/* A device takes with it the packets that were asked for by its address, a sensor those that it
 * gave. */
static void test_what_is_forgotten_goes(void **state)
{
    struct state_bench *b = *state;
    struct sensor x, other;
    char command[TH_ASK_ID_LEN], id[TH_ASK_ID_LEN], name[120], text[64];
    sensor_make(b, &x, 1);
    sensor_make(b, &other, 2);
    assert_int_equal(ask(b, &x), 200);
    snprintf(id, sizeof(id), "%s", sb_text(b, "id"));
    snprintf(command, sizeof(command), "%s", command_of(b, &x));
    assert_int_equal(part(b, &x, command, "0", th_str_c("some")), 200);
    assert_int_equal(part(b, &x, command, "1 end", th_str_c("{\"packets\":1,\"bytes\":4}")), 200);
    ask_of(b, &x, "'host':'10.0.0.3','peer':'10.0.0.1'");
    ask_of(b, &x, "'host':'10.0.0.3','peer':'10.0.0.4'");
    ask_of(b, &other, "'host':'10.0.0.5'");
    assert_int_equal(left_after(b, "'address':'10.0.0.1'"), 2);
    snprintf(name, sizeof(name), "%s/%s.packets", b->folder, id);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_int_equal(audited(b, "packets.delete"), 2);
    sb_operator(b, "{'route':'ctl.sensor.change','body':{'id':'%s','status':'revoked'}}", x.id);
    snprintf(text, sizeof(text), "'sensor':'%s'", x.id);
    assert_int_equal(left_after(b, text), 1);
    assert_int_equal(left_after(b, "'entity':'daaaaaaaaab'"), 0); /* its addresses are not known */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sb_open, sb_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_asking_to_expiry),
        TEST(test_who_may_not_send),
        TEST(test_who_may_not_look),
        TEST(test_wishes_that_are_none),
        TEST(test_too_many_bytes_are_refused),
        TEST(test_a_silent_sensor_is_asked_thrice),
        TEST(test_a_sensor_that_is_away),
        TEST(test_a_sensor_that_says_why_not),
        TEST(test_an_end_that_is_no_end),
        TEST(test_any_sensor_that_has_some),
        TEST(test_sensors_that_keep_some_come_first),
        TEST(test_what_the_others_said_stands),
        TEST(test_a_sensor_that_has_just_gone_is_not_waited_for),
        TEST(test_what_was_on_its_way_is_asked_for_anew),
        TEST(test_what_is_forgotten_goes),
        TEST(test_a_sensor_that_forgot_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

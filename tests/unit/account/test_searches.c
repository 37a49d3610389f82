/* SPDX-License-Identifier: Apache-2.0 */
/* Searches that users keep: each their own, bounded, gone with their user. */
#include "unit.h"

#include "account/search.h"
#include "bench.h"

static struct th_saved_search search(const char *name, const char *query)
{
    return (struct th_saved_search){.name = th_str_c(name),
        .query = th_str_c(query),
        .from = th_str_c("-24h"),
        .to = th_str_c(""),
        .kind = th_str_c("conn"),
        .columns = th_str_c("")};
}

static int64_t save(struct bench *b, int64_t user, const char *name, const char *query)
{
    struct th_saved_search s = search(name, query);
    int64_t id = 0;
    assert_int_equal(th_search_save(b->a, b->now_ns, user, &s, &id), 0);
    return id;
}

static void expect(struct bench *b, int64_t user, const char *want)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_searches_put(b->a, user, &j);
    th_buf_u8(&out, 0);
    assert_string_equal((const char *)out.p, want);
}

#define ONE(id, name, q)                                                                           \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"q\":\"" q "\",\"from\":\"-24h\",\"to\":\"\","      \
    "\"kind\":\"conn\",\"columns\":\"\",\"saved\":\"2023-11-14T22:13:20.000000Z\"}"

static void test_kept_replaced_removed(void **state)
{
    struct bench *b = *state;
    int64_t ann = bench_user(b, "ann", "reader", "x");
    int64_t bob = bench_user(b, "bob", "administrator", "x");
    th_accounts_begin(b->a);
    int64_t second = save(b, ann, "tunnels", "dns.query:*.x");
    int64_t first = save(b, ann, "Big uploads", "uid:a1");
    expect(
        b, ann, "[" ONE("2", "Big uploads", "uid:a1") "," ONE("1", "tunnels", "dns.query:*.x") "]");
    assert_int_equal(save(b, ann, "BIG uploads", "uid:a2"), first);
    expect(
        b, ann, "[" ONE("2", "BIG uploads", "uid:a2") "," ONE("1", "tunnels", "dns.query:*.x") "]");
    /* another's are not there, whatever the role */
    expect(b, bob, "[]");
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    assert_int_equal(th_search_put(b->a, bob, first, &j), -ENOENT);
    assert_int_equal(th_search_remove(b->a, bob, first), -ENOENT);
    assert_int_equal(out.len, 0);
    assert_int_equal(th_search_put(b->a, ann, first, &j), 0);
    assert_int_equal(th_search_remove(b->a, ann, first), 0);
    assert_int_equal(th_search_remove(b->a, ann, first), -ENOENT);
    assert_int_equal(th_search_remove(b->a, ann, second), 0);
    expect(b, ann, "[]");
    assert_int_equal(th_accounts_commit(b->a), 0);
}

static void test_bounded_and_gone_with_the_user(void **state)
{
    struct bench *b = *state;
    bench_user(b, "root", "administrator", "x");
    int64_t ann = bench_user(b, "ann", "reader", "x");
    int64_t bob = bench_user(b, "bob", "reader", "x");
    char name[32];
    th_accounts_begin(b->a);
    for (unsigned i = 0; i < TH_SEARCH_MAX_PER_USER; i++) {
        snprintf(name, sizeof(name), "search %u", i);
        save(b, ann, name, "");
    }
    struct th_saved_search more = search("one more", "");
    int64_t id = 77;
    assert_int_equal(th_search_save(b->a, b->now_ns, ann, &more, &id), -ENOSPC);
    assert_int_equal(id, 77);
    save(b, ann, "search 5", "replaced all the same");
    int64_t bobs = save(b, bob, "one more", "");
    assert_int_equal(th_user_remove(b->a, b->now_ns, "root", ann), 0);
    expect(b, ann, "[]");
    assert_int_equal(th_search_remove(b->a, bob, bobs), 0);
    assert_int_equal(th_accounts_commit(b->a), 0);
}

/* A database from before there were kept searches has its users still, and keeps searches now. */
static void test_an_earlier_database(void **state)
{
    struct bench *b = *state;
    int64_t ann = bench_user(b, "ann", "reader", "x");
    bench_tamper(b,
        "DROP TABLE searches; DROP TABLE asks; DROP TABLE permits; DELETE FROM migrations WHERE "
        "version > 1; PRAGMA "
        "user_version = 1");
    bench_reopen(b);
    th_accounts_begin(b->a);
    save(b, ann, "still here", "");
    assert_int_equal(th_accounts_commit(b->a), 0);
    bench_reopen(b);
    expect(b, ann, "[" ONE("1", "still here", "") "]");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kept_replaced_removed),
        TEST(test_bounded_and_gone_with_the_user),
        TEST(test_an_earlier_database),
    };
    return cmocka_run_group_tests_name("account/searches", tests, NULL, NULL);
}

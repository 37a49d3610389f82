/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "make_window.h"

#define GOOD HEAD("a") "components:\n  - feature: beacon\n"

static void takes_documents(void **state)
{
    (void)state;
    struct th_models *m =
        models_of(GOOD "---\n" HEAD("b") "version: 3\ncomponents: [{feature: upload}]\n");
    assert_int_equal(th_models_count(m), 2);
    assert_string_equal(th_models_info(m, 0)->id, "a");
    assert_string_equal(th_models_info(m, 1)->name, "N of b");
    assert_int_equal(th_models_info(m, 1)->version, 3);
    assert_null(th_models_info(m, 2));
    th_models_free(m);
}

static void mistakes_have_lines(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int line;
        const char *says;
    } cases[] = {
        {HEAD("a") "components:\n  - feature: no-such\n", 7, "there is no feature \"no-such\""},
        {HEAD("a") "components:\n  - feature: beacon\n    rarity: many\n", 8, "a number is wanted"},
        {HEAD("a") "components:\n  - feature: beacon\n    rarity: 99\n", 8, "must be from 0 to 20"},
        {HEAD("a") "components:\n  - feature: beacon\n    colour: red\n", 8,
            "unknown setting \"colour\""},
        {HEAD("a") "frobnicate: 1\n", 6, "unknown setting \"frobnicate\""},
        {HEAD("a") "name: again\n", 6, "stands twice"},
        {HEAD("a"), 1, "has no components"},
        {"id: a\n", 1, "has no name"},
        {HEAD("A b") "components: [{feature: beacon}]\n", 1, "lower-case"},
        {HEAD("a") "components: [{feature: beacon, role: supporting}]\n", 1,
            "no component is required"},
        {HEAD("a") "combine: sequence\ncomponents: [{feature: beacon}]\n", 1, "two or more"},
        {HEAD("a") "combine: maybe\n", 6, "all, any or sequence"},
        {HEAD("a") "peers: some\n", 6, "same or any"},
        {HEAD("a") "within: 3 weeks\n", 6, "a time such as"},
        {HEAD("a") "filter: {peer.colour: red}\n", 6, "unknown condition \"peer.colour\""},
        {HEAD("a") "filter:\n  all:\n    - peer.inside: perhaps\n", 8, "true or false"},
        {HEAD("a") "filter: {peer.port: [80, 99999]}\n", 6, "no port"},
        {HEAD("a") "filter: {observed: {about: 3}}\n", 6, "at-least or at-most"},
        {HEAD("a") "active: {days: [mon, someday]}\n", 6, "no day"},
        {"id: &x a\nname: *x\n", 1, "anchors"},
        {"id: a\nname: *x\n", 2, "aliases"},
        {"id: !!str a\n", 1, "tags"},
        {"id: [\n", 2, "not YAML"},
        {"just a word\n", 1, "a model is a mapping"},
        {"", 0, "no model"},
        {GOOD "---\n" GOOD, 9, "already"},
        {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", 1, "nested deeper"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct th_models *m = th_models_new();
        struct th_model_error err;
        assert_int_equal(th_models_add(m, cases[i].yaml, strlen(cases[i].yaml), &err), TH_E_CONFIG);
        if (!strstr(err.text, cases[i].says) || err.line != cases[i].line)
            fail_msg("case %zu: line %d: %s", i, err.line, err.text);
        assert_int_equal(th_models_count(m), 0);
        th_models_free(m);
    }
}

/* thymusctl model test: a model on trial takes the place of the installed one of its id. */
static void the_first_of_an_id_may_stay(void **state)
{
    (void)state;
    struct th_models *m = th_models_new();
    struct th_model_error err;
    static const char more[] = HEAD("b") "components: [{feature: upload}]\n---\n" HEAD(
        "a") "version: 7\ncomponents: [{feature: upload}]\n";
    assert_int_equal(th_models_add(m, GOOD, strlen(GOOD), &err), 0);
    th_models_keep(m);
    assert_int_equal(th_models_add(m, more, strlen(more), &err), 0);
    assert_int_equal(th_models_count(m), 2);
    assert_string_equal(th_models_info(m, 1)->id, "b");
    assert_int_equal(th_models_info(m, 0)->version, 1);
    th_models_free(m);
}

static void size_is_bounded(void **state)
{
    (void)state;
    struct th_models *m = th_models_new();
    struct th_model_error err;
    TH_AUTOBUF struct th_buf big = TH_BUF_INIT;
    th_buf_puts(&big, "tags: [");
    for (int i = 0; i < 30000; i++)
        th_buf_puts(&big, "x,");
    th_buf_puts(&big, "]\n");
    assert_int_equal(th_models_add(m, (const char *)big.p, big.len, &err), TH_E_CONFIG);
    assert_non_null(strstr(err.text, "more than 20000 values"));
    while (big.len <= 1 << 20)
        th_buf_puts(&big, "# filling up\n");
    assert_int_equal(th_models_add(m, (const char *)big.p, big.len, &err), TH_E_CONFIG);
    assert_non_null(strstr(err.text, "larger than"));
    th_models_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_documents),
        cmocka_unit_test(mistakes_have_lines),
        cmocka_unit_test(the_first_of_an_id_may_stay),
        cmocka_unit_test(size_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

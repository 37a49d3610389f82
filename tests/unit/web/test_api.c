/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "web/api.h"

static bool type_is_known(const char *type)
{
    switch (*type) {
    case 's':
    case 'n':
    case 'i':
    case 'b':
    case 't':
    case '*': return type[1] == 0;
    case '|': return type[1] != 0;
    case '@': return th_web_shape_find(type + 1) != NULL;
    case '[':
    case '{':
    case '~': return type_is_known(type + 1);
    default: return false;
    }
}

static void test_every_type_is_known(void **state)
{
    (void)state;
    size_t shapes = 0;
    size_t params = 0;
    const struct th_web_shape *s = th_web_shapes(&shapes);
    const struct th_web_param *p = th_web_params(&params);
    for (size_t i = 0; i < shapes; i++) {
        assert_ptr_equal(th_web_shape_find(s[i].name), &s[i]); /* no name twice */
        assert_true(!*s[i].base || th_web_shape_find(s[i].base));
        for (size_t k = 0; k < s[i].member_count; k++) {
            const char *type = s[i].members[k].type;
            if (!type_is_known(*type == '?' ? type + 1 : type))
                fail_msg("%s.%s: type %s", s[i].name, s[i].members[k].name, type);
        }
    }
    for (size_t i = 0; i < params; i++)
        assert_true(type_is_known(p[i].type) && strchr("sit|", *p[i].type));
}

static void test_every_route_has_its_shapes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++) {
        const struct th_web_route *r = th_web_route((enum th_web_route_id)i);
        assert_true(!*r->request || th_web_shape_find(r->request));
        assert_true(!*r->answer || th_web_shape_find(r->answer));
        assert_true(r->method != TH_METHOD_GET || !*r->request);
        for (unsigned k = 0; k < i; k++) {
            const struct th_web_route *o = th_web_route((enum th_web_route_id)k);
            assert_false(o->method == r->method && strcmp(o->path, r->path) == 0);
        }
    }
}

static void test_words_of_routes(void **state)
{
    (void)state;
    char word[TH_ROUTE_WORD_BYTES];
    enum th_web_route_id id;
    th_web_route_word(TH_ROUTE_INCIDENT_CHANGE, word);
    assert_string_equal(word, "incident_change");
    assert_true(th_web_route_parse(th_str_c(word), &id));
    assert_int_equal(id, TH_ROUTE_INCIDENT_CHANGE);
    assert_false(th_web_route_parse(th_str_c("incident_chang"), &id));
    assert_false(th_web_route_parse(th_str_c("authorise"), &id));
}

static void test_rights_of_roles(void **state)
{
    (void)state;
    assert_true(th_web_role_may(th_str_c("reader"), TH_RIGHT_WEB_READ));
    assert_true(th_web_role_may(th_str_c("reader"), TH_RIGHT_WEB_SESSION));
    assert_false(th_web_role_may(th_str_c("reader"), TH_RIGHT_WEB_ACKNOWLEDGE));
    assert_true(th_web_role_may(th_str_c("analyst"), TH_RIGHT_WEB_ACKNOWLEDGE));
    assert_false(th_web_role_may(th_str_c("analyst"), TH_RIGHT_WEB_CONFIGURE));
    assert_true(th_web_role_may(th_str_c("administrator"), TH_RIGHT_WEB_USERS));
    assert_false(th_web_role_may(th_str_c("Administrator"), TH_RIGHT_WEB_READ));
    assert_false(th_web_role_may(th_str_c(""), TH_RIGHT_WEB_SESSION));
    assert_true(th_web_role_may(th_str_c(""), TH_RIGHT_WEB_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_known),
        cmocka_unit_test(test_every_route_has_its_shapes),
        cmocka_unit_test(test_words_of_routes),
        cmocka_unit_test(test_rights_of_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

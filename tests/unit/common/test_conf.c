/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "conf.h"

struct sample {
    char *name;
    bool on;
    uint64_t shards, log_bytes;
    struct th_conf_list nets;
};

static int read_text(const char *text, struct sample *s, char error[512])
{
    struct th_conf_key keys[] = {
        {"name", TH_CONF_TEXT, &s->name, false},
        {"on", TH_CONF_BOOL, &s->on, false},
        {"shards", TH_CONF_COUNT, &s->shards, false},
        {"log_bytes", TH_CONF_BYTES, &s->log_bytes, false},
        {"nets", TH_CONF_LIST, &s->nets, false},
    };
    TH_AUTOCLOSE int fd = memfd_create("conf", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    error[0] = 0;
    int r = th_conf_read(fd, "x.conf", keys, TH_ARRAY_LEN(keys), error, 512);
    if (r < 0)
        th_conf_done(keys, TH_ARRAY_LEN(keys));
    return r;
}

static void all_types(void **state)
{
    (void)state;
    struct sample s = {.shards = 1};
    char error[512];
    assert_int_equal(read_text("name: a b\non: yes\nlog_bytes: 3M\n"
                               "nets: [10.0.0.0/8, 'fd00::/8']\n",
                         &s, error),
        0);
    assert_string_equal(s.name, "a b");
    assert_true(s.on);
    assert_int_equal(s.shards, 1); /* not given: as it was */
    assert_int_equal(s.log_bytes, 3 << 20);
    assert_int_equal(s.nets.count, 2);
    assert_string_equal(s.nets.v[1], "fd00::/8");
    free(s.name);
    th_conf_list_done(&s.nets);
}

static void a_single_value_is_a_list_of_one(void **state)
{
    (void)state;
    struct sample s = {0};
    char error[512];
    assert_int_equal(read_text("nets: 10.0.0.0/8\n", &s, error), 0);
    assert_int_equal(s.nets.count, 1);
    th_conf_list_done(&s.nets);
    assert_int_equal(read_text("", &s, error), 0);
}

static void mistakes_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"name: a\nnmae: b\n", "line 2: unknown key \"nmae\"; known are name, on"},
        {"name: a\n\nname: b\n", "line 3: name is given twice"},
        {"on: maybe\n", "line 1: on is true or false, not \"maybe\""},
        {"shards: -1\n", "line 1: shards is a number"},
        {"log_bytes: 12Q\n", "number of bytes like 512M"},
        {"log_bytes: 99999999999999T\n", "number of bytes like 512M"},
        {"name: [a]\n", "name takes one value"},
        {"nets: {a: b}\n", "nets takes a list"},
        {"- a\n", "key: value"},
        {"a: {\n", "line"},
    };
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct sample s = {0};
        char error[512];
        assert_int_equal(read_text(cases[i].text, &s, error), TH_E_CONFIG);
        if (!strstr(error, cases[i].says))
            fail_msg("\"%s\" says \"%s\", not \"%s\"", cases[i].text, error, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_types),
        cmocka_unit_test(a_single_value_is_a_list_of_one),
        cmocka_unit_test(mistakes_are_told_with_their_line)};
    return cmocka_run_group_tests_name("common/conf", tests, NULL, NULL);
}

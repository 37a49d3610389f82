/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/time.h"
#include "renewal.h"

#define LOOK_NS (5 * TH_NS_PER_S)

static const char *const names[] = {"a", "b"};

struct scene {
    char path[64];
    int folder;
    int64_t now_ns;
    struct th_renewal *r;
};

static void put(const struct scene *s, const char *name, const char *text)
{
    TH_AUTOCLOSE int fd = openat(s->folder, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(renameat(s->folder, "new", s->folder, name), 0);
}

static int begin(void **state)
{
    struct scene *s = th_xcalloc(1, sizeof(*s));
    strcpy(s->path, "/tmp/test_renewal.XXXXXX");
    assert_non_null(mkdtemp(s->path));
    s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->now_ns = LOOK_NS;
    put(s, "a", "one");
    put(s, "b", "two\n");
    assert_int_equal(th_renewal_new("tag", s->folder, names, 2, &s->r), 0);
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    th_renewal_free(s->r);
    unlinkat(s->folder, "a", 0);
    unlinkat(s->folder, "b", 0);
    close(s->folder);
    rmdir(s->path);
    free(s);
    return 0;
}

static bool look(struct scene *s)
{
    s->now_ns += LOOK_NS;
    return th_renewal_look(s->r, s->now_ns, false);
}

static void assert_holds(int fd, const char *want)
{
    char text[64] = "";
    assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), strlen(want));
    assert_string_equal(text, want);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1); /* nobody can change it */
}

static void a_change_is_told_once_it_has_settled(void **state)
{
    struct scene *s = *state;
    struct th_renewal_news news;
    int given[2];
    assert_false(look(s));
    assert_false(th_renewal_news(s->r, &news));
    assert_int_equal(th_renewal_given(s->r, given), 1);
    assert_holds(given[0], "one\ntwo\n\n");
    put(s, "b", "three");
    assert_false(look(s));
    put(s, "a", "four");
    assert_false(look(s)); /* one more came since */
    assert_false(th_renewal_look(s->r, s->now_ns + LOOK_NS - 1, false));
    assert_true(look(s));
    assert_false(look(s));
    assert_true(th_renewal_news(s->r, &news));
    assert_holds(news.fd, "four\nthree\n");
    assert_int_equal(th_renewal_given(s->r, given), 2);
    assert_holds(given[0], "four\nthree\n");
    assert_holds(given[1], "one\ntwo\n\n");
    th_renewal_good(s->r, news.number);
    assert_false(th_renewal_news(s->r, &news));
    assert_int_equal(th_renewal_given(s->r, given), 1);
    assert_holds(given[0], "four\nthree\n");
}

static void what_was_not_good_never_replaces_what_was(void **state)
{
    struct scene *s = *state;
    struct th_renewal_news first, second;
    int given[2];
    put(s, "a", "bad");
    assert_true(th_renewal_look(s->r, s->now_ns, true));
    assert_true(th_renewal_news(s->r, &first));
    put(s, "a", "worse");
    assert_true(th_renewal_look(s->r, s->now_ns, true));
    assert_true(th_renewal_news(s->r, &second));
    assert_true(second.number > first.number);
    th_renewal_good(s->r, first.number); /* an answer about what is not the newest any more */
    assert_int_equal(th_renewal_given(s->r, given), 2);
    assert_holds(given[1], "one\ntwo\n\n");
}

static void a_file_that_is_gone_is_told(void **state)
{
    struct scene *s = *state;
    struct th_renewal_news news;
    int given[2];
    assert_int_equal(unlinkat(s->folder, "a", 0), 0);
    assert_false(look(s));
    assert_true(look(s));
    assert_true(th_renewal_news(s->r, &news));
    assert_int_equal(news.fd, -1);
    assert_non_null(strstr(news.reason, "a: "));
    assert_int_equal(th_renewal_given(s->r, given), 1);
    th_renewal_good(s->r, news.number);
    assert_int_equal(th_renewal_given(s->r, given), 1);
    assert_holds(given[0], "one\ntwo\n\n");
    put(s, "a", "back");
    assert_false(look(s));
    assert_true(look(s));
    assert_true(th_renewal_news(s->r, &news));
    assert_holds(news.fd, "back\ntwo\n\n");
}

static void without_the_files_there_is_none(void **state)
{
    struct scene *s = *state;
    struct th_renewal *r = NULL;
    const char *const others[] = {"a", "c"};
    assert_int_equal(th_renewal_new("tag", s->folder, others, 2, &r), -ENOENT);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_told_once_it_has_settled, begin, end),
        cmocka_unit_test_setup_teardown(what_was_not_good_never_replaces_what_was, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_told, begin, end),
        cmocka_unit_test_setup_teardown(without_the_files_there_is_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a parent hands over of logs: those that were rotated lately, oldest first, and each file
 * that takes a log's place, once. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs.h"

static char folder[64];
static char path[96];

static const char *at(const char *name)
{
    static char text[160];
    snprintf(text, sizeof(text), "%s/%s", folder, name);
    return text;
}

/* With its own name in it, changed so many seconds after the first. */
static void make(const char *name, int second)
{
    TH_AUTOCLOSE int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, name, strlen(name)), strlen(name));
    const struct timespec times[2] = {{.tv_sec = 1000 + second}, {.tv_sec = 1000 + second}};
    assert_int_equal(futimens(fd, times), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/thymus-logs-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/eve.json", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void check_name(int fd, const char *want)
{
    char text[64] = "";
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    assert_string_equal(text, want);
    close(fd);
}

static struct th_logs *new_logs(void)
{
    const char *const paths[] = {path};
    return th_logs_new(paths, 1);
}

static void what_was_rotated_is_given_first(void **state)
{
    (void)state;
    static const char *const want[] = {
        "eve.json-20261129", "eve.json.3", "eve.json.1", "eve.json.2", "eve.json"};
    struct th_role_fd got[TH_LOGS_MAX_GIVEN];
    struct th_log_news news;
    struct th_logs *l TH_CLEANUP(th_logs_freep) = new_logs();
    make("eve.json.4", 1); /* one too many */
    make("eve.json.2", 6);
    make("eve.json.1", 5);
    make("eve.json-20261129", 2);
    make("eve.json.3", 4);
    make("eve.json.5.gz", 7);
    make("eve.jsonl", 7);
    make("other", 7);
    make("eve.json", 3); /* the log itself is the last, whenever it was written */
    assert_int_equal(mkdir(at("eve.json.d"), 0700), 0);
    assert_int_equal(th_logs_given(l, got), TH_ARRAY_LEN(want));
    for (size_t i = 0; i < TH_ARRAY_LEN(want); i++) {
        assert_string_equal(got[i].tag, "log.0");
        check_name(got[i].fd, want[i]);
    }
    assert_false(th_logs_look(l, &news));
}

static void another_file_is_news_once(void **state)
{
    (void)state;
    struct th_role_fd got[TH_LOGS_MAX_GIVEN];
    struct th_log_news news;
    struct th_logs *l TH_CLEANUP(th_logs_freep) = new_logs();
    assert_int_equal(th_logs_given(l, got), 0);
    assert_true(th_logs_look(l, &news));
    assert_int_equal(news.fd, -1);
    assert_non_null(strstr(news.reason, "eve.json: No such file"));
    assert_false(th_logs_look(l, &news));
    make("eve.json", 1);
    assert_true(th_logs_look(l, &news));
    check_name(news.fd, "eve.json");
    assert_false(th_logs_look(l, &news));
    make("eve.json", 2); /* the same file, written to */
    assert_false(th_logs_look(l, &news));
    make("next", 3);
    assert_int_equal(rename(at("next"), path), 0);
    assert_true(th_logs_look(l, &news));
    check_name(news.fd, "next");
    th_logs_again(l, 0);
    assert_true(th_logs_look(l, &news));
    check_name(news.fd, "next");
    assert_int_equal(unlink(path), 0);
    assert_true(th_logs_look(l, &news));
    assert_int_equal(news.fd, -1);
    assert_false(th_logs_look(l, &news));
}

static void what_is_no_file_is_not_opened(void **state)
{
    (void)state;
    struct th_role_fd got[TH_LOGS_MAX_GIVEN];
    struct th_log_news news;
    struct th_logs *l TH_CLEANUP(th_logs_freep) = new_logs();
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(th_logs_given(l, got), 0);
    assert_true(th_logs_look(l, &news));
    assert_int_equal(news.fd, -1);
    assert_non_null(strstr(news.reason, "not a regular file"));
    assert_false(th_logs_look(l, &news));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CASE(what_was_rotated_is_given_first),
        CASE(another_file_is_news_once),
        CASE(what_is_no_file_is_not_opened),
    };
    return cmocka_run_group_tests_name("common/logs", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A log followed through its files: halves of lines wait, long ones are counted, a span that is
 * read again gives the same lines, and a file that is not the one from before is noticed. */
#include "unit.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "flowlog/lines.h"
#include "follow_log.h"

enum { LONG = TH_FLOWLOG_MAX_LINE_BYTES };

struct world {
    struct th_follow_log *log;
    struct th_buf seen; /* "line;" of each, "LONG;" of those that are */
    struct th_follow_span span;
    int64_t now_ns;
};

static int take(void *arg, struct th_str line, bool too_long)
{
    struct world *w = arg;
    th_buf_str(&w->seen, too_long ? th_str_c("LONG") : line);
    th_buf_u8(&w->seen, ';');
    return 0;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->log = th_follow_log_new();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_follow_log_free(w->log);
    th_buf_done(&w->seen);
    free(w);
    return 0;
}

/* The test's own descriptor of a file that the log has as well. */
static int add_file(struct world *w, const char *text)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    th_follow_log_add(w->log, dup(fd), w->now_ns);
    return fd;
}

static void append(int fd, const char *text)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, text, strlen(text), st.st_size), strlen(text));
}

static void expect(struct world *w, const char *want)
{
    th_buf_clear(&w->seen);
    const struct th_follow_reader to = {.line = take, .arg = w};
    int r = th_follow_log_read(w->log, &to, w->now_ns, &w->span);
    th_buf_u8(&w->seen, '\0');
    assert_string_equal((const char *)w->seen.p, want);
    assert_int_equal(r, w->span.end > w->span.begin);
}

static void expect_again(
    struct world *w, const struct th_follow_span *span, int result, const char *want)
{
    th_buf_clear(&w->seen);
    const struct th_follow_reader to = {.line = take, .arg = w};
    assert_int_equal(th_follow_log_again(w->log, span, &to), result);
    th_buf_u8(&w->seen, '\0');
    assert_string_equal((const char *)w->seen.p, want);
}

static void half_a_line_waits(void **state)
{
    struct world *w = *state;
    TH_AUTOCLOSE int fd = add_file(w, "one\ntwo\nthr");
    assert_true(th_follow_log_is_there(w->log));
    expect(w, "one;two;");
    struct th_follow_span first = w->span;
    expect(w, "");
    assert_true(th_follow_log_at_end(w->log));
    append(fd, "ee");
    expect(w, "");
    append(fd, "\n\nfour\n");
    expect(w, "three;;four;");
    expect_again(w, &w->span, 0, "three;;four;");
    expect_again(w, &first, 0, "one;two;");
}

static void a_line_too_long_is_counted_once(void **state)
{
    struct world *w = *state;
    struct th_follow_counts counts;
    char *piece = calloc(1, LONG + 1);
    memset(piece, 'x', LONG);
    TH_AUTOCLOSE int fd = add_file(w, "one\n");
    expect(w, "one;");
    append(fd, piece); /* as long as may be: it may end here */
    expect(w, "");
    append(fd, "y");
    expect(w, "LONG;");
    struct th_follow_span cut = w->span;
    append(fd, piece);
    expect(w, "");
    struct th_follow_span middle = w->span;
    assert_true(middle.skip_at && middle.skip_after && middle.end > middle.begin);
    append(fd, "z\ntwo\n");
    expect(w, "two;");
    assert_true(w->span.skip_at && !w->span.skip_after);
    expect_again(w, &w->span, 0, "two;");
    expect_again(w, &cut, 0, "LONG;");
    expect_again(w, &middle, 0, "");
    th_follow_log_counts(w->log, &counts);
    free(piece);
    assert_true(counts.long_lines == 1);
}

static void the_next_file_comes_after_the_rest(void **state)
{
    struct world *w = *state;
    struct th_follow_counts counts;
    TH_AUTOCLOSE int old = add_file(w, "one\n");
    expect(w, "one;");
    close(add_file(w, "three\n"));
    append(old, "two\ntor");
    expect(w, "two;");
    assert_false(th_follow_log_at_end(w->log));
    w->now_ns += 2 * TH_NS_PER_S;
    expect(w, "");
    append(old, "n off\nhal");
    expect(w, "torn off;");
    w->now_ns += 2 * TH_NS_PER_S;
    expect(w, "");
    expect(w, "three;");
    assert_true(th_follow_log_at_end(w->log));
    th_follow_log_counts(w->log, &counts);
    assert_int_equal(counts.files, 1);
    assert_int_equal(counts.torn, 1);
}

static void an_emptied_file_begins_anew(void **state)
{
    struct world *w = *state;
    struct th_follow_counts counts;
    TH_AUTOCLOSE int fd = add_file(w, "one\ntwo\n");
    expect(w, "one;two;");
    assert_int_equal(ftruncate(fd, 0), 0);
    append(fd, "3\n");
    expect(w, "3;");
    assert_int_equal(ftruncate(fd, 0), 0);
    append(fd, "four\nfive\n"); /* longer than before at once */
    expect(w, "four;five;");
    assert_int_equal(ftruncate(fd, 0), 0);
    expect(w, "");
    th_follow_log_counts(w->log, &counts);
    assert_int_equal(counts.emptied, 3);
}

static void it_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    TH_AUTOCLOSE int old = add_file(w, "one\ntwo\n");
    expect(w, "one;two;");
    struct th_follow_span span = w->span;
    append(old, "three\n");
    /* Another process: both files, of which the older was read in part. */
    struct th_follow_log *again = th_follow_log_new();
    TH_AUTOCLOSE int before = memfd_create("log", MFD_CLOEXEC);
    TH_AUTOCLOSE int new = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(write(before, "zero\n", 5), 5);
    assert_int_equal(write(new, "four\n", 5), 5);
    th_follow_log_add(again, dup(before), w->now_ns);
    th_follow_log_add(again, dup(old), w->now_ns);
    th_follow_log_add(again, dup(new), w->now_ns);
    th_follow_log_free(w->log);
    w->log = again;
    assert_true(th_follow_log_resume(w->log, &span, 0));
    expect(w, "three;");
    w->now_ns += 4 * TH_NS_PER_S;
    expect(w, "");
    expect(w, "four;");
}

static void a_file_that_is_gone_is_told(void **state)
{
    struct world *w = *state;
    TH_AUTOCLOSE int fd = add_file(w, "one\ntwo\n");
    expect(w, "one;two;");
    struct th_follow_span span = w->span, other = w->span;
    other.inode++;
    expect_again(w, &other, -ENOENT, "");
    assert_int_equal(ftruncate(fd, 0), 0);
    append(fd, "six\nseven\n"); /* the same file with other bytes there */
    expect_again(w, &span, -ENOENT, "");
    assert_false(th_follow_log_resume(w->log, &span, 0));
    expect(w, "six;seven;");
}

static void who_begins_to_watch_begins_at_the_end(void **state)
{
    struct world *w = *state;
    close(add_file(w, "zero\n"));
    TH_AUTOCLOSE int fd = add_file(w, "one\nhalf of it");
    th_follow_log_to_end(w->log);
    expect(w, "");
    append(fd, " is missed\ntwo\n");
    expect(w, "two;");
}

static void without_a_file_nothing_is_read(void **state)
{
    struct world *w = *state;
    th_follow_log_add(w->log, -1, 0);
    assert_false(th_follow_log_is_there(w->log));
    th_follow_log_to_end(w->log);
    expect(w, "");
    assert_true(th_follow_log_at_end(w->log));
    TH_AUTOCLOSE int fd = add_file(w, "one\n");
    expect(w, "one;");
    th_follow_log_add(w->log, -1, 0); /* removed: what is open is read on */
    append(fd, "two\n");
    expect(w, "two;");
    assert_false(th_follow_log_is_there(w->log));
    th_follow_log_add(w->log, dup(fd), 0); /* and given back */
    expect(w, "");
    assert_true(th_follow_log_is_there(w->log));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CASE(half_a_line_waits),
        CASE(a_line_too_long_is_counted_once),
        CASE(the_next_file_comes_after_the_rest),
        CASE(an_emptied_file_begins_anew),
        CASE(it_goes_on_where_it_was),
        CASE(a_file_that_is_gone_is_told),
        CASE(who_begins_to_watch_begins_at_the_end),
        CASE(without_a_file_nothing_is_read),
    };
    return cmocka_run_group_tests_name("vsensor/follow_log", tests, NULL, NULL);
}

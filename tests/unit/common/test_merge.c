/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these before it */
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "merge.h"

struct spool {
    int fd;
};

static struct spool spool_new(void)
{
    return (struct spool){.fd = memfd_create("spool", MFD_CLOEXEC)};
}

static void append(const struct spool *s, const struct th_buf *b)
{
    assert_int_equal(write(s->fd, b->p, b->len), b->len);
}

/* One frame of weird events at these times; seq counts from first_seq. */
static void put_run(const struct spool *s, uint32_t input, uint32_t run, const int64_t *times,
    size_t count, uint64_t first_seq)
{
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {.input = input, .run = run};
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        struct th_ev_weird ev = {
            .h = {.kind = TH_KIND_WEIRD, .time_ns = times[i], .seq = first_seq + i}};
        TH_SET(&ev, WEIRD, name, th_str_c("x"));
        assert_int_equal(th_batch_add(w, &ev.h), 0);
    }
    assert_int_equal(th_batch_finish(w, &head, &out), 0);
    append(s, &out);
    th_batch_writer_free(w);
}

static void put_source(
    const struct spool *s, uint32_t input, uint64_t source, enum th_source_status status)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_source_info info = {.input = input, .source = source, .status = status};
    info.message = th_str_c("said");
    th_source_info_put(&info, &out);
    append(s, &out);
}

static void expect(struct th_merge *m, const int64_t (*want)[2], size_t count)
{
    const struct th_event *ev;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(th_merge_next(m, &ev), 1);
        assert_int_equal(ev->time_ns, want[i][0]);
        assert_int_equal(ev->source, want[i][1]);
    }
    assert_int_equal(th_merge_next(m, &ev), 0);
}

static void merges_runs_by_time_source_and_seq(void **state)
{
    (void)state;
    static const int64_t want[][2] = {{1, 70}, {2, 50}, {2, 70}, {3, 50}, {3, 50}, {9, 70}};
    for (int swapped = 0; swapped < 2; swapped++) {
        struct spool a = spool_new();
        struct spool b = spool_new();
        put_run(&a, 0, 0, (int64_t[]){2, 3}, 2, 0);
        put_run(&a, 0, 1, (int64_t[]){3}, 1, 2);
        put_source(&a, 0, 50, TH_SOURCE_READ);
        put_run(&b, 1, 0, (int64_t[]){1, 2}, 2, 0);
        put_run(&b, 1, 0, (int64_t[]){9}, 1, 2);
        put_source(&b, 1, 70, TH_SOURCE_PARTIAL);
        struct th_merge *m = NULL;
        assert_int_equal(
            th_merge_open(swapped ? (int[]){b.fd, a.fd} : (int[]){a.fd, b.fd}, 2, &m), 0);
        expect(m, want, TH_ARRAY_LEN(want));
        assert_int_equal(th_merge_rewind(m), 0);
        expect(m, want, TH_ARRAY_LEN(want));
        th_merge_free(m);
        close(a.fd);
        close(b.fd);
    }
}

static void drops_what_was_read_twice(void **state)
{
    (void)state;
    static const int64_t want[][2] = {{1, 5}, {4, 5}};
    struct spool s = spool_new();
    put_run(&s, 0, 0, (int64_t[]){1, 4}, 2, 0);
    put_source(&s, 0, 5, TH_SOURCE_READ);
    put_run(&s, 1, 1, (int64_t[]){1, 4}, 2, 0);
    put_source(&s, 1, 5, TH_SOURCE_DUPLICATE);
    struct th_merge *m = NULL;
    assert_int_equal(th_merge_open(&s.fd, 1, &m), 0);
    expect(m, want, TH_ARRAY_LEN(want));
    th_merge_free(m);
    close(s.fd);
}

static void joins_what_two_roles_say_of_an_input(void **state)
{
    (void)state;
    struct spool a = spool_new();
    struct spool b = spool_new();
    put_source(&a, 0, 0, TH_SOURCE_NOT_MINE);
    put_source(&a, 2, 0, TH_SOURCE_NOT_MINE);
    put_source(&b, 0, 9, TH_SOURCE_READ);
    put_source(&b, 2, 0, TH_SOURCE_NOT_MINE);
    struct th_merge *m = NULL;
    size_t count = 0;
    assert_int_equal(th_merge_open((int[]){a.fd, b.fd}, 2, &m), 0);
    const struct th_merge_input *in = th_merge_inputs(m, &count);
    assert_int_equal(count, 3);
    assert_int_equal(in[0].info.status, TH_SOURCE_READ);
    assert_int_equal(in[0].info.source, 9);
    assert_false(in[1].known);
    assert_int_equal(in[2].info.status, TH_SOURCE_NOT_MINE);
    assert_true(th_str_is(in[2].info.message, "said"));
    th_merge_free(m);
    close(a.fd);
    close(b.fd);
}

static void refuses_a_cut_spool(void **state)
{
    (void)state;
    struct spool s = spool_new();
    put_run(&s, 0, 0, (int64_t[]){1, 4}, 2, 0);
    off_t len = lseek(s.fd, 0, SEEK_CUR);
    assert_int_equal(ftruncate(s.fd, len - 1), 0);
    struct th_merge *m = NULL;
    int r = th_merge_open(&s.fd, 1, &m);
    if (r == 0) {
        const struct th_event *ev;
        r = th_merge_next(m, &ev);
    }
    assert_int_equal(r, TH_E_TRUNCATED);
    th_merge_free(m);
    close(s.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_runs_by_time_source_and_seq),
        cmocka_unit_test(drops_what_was_read_twice),
        cmocka_unit_test(joins_what_two_roles_say_of_an_input),
        cmocka_unit_test(refuses_a_cut_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

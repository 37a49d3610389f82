/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "unit.h"

enum { STORE, SEAL };

static void answer(struct th_outbox *o, unsigned edge, uint64_t id, int err)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, 0);
    th_buf_le32(&body, (uint32_t)err);
    assert_true(th_outbox_done(o, edge, id, th_buf_view(&body), 0));
}

static void a_mark_is_past_when_all_before_is_done(void **state)
{
    (void)state;
    struct th_outbox *o = th_outbox_new();
    uint64_t empty = th_outbox_mark(o);
    assert_true(th_outbox_past(o, empty));
    th_outbox_add(o, STORE, 1, th_str_c("first"), true);
    th_outbox_add(o, SEAL, 2, th_str_c("second"), false);
    uint64_t mark = th_outbox_mark(o);
    th_outbox_add(o, SEAL, 2, th_str_c("third"), false);
    assert_true(th_outbox_past(o, empty));
    assert_false(th_outbox_past(o, mark));
    /* An error is no end of it, nor is the end of what came later. */
    answer(o, STORE, 1, -ENOSPC);
    answer(o, SEAL, 2, 0);
    answer(o, SEAL, 3, 0);
    assert_false(th_outbox_past(o, mark));
    answer(o, STORE, 1, 0);
    assert_true(th_outbox_past(o, mark));
    assert_true(th_outbox_empty(o));
    th_outbox_free(o);
}

static void what_is_joined_to_something_older_is_waited_for(void **state)
{
    (void)state;
    struct th_outbox *o = th_outbox_new();
    th_outbox_add(o, STORE, 1, th_str_c("before"), true);
    uint64_t mark = th_outbox_mark(o);
    th_outbox_add(o, STORE, 1, th_str_c("after"), true);
    assert_int_equal(th_outbox_bytes(o), 11);
    assert_false(th_outbox_past(o, mark));
    answer(o, STORE, 1, 0);
    assert_true(th_outbox_past(o, mark) && th_outbox_empty(o));
    th_outbox_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_past_when_all_before_is_done),
        cmocka_unit_test(what_is_joined_to_something_older_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

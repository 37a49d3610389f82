/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test includes first: cmocka with the headers that it wants before
 * itself, and comparisons of the project's own views.
 */
#ifndef TH_TESTS_UNIT_H
#define TH_TESTS_UNIT_H

/* cmocka.h needs the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/str.h"

/* The view's bytes are exactly this text. */
#define assert_view_is(view, text)                                                                 \
    do {                                                                                           \
        struct th_str got_ = (view);                                                               \
        assert_int_equal(got_.len, strlen(text));                                                  \
        assert_memory_equal(got_.p, text, strlen(text));                                           \
    } while (0)

#endif

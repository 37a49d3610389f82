/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error space. A function that can fail returns an int: 0 or a positive
 * result on success, a negative errno or a negative project code on failure.
 * Project codes stand in errors.def, below every errno, and have one sentence
 * each that tells the user what happened.
 */
#ifndef TH_BASE_ERR_H
#define TH_BASE_ERR_H

#include <errno.h>

/* Already negative: a function returns TH_E_LIMIT, never -TH_E_LIMIT. */
enum th_error {
    TH_ERR_BASE = -20000,
#define TH_ERROR(name, text) TH_E_##name,
#include "base/errors.def"
#undef TH_ERROR
    TH_ERR_END
};

#define TH_WARN_UNUSED __attribute__((warn_unused_result))

/* The sentence for a code of either kind. Never NULL; static storage. */
const char *th_strerror(int err);

#endif

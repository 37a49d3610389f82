/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <string.h>

static const char *const texts[] = {
    "unknown error",
#define TH_ERROR(name, text) text,
#include "base/errors.def"
#undef TH_ERROR
};

const char *th_strerror(int err)
{
    if (err > TH_ERR_BASE && err < TH_ERR_END)
        return texts[err - TH_ERR_BASE];
    if (err < 0 && err > TH_ERR_BASE)
        return strerrordesc_np(-err) ? strerrordesc_np(-err) : texts[0];
    return err >= 0 ? "success" : texts[0];
}

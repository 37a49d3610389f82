/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands between two quotes, it does not come out. */
#include "base/mem.h"
#include "mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_str text = th_str_n(in, TH_MIN(len, (size_t)4096));
    struct th_str sql = th_mask_sql(&a, text, len % 2);
    TH_ASSERT(sql.len <= TH_MASK_MAX_BYTES);
    for (uint32_t i = 0; i < sql.len; i++)
        TH_ASSERT(sql.p[i] != '\'' && sql.p[i] != '"');
    TH_ASSERT(th_mask_key(&a, text).len <= TH_MASK_MAX_BYTES);
    return 0;
}

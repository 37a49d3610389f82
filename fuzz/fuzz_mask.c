/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands between two quotes, or is the value of a password, it does not come out. */
#include "base/mem.h"
#include "mask.h"

/* Up to what ends a parameter. */
static void parameter(struct th_str text)
{
    static const char before[] = "/a?b=c&password=";
    uint32_t n = sizeof(before) - 1;
    char *uri TH_AUTOFREE = th_xmalloc(n + text.len);
    memcpy(uri, before, n);
    for (uint32_t i = 0; i < text.len && text.p[i] != '&' && text.p[i] != '#'; i++)
        uri[n++] = text.p[i];
    uint32_t left = th_mask_uri(uri, n);
    TH_ASSERT(left == sizeof(before) - (n == sizeof(before) - 1));
}

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
    parameter(text);
    char *copy TH_AUTOFREE = th_xmalloc(text.len + 1u);
    memcpy(copy, text.p, text.len);
    TH_ASSERT(th_mask_uri(copy, text.len) <= text.len);
    return 0;
}

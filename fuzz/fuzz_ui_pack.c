/* SPDX-License-Identifier: Apache-2.0 */
/* The packed user interface: every view lies inside, every header text is plain. */
#include "base/mem.h"
#include "web/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_pack p;
    volatile unsigned sum = 0;
    if (th_pack_open(&p, data, size) < 0)
        return 0;
    for (size_t i = 0; i < p.count; i++) {
        const struct th_pack_file *f = &p.files[i];
        for (uint32_t k = 0; k < f->content.len; k++)
            sum = (uint8_t)f->content.p[k];
        for (uint32_t k = 0; k < f->gzip.len; k++)
            sum = (uint8_t)f->gzip.p[k];
        TH_ASSERT(th_pack_find(&p, f->name) != NULL);
        TH_ASSERT(strlen(f->tag) == 32 && !memchr(f->type.p, '\n', f->type.len));
    }
    th_pack_done(&p);
    (void)sum;
    return 0;
}

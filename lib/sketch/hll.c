/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/hll.h"

#include <math.h>

bool th_hll_add(uint8_t *regs, unsigned log2m, uint64_t hash)
{
    uint64_t at = hash >> (64 - log2m);
    uint64_t rest = hash << log2m;
    /* Position of the first 1 among the bits that do not choose the register. */
    uint8_t rank = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : (int)(65 - log2m));
    if (rank <= regs[at])
        return false;
    regs[at] = rank;
    return true;
}

static double alpha(unsigned m)
{
    if (m <= 16)
        return 0.673;
    if (m <= 32)
        return 0.697;
    return m <= 64 ? 0.709 : 0.7213 / (1 + 1.079 / m);
}

double th_hll_count(const uint8_t *regs, unsigned log2m)
{
    unsigned m = 1u << log2m;
    unsigned zeros = 0;
    double sum = 0;
    for (unsigned i = 0; i < m; i++) {
        /* 2^-r, exactly: registers hold at most 61, whatever a damaged file says at most 63. */
        sum += 1.0 / (double)(UINT64_C(1) << (regs[i] & 63));
        zeros += regs[i] == 0;
    }
    double estimate = alpha(m) * m * m / sum;
    if (estimate <= 2.5 * m && zeros > 0)
        return m * log((double)m / zeros);
    return estimate;
}

void th_hll_merge(uint8_t *dst, const uint8_t *src, unsigned log2m)
{
    for (unsigned i = 0; i < 1u << log2m; i++) {
        if (src[i] > dst[i])
            dst[i] = src[i];
    }
}

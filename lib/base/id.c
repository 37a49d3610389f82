/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

void th_id_text(char first, uint64_t id, char out[TH_ID_TEXT_LEN])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    out[0] = first;
    for (unsigned i = TH_ID_TEXT_LEN - 2; i > 0; i--, id /= 62)
        out[i] = digits[id % 62];
    out[TH_ID_TEXT_LEN - 1] = '\0';
}

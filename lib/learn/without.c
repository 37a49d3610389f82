/* SPDX-License-Identifier: Apache-2.0 */
/* What of the engine is left out. */
#include "learn/learn.h"

static bool take(struct th_str word, struct th_without *ret)
{
    static const char *const parts[] = {"gate", "rhythm", "peers", "stage-two", "time"};
    for (unsigned i = 0; i < TH_ARRAY_LEN(parts); i++)
        if (th_str_is(word, parts[i])) {
            ret->parts |= 1u << i;
            return true;
        }
    int feature = th_feature_find(word);
    if (feature >= 0)
        ret->feature[feature] = true;
    return feature >= 0;
}

bool th_without_parse(struct th_str list, struct th_without *ret)
{
    *ret = (struct th_without){0};
    while (list.len > 0)
        if (!take(th_str_split(&list, ','), ret))
            return false;
    return true;
}

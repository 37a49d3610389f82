/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/learn.h"

static const struct th_feature_info infos[TH_FEATURE_COUNT] = {
#define TH_FEATURE(NAME, text, CLASS, unit_text, help_text)                                        \
    [TH_FEAT_##NAME] = {                                                                           \
        .name = text, .unit = unit_text, .help = help_text, .class = TH_CLASS_##CLASS},
#include "learn/features.def"
#undef TH_FEATURE
};

const struct th_feature_info *th_feature_get(unsigned feature)
{
    return feature < TH_FEATURE_COUNT ? &infos[feature] : NULL;
}

int th_feature_find(struct th_str name)
{
    for (int i = 0; i < TH_FEATURE_COUNT; i++) {
        if (th_str_is(name, infos[i].name))
            return i;
    }
    return -1;
}

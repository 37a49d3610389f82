/* SPDX-License-Identifier: Apache-2.0 */
/* A model file of any bytes: refused with a line, or compiled into models that can be run. */
#include "base/mem.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const struct th_breach *b)
{
    (void)arg;
    TH_ASSERT(b->score >= 0 && b->score <= 100);
}

static void run(const struct th_models *m)
{
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    static struct th_signal
        v[TH_FEATURE_COUNT < TH_WINDOW_MAX_SIGNALS ? TH_FEATURE_COUNT : TH_WINDOW_MAX_SIGNALS];
    for (unsigned i = 0; i < TH_ARRAY_LEN(v); i++) {
        v[i] = (struct th_signal){.feature = (uint16_t)i,
            .observed = 1e9,
            .lgp = 5,
            .has_peer = i % 2,
            .peer.host = th_str_c("a.example"),
            .peer.domain = th_str_c("a.example")};
    }
    struct th_window w = {
        .entity = 7, .end_ns = TH_NS_PER_HOUR, .signals = v, .count = TH_ARRAY_LEN(v)};
    th_scorer_window(s, &w, ignore, NULL);
    th_scorer_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_models *m = th_models_new();
    struct th_model_error err = {0};
    int r = th_models_add(m, (const char *)data, size, &err);
    TH_ASSERT((r == 0) == (th_models_count(m) > 0));
    TH_ASSERT(r == 0 || r == TH_E_LIMIT || err.text[0]);
    if (r == 0)
        run(m);
    th_models_free(m);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test of models over the past came to (`thymusctl model test`): findings in; what each
 * model told in the span that counts, those on trial first, and the strongest of what they told.
 * A breach counts as an alert when its score alone reaches the threshold of the budget. Views
 * point into the findings, which must outlive it.
 */
#ifndef TH_CTL_TRIAL_H
#define TH_CTL_TRIAL_H

#include "findings.h"

enum { TRIAL_MAX_DAYS = 400, TRIAL_STRONGEST = 10 };

/* From the first to before the second; TH_TIME_UNSET: as far as the events go. */
struct trial_span {
    int64_t from_ns, to_ns;
};

struct trial_model {
    struct th_str id, name;
    bool on_trial;
    size_t breaches, alerts, devices;
    double best;       /* score */
    uint32_t *per_day; /* breaches by day of the trial */
};

struct trial {
    const struct findings *findings;
    struct trial_span span; /* as far as there are events */
    double days;            /* of it, at least one */
    int64_t first_day_ns;
    size_t day_count;
    struct trial_model *models; /* on trial in the order of the file, then by breaches */
    size_t model_count, trial_count;
    const struct find_breach **strongest; /* of those on trial, TRIAL_STRONGEST at most */
    size_t strongest_count;
};

struct trial *trial_new(const struct findings *f, const struct trial_span *span);
void trial_free(struct trial *t);
/* For a terminal; tables fit into 80 columns. */
void trial_text(const struct trial *t, bool colour, struct th_buf *out);
/* One object, docs/models.md. */
void trial_json(const struct trial *t, struct th_buf *out);

#endif

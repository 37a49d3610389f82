/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why was this not flagged? A device's hour goes in, as the scorer is about to judge it; out comes
 * what each model makes of it, and of those that do not hold the first reason why not. It asks what
 * the scorer itself goes by, and changes nothing: th_scorer_window right after it tells the same.
 */
#ifndef TH_MODEL_EXPLAIN_H
#define TH_MODEL_EXPLAIN_H

#include "base/json.h"
#include "model/model.h"

/* Why a signal does not meet a component: the first reason, in the order of how near it came. */
enum th_refusal {
    TH_REFUSED_NOT,      /* it does */
    TH_REFUSED_FEATURE,  /* it is of another feature; of a component: there is no signal of its own
                          */
    TH_REFUSED_OBSERVED, /* less than `at-least` */
    TH_REFUSED_RARITY,   /* less rare than `rarity` */
    TH_REFUSED_FILTER,   /* a filter, the component's or the model's, leaves it out */
    TH_REFUSED_EXCLUDED, /* one of the model's exclusions holds */
    TH_REFUSED_PERMIT,   /* somebody said that it is normal here */
    TH_REFUSED_PEER,     /* it is about another peer than the others */
    TH_REFUSED_TURN,     /* of a sequence: what it is to follow has not been seen */
    TH_REFUSED_ORDER,    /* of a sequence: it was over before what it is to follow */
    TH_REFUSED_WITHIN    /* of a sequence: too long after the first */
};

/* What a model made of the hour. */
enum th_outcome {
    TH_OUTCOME_TOLD,
    TH_OUTCOME_THROTTLED, /* held, but the same was told lately and has not risen enough */
    TH_OUTCOME_PERMITTED, /* would have held without a permit */
    TH_OUTCOME_UNDER_WAY, /* a sequence whose beginning was seen */
    TH_OUTCOME_NEARLY,    /* there were signals that it looks for, but something is missing */
    TH_OUTCOME_INACTIVE   /* the same, at an hour at which it does not look */
};

#define TH_NO_SIGNAL UINT32_MAX

struct th_asked {
    uint16_t feature;
    bool required;
    double at_least, rarity; /* what the component asks for; rarity as -lg p */
    enum th_refusal refusal;
    uint32_t
        signal; /* which one of the hour came nearest; TH_NO_SIGNAL: none, or of an hour before */
};

#define TH_VERDICT_MAX_ASKED 8u
struct th_verdict {
    unsigned model;
    enum th_outcome outcome;
    /* TOLD, THROTTLED, PERMITTED: the breach that it is, or would have been */
    uint64_t breach;
    double score;
    char peer[128]; /* as text; "": about the device alone */
    /* THROTTLED: what was told, when; told again from a score, or a time, on */
    double told_score, again_score;
    int64_t told_ns, again_ns;
    /* PERMITTED */
    uint64_t permit;
    /* UNDER_WAY: when its first part began, and when it must be complete */
    uint32_t stage; /* parts seen, those of this hour among them */
    int64_t first_ns, until_ns;
    /* UNDER_WAY, NEARLY: what it asks for, and what became of each */
    struct th_asked asked[TH_VERDICT_MAX_ASKED];
    uint32_t asked_count;
    bool any;         /* one of them would do */
    bool sequence;    /* one after the other */
    double closeness; /* 0 to 1: those that came nearer stand first */
};

struct th_explanation {
    uint64_t entity;
    int64_t start_ns, end_ns;
    uint64_t events;
    double learned_hours;
    struct th_signal signals[TH_WINDOW_MAX_SIGNALS]; /* rarest first */
    uint32_t signal_count;
    struct th_verdict *verdicts; /* by outcome, then the best first */
    uint32_t verdict_count;
    uint32_t *others; /* models for which there was nothing to look at */
    uint32_t other_count;
};

/* Asked before th_scorer_window sees the window. Fill, and _done when it was filled; zeroes are an
 * empty one. */
void th_scorer_explain(
    const struct th_scorer *s, const struct th_window *w, struct th_explanation *ret);
void th_explanation_done(struct th_explanation *e);
/* Members of an object that is open (docs/findings.md). threshold: the score of an alert then. */
void th_explanation_json(
    const struct th_explanation *e, const struct th_models *m, double threshold, struct th_json *j);
/* A device as findings name it: one object. */
void th_device_json(struct th_json *j, const struct th_identity *id, uint64_t entity);
/* The same of a user. */
void th_net_user_json(struct th_json *j, const struct th_identity *id, uint64_t entity);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "members.h"

static const char *const refusal_words[] = {
    [TH_REFUSED_NOT] = "none",
    [TH_REFUSED_FEATURE] = "no-signal",
    [TH_REFUSED_OBSERVED] = "too-little",
    [TH_REFUSED_RARITY] = "not-rare",
    [TH_REFUSED_FILTER] = "filter",
    [TH_REFUSED_EXCLUDED] = "exclusion",
    [TH_REFUSED_PERMIT] = "permit",
    [TH_REFUSED_PEER] = "other-peer",
    [TH_REFUSED_TURN] = "not-its-turn",
    [TH_REFUSED_ORDER] = "too-early",
    [TH_REFUSED_WITHIN] = "too-late",
};

static const char *const outcome_words[] = {
    [TH_OUTCOME_TOLD] = "told",
    [TH_OUTCOME_THROTTLED] = "throttled",
    [TH_OUTCOME_PERMITTED] = "permitted",
    [TH_OUTCOME_UNDER_WAY] = "under-way",
    [TH_OUTCOME_NEARLY] = "nearly",
    [TH_OUTCOME_INACTIVE] = "inactive",
};

static double p_of(double lgp)
{
    return digits4(pow(10, -fmin(lgp, 300)));
}

static void put_signals(struct th_json *j, const struct th_explanation *e)
{
    th_json_key(j, "signals");
    th_json_open_list(j);
    for (uint32_t i = 0; i < e->signal_count; i++) {
        th_json_open(j);
        member_signal(j, &e->signals[i]);
        member_number(j, "raw_p", p_of(e->signals[i].lgp_raw));
        th_json_close(j);
    }
    th_json_close_list(j);
}

static void put_asked(
    struct th_json *j, const struct th_explanation *e, const struct th_asked *asked)
{
    const struct th_feature_info *f = th_feature_get(asked->feature);
    th_json_open(j);
    member_text(j, "feature", f->name);
    member_text(j, "label", f->help);
    member_text(j, "unit", f->unit);
    th_json_key(j, "required");
    th_json_bool(j, asked->required);
    member_text(j, "reason", refusal_words[asked->refusal]);
    member_number(j, "at_least", digits4(asked->at_least));
    member_number(j, "asked_p", p_of(asked->rarity));
    if (asked->signal != TH_NO_SIGNAL) {
        const struct th_signal *s = &e->signals[asked->signal];
        th_json_key(j, "signal");
        th_json_u64(j, asked->signal);
        member_number(j, "observed", digits4(s->observed));
        member_number(j, "p", p_of(s->lgp));
        member_number(j, "raw_p", p_of(s->lgp_raw));
        if (s->has_peer) {
            TH_AUTOBUF struct th_buf peer = TH_BUF_INIT;
            text_peer(&peer, &s->peer);
            member_str(j, "peer", th_buf_view(&peer));
        }
    }
    th_json_close(j);
}

static void put_components(
    struct th_json *j, const struct th_explanation *e, const struct th_verdict *v)
{
    member_text(j, "combine", v->sequence ? "sequence" : v->any ? "any" : "all");
    th_json_key(j, "components");
    th_json_open_list(j);
    for (uint32_t i = 0; i < v->asked_count; i++)
        put_asked(j, e, &v->asked[i]);
    th_json_close_list(j);
}

static void put_found(struct th_json *j, const struct th_verdict *v, double threshold)
{
    member_id(j, "breach", v->breach);
    member_number(j, "score", thousandths(v->score));
    if (v->outcome == TH_OUTCOME_TOLD) {
        th_json_key(j, "alert");
        th_json_bool(j, v->score >= threshold);
    }
    if (v->peer[0])
        member_text(j, "peer", v->peer);
    if (v->outcome == TH_OUTCOME_PERMITTED)
        member_id(j, "permit", v->permit);
    if (v->outcome != TH_OUTCOME_THROTTLED)
        return;
    member_time(j, "told", v->told_ns);
    member_number(j, "told_score", thousandths(v->told_score));
    member_time(j, "again", v->again_ns);
    member_number(j, "again_score", thousandths(v->again_score));
}

static void put_verdict(struct th_json *j, const struct th_explanation *e,
    const struct th_verdict *v, const struct th_model_info *info, double threshold)
{
    th_json_open(j);
    member_text(j, "model", info->id);
    member_text(j, "name", info->name);
    member_text(j, "outcome", outcome_words[v->outcome]);
    if (v->outcome <= TH_OUTCOME_PERMITTED)
        put_found(j, v, threshold);
    if (v->outcome == TH_OUTCOME_UNDER_WAY) {
        th_json_key(j, "seen");
        th_json_u64(j, v->stage);
        member_time(j, "first", v->first_ns);
        member_time(j, "until", v->until_ns);
    }
    if (v->asked_count)
        put_components(j, e, v);
    th_json_close(j);
}

void th_explanation_json(
    const struct th_explanation *e, const struct th_models *m, double threshold, struct th_json *j)
{
    th_json_key(j, "events");
    th_json_u64(j, e->events);
    member_number(j, "learned_hours", digits4(e->learned_hours));
    member_number(j, "threshold", thousandths(threshold));
    put_signals(j, e);
    th_json_key(j, "models");
    th_json_open_list(j);
    for (uint32_t i = 0; i < e->verdict_count; i++)
        put_verdict(j, e, &e->verdicts[i], th_models_info(m, e->verdicts[i].model), threshold);
    th_json_close_list(j);
    th_json_key(j, "other_models");
    th_json_open_list(j);
    for (uint32_t i = 0; i < e->other_count; i++)
        th_json_str(j, th_str_c(th_models_info(m, e->others[i])->id));
    th_json_close_list(j);
}

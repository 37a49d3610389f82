/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How names are spelt: probabilities of a character after the two before it, from a
 * built-in lists of common words and of domains and, in time, from the names the organisation
 * really uses. Tells how surprising a registered domain's label is, against what
 * ordinary labels of that length are. Unsupervised: it never saw a generated name.
 * Interpolated n-grams after Jelinek and Mercer, 1980.
 */
#ifndef TH_LEARN_SPELLING_H
#define TH_LEARN_SPELLING_H

#include "base/str.h"

#define TH_SPELL_SYMBOLS 38u /* edge, a-z, 0-9, hyphen */
#define TH_SPELL_GRAMS (TH_SPELL_SYMBOLS * TH_SPELL_SYMBOLS * TH_SPELL_SYMBOLS)
#define TH_SPELL_MAX_LABEL 63u

struct th_spelling {
    uint32_t counts[TH_SPELL_GRAMS];
    uint64_t total;
    uint32_t coming[TH_SPELL_GRAMS]; /* learned today, counts from tomorrow */
    /* derived */
    float cost[TH_SPELL_GRAMS]; /* nats */
    float mean, variance;       /* nats a character of ordinary labels, and its variance x length */
};

struct th_spelling *th_spelling_new(void);
void th_spelling_free(struct th_spelling *s);
/* Trigrams of a label, edges included; returns how many (at most TH_SPELL_MAX_LABEL + 1). */
unsigned th_spelling_grams(struct th_str label, uint16_t ret[TH_SPELL_MAX_LABEL + 1]);
/* Counts from th_spelling_turn on, which a day brings. */
void th_spelling_learn(struct th_spelling *s, uint16_t gram, uint32_t n);
void th_spelling_turn(struct th_spelling *s);
/* Recomputes what is derived, from counts alone. */
void th_spelling_derive(struct th_spelling *s);
/* By how many standard deviations a label costs more nats than ordinary ones of its length. */
double th_spelling_surprise(const struct th_spelling *s, struct th_str label);

/* The names of one host together. A single name counts for no more than TH_SPELL_MOST: ordinary
 * hosts ask for one odd name, hardly for five. */
#define TH_SPELL_MOST 1.5
struct th_spelling_sum {
    float sum, squares; /* of weighted surprises; of weights */
};
void th_spelling_weigh(struct th_spelling_sum *sum, double surprise, double weight);
double th_spelling_z(const struct th_spelling_sum *sum);

#endif

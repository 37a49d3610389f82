/* SPDX-License-Identifier: Apache-2.0 */
#include "spelling.h"

#include <math.h>

#include "base/mem.h"

#define S TH_SPELL_SYMBOLS
/* How many observations of the shorter context stand in for one of the longer (Dirichlet). */
#define BACK_OFF_2 8.0
#define BACK_OFF_3 4.0
/* Neighbouring characters are not independent, and real names (initials, numbers, other languages)
 * are stranger than words: so much more a character they may cost, so much more it varies. */
#define DEPENDENCE 5.0
#define STRANGENESS 0.45

static const char *const words[] = {
#define TH_WORDS(line) line,
#include "words.def"
#undef TH_WORDS
};

static const char *const names[] = {
#define TH_WORDS(line) line,
#include "names.def"
#undef TH_WORDS
};

static unsigned symbol(char c)
{
    c = th_lower(c);
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 1;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 27;
    return 37;
}

/* Of an international label (RFC 3492) the letters that stand in it as they are. */
static struct th_str spelt(struct th_str label)
{
    if (label.len < 4 || !th_str_is(th_str_n(label.p, 4), "xn--"))
        return label;
    uint32_t end = label.len;
    while (end > 4 && label.p[end - 1] != '-')
        end--;
    return th_str_n(label.p + 4, end > 4 ? end - 5 : 0);
}

unsigned th_spelling_grams(struct th_str label, uint16_t ret[TH_SPELL_MAX_LABEL + 1])
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned n = 0;
    label = spelt(label);
    uint32_t len = TH_MIN(label.len, TH_SPELL_MAX_LABEL);
    for (uint32_t i = 0; i <= len; i++) {
        unsigned c = i < len ? symbol(label.p[i]) : 0;
        ret[n++] = (uint16_t)((a * S + b) * S + c);
        a = b;
        b = c;
    }
    return n;
}

void th_spelling_learn(struct th_spelling *s, uint16_t gram, uint32_t n)
{
    if (gram < TH_SPELL_GRAMS && s->coming[gram] <= UINT32_MAX - n)
        s->coming[gram] += n;
}

void th_spelling_turn(struct th_spelling *s)
{
    for (unsigned g = 0; g < TH_SPELL_GRAMS; g++) {
        uint32_t n = TH_MIN(s->coming[g], UINT32_MAX - s->counts[g]);
        s->counts[g] += n;
        s->total += n;
        s->coming[g] = 0;
    }
    th_spelling_derive(s);
}

static void learn_label(struct th_spelling *s, struct th_str label, uint32_t n)
{
    uint16_t grams[TH_SPELL_MAX_LABEL + 1];
    unsigned count = th_spelling_grams(label, grams);
    for (unsigned i = 0; i < count; i++)
        th_spelling_learn(s, grams[i], n);
}

static void learn_names(struct th_spelling *s, const char *line)
{
    struct th_str rest = th_str_c(line);
    while (rest.len > 0)
        learn_label(s, th_str_split(&rest, ' '), 1);
}

static void learn_words(struct th_spelling *s, const char *line)
{
    struct th_str rest = th_str_c(line);
    char pair[2 * TH_SPELL_MAX_LABEL];
    uint32_t before = 0;
    while (rest.len > 0) {
        struct th_str word = th_str_split(&rest, ' ');
        learn_label(s, word, 2);
        /* Names are mostly put together of words: learn how they meet. */
        if (before > 0 && before + word.len < sizeof(pair)) {
            memcpy(pair + before, word.p, word.len);
            learn_label(s, th_str_n(pair, before + word.len), 1);
        }
        before = TH_MIN(word.len, (uint32_t)sizeof(pair) / 2);
        memcpy(pair, word.p, before);
    }
}

struct th_spelling *th_spelling_new(void)
{
    struct th_spelling *s = th_xcalloc(1, sizeof(*s));
    for (size_t i = 0; i < TH_ARRAY_LEN(words); i++)
        learn_words(s, words[i]);
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        learn_names(s, names[i]);
    th_spelling_turn(s);
    return s;
}

void th_spelling_free(struct th_spelling *s)
{
    free(s);
}

struct sums {
    double one[S], two[S * S]; /* how often a character, a pair stood as context */
    double to_one[S];          /* how often a character came */
    double to_two[S * S];      /* ... after another */
};

static void sum_up(const struct th_spelling *s, struct sums *sum)
{
    for (unsigned g = 0; g < TH_SPELL_GRAMS; g++) {
        double n = s->counts[g];
        sum->two[g / S] += n;
        sum->one[g / S % S] += n;
        sum->to_two[g % (S * S)] += n;
        sum->to_one[g % S] += n;
    }
}

/* Probability of a gram's last character, its own count lowered by `without`: leaving the
 * observation out tells what an unseen name of the same kind would cost. */
static double probability(
    const struct th_spelling *s, const struct sums *sum, unsigned g, double without)
{
    double p1 = (sum->to_one[g % S] + 1) / ((double)s->total + S);
    double p2 = (sum->to_two[g % (S * S)] - without + BACK_OFF_2 * p1) /
        (sum->one[g / S % S] - without + BACK_OFF_2);
    return (s->counts[g] - without + BACK_OFF_3 * p2) / (sum->two[g / S] - without + BACK_OFF_3);
}

void th_spelling_derive(struct th_spelling *s)
{
    struct sums *sum = th_xcalloc(1, sizeof(*sum));
    sum_up(s, sum);
    double n = 0;
    double s1 = 0;
    double s2 = 0;
    for (unsigned g = 0; g < TH_SPELL_GRAMS; g++) {
        s->cost[g] = (float)-log(probability(s, sum, g, 0));
        if (s->counts[g] == 0)
            continue;
        double w = s->counts[g];
        /* Words were learned three times over: leave all three out. */
        double left_out = -log(probability(s, sum, g, fmin(w, 3) - 0.5));
        n += w;
        s1 += w * left_out;
        s2 += w * left_out * left_out;
    }
    s->mean = (float)(n > 0 ? s1 / n + STRANGENESS : 0);
    s->variance = (float)(n > 0 ? DEPENDENCE * (s2 / n - (s1 / n) * (s1 / n)) : 1);
    free(sum);
}

double th_spelling_surprise(const struct th_spelling *s, struct th_str label)
{
    uint16_t grams[TH_SPELL_MAX_LABEL + 1];
    unsigned count = th_spelling_grams(label, grams);
    if (count < 2) /* nothing to be read in it */
        return 0;
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += (double)s->cost[grams[i]];
    return (sum - (double)s->mean * count) / sqrt((double)s->variance * count);
}

void th_spelling_weigh(struct th_spelling_sum *sum, double surprise, double weight)
{
    sum->sum += (float)(weight * fmin(surprise, TH_SPELL_MOST));
    sum->squares += (float)(weight * weight);
}

double th_spelling_z(const struct th_spelling_sum *sum)
{
    return sum->squares > 0 ? (double)sum->sum / sqrt((double)sum->squares) : 0;
}

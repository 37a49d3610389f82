/* SPDX-License-Identifier: Apache-2.0 */
#include "families.h"

#include <string.h>

const char *const lab_family_names[LAB_FAMILIES] = {
    "letters", "letters and digits", "hexadecimal", "spoken", "mutated names", "words"};

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

static void spoken(struct lab_rng *r, unsigned n, char *out)
{
    bool vowel = lab_chance(r, 0.5);
    for (unsigned i = 0; i < n; i++, vowel = !vowel)
        lab_name_random(r, vowel ? "aeiou" : "bcdfghjklmnpqrstvwxz", 1, out + i);
}

static void words(struct lab_rng *r, unsigned n, char *out)
{
    char word[LAB_NAME_LEN];
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t more = lab_name_word(r, word);
        if (len + more + 1 > LAB_NAME_LEN)
            break;
        memcpy(out + len, word, more + 1);
        len += more;
    }
}

static void mutant(struct lab_rng *r, char *out)
{
    size_t len;
    do {
        lab_name_domain(r, out);
        len = strcspn(out, ".");
    } while (len < 6);
    out[len] = '\0';
    for (unsigned i = 0; i < 2; i++)
        out[lab_below(r, (uint32_t)len)] = letters[lab_below(r, 26)];
}

void lab_family_host(struct lab_rng *r, enum lab_family kind, unsigned n, char (*out)[LAB_NAME_LEN])
{
    unsigned lo = 8 + lab_below(r, 6);
    unsigned spread = lab_below(r, 8);
    unsigned count = 2 + lab_below(r, 2);
    for (unsigned i = 0; i < n; i++) {
        unsigned len = lo + lab_below(r, spread + 1);
        switch (kind) {
        case LAB_FAMILY_ALNUM:
            lab_name_random(r, "abcdefghijklmnopqrstuvwxyz0123456789", len, out[i]);
            break;
        case LAB_FAMILY_HEX: lab_name_hex(r, len, out[i]); break;
        case LAB_FAMILY_SPOKEN: spoken(r, len, out[i]); break;
        case LAB_FAMILY_MUTANT: mutant(r, out[i]); break;
        case LAB_FAMILY_WORDS: words(r, count, out[i]); break;
        case LAB_FAMILY_LETTERS:
        case LAB_FAMILIES: lab_name_random(r, letters, len, out[i]); break;
        }
    }
}

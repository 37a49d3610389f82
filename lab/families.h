/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as malware makes them up, by kind of algorithm (T1568.002): the kinds that the
 * published families fall into, each with lengths drawn per host. For tests that must run
 * without recordings; lab/dga.py measures lists of real families.
 */
#ifndef TH_LAB_FAMILIES_H
#define TH_LAB_FAMILIES_H

#include "names.h"

enum lab_family {
    LAB_FAMILY_LETTERS, /* any letters: Qakbot, Murofet, Ranbyus, Tinba, Zloader */
    LAB_FAMILY_ALNUM,   /* letters and digits: Bumblebee, QSnatch */
    LAB_FAMILY_HEX,     /* Orchard, Monerodownloader, Gameover */
    LAB_FAMILY_SPOKEN,  /* consonants and vowels in turn: Symmi, Vawtrak, Simda */
    LAB_FAMILY_MUTANT,  /* a real name with letters replaced: Charbot */
    LAB_FAMILY_WORDS,   /* two or three words: Suppobox, Gozi, Matsnu */
    LAB_FAMILIES
};
extern const char *const lab_family_names[LAB_FAMILIES];

/* The labels (without suffix) that one host asks for. */
void lab_family_host(
    struct lab_rng *r, enum lab_family kind, unsigned n, char (*out)[LAB_NAME_LEN]);

#endif

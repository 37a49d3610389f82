/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Made-up names: people, companies, domains, files, and the high-entropy labels of
 * content networks. All of them are invented; a match with a real one is chance.
 * Each function writes a terminated string into out and returns its length.
 */
#ifndef TH_LAB_NAMES_H
#define TH_LAB_NAMES_H

#include "rng.h"

#define LAB_NAME_LEN 96

/* A dictionary word, or a word of two to four syllables. */
size_t lab_name_word(struct lab_rng *r, char out[LAB_NAME_LEN]);
size_t lab_name_syllables(struct lab_rng *r, unsigned syllables, char out[LAB_NAME_LEN]);
/* A registered domain in one of many styles: "harbour-mill.com", "fluvio24.io", "nordtek.co.uk". */
size_t lab_name_domain(struct lab_rng *r, char out[LAB_NAME_LEN]);
size_t lab_name_company(struct lab_rng *r, char out[LAB_NAME_LEN]);
/* "mara.lindholt" */
size_t lab_name_person(struct lab_rng *r, char out[LAB_NAME_LEN]);
/* n letters and digits out of an alphabet. */
size_t lab_name_random(struct lab_rng *r, const char *alphabet, unsigned n, char *out);
size_t lab_name_hex(struct lab_rng *r, unsigned n, char *out);
/* A file name as people in offices write them, without folder. */
size_t lab_name_file(struct lab_rng *r, char out[LAB_NAME_LEN]);
/* A host label under a content network: hashes, node names, shards. */
size_t lab_name_cdn_label(struct lab_rng *r, char out[LAB_NAME_LEN]);

#endif

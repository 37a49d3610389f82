/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files of the daemons: YAML, one level deep: a value, or a list of values, a key.
 * The reader names every key that it takes; a key that it does not know, a value of the wrong form,
 * or a key given twice is a mistake that is told with its line. The file is the operator's, not an
 * outsider's.
 *
 *     struct th_conf_key keys[] = {
 *         {"name", TH_CONF_TEXT, &c.name},
 *         {"shards", TH_CONF_COUNT, &c.shards},
 *         ...
 *     };
 *     r = th_conf_read(fd, "instance.conf", keys, TH_ARRAY_LEN(keys), error, sizeof(error));
 */
#ifndef TH_COMMON_CONF_H
#define TH_COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TH_CONF_MAX_BYTES (1u << 20)
#define TH_CONF_MAX_LIST 256u

/* A list of texts. */
struct th_conf_list {
    char **v;
    size_t count;
};

enum th_conf_type {
    TH_CONF_TEXT,  /* char *, the caller's to free; NULL when not given */
    TH_CONF_BOOL,  /* bool: true, false, yes, no */
    TH_CONF_COUNT, /* uint64_t */
    TH_CONF_BYTES, /* uint64_t: with K, M, G or T (powers of 1,024) or without */
    TH_CONF_LIST   /* struct th_conf_list; a single value is a list of one */
};

struct th_conf_key {
    const char *name;
    enum th_conf_type type;
    void *value; /* left as it is when the key is not given */
    bool seen;   /* filled in */
    size_t line; /* where the value stands, counted from 1; 0: nowhere */
};

/* TH_E_CONFIG and a sentence in error (file, line, what is wrong, what is known), or another
 * negative error of reading. */
int th_conf_read(int fd, const char *file, struct th_conf_key *keys, size_t count, char *error,
    size_t error_bytes) TH_WARN_UNUSED;
/* Frees what TEXT and LIST hold. */
void th_conf_done(struct th_conf_key *keys, size_t count);
void th_conf_list_done(struct th_conf_list *l);

#endif

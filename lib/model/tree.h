/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as a tree of mappings, lists and words, each with its line. A model file needs
 * no more of YAML than that: anchors, aliases and tags are refused, size and depth
 * are bounded, so a file cannot expand into more than it is.
 */
#ifndef TH_MODEL_TREE_H
#define TH_MODEL_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/model.h"

#define TREE_MAX_BYTES (1u << 20)
#define TREE_MAX_NODES 20000u
#define TREE_MAX_DEPTH 16u

enum node_type { NODE_WORD, NODE_LIST, NODE_MAP };

struct node {
    enum node_type type;
    int line;           /* 1-based */
    struct th_str key;  /* when it is a member of a mapping */
    struct th_str word; /* NODE_WORD: its text */
    struct node *first, *last, *next;
    uint32_t count; /* members */
};

/* All documents of the text as the members of one list, in the arena. */
int tree_parse(const char *text, size_t len_bytes, struct th_arena *arena, struct node **ret,
    struct th_model_error *ret_err) TH_WARN_UNUSED;
/* A member of a mapping, or NULL. */
const struct node *tree_get(const struct node *map, const char *key);
/* Fills the error and returns TH_E_CONFIG. */
int tree_fail(struct th_model_error *err, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/fd.h"
#include "base/mem.h"

struct reader {
    const char *file;
    struct th_conf_key *keys;
    size_t count;
    char *error;
    size_t error_bytes;
    yaml_document_t doc;
};

static int wrong(const struct reader *r, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int wrong(const struct reader *r, size_t line, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(r->error, r->error_bytes, "%s, line %zu: %s", r->file, line, what);
    return TH_E_CONFIG;
}

static size_t line_of(const yaml_node_t *n)
{
    return n->start_mark.line + 1;
}

static struct th_str text_of(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? th_str_n(n->data.scalar.value, n->data.scalar.length)
                                       : th_str_c("");
}

static char *copy_text(struct th_str s)
{
    return th_xasprintf("%.*s", (int)s.len, s.p);
}

/* A number with one letter behind it out of units; scale[i] belongs to units[i]. */
static bool scaled(struct th_str s, const char *units, const uint64_t *scale, uint64_t *ret)
{
    uint64_t by = 1;
    const char *u = s.len ? strchr(units, s.p[s.len - 1]) : NULL;
    if (u) {
        by = scale[u - units];
        s.len--;
    }
    uint64_t v;
    return th_str_u64(s, &v) && !__builtin_mul_overflow(v, by, ret);
}

static bool parse_bool(struct th_str s, bool *ret)
{
    bool yes = th_str_is(s, "true") || th_str_is(s, "yes");
    if (!yes && !th_str_is(s, "false") && !th_str_is(s, "no"))
        return false;
    *ret = yes;
    return true;
}

static int take_scalar(struct reader *r, const yaml_node_t *n, struct th_conf_key *k)
{
    static const uint64_t bytes[] = {
        UINT64_C(1) << 10, UINT64_C(1) << 20, UINT64_C(1) << 30, UINT64_C(1) << 40};
    struct th_str s = text_of(n);
    if (n->type != YAML_SCALAR_NODE)
        return wrong(r, line_of(n), "%s takes one value", k->name);
    switch (k->type) {
    case TH_CONF_TEXT:
        free(*(char **)k->value);
        *(char **)k->value = copy_text(s);
        return 0;
    case TH_CONF_BOOL:
        return parse_bool(s, k->value)
            ? 0
            : wrong(r, line_of(n), "%s is true or false, not \"%.*s\"", k->name, (int)s.len, s.p);
    case TH_CONF_COUNT:
        return th_str_u64(s, k->value)
            ? 0
            : wrong(r, line_of(n), "%s is a number, not \"%.*s\"", k->name, (int)s.len, s.p);
    default:
        return scaled(s, "KMGT", bytes, k->value)
            ? 0
            : wrong(r, line_of(n), "%s is a number of bytes like 512M, not \"%.*s\"", k->name,
                  (int)s.len, s.p);
    }
}

static int add(struct reader *r, const yaml_node_t *n, struct th_conf_key *k)
{
    struct th_conf_list *l = k->value;
    if (n->type != YAML_SCALAR_NODE)
        return wrong(r, line_of(n), "%s: a value was expected here", k->name);
    if (l->count == TH_CONF_MAX_LIST)
        return wrong(r, line_of(n), "%s has more than %u values", k->name, TH_CONF_MAX_LIST);
    l->v = th_xreallocarray(l->v, l->count + 1, sizeof(*l->v));
    l->v[l->count++] = copy_text(text_of(n));
    return 0;
}

static int take_list(struct reader *r, const yaml_node_t *n, struct th_conf_key *k)
{
    int err = 0;
    th_conf_list_done(k->value);
    if (n->type == YAML_SCALAR_NODE)
        return add(r, n, k);
    if (n->type != YAML_SEQUENCE_NODE)
        return wrong(r, line_of(n), "%s takes a list of values", k->name);
    for (yaml_node_item_t *i = n->data.sequence.items.start;
         err == 0 && i < n->data.sequence.items.top; i++)
        err = add(r, yaml_document_get_node(&r->doc, *i), k);
    return err;
}

static int unknown(struct reader *r, const yaml_node_t *n)
{
    char known[384] = "";
    size_t at = 0;
    for (size_t i = 0; i < r->count && at < sizeof(known); i++)
        at += (size_t)snprintf(
            known + at, sizeof(known) - at, "%s%s", i ? ", " : "", r->keys[i].name);
    return wrong(r, line_of(n), "unknown key \"%.*s\"; known are %s", (int)text_of(n).len,
        text_of(n).p, known);
}

static int take_pair(struct reader *r, const yaml_node_t *name, const yaml_node_t *value)
{
    for (size_t i = 0; i < r->count; i++) {
        struct th_conf_key *k = &r->keys[i];
        if (!th_str_is(text_of(name), k->name))
            continue;
        if (k->seen)
            return wrong(r, line_of(name), "%s is given twice", k->name);
        k->seen = true;
        k->line = line_of(value);
        return k->type == TH_CONF_LIST ? take_list(r, value, k) : take_scalar(r, value, k);
    }
    return unknown(r, name);
}

static int take_document(struct reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    int err = 0;
    if (!root)
        return 0; /* an empty file: all defaults */
    if (root->type != YAML_MAPPING_NODE)
        return wrong(r, line_of(root), "lines of the form \"key: value\" were expected");
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
         err == 0 && p < root->data.mapping.pairs.top; p++)
        err = take_pair(
            r, yaml_document_get_node(&r->doc, p->key), yaml_document_get_node(&r->doc, p->value));
    return err;
}

int th_conf_read(int fd, const char *file, struct th_conf_key *keys, size_t count, char *error,
    size_t error_bytes)
{
    struct reader r = {
        .file = file, .keys = keys, .count = count, .error = error, .error_bytes = error_bytes};
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    yaml_parser_t parser;
    int err = th_fd_read_to_end(fd, TH_CONF_MAX_BYTES, &text);
    if (err < 0) {
        snprintf(error, error_bytes, "%s: cannot be read: %s", file, th_strerror(err));
        return err;
    }
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, text.p ? text.p : (const uint8_t *)"", text.len);
    if (!yaml_parser_load(&parser, &r.doc)) {
        err = wrong(
            &r, parser.problem_mark.line + 1, "%s", parser.problem ? parser.problem : "not YAML");
    } else {
        err = take_document(&r);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    return err;
}

void th_conf_list_done(struct th_conf_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct th_conf_list){0};
}

void th_conf_done(struct th_conf_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type == TH_CONF_TEXT) {
            free(*(char **)keys[i].value);
            *(char **)keys[i].value = NULL;
        } else if (keys[i].type == TH_CONF_LIST) {
            th_conf_list_done(keys[i].value);
        }
    }
}

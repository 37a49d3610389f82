/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"
#include "tree.h"

#define MAX_TEXT 1000u
#define MAX_THROTTLE_HOURS (24.0 * 7)

/* Phases in the order in which an attack is told (ATT&CK's tactics). */
static const struct {
    const char *name, *text;
} tactics[] = {
    {"reconnaissance", "Reconnaissance"},
    {"initial-access", "Initial access"},
    {"execution", "Execution"},
    {"persistence", "Persistence"},
    {"privilege-escalation", "Privilege escalation"},
    {"defense-evasion", "Defence evasion"},
    {"credential-access", "Credential access"},
    {"discovery", "Discovery"},
    {"lateral-movement", "Lateral movement"},
    {"collection", "Collection"},
    {"command-and-control", "Command and control"},
    {"exfiltration", "Exfiltration"},
    {"impact", "Impact"},
};

unsigned tactic_rank(const char *tactic)
{
    unsigned i = 0;
    while (i < TH_ARRAY_LEN(tactics) && strcmp(tactics[i].name, tactic) != 0)
        i++;
    return i;
}

const char *tactic_text(const char *tactic)
{
    unsigned i = tactic_rank(tactic);
    return i < TH_ARRAY_LEN(tactics) ? tactics[i].text : "Other";
}

struct th_models *th_models_new(void)
{
    return th_xcalloc(1, sizeof(struct th_models));
}

void th_models_free(struct th_models *m)
{
    if (!m)
        return;
    th_arena_done(&m->arena);
    free(m->model);
    free(m);
}

unsigned th_models_count(const struct th_models *m)
{
    return m->count;
}

const struct th_model_info *th_models_info(const struct th_models *m, unsigned model)
{
    return model < m->count ? &m->model[model].info : NULL;
}

struct compiler {
    struct th_models *models;
    struct model *m;
    struct th_model_error *err;
    unsigned filter_budget;
};

static int bad(struct compiler *c, const struct node *n, const char *what)
{
    return tree_fail(c->err, n->line, "%.*s: %s", (int)TH_MIN(n->key.len, 40u), n->key.p, what);
}

static int take_text(struct compiler *c, const struct node *n, const char **ret)
{
    if (n->type != NODE_WORD || n->word.len == 0 || n->word.len > MAX_TEXT)
        return bad(c, n, "a text of at most 1000 bytes is wanted");
    char *s = th_arena_alloc(&c->models->arena, n->word.len + 1);
    if (!s)
        return TH_E_LIMIT;
    for (uint32_t i = 0; i < n->word.len; i++) {
        s[i] = n->word.p[i] == '\n' ? ' ' : n->word.p[i];
        if (s[i] < ' ' || s[i] > '~')
            return bad(c, n, "printable ASCII is wanted");
    }
    size_t len = th_str_trim(n->word).len;
    s[len] = '\0';
    *ret = s;
    return 0;
}

static bool is_id(const char *s)
{
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-'))
            return false;
    return true;
}

static int take_number(
    struct compiler *c, const struct node *n, double low, double high, double *ret)
{
    double v;
    if (n->type != NODE_WORD || !th_str_double(n->word, &v))
        return bad(c, n, "a number is wanted");
    if (!(v >= low && v <= high))
        return tree_fail(c->err, n->line, "%.*s: must be from %g to %g",
            (int)TH_MIN(n->key.len, 40u), n->key.p, low, high);
    *ret = v;
    return 0;
}

/* "90 s", "15 min", "4 h", "2 d" */
static int take_span(struct compiler *c, const struct node *n, int64_t max_ns, int64_t *ret)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {
        {"s", TH_NS_PER_S}, {"min", TH_NS_PER_MIN}, {"h", TH_NS_PER_HOUR}, {"d", TH_NS_PER_DAY}};
    struct th_str unit = n->word;
    struct th_str number = th_str_split(&unit, ' ');
    uint64_t v;
    if (n->type == NODE_WORD && th_str_u64(number, &v))
        for (size_t i = 0; i < TH_ARRAY_LEN(units); i++)
            if (th_str_is(unit, units[i].unit) && v > 0 && v <= (uint64_t)(max_ns / units[i].ns)) {
                *ret = (int64_t)v * units[i].ns;
                return 0;
            }
    return bad(c, n, "a time such as \"4 h\" is wanted (s, min, h, d)");
}

static int take_feature(struct compiler *c, const struct node *n, struct component *out)
{
    int f = n->type == NODE_WORD ? th_feature_find(n->word) : -1;
    if (f < 0)
        return tree_fail(c->err, n->line, "there is no feature \"%.*s\"",
            (int)TH_MIN(n->word.len, 60u), n->word.p ? n->word.p : "");
    out->feature = (uint16_t)f;
    return 0;
}

static int take_filter(struct compiler *c, const struct node *n, struct filter **ret)
{
    return filter_compile(n, &c->models->arena, &c->filter_budget, ret, c->err);
}

static int compile_component(struct compiler *c, const struct node *n)
{
    struct model *m = c->m;
    if (n->type != NODE_MAP || !tree_get(n, "feature"))
        return tree_fail(c->err, n->line, "a component needs a feature");
    if (m->component_count == MAX_COMPONENTS)
        return tree_fail(c->err, n->line, "more than %u components", MAX_COMPONENTS);
    struct component *out = &m->component[m->component_count];
    *out = (struct component){.required = true, .weight = 1, .at_least = -INFINITY};
    for (const struct node *k = n->first; k; k = k->next) {
        int r = 0;
        if (th_str_is(k->key, "feature"))
            r = take_feature(c, k, out);
        else if (th_str_is(k->key, "at-least"))
            r = take_number(c, k, 0, 1e15, &out->at_least);
        else if (th_str_is(k->key, "rarity"))
            r = take_number(c, k, 0, 20, &out->rarity);
        else if (th_str_is(k->key, "weight"))
            r = take_number(c, k, 0.01, 100, &out->weight);
        else if (th_str_is(k->key, "filter"))
            r = take_filter(c, k, &out->filter);
        else if (th_str_is(k->key, "role") && th_str_is(k->word, "supporting"))
            out->required = false;
        else if (!th_str_is(k->key, "role") || !th_str_is(k->word, "required"))
            r = tree_fail(c->err, k->line, "unknown setting \"%.*s\" of a component",
                (int)TH_MIN(k->key.len, 60u), k->key.p);
        if (r < 0)
            return r;
    }
    m->component_count++;
    return 0;
}

static int take_components(struct compiler *c, const struct node *n)
{
    if (n->type != NODE_LIST || n->count == 0)
        return bad(c, n, "a list is wanted");
    for (const struct node *k = n->first; k; k = k->next) {
        int r = compile_component(c, k);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_combine(struct compiler *c, const struct node *n)
{
    static const char *const names[] = {"all", "any", "sequence"};
    for (unsigned i = 0; i < TH_ARRAY_LEN(names); i++)
        if (n->type == NODE_WORD && th_str_is(n->word, names[i])) {
            c->m->combine = (enum combine)i;
            return 0;
        }
    return bad(c, n, "all, any or sequence is wanted");
}

static int take_peers(struct compiler *c, const struct node *n)
{
    bool any = n->type == NODE_WORD && th_str_is(n->word, "any");
    c->m->any_peers = any;
    return any || (n->type == NODE_WORD && th_str_is(n->word, "same"))
        ? 0
        : bad(c, n, "same or any is wanted");
}

static int take_throttle(struct compiler *c, const struct node *n)
{
    int r = n->type == NODE_MAP ? 0 : bad(c, n, "hours and rise are wanted");
    for (const struct node *k = n->first; k && r == 0; k = k->next) {
        double v = 0;
        if (th_str_is(k->key, "hours")) {
            r = take_number(c, k, 0, MAX_THROTTLE_HOURS, &v);
            c->m->throttle_ns = (int64_t)(v * (double)TH_NS_PER_HOUR);
        } else if (th_str_is(k->key, "rise")) {
            r = take_number(c, k, 0, 100, &c->m->throttle_rise);
        } else {
            r = bad(c, k, "unknown setting of throttle");
        }
    }
    return r;
}

static int take_days(struct compiler *c, const struct node *n)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    if (n->type != NODE_LIST)
        return bad(c, n, "a list of days is wanted (mon, tue, ...)");
    c->m->active_days = 0;
    for (const struct node *k = n->first; k; k = k->next) {
        unsigned d = 0;
        while (d < 7 && !(k->type == NODE_WORD && th_str_is(k->word, days[d])))
            d++;
        if (d == 7)
            return tree_fail(c->err, k->line, "this is no day: mon, tue, wed, thu, fri, sat, sun");
        c->m->active_days |= (uint8_t)(1u << d);
    }
    return 0;
}

static int take_active(struct compiler *c, const struct node *n)
{
    int r = n->type == NODE_MAP ? 0 : bad(c, n, "days, from and to are wanted");
    for (const struct node *k = n->first; k && r == 0; k = k->next) {
        double v = 0;
        if (th_str_is(k->key, "days")) {
            r = take_days(c, k);
        } else if (th_str_is(k->key, "from")) {
            r = take_number(c, k, 0, 24, &v);
            c->m->active_from = (uint8_t)v;
        } else if (th_str_is(k->key, "to")) {
            r = take_number(c, k, 0, 24, &v);
            c->m->active_to = (uint8_t)v;
        } else {
            r = bad(c, k, "unknown setting of active");
        }
    }
    return r;
}

static int take_tags(struct compiler *c, const struct node *n)
{
    if (n->type != NODE_LIST || n->count > MAX_TAGS)
        return bad(c, n, "a list of at most 16 words is wanted");
    for (const struct node *k = n->first; k; k = k->next) {
        if (k->type != NODE_WORD || !k->word.len)
            return tree_fail(c->err, k->line, "a tag is a word");
        c->m->tags[c->m->tag_count++] = k->word;
    }
    return 0;
}

/* A list of conditions, one of which is enough to be excluded. */
static int take_exclusions(struct compiler *c, const struct node *n)
{
    if (n->type != NODE_LIST || n->count == 0)
        return bad(c, n, "a list of conditions is wanted");
    struct filter *any = th_arena_alloc(&c->models->arena, sizeof(*any));
    if (!any)
        return TH_E_LIMIT;
    *any = (struct filter){.op = FILTER_ANY};
    struct filter **to = &any->first;
    for (const struct node *k = n->first; k; k = k->next, to = &(*to)->next) {
        int r = take_filter(c, k, to);
        if (r < 0)
            return r;
    }
    c->m->exclude = any;
    return 0;
}

static int take_setting(struct compiler *c, const struct node *n)
{
    struct model *m = c->m;
    double v = 0;
    int r;
    if (th_str_is(n->key, "id"))
        return take_text(c, n, &m->info.id);
    if (th_str_is(n->key, "name"))
        return take_text(c, n, &m->info.name);
    if (th_str_is(n->key, "description"))
        return take_text(c, n, &m->info.description);
    if (th_str_is(n->key, "technique"))
        return take_text(c, n, &m->info.technique);
    if (th_str_is(n->key, "tactic"))
        return take_text(c, n, &m->info.tactic);
    if (th_str_is(n->key, "response"))
        return take_text(c, n, &m->response);
    if (th_str_is(n->key, "version")) {
        r = take_number(c, n, 1, 1e6, &v);
        m->info.version = (unsigned)v;
        return r;
    }
    if (th_str_is(n->key, "priority"))
        return take_number(c, n, 0.01, 100, &m->weight);
    if (th_str_is(n->key, "combine"))
        return take_combine(c, n);
    if (th_str_is(n->key, "peers"))
        return take_peers(c, n);
    if (th_str_is(n->key, "within"))
        return take_span(c, n, 14 * TH_NS_PER_DAY, &m->within_ns);
    if (th_str_is(n->key, "components"))
        return take_components(c, n);
    if (th_str_is(n->key, "filter"))
        return take_filter(c, n, &m->filter);
    if (th_str_is(n->key, "exclusions"))
        return take_exclusions(c, n);
    if (th_str_is(n->key, "throttle"))
        return take_throttle(c, n);
    if (th_str_is(n->key, "active"))
        return take_active(c, n);
    if (th_str_is(n->key, "tags"))
        return take_tags(c, n);
    return tree_fail(
        c->err, n->line, "unknown setting \"%.*s\"", (int)TH_MIN(n->key.len, 60u), n->key.p);
}

/* What no single setting can show to be wrong. */
static int check(struct compiler *c, const struct node *n)
{
    struct model *m = c->m;
    const struct {
        const char *what, *value;
    } needed[] = {{"id", m->info.id}, {"name", m->info.name}, {"description", m->info.description},
        {"technique", m->info.technique}, {"tactic", m->info.tactic}};
    for (size_t i = 0; i < TH_ARRAY_LEN(needed); i++)
        if (!needed[i].value)
            return tree_fail(c->err, n->line, "the model has no %s", needed[i].what);
    if (!is_id(m->info.id))
        return tree_fail(c->err, n->line, "id: lower-case letters, digits and '-' only");
    if (tactic_rank(m->info.tactic) == TH_ARRAY_LEN(tactics))
        return tree_fail(c->err, n->line, "tactic: not one of ATT&CK's");
    if (!m->component_count)
        return tree_fail(c->err, n->line, "the model has no components");
    unsigned required = 0;
    for (unsigned i = 0; i < m->component_count; i++)
        required += m->component[i].required;
    if (!required)
        return tree_fail(c->err, n->line, "no component is required");
    if (m->combine == COMBINE_SEQUENCE && (required < 2 || required != m->component_count))
        return tree_fail(c->err, n->line, "a sequence has two or more components, all required");
    return 0;
}

static bool is_there(const struct th_models *all, const char *id)
{
    for (unsigned i = 0; i < all->count; i++)
        if (strcmp(all->model[i].info.id, id) == 0)
            return true;
    return false;
}

static void normalise(struct model *m)
{
    static const struct th_hash_key key = {0x6d6f64656c2d6964, 0x7468796d75730002};
    double sum = 0;
    for (unsigned i = 0; i < m->component_count; i++)
        sum += m->component[i].weight;
    for (unsigned i = 0; i < m->component_count; i++)
        m->component[i].weight /= sum;
    m->id_hash = th_hash_pair(th_siphash(&key, m->info.id, strlen(m->info.id)), m->info.version);
}

/* 1: taken; 0: left out, its place is held already. */
static int compile_model(struct compiler *c, const struct node *n, struct model *m)
{
    *m = (struct model){.weight = 1,
        .within_ns = TH_NS_PER_DAY,
        .throttle_ns = TH_NS_PER_DAY,
        .throttle_rise = 5,
        .active_days = 0x7f,
        .active_to = 24,
        .info.version = 1};
    c->m = m;
    c->filter_budget = MAX_FILTER_NODES;
    if (n->type != NODE_MAP)
        return tree_fail(c->err, n->line, "a model is a mapping");
    for (const struct node *k = n->first; k; k = k->next) {
        int r = take_setting(c, k);
        if (r < 0)
            return r;
    }
    int r = check(c, n);
    if (r < 0)
        return r;
    if (is_there(c->models, m->info.id))
        return c->models->keep
            ? 0
            : tree_fail(c->err, n->line, "there is a model \"%.60s\" already", m->info.id);
    normalise(m);
    return 1;
}

void th_models_keep(struct th_models *m)
{
    m->keep = true;
}

int th_models_add(
    struct th_models *m, const char *yaml, size_t len_bytes, struct th_model_error *ret_err)
{
    struct compiler c = {.models = m, .err = ret_err};
    struct node *all;
    *ret_err = (struct th_model_error){0};
    int r = tree_parse(yaml, len_bytes, &m->arena, &all, ret_err);
    if (r < 0)
        return r;
    unsigned before = m->count;
    if (all->count == 0)
        return tree_fail(ret_err, 0, "the file has no model");
    if (m->count + all->count > MAX_MODELS)
        return tree_fail(ret_err, 0, "more than %u models", MAX_MODELS);
    m->model = th_xreallocarray(m->model, m->count + all->count, sizeof(*m->model));
    for (const struct node *n = all->first; n && r >= 0; n = n->next) {
        r = compile_model(&c, n, &m->model[m->count]);
        m->count += r > 0;
    }
    if (r < 0)
        m->count = before; /* a file is taken whole or not at all */
    return TH_MIN(r, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "query_hold.h"

#include <jansson.h>

#include "base/json.h"

void query_hold_ask(const struct query_ask *a, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "kinds");
    th_json_open_list(&j);
    TH_EACH_KIND (kind)
        if (a->kinds >> kind & 1)
            th_json_str(&j, th_str_c(th_kind_get(kind)->name));
    th_json_close_list(&j);
    th_json_key(&j, "from_ns");
    th_json_i64(&j, a->from_ns);
    th_json_key(&j, "to_ns");
    th_json_i64(&j, a->to_ns);
    th_json_close(&j);
}

/* A name below the folder: plain letters, no way up. */
static bool is_file_name(const char *s)
{
    if (*s == '\0' || *s == '/' || strlen(s) > 200 || strstr(s, ".."))
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                *s == '.' || *s == '_' || *s == '-' || *s == '/'))
            return false;
    return true;
}

static int take_file(
    const json_t *v, const char *folder, struct query_hold *h, struct query_file *f)
{
    const char *kind = json_string_value(json_object_get(v, "kind"));
    const char *name = json_string_value(json_object_get(v, "file"));
    const json_t *first = json_object_get(v, "first_ns"), *last = json_object_get(v, "last_ns");
    int number = kind ? th_kind_find(th_str_c(kind)) : -1;
    if (number <= 0 || !name || !is_file_name(name) || !json_is_integer(first) ||
        !json_is_integer(last))
        return TH_E_MALFORMED;
    json_int_t rows = json_integer_value(json_object_get(v, "rows"));
    json_int_t bytes = json_integer_value(json_object_get(v, "bytes"));
    *f = (struct query_file){.kind = (unsigned)number,
        .path = th_arena_printf(&h->arena, "%s/%s", folder, name),
        .first_ns = json_integer_value(first),
        .last_ns = json_integer_value(last),
        .rows = rows > 0 ? (uint64_t)rows : 0,
        .bytes = bytes > 0 ? (uint64_t)bytes : 0};
    return 0;
}

static int take_files(const json_t *files, const char *folder, struct query_hold *ret)
{
    size_t i;
    const json_t *v;
    if (!json_is_array(files) || json_array_size(files) > QUERY_MAX_FILES)
        return TH_E_MALFORMED;
    ret->files = th_xcalloc(json_array_size(files) + 1, sizeof(*ret->files));
    json_array_foreach(files, i, v)
    {
        int r = take_file(v, folder, ret, &ret->files[i]);
        if (r < 0)
            return r;
        ret->count++;
    }
    return 0;
}

int query_hold_parse(struct th_str json, const char *folder, struct query_hold *ret)
{
    json_error_t err;
    *ret = (struct query_hold){0};
    json_t *j = json_loadb(json.p, json.len, 0, &err);
    const json_t *id = json_object_get(j, "hold");
    int r = json_is_integer(id) ? 0 : TH_E_MALFORMED;
    if (r == 0) {
        ret->id = (uint64_t)json_integer_value(id);
        ret->without_newest = json_is_false(json_object_get(j, "hot"));
        r = take_files(json_object_get(j, "files"), folder, ret);
    }
    json_decref(j);
    return r;
}

void query_hold_done(struct query_hold *h)
{
    free(h->files);
    th_arena_done(&h->arena);
    *h = (struct query_hold){0};
}

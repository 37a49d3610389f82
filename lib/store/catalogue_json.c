/* SPDX-License-Identifier: Apache-2.0 */
/* Changes and lists of files as JSON, checked on the way in. */
#include <jansson.h>

#include "base/json.h"
#include "event/event.h"
#include "store/catalogue.h"

static void put_file(struct th_json *j, const struct th_catalogue_file *f)
{
    th_json_open(j);
    th_json_key(j, "file");
    th_json_str(j, th_str_c(f->name));
    th_json_key(j, "kind");
    th_json_str(j, th_str_c(th_kind_get(f->kind)->name));
    th_json_key(j, "day_ns");
    th_json_i64(j, f->day_ns);
    th_json_key(j, "first_ns");
    th_json_i64(j, f->first_ns);
    th_json_key(j, "last_ns");
    th_json_i64(j, f->last_ns);
    th_json_key(j, "rows");
    th_json_u64(j, f->rows);
    th_json_key(j, "bytes");
    th_json_u64(j, f->bytes);
    th_json_key(j, "epoch_ns");
    th_json_i64(j, f->epoch_ns);
    th_json_key(j, "level");
    th_json_u64(j, f->level);
    th_json_close(j);
}

static void put_files(struct th_json *j, const struct th_catalogue_file *files, size_t count)
{
    th_json_open_list(j);
    for (size_t i = 0; i < count; i++)
        put_file(j, &files[i]);
    th_json_close_list(j);
}

void th_catalogue_files_put(struct th_buf *out, const struct th_catalogue_file *files, size_t count)
{
    struct th_json j = th_json_init(out);
    put_files(&j, files, count);
}

void th_catalogue_change_put(struct th_buf *out, const struct th_catalogue_change *c)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    if (c->has_position) {
        th_json_key(&j, "position");
        th_json_u64(&j, c->position);
    }
    th_json_key(&j, "epoch_ns");
    th_json_i64(&j, c->epoch_ns);
    th_json_key(&j, "add");
    put_files(&j, c->add, c->add_count);
    th_json_key(&j, "retire");
    th_json_open_list(&j);
    for (size_t i = 0; i < c->retire_count; i++)
        th_json_str(&j, th_str_c(c->retire[i]));
    th_json_close_list(&j);
    th_json_close(&j);
}

/* A name that can be nothing but a file of the folder. */
static bool get_name(const json_t *v, char ret[TH_CATALOGUE_NAME_BYTES])
{
    const char *s = json_string_value(v);
    size_t len = s ? json_string_length(v) : 0;
    if (len == 0 || len >= TH_CATALOGUE_NAME_BYTES || s[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
                s[i] == '_' || s[i] == '.'))
            return false;
    memcpy(ret, s, len + 1);
    return true;
}

static bool get_int(const json_t *object, const char *key, int64_t min, int64_t *ret)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_integer(v) || json_integer_value(v) < min)
        return false;
    *ret = json_integer_value(v);
    return true;
}

static bool get_file(const json_t *object, struct th_catalogue_file *ret)
{
    int64_t rows, bytes, level;
    const char *kind = json_string_value(json_object_get(object, "kind"));
    int number = kind ? th_kind_find(th_str_c(kind)) : -1;
    if (number < 0 || !get_name(json_object_get(object, "file"), ret->name) ||
        !get_int(object, "day_ns", INT64_MIN, &ret->day_ns) ||
        !get_int(object, "first_ns", INT64_MIN, &ret->first_ns) ||
        !get_int(object, "last_ns", ret->first_ns, &ret->last_ns) ||
        !get_int(object, "rows", 0, &rows) || !get_int(object, "bytes", 0, &bytes) ||
        !get_int(object, "epoch_ns", INT64_MIN, &ret->epoch_ns) ||
        !get_int(object, "level", 0, &level) || level > TH_LEVEL_DAY)
        return false;
    ret->kind = (unsigned)number;
    ret->rows = (uint64_t)rows;
    ret->bytes = (uint64_t)bytes;
    ret->level = (unsigned)level;
    return true;
}

static int get_files(const json_t *list, struct th_catalogue_file **ret, size_t *ret_count)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list))
        return TH_E_MALFORMED;
    if (count > TH_CATALOGUE_MAX_FILES)
        return TH_E_LIMIT;
    TH_AUTOFREE struct th_catalogue_file *files = th_xcalloc(count + 1, sizeof(*files));
    for (size_t i = 0; i < count; i++)
        if (!get_file(json_array_get(list, i), &files[i]))
            return TH_E_MALFORMED;
    *ret = TH_TAKE(files);
    *ret_count = count;
    return 0;
}

static int load(struct th_str text, json_t **ret)
{
    if (text.len > TH_CATALOGUE_MAX_JSON)
        return TH_E_LIMIT;
    *ret = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    return *ret ? 0 : TH_E_MALFORMED;
}

int th_catalogue_files_get(struct th_str json, struct th_catalogue_file **ret, size_t *ret_count)
{
    json_t *list = NULL;
    int r = load(json, &list);
    if (r == 0)
        r = get_files(list, ret, ret_count);
    json_decref(list);
    return r;
}

static int get_change(const json_t *object, struct th_catalogue_change *c)
{
    int64_t position = 0;
    const json_t *retire = json_object_get(object, "retire");
    if (!get_int(object, "epoch_ns", INT64_MIN, &c->epoch_ns) || !json_is_array(retire))
        return TH_E_MALFORMED;
    if (json_object_get(object, "position")) {
        if (!get_int(object, "position", 0, &position))
            return TH_E_MALFORMED;
        c->has_position = true;
        c->position = (uint64_t)position;
    }
    size_t count = json_array_size(retire);
    if (count > TH_CATALOGUE_MAX_FILES)
        return TH_E_LIMIT;
    c->retire = th_xcalloc(count + 1, sizeof(*c->retire));
    c->retire_count = count;
    for (size_t i = 0; i < count; i++)
        if (!get_name(json_array_get(retire, i), c->retire[i]))
            return TH_E_MALFORMED;
    return get_files(json_object_get(object, "add"), &c->add, &c->add_count);
}

int th_catalogue_change_get(struct th_str json, struct th_catalogue_change *ret)
{
    json_t *object = NULL;
    struct th_catalogue_change c = {0};
    int r = load(json, &object);
    if (r == 0)
        r = get_change(object, &c);
    json_decref(object);
    if (r == 0)
        *ret = c;
    else
        th_catalogue_change_done(&c);
    return r;
}

void th_catalogue_change_done(struct th_catalogue_change *c)
{
    free(c->add);
    free(c->retire);
    *c = (struct th_catalogue_change){0};
}

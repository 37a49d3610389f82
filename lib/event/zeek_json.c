/* SPDX-License-Identifier: Apache-2.0 */
/* Zeek's JSON writer: an object a line. */
#include <jansson.h>

#include "zeek_in.h"

static void unref(json_t **j)
{
    json_decref(*j);
}

static void put_member(struct th_zeek *z, const struct th_kind_info *kind, int field, json_t *j)
{
    if (th_value_json(&z->memory, &z->ev.h, (unsigned)field, j) ||
        th_value_is_list(kind->fields[field].type))
        return;
    z->counts.bad_values++;
    th_zeek_complain(z, kind->fields[field].zeek, th_value_json_text(j));
}

/* Members of an object; those of an object inside it have its name before theirs (id.orig_h). */
static void put_members(
    struct th_zeek *z, const struct th_kind_info *kind, json_t *object, struct th_str before)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        struct th_str name = th_str_c(key);
        if (before.len)
            name = th_arena_printf(&z->memory, "%.*s.%s", (int)before.len, before.p, key);
        if (json_is_object(value) && before.len == 0) {
            put_members(z, kind, value, name);
            continue;
        }
        int field = json_is_null(value) ? TH_ZEEK_NO_FIELD : th_zeek_field(kind, name);
        if (field != TH_ZEEK_NO_FIELD)
            put_member(z, kind, field, value);
    }
}

static struct th_str path_of(const struct th_zeek *z, const json_t *object)
{
    static const char *const names[] = {"_path", "@stream", "_stream"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++) {
        struct th_str path = th_value_json_text(json_object_get(object, names[i]));
        if (path.len)
            return path;
    }
    return th_zeek_text(&z->file_path);
}

int th_zeek_json_row(struct th_zeek *z, struct th_str line)
{
    json_error_t error;
    json_t *object __attribute__((cleanup(unref))) =
        json_loadb(line.p, line.len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "not JSON", th_str_c(object ? "" : error.text));
        return 0;
    }
    struct th_str path = path_of(z, object);
    if (path.len == 0) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "neither the line nor the file's name says which log it is of",
            (struct th_str){"", 0});
        return 0;
    }
    z->forms |= TH_ZEEK_JSON;
    const struct th_kind_info *kind = th_zeek_begin(z, path);
    if (!kind)
        return 0;
    put_members(z, kind, object, (struct th_str){"", 0});
    return th_zeek_end(z, kind);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Zeek's ASCII writer: a header of # lines, then rows of separated columns; bytes that would
 * disturb are written \xHH, a backslash twice. */
#include "zeek_in.h"

void th_zeek_tsv_reset(struct th_zeek_header *h)
{
    h->separator = '\t';
    th_zeek_name_set(&h->set_separator, th_str_c(","));
    th_zeek_name_set(&h->empty, th_str_c("(empty)"));
    th_zeek_name_set(&h->unset, th_str_c("-"));
    h->path.len = 0;
    h->columns = 0;
    th_buf_clear(&h->fields);
}

static int hex(char c)
{
    char l = th_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* Undoes the writer's escapes; without any, the text stays where it is. */
static struct th_str unescape(struct th_arena *memory, struct th_str s)
{
    if (th_str_index(s, '\\') < 0)
        return s;
    char *out = th_arena_alloc(memory, s.len);
    uint32_t n = 0;
    TH_ASSERT(out);
    for (uint32_t i = 0; i < s.len; i++) {
        bool pair = s.p[i] == '\\' && i + 1 < s.len;
        bool coded = pair && s.p[i + 1] == 'x' && i + 3 < s.len;
        int high = coded ? hex(s.p[i + 2]) : -1;
        int low = coded ? hex(s.p[i + 3]) : -1;
        if (high >= 0 && low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 3;
        } else {
            i += pair && s.p[i + 1] == '\\';
            out[n++] = s.p[i];
        }
    }
    return th_str_n(out, n);
}

static int set_separator(struct th_zeek *z, struct th_str value)
{
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_str s = th_str_is(value, "\\t") ? th_str_c("\t") : unescape(&memory, value);
    th_zeek_tsv_reset(&z->header);
    if (s.len != 1 || s.p[0] == '\\') {
        th_zeek_complain(z, "#separator is not one character", value);
        return TH_E_MALFORMED;
    }
    z->header.separator = s.p[0];
    return 0;
}

static struct th_str path_of(const struct th_zeek *z)
{
    return th_zeek_text(z->header.path.len ? &z->header.path : &z->file_path);
}

/* Which column is which field: known once #fields is, and again when #path comes after it. */
static void map_columns(struct th_zeek *z)
{
    struct th_zeek_header *h = &z->header;
    int number = th_kind_find(path_of(z));
    const struct th_kind_info *kind = number < 0 ? NULL : th_kind_get((unsigned)number);
    struct th_str rest = th_buf_view(&h->fields);
    for (h->columns = 0; rest.len && h->columns < TH_ZEEK_MAX_COLUMNS; h->columns++) {
        struct th_str name = th_str_split(&rest, h->separator);
        h->column[h->columns] = (int16_t)(kind ? th_zeek_field(kind, name) : TH_ZEEK_NO_FIELD);
    }
}

int th_zeek_tsv_header(struct th_zeek *z, struct th_str line)
{
    struct th_zeek_header *h = &z->header;
    struct th_str value = line;
    z->forms |= TH_ZEEK_TSV;
    z->counts.is_zeek = true;
    if (th_str_starts(line, "#separator")) {
        th_str_split(&value, ' ');
        return set_separator(z, value);
    }
    struct th_str name = th_str_split(&value, h->separator);
    if (th_str_is(name, "#set_separator")) {
        th_zeek_name_set(&h->set_separator, value);
    } else if (th_str_is(name, "#empty_field")) {
        th_zeek_name_set(&h->empty, value);
    } else if (th_str_is(name, "#unset_field")) {
        th_zeek_name_set(&h->unset, value);
    } else if (th_str_is(name, "#path")) {
        th_zeek_name_set(&h->path, value);
        map_columns(z);
    } else if (th_str_is(name, "#fields")) {
        th_buf_clear(&h->fields);
        th_buf_str(&h->fields, value);
        map_columns(z);
    }
    return 0; /* #open, #close, #types and comments say nothing that is needed */
}

/* The next part of s before the separator, which may have more than one byte. */
static struct th_str next_element(struct th_str *s, struct th_str separator)
{
    const char *at = separator.len ? memmem(s->p, s->len, separator.p, separator.len) : NULL;
    struct th_str head = *s;
    uint32_t cut = at ? (uint32_t)(at - s->p) + separator.len : s->len;
    if (at)
        head.len = (uint32_t)(at - s->p);
    s->p += cut;
    s->len -= cut;
    return head;
}

static uint32_t count_elements(struct th_str s, struct th_str separator)
{
    uint32_t n = 1;
    while (s.len && n < TH_VALUE_MAX_ELEMENTS) {
        uint32_t before = s.len;
        struct th_str head = next_element(&s, separator);
        if (head.len == before)
            break;
        n++;
    }
    return n;
}

/* Elements that are no value of their type are left out of the list. */
static bool put_list(struct th_zeek *z, enum th_type type, struct th_str text, void *at)
{
    struct th_str separator = th_zeek_text(&z->header.set_separator);
    bool all = true;
    uint32_t room = count_elements(text, separator);
    void *v = th_value_list_new(&z->memory, type, room, at);
    uint32_t n = 0;
    for (uint32_t i = 0; i < room; i++) {
        struct th_str e = unescape(&z->memory, next_element(&text, separator));
        bool ok = th_value_element(type, e, v, n);
        n += ok;
        all &= ok;
    }
    th_value_list_cut(type, at, n);
    return all && text.len == 0;
}

static void put_column(
    struct th_zeek *z, const struct th_kind_info *kind, int field, struct th_str text)
{
    const struct th_field_info *f = &kind->fields[field];
    void *at = (uint8_t *)&z->ev + f->offset;
    enum th_type type = (enum th_type)f->type;
    bool empty = th_str_eq(text, th_zeek_text(&z->header.empty));
    bool ok;
    if (th_str_eq(text, th_zeek_text(&z->header.unset)))
        return;
    if (th_value_is_list(type) && (empty || text.len == 0))
        ok = th_value_list_new(&z->memory, type, 0, at) != NULL;
    else if (th_value_is_list(type))
        ok = put_list(z, type, text, at);
    else if (empty && type == TH_TYPE_STRING)
        ok = th_value_text(type, th_str_c(""), at);
    else
        ok = th_value_text(type, unescape(&z->memory, text), at);
    if (ok || th_value_is_list(type))
        z->ev.h.set |= UINT64_C(1) << field;
    if (!ok) {
        z->counts.bad_values++;
        th_zeek_complain(z, f->zeek, text);
    }
}

int th_zeek_tsv_row(struct th_zeek *z, struct th_str line)
{
    const struct th_zeek_header *h = &z->header;
    if (h->columns == 0) {
        th_zeek_complain(z, "no #fields header before the first row", (struct th_str){"", 0});
        return TH_E_MALFORMED;
    }
    const struct th_kind_info *kind = th_zeek_begin(z, path_of(z));
    if (!kind)
        return 0;
    uint32_t given = 0;
    bool more = true;
    for (; more && given < h->columns; given++) {
        const char *end = memchr(line.p, h->separator, line.len);
        struct th_str text = th_str_n(line.p, end ? (size_t)(end - line.p) : line.len);
        more = end != NULL;
        line.p += text.len + more;
        line.len -= text.len + more;
        if (h->column[given] != TH_ZEEK_NO_FIELD)
            put_column(z, kind, h->column[given], text);
    }
    if (given < h->columns) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "fewer columns than #fields names", (struct th_str){"", 0});
        return 0;
    }
    return th_zeek_end(z, kind);
}

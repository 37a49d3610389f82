/* SPDX-License-Identifier: Apache-2.0 */
/* `gen-api openapi` prints docs/openapi.json, `gen-api types` prints ui/src/api.ts; for
 * `make docs`. */
#include <ctype.h>

#include "base/json.h"
#include "web/api.h"

static void key_text(struct th_json *j, const char *key, const char *text)
{
    th_json_key(j, key);
    th_json_str(j, th_str_c(text));
}

/* "incident_change" to "incidentChange". */
static void camel(struct th_buf *out, enum th_web_route_id id)
{
    char word[TH_ROUTE_WORD_BYTES];
    th_web_route_word(id, word);
    for (const char *p = word; *p; p++)
        if (*p == '_' && p[1])
            th_buf_u8(out, (uint8_t)toupper(*++p));
        else
            th_buf_u8(out, (uint8_t)*p);
}

static const char *path_param(const struct th_web_route *r)
{
    return strstr(r->path, "{id}") ? "id" : NULL;
}

/* ---- OpenAPI 3.1 (JSON Schema 2020-12) ---- */

static void schema(struct th_json *j, const char *type);

static void reference(struct th_json *j, const char *shape)
{
    TH_AUTOFREE char *to = th_xasprintf("#/components/schemas/%s", shape);
    TH_ASSERT(th_web_shape_find(shape));
    key_text(j, "$ref", to);
}

static void words(struct th_json *j, struct th_str rest)
{
    key_text(j, "type", "string");
    th_json_key(j, "enum");
    th_json_open_list(j);
    while (rest.len)
        th_json_str(j, th_str_split(&rest, '|'));
    th_json_close_list(j);
}

static void inner(struct th_json *j, const char *key, const char *type)
{
    th_json_key(j, key);
    schema(j, type);
}

static void schema(struct th_json *j, const char *type)
{
    th_json_open(j);
    switch (*type) {
    case 's': key_text(j, "type", "string"); break;
    case 'n': key_text(j, "type", "number"); break;
    case 'i': key_text(j, "type", "integer"); break;
    case 'b': key_text(j, "type", "boolean"); break;
    case 't':
        key_text(j, "type", "string");
        key_text(j, "format", "date-time");
        break;
    case '*': break;
    case '|': words(j, th_str_c(type + 1)); break;
    case '@': reference(j, type + 1); break;
    case '[':
        key_text(j, "type", "array");
        inner(j, "items", type + 1);
        break;
    case '{':
        key_text(j, "type", "object");
        inner(j, "additionalProperties", type + 1);
        break;
    case '~':
        th_json_key(j, "oneOf");
        th_json_open_list(j);
        schema(j, type + 1);
        schema(j, "0");
        th_json_close_list(j);
        break;
    case '0': key_text(j, "type", "null"); break;
    default: th_assert_failed("a type of web/api.h", __FILE__, __LINE__);
    }
    th_json_close(j);
}

static void members(struct th_json *j, const struct th_web_shape *s)
{
    key_text(j, "type", "object");
    th_json_key(j, "properties");
    th_json_open(j);
    for (size_t i = 0; i < s->member_count; i++) {
        const struct th_web_member *m = &s->members[i];
        inner(j, m->name, *m->type == '?' ? m->type + 1 : m->type);
    }
    th_json_close(j);
    th_json_key(j, "required");
    th_json_open_list(j);
    for (size_t i = 0; i < s->member_count; i++)
        if (*s->members[i].type != '?')
            th_json_str(j, th_str_c(s->members[i].name));
    th_json_close_list(j);
}

static void shape(struct th_json *j, const struct th_web_shape *s)
{
    th_json_key(j, s->name);
    th_json_open(j);
    key_text(j, "description", s->help);
    if (*s->base) {
        th_json_key(j, "allOf");
        th_json_open_list(j);
        th_json_open(j);
        reference(j, s->base);
        th_json_close(j);
        th_json_open(j);
        members(j, s);
        th_json_close(j);
        th_json_close_list(j);
    } else {
        members(j, s);
    }
    th_json_close(j);
}

static void parameter(
    struct th_json *j, const char *name, const char *in, const char *type, const char *help)
{
    th_json_open(j);
    key_text(j, "name", name);
    key_text(j, "in", in);
    if (*help)
        key_text(j, "description", help);
    th_json_key(j, "required");
    th_json_bool(j, strcmp(in, "path") == 0);
    inner(j, "schema", type);
    th_json_close(j);
}

static void parameters(struct th_json *j, const struct th_web_route *r)
{
    size_t count = 0;
    const struct th_web_param *p = th_web_params(&count);
    th_json_key(j, "parameters");
    th_json_open_list(j);
    if (path_param(r))
        parameter(j, path_param(r), "path", TH_STRING, "");
    for (size_t i = 0; i < count; i++)
        if (p[i].route == r->id)
            parameter(j, p[i].name, "query", p[i].type, p[i].help);
    if (r->method != TH_METHOD_GET && r->right != TH_RIGHT_WEB_NONE)
        parameter(j, "X-CSRF", "header", TH_STRING, "from GET /session");
    th_json_close_list(j);
}

static void content(struct th_json *j, const char *media, const char *shape_name)
{
    th_json_key(j, "content");
    th_json_open(j);
    th_json_key(j, media);
    th_json_open(j);
    th_json_key(j, "schema");
    th_json_open(j);
    if (*shape_name)
        reference(j, shape_name);
    th_json_close(j);
    th_json_close(j);
    th_json_close(j);
}

static void answers(struct th_json *j, const struct th_web_route *r)
{
    const char *media = r->id == TH_ROUTE_STREAM ? "text/event-stream"
        : r->id == TH_ROUTE_PACKETS_FILE         ? "application/vnd.tcpdump.pcap"
        : *r->answer                             ? "application/json"
                                                 : NULL;
    th_json_key(j, "responses");
    th_json_open(j);
    th_json_key(j, media ? "200" : "204");
    th_json_open(j);
    key_text(j, "description", r->help);
    if (media)
        content(j, media, r->answer);
    th_json_close(j);
    th_json_key(j, "default");
    th_json_open(j);
    key_text(j, "description", "refused, or failed");
    content(j, "application/json", "Error");
    th_json_close(j);
    th_json_close(j);
}

static void operation(struct th_json *j, const struct th_web_route *r)
{
    TH_AUTOBUF struct th_buf id = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf method = TH_BUF_INIT;
    for (const char *p = th_web_method_name(r->method); *p; p++)
        th_buf_u8(&method, (uint8_t)tolower(*p));
    th_buf_u8(&method, 0);
    camel(&id, r->id);
    th_json_key(j, (const char *)method.p);
    th_json_open(j);
    th_json_key(j, "operationId");
    th_json_str(j, th_buf_view(&id));
    key_text(j, "summary", r->help);
    key_text(j, "x-right",
        r->right == TH_RIGHT_WEB_NONE          ? "none"
            : r->right == TH_RIGHT_WEB_SESSION ? "session"
                                               : th_web_right(r->right)->name);
    parameters(j, r);
    if (*r->request) {
        th_json_key(j, "requestBody");
        th_json_open(j);
        th_json_key(j, "required");
        th_json_bool(j, true);
        content(j, "application/json", r->request);
        th_json_close(j);
    }
    answers(j, r);
    th_json_key(j, "security");
    th_json_open_list(j);
    if (r->right != TH_RIGHT_WEB_NONE) {
        th_json_open(j);
        th_json_key(j, "session");
        th_json_open_list(j);
        th_json_close_list(j);
        th_json_close(j);
    }
    th_json_close_list(j);
    th_json_close(j);
}

/* Operations of one path stand together, at the first route that has it. */
static void paths(struct th_json *j)
{
    th_json_key(j, "paths");
    th_json_open(j);
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++) {
        const struct th_web_route *r = th_web_route((enum th_web_route_id)i);
        bool had = false;
        for (unsigned k = 0; k < i; k++)
            had = had || strcmp(th_web_route((enum th_web_route_id)k)->path, r->path) == 0;
        if (had)
            continue;
        TH_AUTOFREE char *path = th_xasprintf("%s%s", TH_API_PREFIX, r->path);
        th_json_key(j, path);
        th_json_open(j);
        for (unsigned k = i; k < TH_ROUTE_COUNT; k++)
            if (strcmp(th_web_route((enum th_web_route_id)k)->path, r->path) == 0)
                operation(j, th_web_route((enum th_web_route_id)k));
        th_json_close(j);
    }
    th_json_close(j);
}

static void openapi(struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    size_t count = 0;
    const struct th_web_shape *s = th_web_shapes(&count);
    th_json_open(&j);
    key_text(&j, "openapi", "3.1.0");
    th_json_key(&j, "info");
    th_json_open(&j);
    key_text(&j, "title", "Thymus");
    key_text(&j, "version", "1");
    key_text(&j, "description", "Made from routes.def and shapes.def in lib/web by `make docs`.");
    th_json_close(&j);
    paths(&j);
    th_json_key(&j, "components");
    th_json_open(&j);
    th_json_key(&j, "schemas");
    th_json_open(&j);
    for (size_t i = 0; i < count; i++)
        shape(&j, &s[i]);
    th_json_close(&j);
    th_json_key(&j, "securitySchemes");
    th_json_open(&j);
    th_json_key(&j, "session");
    th_json_open(&j);
    key_text(&j, "type", "apiKey");
    key_text(&j, "in", "cookie");
    key_text(&j, "name", "__Host-thymus");
    th_json_close(&j);
    th_json_close(&j);
    th_json_close(&j);
    th_json_close(&j);
    th_buf_puts(out, "\n");
}

/* ---- TypeScript ---- */

static void ts_type(struct th_buf *out, const char *type)
{
    switch (*type) {
    case 's':
    case 't': th_buf_puts(out, "string"); break;
    case 'n':
    case 'i': th_buf_puts(out, "number"); break;
    case 'b': th_buf_puts(out, "boolean"); break;
    case '*': th_buf_puts(out, "unknown"); break;
    case '|':
        for (struct th_str rest = th_str_c(type + 1), w; rest.len;) {
            w = th_str_split(&rest, '|');
            th_buf_printf(out, "'%.*s'%s", (int)w.len, w.p, rest.len ? " | " : "");
        }
        break;
    case '@': th_buf_puts(out, type + 1); break;
    case '[':
        th_buf_puts(out, "Array<");
        ts_type(out, type + 1);
        th_buf_puts(out, ">");
        break;
    case '{':
        th_buf_puts(out, "Record<string, ");
        ts_type(out, type + 1);
        th_buf_puts(out, ">");
        break;
    case '~':
        ts_type(out, type + 1);
        th_buf_puts(out, " | null");
        break;
    default: th_assert_failed("a type of web/api.h", __FILE__, __LINE__);
    }
}

static void ts_comment(struct th_buf *out, const char *indent, const char *help)
{
    if (*help)
        th_buf_printf(out, "%s/** %s */\n", indent, help);
}

static void ts_shape(struct th_buf *out, const struct th_web_shape *s)
{
    th_buf_puts(out, "\n");
    ts_comment(out, "", s->help);
    th_buf_printf(out, "export interface %s", s->name);
    if (*s->base)
        th_buf_printf(out, " extends %s", s->base);
    th_buf_puts(out, " {\n");
    for (size_t i = 0; i < s->member_count; i++) {
        const struct th_web_member *m = &s->members[i];
        bool optional = *m->type == '?';
        ts_comment(out, "  ", m->help);
        th_buf_printf(out, "  %s%s: ", m->name, optional ? "?" : "");
        ts_type(out, m->type + (optional ? 1 : 0));
        th_buf_puts(out, ";\n");
    }
    th_buf_puts(out, "}\n");
}

static void types(struct th_buf *out)
{
    size_t count = 0;
    const struct th_web_shape *s = th_web_shapes(&count);
    th_buf_puts(out,
        "// SPDX-License-Identifier: Apache-2.0\n"
        "// Made from shapes.def and the rights in lib/web by `make docs`: not to be edited.\n");
    th_buf_puts(out, "\nexport type Right =");
    for (unsigned i = 0; i < TH_RIGHT_WEB_COUNT; i++)
        th_buf_printf(out, "%s'%s'", i ? " | " : " ", th_web_right((enum th_web_right)i)->name);
    th_buf_puts(out, ";\n");
    for (size_t i = 0; i < count; i++)
        ts_shape(out, &s[i]);
}

int main(int argc, char **argv)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    if (argc == 2 && strcmp(argv[1], "openapi") == 0)
        openapi(&out);
    else if (argc == 2 && strcmp(argv[1], "types") == 0)
        types(&out);
    else
        return 2;
    return fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}

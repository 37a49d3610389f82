/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck.h"

#include <inttypes.h>

#include "base/utf8.h"
#include "duck_i.h"

int th_duck_fail(struct th_duck *d, int err, const char *text)
{
    free(d->error);
    d->error = th_xstrdup(text ? text : th_strerror(err));
    return err;
}

int th_duck_fail_theirs(struct th_duck *d, const char *text)
{
    /* Errors of a step have no code of their own; this one is worth telling from a mistake. */
    bool memory = text && strncmp(text, "Out of Memory", strlen("Out of Memory")) == 0;
    return th_duck_fail(d, memory ? -ENOMEM : TH_E_DATABASE, text);
}

const char *th_duck_error(const struct th_duck *d)
{
    return d->error ? d->error : "";
}

int th_duck_run(struct th_duck *d, const char *sql)
{
    duckdb_result r = {0};
    int err = duckdb_query(d->c, sql, &r) == DuckDBSuccess
        ? 0
        : th_duck_fail_theirs(d, duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    return err;
}

static bool set(duckdb_config c, const char *name, const char *value)
{
    return duckdb_set_config(c, name, value) == DuckDBSuccess;
}

static bool set_bytes(duckdb_config c, const char *name, uint64_t bytes)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64 "B", bytes);
    return set(c, name, text);
}

/* What must hold before the first statement is read. */
static bool configure(duckdb_config c, const struct th_duck_config *config)
{
    /* One thread, and none for the clean-up of the allocator: the role's filter has no clone. */
    bool ok = set(c, "threads", "1") && set(c, "allocator_background_threads", "false") &&
        set_bytes(c, "memory_limit", config->memory_bytes) &&
        set(c, "autoinstall_known_extensions", "false") &&
        set(c, "autoload_known_extensions", "false") &&
        set(c, "allow_community_extensions", "false") &&
        set(c, "allow_unsigned_extensions", "false") &&
        /* No statement needs the order of a scan; keeping it costs memory. */
        set(c, "preserve_insertion_order", "false");
    if (config->temp_folder)
        ok = ok && set(c, "temp_directory", config->temp_folder) &&
            set_bytes(c, "max_temp_directory_size",
                config->temp_bytes ? config->temp_bytes : config->memory_bytes);
    else
        ok = ok && set(c, "temp_directory", "");
    return ok;
}

/* What closes the door behind us, in this order. */
static int lock(struct th_duck *d, const struct th_duck_config *config)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    th_buf_puts(&sql, "SET allowed_directories = [");
    for (size_t i = 0; i < config->folder_count; i++) {
        const char *folder = config->folders[i];
        if (folder[0] != '/' || strpbrk(folder, "'\\\n"))
            return th_duck_fail(d, -EINVAL, "a folder's path cannot be given to the database");
        th_buf_printf(&sql, "%s'%s/'", i ? ", " : "", folder);
    }
    th_buf_puts(&sql, "]");
    th_buf_u8(&sql, 0);
    int r = th_duck_run(d, (const char *)sql.p);
    if (r == 0)
        r = th_duck_run(d, "SET enable_external_access = false");
    return r == 0 ? th_duck_run(d, "SET lock_configuration = true") : r;
}

static int open_database(struct th_duck *d, const struct th_duck_config *config)
{
    if (strcmp(duckdb_library_version(), TH_DUCK_VERSION) != 0)
        return th_duck_fail(d, TH_E_VERSION, "libduckdb.so is not " TH_DUCK_VERSION);
    duckdb_config c = NULL;
    if (duckdb_create_config(&c) != DuckDBSuccess || !configure(c, config)) {
        duckdb_destroy_config(&c);
        return th_duck_fail(d, TH_E_DATABASE, "DuckDB does not know a setting");
    }
    char *text = NULL;
    int r = 0;
    if (duckdb_open_ext(":memory:", &d->db, c, &text) != DuckDBSuccess)
        r = th_duck_fail_theirs(d, text);
    duckdb_free(text);
    duckdb_destroy_config(&c);
    if (r == 0 && duckdb_connect(d->db, &d->c) != DuckDBSuccess)
        r = th_duck_fail(d, TH_E_DATABASE, "DuckDB gives no connection");
    return r == 0 ? lock(d, config) : r;
}

int th_duck_open(const struct th_duck_config *config, struct th_duck **ret, char **ret_message)
{
    struct th_duck *d = th_xcalloc(1, sizeof(*d));
    int r = open_database(d, config);
    if (r == 0) {
        *ret = d;
        return 0;
    }
    if (ret_message)
        *ret_message = TH_TAKE(d->error);
    th_duck_close(d);
    return r;
}

void th_duck_close(struct th_duck *d)
{
    if (!d)
        return;
    if (d->c)
        duckdb_disconnect(&d->c);
    if (d->db)
        duckdb_close(&d->db);
    free(d->error);
    free(d);
}

/* ---- statements ---- */

int th_duck_prepare(struct th_duck *d, const char *sql, struct th_duck_stmt **ret)
{
    struct th_duck_stmt *s = th_xcalloc(1, sizeof(*s));
    s->d = d;
    if (duckdb_prepare(d->c, sql, &s->s) != DuckDBSuccess) {
        int err = th_duck_fail_theirs(d, duckdb_prepare_error(s->s));
        th_duck_stmt_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

void th_duck_stmt_free(struct th_duck_stmt *s)
{
    if (!s)
        return;
    duckdb_destroy_prepare(&s->s);
    free(s);
}

size_t th_duck_stmt_params(const struct th_duck_stmt *s)
{
    return duckdb_nparams(s->s);
}

static void bound(struct th_duck_stmt *s, duckdb_state state)
{
    s->bad_bind |= state != DuckDBSuccess;
}

void th_duck_bind_null(struct th_duck_stmt *s, unsigned at)
{
    bound(s, duckdb_bind_null(s->s, at));
}

void th_duck_bind_bool(struct th_duck_stmt *s, unsigned at, bool v)
{
    bound(s, duckdb_bind_boolean(s->s, at, v));
}

void th_duck_bind_i64(struct th_duck_stmt *s, unsigned at, int64_t v)
{
    bound(s, duckdb_bind_int64(s->s, at, v));
}

void th_duck_bind_u64(struct th_duck_stmt *s, unsigned at, uint64_t v)
{
    bound(s, duckdb_bind_uint64(s->s, at, v));
}

void th_duck_bind_double(struct th_duck_stmt *s, unsigned at, double v)
{
    bound(s, duckdb_bind_double(s->s, at, v));
}

void th_duck_bind_str(struct th_duck_stmt *s, unsigned at, struct th_str v)
{
    TH_AUTOBUF struct th_buf clean = TH_BUF_INIT;
    struct th_str text = th_utf8_clean(v, &clean);
    bound(s, duckdb_bind_varchar_length(s->s, at, text.len ? text.p : "", text.len));
}

void th_duck_bind_blob(struct th_duck_stmt *s, unsigned at, const void *v, size_t len)
{
    bound(s, duckdb_bind_blob(s->s, at, len ? v : "", len));
}

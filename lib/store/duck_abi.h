/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of DuckDB's C interface that Thymus calls, and no others. The library comes
 * without a header, so they are declared here as its documentation gives them (C API of 1.5);
 * th_duck_open refuses any other version, and tests/unit/store/test_duck.c calls each of them. Only
 * duck.c, duck_rows.c and duck_result.c include this file.
 */
#ifndef TH_STORE_DUCK_ABI_H
#define TH_STORE_DUCK_ABI_H

#include <stdbool.h>
#include <stdint.h>

#define TH_DUCK_VERSION "v1.5.6"

typedef uint64_t idx_t;

typedef enum { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;

typedef enum {
    DUCKDB_TYPE_BOOLEAN = 1,
    DUCKDB_TYPE_BIGINT = 5,
    DUCKDB_TYPE_USMALLINT = 7,
    DUCKDB_TYPE_UBIGINT = 9,
    DUCKDB_TYPE_DOUBLE = 11,
    DUCKDB_TYPE_HUGEINT = 16,
    DUCKDB_TYPE_VARCHAR = 17,
    DUCKDB_TYPE_BLOB = 18,
    DUCKDB_TYPE_LIST = 24
} duckdb_type;

typedef enum {
    DUCKDB_PENDING_RESULT_READY = 0,
    DUCKDB_PENDING_RESULT_NOT_READY = 1,
    DUCKDB_PENDING_ERROR = 2,
    DUCKDB_PENDING_NO_TASKS_AVAILABLE = 3
} duckdb_pending_state;

/* Handles: pointers to what only the library sees. */
typedef struct th_duckdb_database *duckdb_database;
typedef struct th_duckdb_connection *duckdb_connection;
typedef struct th_duckdb_config *duckdb_config;
typedef struct th_duckdb_prepared *duckdb_prepared_statement;
typedef struct th_duckdb_pending *duckdb_pending_result;
typedef struct th_duckdb_chunk *duckdb_data_chunk;
typedef struct th_duckdb_vector *duckdb_vector;
typedef struct th_duckdb_type *duckdb_logical_type;
typedef struct th_duckdb_value *duckdb_value;
typedef struct th_duckdb_selection *duckdb_selection_vector;
typedef struct th_duckdb_table_function *duckdb_table_function;
typedef struct th_duckdb_bind_info *duckdb_bind_info;
typedef struct th_duckdb_init_info *duckdb_init_info;
typedef struct th_duckdb_function_info *duckdb_function_info;

/* Filled in by the library; its first five members are obsolete. */
typedef struct {
    idx_t old_column_count, old_row_count, old_rows_changed;
    void *old_columns;
    char *old_error;
    void *internal;
} duckdb_result;

/* A string as it lies in a vector: short ones inside, longer ones behind a pointer. */
typedef union {
    struct {
        uint32_t length;
        char bytes[12];
    } inlined;
    struct {
        uint32_t length;
        char prefix[4];
        const char *bytes;
    } pointer;
} duckdb_string_t;
_Static_assert(sizeof(duckdb_string_t) == 16, "as the library has it");
#define TH_DUCK_INLINE_BYTES 12u

typedef struct {
    uint64_t offset, length;
} duckdb_list_entry;

typedef struct {
    uint64_t lower;
    int64_t upper;
} duckdb_hugeint;

const char *duckdb_library_version(void);
void duckdb_free(void *ptr);
idx_t duckdb_vector_size(void);

duckdb_state duckdb_create_config(duckdb_config *ret);
duckdb_state duckdb_set_config(duckdb_config config, const char *name, const char *value);
void duckdb_destroy_config(duckdb_config *config);
duckdb_state duckdb_open_ext(
    const char *path, duckdb_database *ret, duckdb_config config, char **ret_error);
void duckdb_close(duckdb_database *db);
duckdb_state duckdb_connect(duckdb_database db, duckdb_connection *ret);
void duckdb_disconnect(duckdb_connection *c);

duckdb_state duckdb_query(duckdb_connection c, const char *sql, duckdb_result *ret);
void duckdb_destroy_result(duckdb_result *r);
const char *duckdb_result_error(duckdb_result *r);
idx_t duckdb_column_count(duckdb_result *r);
const char *duckdb_column_name(duckdb_result *r, idx_t column);
duckdb_type duckdb_column_type(duckdb_result *r, idx_t column);
duckdb_logical_type duckdb_column_logical_type(duckdb_result *r, idx_t column);
duckdb_data_chunk duckdb_fetch_chunk(duckdb_result r);

duckdb_state duckdb_prepare(duckdb_connection c, const char *sql, duckdb_prepared_statement *ret);
void duckdb_destroy_prepare(duckdb_prepared_statement *s);
const char *duckdb_prepare_error(duckdb_prepared_statement s);
idx_t duckdb_nparams(duckdb_prepared_statement s);
duckdb_state duckdb_bind_boolean(duckdb_prepared_statement s, idx_t at, bool v);
duckdb_state duckdb_bind_int64(duckdb_prepared_statement s, idx_t at, int64_t v);
duckdb_state duckdb_bind_uint64(duckdb_prepared_statement s, idx_t at, uint64_t v);
duckdb_state duckdb_bind_double(duckdb_prepared_statement s, idx_t at, double v);
duckdb_state duckdb_bind_varchar_length(
    duckdb_prepared_statement s, idx_t at, const char *v, idx_t len_bytes);
duckdb_state duckdb_bind_blob(
    duckdb_prepared_statement s, idx_t at, const void *v, idx_t len_bytes);
duckdb_state duckdb_bind_null(duckdb_prepared_statement s, idx_t at);

duckdb_state duckdb_pending_prepared(duckdb_prepared_statement s, duckdb_pending_result *ret);
void duckdb_destroy_pending(duckdb_pending_result *p);
const char *duckdb_pending_error(duckdb_pending_result p);
duckdb_pending_state duckdb_pending_execute_task(duckdb_pending_result p);
duckdb_state duckdb_execute_pending(duckdb_pending_result p, duckdb_result *ret);

duckdb_logical_type duckdb_create_logical_type(duckdb_type type);
duckdb_logical_type duckdb_create_list_type(duckdb_logical_type child);
duckdb_logical_type duckdb_list_type_child_type(duckdb_logical_type list);
duckdb_type duckdb_get_type_id(duckdb_logical_type type);
void duckdb_destroy_logical_type(duckdb_logical_type *type);

duckdb_data_chunk duckdb_create_data_chunk(duckdb_logical_type *types, idx_t count);
void duckdb_destroy_data_chunk(duckdb_data_chunk *chunk);
void duckdb_data_chunk_reset(duckdb_data_chunk chunk);
idx_t duckdb_data_chunk_get_size(duckdb_data_chunk chunk);
void duckdb_data_chunk_set_size(duckdb_data_chunk chunk, idx_t rows);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk chunk, idx_t column);
void *duckdb_vector_get_data(duckdb_vector v);
uint64_t *duckdb_vector_get_validity(duckdb_vector v);
void duckdb_vector_ensure_validity_writable(duckdb_vector v);
/* Without a check: the bytes must be UTF-8 when the vector is VARCHAR. */
void duckdb_unsafe_vector_assign_string_element_len(
    duckdb_vector v, idx_t row, const char *s, idx_t len_bytes);
duckdb_vector duckdb_list_vector_get_child(duckdb_vector v);
duckdb_state duckdb_list_vector_set_size(duckdb_vector v, idx_t size);
duckdb_state duckdb_list_vector_reserve(duckdb_vector v, idx_t size);

/* `to` shows what `from` has, and keeps it alive; slicing changes neither data. */
void duckdb_vector_reference_vector(duckdb_vector to, duckdb_vector from);
void duckdb_slice_vector(duckdb_vector v, duckdb_selection_vector rows, idx_t count);
duckdb_selection_vector duckdb_create_selection_vector(idx_t size);
void duckdb_destroy_selection_vector(duckdb_selection_vector rows);
uint32_t *duckdb_selection_vector_get_data_ptr(duckdb_selection_vector rows);

/* A table function: bind says the columns, init begins a scan, the function fills a chunk; none of
 * its rows is the end. */
duckdb_table_function duckdb_create_table_function(void);
void duckdb_destroy_table_function(duckdb_table_function *f);
void duckdb_table_function_set_name(duckdb_table_function f, const char *name);
void duckdb_table_function_add_parameter(duckdb_table_function f, duckdb_logical_type type);
void duckdb_table_function_set_extra_info(
    duckdb_table_function f, void *info, void (*destroy)(void *));
void duckdb_table_function_set_bind(duckdb_table_function f, void (*bind)(duckdb_bind_info));
void duckdb_table_function_set_init(duckdb_table_function f, void (*init)(duckdb_init_info));
void duckdb_table_function_set_function(
    duckdb_table_function f, void (*next)(duckdb_function_info, duckdb_data_chunk));
duckdb_state duckdb_register_table_function(duckdb_connection c, duckdb_table_function f);
void *duckdb_bind_get_extra_info(duckdb_bind_info info);
duckdb_value duckdb_bind_get_parameter(duckdb_bind_info info, idx_t index);
void duckdb_bind_add_result_column(
    duckdb_bind_info info, const char *name, duckdb_logical_type type);
void duckdb_bind_set_bind_data(duckdb_bind_info info, void *data, void (*destroy)(void *));
void duckdb_bind_set_error(duckdb_bind_info info, const char *text);
void *duckdb_init_get_bind_data(duckdb_init_info info);
void duckdb_init_set_init_data(duckdb_init_info info, void *data, void (*destroy)(void *));
void *duckdb_function_get_init_data(duckdb_function_info info);
uint64_t duckdb_get_uint64(duckdb_value v);
void duckdb_destroy_value(duckdb_value *v);

#endif

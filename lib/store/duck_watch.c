/* SPDX-License-Identifier: Apache-2.0 */
#include "store/watch.h"

#include "duck_i.h"

/* The rest of the C interface of 1.5 that this file needs (see duck_abi.h). */
typedef struct th_duckdb_scalar *duckdb_scalar_function;
duckdb_scalar_function duckdb_create_scalar_function(void);
void duckdb_destroy_scalar_function(duckdb_scalar_function *f);
void duckdb_scalar_function_set_name(duckdb_scalar_function f, const char *name);
void duckdb_scalar_function_add_parameter(duckdb_scalar_function f, duckdb_logical_type type);
void duckdb_scalar_function_set_return_type(duckdb_scalar_function f, duckdb_logical_type type);
void duckdb_scalar_function_set_volatile(duckdb_scalar_function f);
void duckdb_scalar_function_set_extra_info(
    duckdb_scalar_function f, void *info, void (*destroy)(void *));
void duckdb_scalar_function_set_function(duckdb_scalar_function f,
    void (*call)(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out));
duckdb_state duckdb_register_scalar_function(duckdb_connection c, duckdb_scalar_function f);
void *duckdb_scalar_function_get_extra_info(duckdb_function_info info);
void duckdb_scalar_function_set_error(duckdb_function_info info, const char *text);

struct watch {
    bool (*go_on)(void *arg);
    void *arg;
};

static void call(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    const struct watch *w = duckdb_scalar_function_get_extra_info(info);
    memset(duckdb_vector_get_data(out), true, duckdb_data_chunk_get_size(in));
    if (!w->go_on(w->arg))
        duckdb_scalar_function_set_error(info, "cancelled");
}

int th_duck_watch(struct th_duck *d, bool (*go_on)(void *arg), void *arg)
{
    struct watch *w = th_xcalloc(1, sizeof(*w));
    duckdb_scalar_function f = duckdb_create_scalar_function();
    duckdb_logical_type time = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type answer = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    *w = (struct watch){go_on, arg};
    duckdb_scalar_function_set_name(f, "th_go_on");
    duckdb_scalar_function_add_parameter(f, time);
    duckdb_scalar_function_set_return_type(f, answer);
    duckdb_scalar_function_set_volatile(f);
    duckdb_scalar_function_set_extra_info(f, w, free);
    duckdb_scalar_function_set_function(f, call);
    duckdb_state state = duckdb_register_scalar_function(d->c, f);
    duckdb_destroy_logical_type(&time);
    duckdb_destroy_logical_type(&answer);
    duckdb_destroy_scalar_function(&f);
    return state == DuckDBSuccess ? 0
                                  : th_duck_fail(d, TH_E_DATABASE, "th_go_on cannot be registered");
}

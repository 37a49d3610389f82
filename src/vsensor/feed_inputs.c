/* SPDX-License-Identifier: Apache-2.0 */
#include "feed_inputs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "event/batch.h"
#include "priv/inputs.h"
#include "priv/readers.h"

enum { UNREAD = 3, MAX_SPOOLS = 200, MAX_ARGS = 300 };

static int complain(const char *what, const char *which, int err)
{
    fprintf(stderr, "thymus-vsensor: %s%s: %s\n", what, which, th_strerror(err));
    return err;
}

/* A spool that was given as it is. */
static int add_spool(struct th_role_files *ret, const char *path)
{
    if (ret->count >= MAX_SPOOLS)
        return complain("too many inputs: ", path, -E2BIG);
    return th_role_files_open(ret, "input", path, false);
}

/* Takes what is no capture; says what cannot be read. */
static int sort_out(const struct th_inputs *in, const struct th_readers *readers,
    struct th_role_files *ret, bool *ret_unread)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct th_progress *p = th_readers_result(readers, i);
        if (p && (p->status == TH_SOURCE_READ || p->status == TH_SOURCE_DUPLICATE))
            continue;
        if (p && p->status == TH_SOURCE_NOT_MINE) {
            int r = add_spool(ret, in->paths[i]);
            if (r < 0)
                return r;
            continue;
        }
        fprintf(stderr, "thymus-vsensor: %s: %s%s\n", in->paths[i],
            p && p->status == TH_SOURCE_PARTIAL ? "read in part: " : "not read: ",
            p ? p->text : "its reader ended before it");
        *ret_unread = true;
    }
    return 0;
}

static int read_captures(const struct th_vsensor_config *config, int filter, int scratch,
    const char *log_level, struct th_readers *readers)
{
    const char *args[MAX_ARGS + 1];
    size_t n = 0;
    char program[4096], memory[24];
    args[n++] = "--log-level";
    args[n++] = log_level;
    snprintf(memory, sizeof(memory), "%llu", (unsigned long long)config->memory_bytes);
    args[n++] = "--memory";
    args[n++] = memory;
    for (size_t i = 0; i < config->local_networks.count && n + 2 <= MAX_ARGS; i++) {
        args[n++] = "--local-net";
        args[n++] = config->local_networks.v[i];
    }
    for (size_t i = 0; i < config->exclude_networks.count && n + 2 <= MAX_ARGS; i++) {
        args[n++] = "--exclude-net";
        args[n++] = config->exclude_networks.v[i];
    }
    args[n] = NULL;
    const struct th_role_fd fds[] = {
        {.fd = scratch, .tag = "spool"}, {.fd = filter, .tag = "filter"}};
    int r = th_sibling_program("thymus-vsensor", program, sizeof(program));
    if (r == 0)
        r = th_readers_start(readers, program, "capture", fds, filter < 0 ? 1 : 2, args);
    return r == 0 ? th_readers_run(readers) : r;
}

static int read_all(const struct th_inputs *in, const struct th_vsensor_config *config, int filter,
    int folder_fd, const char *log_level, struct th_role_files *ret, bool *ret_unread)
{
    struct stat st;
    TH_AUTOCLOSE int scratch = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (scratch < 0)
        return complain("no scratch file in the spool folder", "", -errno);
    struct th_readers *readers =
        th_readers_new((const char *const *)in->paths, in->count, isatty(STDERR_FILENO));
    int r = read_captures(config, filter, scratch, log_level, readers);
    if (r < 0)
        complain("the captures cannot be read", "", r);
    else
        r = sort_out(in, readers, ret, ret_unread);
    th_readers_free(readers);
    if (r == 0 && fstat(scratch, &st) == 0 && st.st_size > 0)
        th_role_files_add(ret, "input", TH_TAKE_FD(scratch));
    return r;
}

int th_feed_inputs(char *const *paths, size_t count, const struct th_vsensor_config *config,
    int filter, int folder_fd, const char *log_level, struct th_role_files *ret)
{
    struct th_inputs in = TH_INPUTS_INIT;
    for (size_t i = 0; i < count; i++)
        th_inputs_add(&in, paths[i]);
    for (size_t i = 0; i < in.problem_count; i++)
        fprintf(stderr, "thymus-vsensor: %s: %s\n", in.problems[i].path, in.problems[i].message);
    bool unread = in.problem_count > 0;
    int r = in.count ? read_all(&in, config, filter, folder_fd, log_level, ret, &unread) : -ENOENT;
    if (r == 0 && ret->count == 0)
        r = -ENOENT;
    th_inputs_done(&in);
    return r < 0 ? r : unread ? UNREAD : 0;
}

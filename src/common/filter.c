/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/mem.h"
#include "priv/spawn.h"
#include "role_files.h"

enum { MAX_PROGRAM_BYTES = 4 << 20, MAX_SAID = 1024, NOT_STARTED = 127 };

/* Its exit status, or negative. */
static int run(const char *program, const char *expression, int out, int err)
{
    posix_spawn_file_actions_t to;
    char *argv[] = {(char *)program, (char *)expression, NULL};
    char *env[] = {NULL};
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&to);
    posix_spawn_file_actions_adddup2(&to, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&to, err, STDERR_FILENO);
    int r = posix_spawn(&pid, program, &to, NULL, argv, env);
    posix_spawn_file_actions_destroy(&to);
    if (r != 0)
        return -r;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;
}

static int read_back(int fd, size_t max, struct th_buf *ret)
{
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : th_fd_read_to_end(fd, max, ret);
}

int th_filter_make(const char *expression, char *error, size_t error_bytes)
{
    char program[4096];
    TH_AUTOBUF struct th_buf made = TH_BUF_INIT, said = TH_BUF_INIT;
    program[0] = '\0';
    TH_AUTOCLOSE int out = memfd_create("filter", MFD_CLOEXEC);
    TH_AUTOCLOSE int err = memfd_create("said", MFD_CLOEXEC);
    int r =
        out < 0 || err < 0 ? -errno : th_sibling_program("thymus-filter", program, sizeof(program));
    if (r == 0)
        r = run(program, expression, out, err);
    if (r < 0) {
        snprintf(error, error_bytes, "%s cannot be run: %s", program, th_strerror(r));
        return r;
    }
    if (r == 0 && read_back(out, MAX_PROGRAM_BYTES, &made) == 0)
        return th_role_files_memory(th_buf_view(&made));
    struct th_str text =
        read_back(err, MAX_SAID, &said) == 0 ? th_str_trim(th_buf_view(&said)) : th_str_c("");
    if (text.len == 0)
        text = th_str_c("thymus-filter ended early");
    snprintf(error, error_bytes, "%.*s", (int)text.len, text.p);
    return TH_E_CONFIG;
}

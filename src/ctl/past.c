/* SPDX-License-Identifier: Apache-2.0 */
#include "past.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "priv/readers.h"

/* ---- what is given ---- */

static bool is_instance(const char *path)
{
    struct stat st;
    TH_AUTOFREE char *conf = th_xasprintf("%s/instance.conf", path);
    return stat(conf, &st) == 0 && S_ISREG(st.st_mode);
}

static int open_folder(const char *path, enum th_instance_folder folder)
{
    TH_AUTOFREE char *inside = th_xasprintf("%s/%s", path, th_instance_folder_name(folder));
    int fd = open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* What the instance takes for inside, unless the operator said otherwise. */
static void take_networks(struct ctl_options *o, const struct th_instance *i)
{
    if (o->local_named)
        return;
    for (size_t n = 0; n < i->local_networks.count; n++)
        ctl_options_local_net(o, i->local_networks.v[n]);
}

/* A sentence about a path without that path, which stands before it wherever it is shown. */
static const char *without_path(const char *sentence, const char *path)
{
    size_t len = strlen(path);
    bool begins = strncmp(sentence, path, len) == 0 && strncmp(sentence + len, ": ", 2) == 0;
    return begins ? sentence + len + 2 : sentence;
}

static bool is_known(const struct ctl_past *p, int segments)
{
    struct stat a;
    struct stat b;
    for (size_t i = 0; i < p->count; i++)
        if (fstat(segments, &a) == 0 && fstat(p->v[i].segments, &b) == 0 && a.st_dev == b.st_dev &&
            a.st_ino == b.st_ino)
            return true;
    return false;
}

static int open_folders(const char *path, struct ctl_instance_input *in)
{
    struct stat st;
    in->segments = open_folder(path, TH_INSTANCE_SEGMENTS);
    in->log = open_folder(path, TH_INSTANCE_LOG);
    if (in->segments < 0 || in->log < 0)
        return TH_MIN(in->segments, in->log);
    if (fstat(in->segments, &st) < 0)
        return -errno;
    in->uid = st.st_uid;
    in->gid = st.st_gid;
    return 0;
}

static void input_done(struct ctl_instance_input *in)
{
    th_instance_done(&in->conf);
    th_closep(&in->segments);
    th_closep(&in->log);
}

bool ctl_past_take(
    struct ctl_past *p, struct ctl_options *o, const char *path, struct th_inputs *problems)
{
    struct ctl_instance_input in = {.conf = TH_INSTANCE_INIT, .segments = -1, .log = -1};
    char error[1024];
    if (!is_instance(path))
        return false;
    int err = th_instance_read_conf(path, &in.conf, error, sizeof(error));
    if (err == 0 && (err = open_folders(path, &in)) < 0)
        snprintf(
            error, sizeof(error), "segments/ and log/ of the instance: %s", th_input_strerror(err));
    if (err < 0)
        th_inputs_problem(problems, path, without_path(error, path));
    if (err < 0 || is_known(p, in.segments)) {
        input_done(&in);
        return true;
    }
    take_networks(o, &in.conf);
    p->v = th_xreallocarray(p->v, p->count + 1, sizeof(*p->v));
    p->v[p->count++] = in;
    return true;
}

void ctl_past_done(struct ctl_past *p)
{
    for (size_t i = 0; i < p->count; i++)
        input_done(&p->v[i]);
    free(p->v);
    *p = (struct ctl_past){.v = NULL};
}

/* ---- reading ---- */

static int read_one(
    const struct ctl_instance_input *in, const struct ctl_options *o, size_t input, int spool_fd)
{
    char program[4096] = "";
    char numbers[3][24];
    const struct th_role_fd fds[] = {{.fd = in->segments, .tag = "segments"},
        {.fd = in->log, .tag = "log"}, {.fd = spool_fd, .tag = "spool"}};
    snprintf(numbers[0], sizeof(numbers[0]), "%zu", input);
    snprintf(numbers[1], sizeof(numbers[1]), "%u", in->uid);
    snprintf(numbers[2], sizeof(numbers[2]), "%u", in->gid);
    const char *args[] = {"--input", numbers[0], "--uid", numbers[1], "--gid", numbers[2],
        o->to ? "--until" : NULL, o->to, NULL};
    const char *const path = in->conf.path;
    struct th_readers *readers = th_readers_new(&path, 1, o->show);
    int r = th_sibling_program("thymus-master", program, sizeof(program));
    if (r == 0)
        r = th_readers_start(readers, program, "recall", fds, TH_ARRAY_LEN(fds), args);
    if (r < 0)
        fprintf(stderr, "thymusctl: %s: %s\n", program, th_strerror(r));
    if (r == 0)
        r = th_readers_run(readers);
    th_readers_free(readers);
    return r;
}

int ctl_past_read(
    const struct ctl_past *p, const struct ctl_options *o, size_t first_input, int spool_fd)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->count; i++)
        r = read_one(&p->v[i], o, first_input + i, spool_fd);
    return r;
}

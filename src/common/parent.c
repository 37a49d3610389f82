/* SPDX-License-Identifier: Apache-2.0 */
#include "parent.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "lock.h"

struct th_parent {
    const char *name, *log_level;
    char program[4096];
    unsigned uid, gid;
    int lock;
    struct th_member *members[TH_SUPERVISE_MAX_ROLES];
    size_t count;
    struct th_edge_spec edges[TH_SUPERVISE_MAX_EDGES]; /* names are ours */
    size_t edge_count;
};

int th_parent_complain(const struct th_parent *p, const char *what, const char *which, int err)
{
    fprintf(stderr, "%s: %s%s%s: %s\n", p->name, what, *which ? " " : "", which, th_strerror(err));
    return err;
}

int th_parent_new(const char *program, const char *log_level, struct th_parent **ret)
{
    TH_CLEANUP(th_parent_freep) struct th_parent *p = th_xcalloc(1, sizeof(*p));
    p->name = program;
    p->log_level = log_level;
    p->lock = -1;
    int r = th_sibling_program(program, p->program, sizeof(p->program));
    if (r < 0)
        return th_parent_complain(p, "the program does not find itself", "", r);
    *ret = TH_TAKE(p);
    return 0;
}

static void member_free(struct th_member *m)
{
    th_role_files_done(&m->files);
    th_renewal_free(m->spec.renewal);
    th_logs_free(m->spec.logs);
    for (size_t i = 0; i < m->arg_count; i++)
        free(m->args[i]);
    free((char *)(uintptr_t)m->spec.name);
    free(m);
}

void th_parent_free(struct th_parent *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        member_free(p->members[i]);
    for (size_t i = 0; i < p->edge_count; i++) {
        free((char *)(uintptr_t)p->edges[i].a);
        free((char *)(uintptr_t)p->edges[i].b);
    }
    th_closep(&p->lock);
    free(p);
}

void th_parent_ids(struct th_parent *p, unsigned uid, unsigned gid)
{
    TH_ASSERT(p->count == 0);
    p->uid = uid;
    p->gid = gid;
}

int th_parent_lock(struct th_parent *p, int folder, const char *name, const char *what)
{
    int fd = th_lock_take(folder, name);
    if (fd == -EBUSY)
        fprintf(stderr, "%s: %s is running already\n", p->name, what);
    else if (fd < 0)
        th_parent_complain(p, "no lock:", name, fd);
    p->lock = TH_MAX(fd, -1);
    return TH_MIN(fd, 0);
}

/* ---- members ---- */

struct th_member *th_parent_add(struct th_parent *p, const char *name)
{
    TH_ASSERT(p->count < TH_SUPERVISE_MAX_ROLES);
    struct th_member *m = th_xcalloc(1, sizeof(*m));
    m->parent = p;
    m->spec = (struct th_role_spec){.name = th_xstrdup(name), .program = p->program};
    th_member_number(m, "--uid", p->uid);
    th_member_number(m, "--gid", p->gid);
    th_member_arg(m, "--log-level", p->log_level);
    p->members[p->count++] = m;
    return m;
}

void th_member_arg(struct th_member *m, const char *name, const char *value)
{
    TH_ASSERT(m->arg_count + 2 <= TH_SPAWN_MAX_ARGS);
    m->args[m->arg_count++] = th_xstrdup(name);
    if (value)
        m->args[m->arg_count++] = th_xstrdup(value);
}

void th_member_number(struct th_member *m, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    th_member_arg(m, name, text);
}

int th_member_give(struct th_member *m, const char *tag, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return th_parent_complain(m->parent, "no more descriptors", "", -errno);
    th_role_files_add(&m->files, tag, copy);
    return 0;
}

int th_member_give_lock(struct th_member *m)
{
    return th_member_give(m, "lock", m->parent->lock);
}

/* ---- running ---- */

void th_parent_edge(struct th_parent *p, const char *a, const char *b)
{
    TH_ASSERT(p->edge_count < TH_SUPERVISE_MAX_EDGES);
    p->edges[p->edge_count++] = (struct th_edge_spec){.a = th_xstrdup(a), .b = th_xstrdup(b)};
}

int th_parent_run(struct th_parent *p, const char *status_to)
{
    struct th_role_spec roles[TH_SUPERVISE_MAX_ROLES];
    for (size_t i = 0; i < p->count; i++) {
        struct th_member *m = p->members[i];
        roles[i] = m->spec;
        roles[i].fds = m->files.v;
        roles[i].fd_count = m->files.count;
        roles[i].args = (const char *const *)m->args;
    }
    const struct th_supervise_config config = {.roles = roles,
        .role_count = p->count,
        .edges = p->edges,
        .edge_count = p->edge_count,
        .status_to = status_to};
    return th_supervise(&config);
}

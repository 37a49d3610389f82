/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/edge.h"

#include <string.h>

#include "base/cursor.h"
#include "base/mem.h"

#define ROLE_STATUS_MAX 64u /* what waits for the gateway's reader */
#define FILES_MAX 16u       /* files that the role has not asked for yet */

struct edge {
    struct th_ipc *ipc; /* NULL: down */
    unsigned generation;
};

struct role_status {
    char name[64];
    struct th_buf json;
};

struct th_edges {
    int parent;
    bool stopping;
    const char *const *names;
    size_t count;
    struct edge edges[TH_EDGES_MAX];
    struct role_status statuses[ROLE_STATUS_MAX]; /* a ring */
    unsigned status_first, status_count;
    struct th_edges_file files[FILES_MAX]; /* that nobody asked for yet, oldest first */
    unsigned file_count;
    struct th_buf given; /* what th_edges_role_status gave out last */
    char given_name[64];
    uint8_t storage[TH_PARENT_MAX_BYTES];
};

struct th_edges *th_edges_new(
    const struct th_inherited *in, const char *const names[], size_t count)
{
    TH_ASSERT(count <= TH_EDGES_MAX);
    struct th_edges *e = th_xcalloc(1, sizeof(*e));
    e->parent = th_inherit_get(in, "parent", 0);
    e->names = names;
    e->count = count;
    for (size_t i = 0; i < count; i++) {
        int fd = th_inherit_get(in, names[i], 0);
        if (fd >= 0)
            e->edges[i] = (struct edge){.ipc = th_ipc_new(fd, 0), .generation = 1};
    }
    return e;
}

void th_edges_free(struct th_edges *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        th_ipc_free(e->edges[i].ipc);
    for (unsigned i = 0; i < e->file_count; i++)
        th_closep(&e->files[i].fd);
    for (unsigned i = 0; i < ROLE_STATUS_MAX; i++)
        th_buf_done(&e->statuses[i].json);
    th_buf_done(&e->given);
    free(e);
}

static void take_edge(struct th_edges *e, const char *name, int fd)
{
    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(e->names[i], name) != 0)
            continue;
        th_ipc_free(e->edges[i].ipc);
        e->edges[i].ipc = th_ipc_new(fd, 0);
        e->edges[i].generation++;
        return;
    }
    close(fd); /* of a newer parent, to a role that this one does not know */
}

static void keep_status(struct th_edges *e, const char *name, struct th_str json)
{
    if (e->status_count == ROLE_STATUS_MAX) { /* the reader is behind: the oldest goes */
        e->status_first = (e->status_first + 1) % ROLE_STATUS_MAX;
        e->status_count--;
    }
    struct role_status *s = &e->statuses[(e->status_first + e->status_count++) % ROLE_STATUS_MAX];
    snprintf(s->name, sizeof(s->name), "%s", name);
    th_buf_clear(&s->json);
    th_buf_str(&s->json, json);
}

static void forget_file(struct th_edges *e)
{
    th_closep(&e->files[0].fd);
    memmove(e->files, e->files + 1, --e->file_count * sizeof(e->files[0]));
}

static void keep_file(struct th_edges *e, const char *name, struct th_str bytes, int fd)
{
    struct th_cur c = th_cur_init(bytes.p, bytes.len);
    struct th_edges_file f = {.number = th_cur_le64(&c), .fd = fd};
    struct th_str why = th_cur_bytes(&c, th_cur_left(&c));
    snprintf(f.tag, sizeof(f.tag), "%s", name);
    snprintf(f.reason, sizeof(f.reason), "%.*s", (int)why.len, why.p);
    if (e->file_count == FILES_MAX)
        forget_file(e);
    e->files[e->file_count++] = f;
}

/* What the parent says: 0, or negative when it is gone. */
static int hear_parent(struct th_edges *e)
{
    for (;;) {
        enum th_parent_msg type;
        char name[64];
        struct th_str bytes;
        int fd;
        int r = th_parent_receive(e->parent, e->storage, &type, name, &bytes, &fd);
        if (r <= 0)
            return r;
        switch (type) {
        case TH_PARENT_EDGE:
            if (fd >= 0)
                take_edge(e, name, TH_TAKE_FD(fd));
            break;
        case TH_PARENT_STOP: e->stopping = true; break;
        case TH_PARENT_STATUS: keep_status(e, name, bytes); break;
        case TH_PARENT_FILE: keep_file(e, name, bytes, TH_TAKE_FD(fd)); break;
        case TH_PARENT_TAKEN: break; /* only a role says so */
        }
        if (fd >= 0)
            close(fd);
    }
}

static void drop(struct edge *edge)
{
    th_ipc_free(TH_TAKE(edge->ipc));
}

int th_edges_wait(struct th_edges *e, struct pollfd *more, size_t more_count, int timeout_ms)
{
    struct pollfd fds[1 + TH_EDGES_MAX + 64];
    TH_ASSERT(more_count <= 64);
    nfds_t n = 0;
    fds[n++] = (struct pollfd){.fd = e->parent, .events = POLLIN};
    for (size_t i = 0; i < e->count; i++)
        if (e->edges[i].ipc)
            fds[n++] = (struct pollfd){
                .fd = th_ipc_fd(e->edges[i].ipc), .events = th_ipc_events(e->edges[i].ipc)};
    nfds_t first_more = n;
    for (size_t i = 0; i < more_count; i++)
        fds[n++] = more[i];
    if (poll(fds, n, timeout_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    for (size_t i = 0; i < more_count; i++)
        more[i].revents = fds[first_more + i].revents;
    for (size_t i = 0; i < e->count; i++) {
        if (!e->edges[i].ipc)
            continue;
        int r = th_ipc_flush(e->edges[i].ipc);
        (void)r; /* who is gone is found when the last that it sent was received */
    }
    return fds[0].revents ? hear_parent(e) : 0;
}

bool th_edges_stopping(const struct th_edges *e)
{
    return e->stopping;
}

bool th_edges_up(const struct th_edges *e, unsigned edge)
{
    return e->edges[edge].ipc != NULL;
}

unsigned th_edges_generation(const struct th_edges *e, unsigned edge)
{
    return e->edges[edge].generation;
}

int th_edges_receive(struct th_edges *e, unsigned edge, struct th_ipc_message *ret)
{
    struct edge *d = &e->edges[edge];
    if (!d->ipc)
        return 0;
    int r = th_ipc_receive(d->ipc, ret);
    if (r >= 0)
        return r;
    drop(d);
    return 0;
}

int th_edges_send(struct th_edges *e, unsigned edge, uint16_t type, uint64_t id, struct th_str body)
{
    struct edge *d = &e->edges[edge];
    if (!d->ipc)
        return -ENOTCONN;
    int r = th_ipc_send(d->ipc, type, id, body);
    return r == -EPIPE ? -ENOTCONN : r; /* what it sent before is still to be received */
}

size_t th_edges_queued(const struct th_edges *e, unsigned edge)
{
    return e->edges[edge].ipc ? th_ipc_queued(e->edges[edge].ipc) : 0;
}

bool th_edges_file(struct th_edges *e, struct th_edges_file *ret)
{
    if (e->file_count == 0)
        return false;
    *ret = e->files[0];
    e->files[0].fd = -1;
    forget_file(e);
    return true;
}

void th_edges_file_taken(struct th_edges *e, const struct th_edges_file *file)
{
    TH_AUTOBUF struct th_buf number = TH_BUF_INIT;
    th_buf_le64(&number, file->number);
    int r = th_parent_send(e->parent, TH_PARENT_TAKEN, file->tag, th_buf_view(&number), -1);
    (void)r; /* a parent that does not hear it gives both at the next start */
}

void th_edges_status(struct th_edges *e, struct th_str json)
{
    if (json.len > TH_EDGE_MAX_STATUS)
        return;
    /* A parent too busy to take it gets the next one. */
    int r = th_parent_send(e->parent, TH_PARENT_STATUS, "", json, -1);
    (void)r;
}

bool th_edges_role_status(struct th_edges *e, const char **ret_name, struct th_str *ret_json)
{
    if (e->status_count == 0)
        return false;
    struct role_status *s = &e->statuses[e->status_first];
    e->status_first = (e->status_first + 1) % ROLE_STATUS_MAX;
    e->status_count--;
    th_buf_clear(&e->given);
    th_buf_str(&e->given, th_buf_view(&s->json));
    memcpy(e->given_name, s->name, sizeof(e->given_name));
    *ret_name = e->given_name;
    *ret_json = th_buf_view(&e->given);
    return true;
}

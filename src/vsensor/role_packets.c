/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role packets: finds kept packets for the operator at the command line and writes them as a pcap
 * file; what it found goes to its parent, as the answer's end between roles (messages.h). The
 * packets are strangers', so that the one who reads them can do nothing else.
 *
 * Descriptors: folder "keep", "keep-key", "wish" (JSON of link/packets.h), "out", "found" (a pipe).
 */
#include "role_packets.h"

#include <jansson.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "keep/search.h"
#include "priv/priv.h"
#include "priv/spawn.h"
#include "role_args.h"

struct role {
    struct th_role_args args;
    int folder_fd, out, found;
    struct th_io folder;
    uint8_t key[TH_KEEP_KEY_BYTES];
    struct th_packets_request wish;
};

static int read_wish(struct role *w, int fd)
{
    TH_AUTOBUF struct th_buf json = TH_BUF_INIT;
    const char *why;
    int r = th_fd_read_to_end(fd, TH_PACKETS_MAX_REQUEST, &json);
    return r < 0 ? r : th_packets_request_read(th_buf_view(&json), &w->wish, &why);
}

static int open_all(struct role *w)
{
    struct th_inherited in;
    uint32_t seed;
    th_random_bytes(&seed, sizeof(seed));
    json_object_seed(seed | 1u); /* else it is read from a file, later */
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    w->folder_fd = th_inherit_get(&in, "keep", 0);
    w->out = th_inherit_get(&in, "out", 0);
    w->found = th_inherit_get(&in, "found", 0);
    int key = th_inherit_get(&in, "keep-key", 0);
    int wish = th_inherit_get(&in, "wish", 0);
    if (w->folder_fd < 0 || w->out < 0 || w->found < 0 || key < 0 || wish < 0)
        return -EBADF;
    th_io_folder(&w->folder, &w->folder_fd);
    ssize_t n = pread(key, w->key, sizeof(w->key), 0);
    if (n != (ssize_t)sizeof(w->key))
        return n < 0 ? -errno : TH_E_TRUNCATED;
    return read_wish(w, wish);
}

static int lock(const struct role *w)
{
    const struct th_role_folder folder = {.fd = w->folder_fd};
    const struct th_lock_options options = {
        .uid = w->args.uid, .gid = w->args.gid, .folders = &folder, .folder_count = 1};
    return th_role_lock_with(TH_ROLE_PACKETS, &options);
}

static int find(struct role *w, struct th_keep_search *s)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    int more = 1;
    while (more > 0) {
        more = th_keep_search_step(s, &out);
        int r = th_fd_write(w->out, th_buf_view(&out));
        if (r < 0)
            return r;
        th_buf_clear(&out);
    }
    return more;
}

static int give(struct role *w)
{
    TH_AUTOBUF struct th_buf json = TH_BUF_INIT;
    struct th_keep_search *s = NULL;
    struct th_keep_found found;
    int r = th_keep_search_new(&w->folder, w->key, &w->wish, &s);
    if (r == -ENOENT)
        th_log(TH_LOG_ERROR, "nothing was kept yet");
    else if (r == TH_E_SIGNATURE)
        th_log(TH_LOG_ERROR, "the kept packets are of another key than the sensor's");
    if (r == 0)
        r = find(w, s);
    if (r == 0) {
        th_keep_search_found(s, &found);
        th_keep_found_put(&json, &found, "");
        r = th_fd_write(w->found, th_buf_view(&json));
    }
    th_keep_search_free(s);
    return r;
}

int role_packets(int argc, char **argv)
{
    struct role w = {0};
    int r = th_role_args_read(argc, argv, "thymus-vsensor packets", NULL, NULL, &w.args);
    if (r == 0)
        r = open_all(&w);
    if (r == 0)
        r = lock(&w);
    if (r == 0)
        r = give(&w);
    if (r < 0)
        th_log(TH_LOG_ERROR, "packets cannot be given: %s", th_strerror(r));
    th_wipe(w.key, sizeof(w.key));
    return r < 0 ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "event/json.h"
#include "out.h"

#include <stdio.h>
#include <sys/stat.h>

struct lab_json {
    char *dir;
    FILE *f[TH_KIND_COUNT];
    struct th_buf line;
};

int lab_json_open(const char *dir, struct lab_json **ret)
{
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return -errno;
    struct lab_json *j = th_xcalloc(1, sizeof *j);
    j->dir = th_xstrdup(dir);
    *ret = j;
    return 0;
}

int lab_json_put(struct lab_json *j, const struct th_event *ev)
{
    FILE **f = &j->f[ev->kind];
    if (!*f) {
        TH_AUTOFREE char *path = th_xasprintf("%s/%s.log", j->dir, th_kind_get(ev->kind)->name);
        *f = fopen(path, "we");
        if (!*f)
            return -errno;
    }
    th_buf_clear(&j->line);
    th_event_json(ev, 0, &j->line);
    th_buf_puts(&j->line, "\n");
    return fwrite(j->line.p, 1, j->line.len, *f) == j->line.len ? 0 : -errno;
}

int lab_json_close(struct lab_json *j)
{
    int err = 0;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        if (j->f[k] && fclose(j->f[k]) != 0 && err == 0)
            err = -errno;
    }
    th_buf_done(&j->line);
    free(j->dir);
    free(j);
    return err;
}

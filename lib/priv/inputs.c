/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/inputs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

struct folder_id {
    dev_t dev;
    ino_t ino;
};

struct walk {
    struct th_inputs *in;
    struct folder_id *seen; /* every folder of this walk: links may lead back up or across */
    size_t seen_count;
    unsigned depth;
    bool full;
};

const char *th_input_strerror(int err)
{
    switch (err) {
    case -EACCES:
    case -EPERM: return "permission denied; run as a user who may read it";
    case -ENOENT: return "no such file or folder";
    case -ENODEV: return "not a regular file; pipe its content in and give - as the path";
    case -EISDIR: return "a folder where a file was expected";
    case -EBUSY: return "standard input can be given once only";
    case -ELOOP: return "too many symbolic links";
    default: return th_strerror(err);
    }
}

int th_input_open(const char *path)
{
    /* Not blocking, so that a pipe put in the file's place does not hang us. */
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return errno == ENXIO ? -ENODEV : -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
    if (fcntl(fd, F_SETFL, O_RDONLY) < 0)
        return -errno;
    return TH_TAKE_FD(fd);
}

/* Grows an array by one when its count is a power of two (or zero). */
static void *grow(void *array, size_t count, size_t item_bytes)
{
    if (count & (count - 1))
        return array;
    return th_xreallocarray(array, count ? 2 * count : 1, item_bytes);
}

static void add_file(struct th_inputs *in, const char *path)
{
    in->paths = grow(in->paths, in->count, sizeof(*in->paths));
    in->paths[in->count++] = th_xstrdup(path);
}

void th_inputs_problem(struct th_inputs *in, const char *path, const char *message)
{
    in->problems = grow(in->problems, in->problem_count, sizeof(*in->problems));
    in->problems[in->problem_count++] =
        (struct th_input_problem){.path = th_xstrdup(path), .message = th_xstrdup(message)};
}

static void walk_any(struct walk *w, const char *path);

static int not_hidden(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Byte order, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool enter(struct walk *w, const char *path, const struct stat *st)
{
    for (size_t i = 0; i < w->seen_count; i++)
        if (w->seen[i].dev == st->st_dev && w->seen[i].ino == st->st_ino)
            return false; /* reached by a link before: its files are there already */
    if (w->depth == TH_INPUTS_MAX_DEPTH) {
        th_inputs_problem(w->in, path, "folders are nested too deeply; give this one as a path");
        return false;
    }
    w->seen = grow(w->seen, w->seen_count, sizeof(*w->seen));
    w->seen[w->seen_count++] = (struct folder_id){.dev = st->st_dev, .ino = st->st_ino};
    w->depth++;
    return true;
}

static void walk_folder(struct walk *w, const char *path, const struct stat *st)
{
    struct dirent **entries = NULL;
    size_t before = w->in->count + w->in->problem_count;
    if (!enter(w, path, st))
        return;
    int n = scandir(path, &entries, not_hidden, by_name);
    if (n < 0)
        th_inputs_problem(w->in, path, th_input_strerror(-errno));
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
    for (int i = 0; i < n; i++) {
        TH_AUTOFREE char *child = th_xasprintf("%s%s%s", path, slash, entries[i]->d_name);
        walk_any(w, child);
        free(entries[i]);
    }
    free(entries);
    w->depth--;
    if (w->depth == 0 && w->in->count + w->in->problem_count == before)
        th_inputs_problem(w->in, path, "the folder holds no files");
}

static void walk_any(struct walk *w, const char *path)
{
    struct stat st;
    if (w->full)
        return;
    if (w->in->count >= TH_INPUTS_MAX) {
        th_inputs_problem(
            w->in, path, "too many files, from here on none is read; give fewer at a time");
        w->full = true;
        return;
    }
    if (stat(path, &st) < 0)
        th_inputs_problem(w->in, path, th_input_strerror(-errno));
    else if (S_ISDIR(st.st_mode))
        walk_folder(w, path, &st);
    else if (S_ISREG(st.st_mode))
        add_file(w->in, path);
    else if (w->depth == 0)
        th_inputs_problem(w->in, path, th_input_strerror(-ENODEV));
    /* Sockets and pipes inside a folder are no captures: nothing to say. */
}

void th_inputs_add(struct th_inputs *in, const char *path)
{
    if (strcmp(path, "-") == 0) {
        add_file(in, path);
        return;
    }
    if (!*path) {
        th_inputs_problem(in, path, "the path is empty");
        return;
    }
    struct walk w = {.in = in};
    walk_any(&w, path);
    free(w.seen);
}

void th_inputs_done(struct th_inputs *in)
{
    for (size_t i = 0; i < in->count; i++)
        free(in->paths[i]);
    for (size_t i = 0; i < in->problem_count; i++) {
        free(in->problems[i].path);
        free(in->problems[i].message);
    }
    free(in->paths);
    free(in->problems);
    *in = TH_INPUTS_INIT;
}

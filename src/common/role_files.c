/* SPDX-License-Identifier: Apache-2.0 */
#include "role_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"
#include "priv/inputs.h"

static int complain(const char *what, const char *which, int err)
{
    fprintf(stderr, "%s: %s%s%s: %s\n", program_invocation_short_name, what, *which ? " " : "",
        which, th_strerror(err));
    return err;
}

void th_role_files_add(struct th_role_files *f, const char *tag, int fd)
{
    TH_ASSERT(f->count < TH_ROLE_MAX_FDS);
    f->v[f->count++] = (struct th_role_fd){.fd = fd, .tag = tag};
}

void th_role_files_done(struct th_role_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        th_closep(&f->v[i].fd);
    f->count = 0;
}

int th_role_files_memory(struct th_str bytes)
{
    TH_AUTOCLOSE int fd = memfd_create("thymus", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = fd < 0 ? -errno : th_fd_write(fd, bytes);
    if (r < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return complain("no memory file", "", r < 0 ? r : -errno);
    return TH_TAKE_FD(fd);
}

/* ---- models ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int th_find_models(const char *given, char *ret, size_t bytes)
{
    /* Beside an installed program, and beside a build folder in the source tree. */
    static const char *const places[] = {"../share/thymus/models", "../../models"};
    if (given) {
        if (!is_folder(given))
            return complain("no folder of models:", given, -ENOENT);
        return snprintf(ret, bytes, "%s", given) < (int)bytes ? 0 : -ENAMETOOLONG;
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(places); i++)
        if (th_sibling_program(places[i], ret, bytes) == 0 && is_folder(ret))
            return 0;
    return complain("no models are installed beside this program (give --models DIR)", "", -ENOENT);
}

static int is_model(const struct dirent *d)
{
    return d->d_name[0] != '.' && th_str_ends(th_str_c(d->d_name), ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int th_role_files_models(struct th_role_files *f, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_model, by_name);
    int r = n < 0 ? complain("models cannot be read:", folder, -errno) : 0;
    if (n == 0)
        r = complain("no *.yaml in the folder of models", folder, -ENOENT);
    if (n > TH_MAX_MODEL_FILES)
        r = complain("too many files in the folder of models", folder, -E2BIG);
    TH_AUTOBUF struct th_buf names = TH_BUF_INIT;
    for (int i = 0; i < n; i++) {
        TH_AUTOFREE char *path = th_xasprintf("%s/%s", folder, entries[i]->d_name);
        if (r == 0)
            r = th_role_files_open(f, "model", path, false);
        th_buf_put(&names, path, strlen(path) + 1);
        free(entries[i]);
    }
    free(entries);
    int fd = r == 0 ? th_role_files_memory(th_buf_view(&names)) : r;
    if (fd < 0)
        return fd;
    th_role_files_add(f, "model-names", fd);
    return 0;
}

int th_role_files_open(struct th_role_files *f, const char *tag, const char *path, bool optional)
{
    int fd = th_input_open(path);
    if (fd == -ENOENT && optional)
        return 0;
    if (fd < 0)
        return complain("cannot be read:", path, fd);
    th_role_files_add(f, tag, fd);
    return 0;
}

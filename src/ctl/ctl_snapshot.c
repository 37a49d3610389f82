/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_snapshot.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "copy.h"
#include "instance.h"

enum { TRIES = 5 };

struct cut {
    const char *from, *to;
    int from_folder, to_folder; /* of the folder being copied */
    bool link;
    bool runs; /* what is made is to run: its roles' user must come through the folder */
    uint64_t files;
};

static const char snapshot_help[] = "Usage: thymusctl snapshot INSTANCE FOLDER\n"
                                    "\n"
                                    "Copies configuration, keys, accounts, learned state, events "
                                    "and log of an instance, running or\n"
                                    "not, into a folder made new: one consistent cut. It holds the "
                                    "keys: keep it as safe as them.\n";

static const char restore_help[] =
    "Usage: thymusctl restore FOLDER INSTANCE\n"
    "\n"
    "Makes an instance out of a snapshot, in a folder made new, after checking that it is whole.\n";

static int complain(const char *path, const char *what, int err)
{
    fprintf(stderr, "thymusctl: %s: %s: %s\n", path, what, th_strerror(err));
    return err;
}

/* ---- folders ---- */

static int open_pair(struct cut *c, const char *folder)
{
    TH_AUTOFREE char *from = th_xasprintf("%s/%s", c->from, folder);
    TH_AUTOFREE char *to = th_xasprintf("%s/%s", c->to, folder);
    struct stat st;
    if (stat(from, &st) < 0)
        return complain(from, "cannot be read", -errno);
    if (mkdir(to, st.st_mode & 0777) < 0 && errno != EEXIST)
        return complain(to, "cannot be made", -errno);
    if (geteuid() == 0 && chown(to, st.st_uid, st.st_gid) < 0)
        return complain(to, "cannot be given to its owner", -errno);
    c->from_folder = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c->to_folder = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->from_folder < 0 || c->to_folder < 0 ? complain(from, "cannot be opened", -errno) : 0;
}

static int close_pair(struct cut *c)
{
    int r = c->to_folder >= 0 && fsync(c->to_folder) < 0 ? -errno : 0;
    th_closep(&c->from_folder);
    th_closep(&c->to_folder);
    return r;
}

/* What a running instance makes anew or throws away (fetched packets after a day), and databases,
 * which have a way of their own. */
static bool passes_by(const char *name)
{
    struct th_str s = th_str_c(name);
    return th_str_ends(s, ".new") || th_str_ends(s, "-wal") || th_str_ends(s, "-shm") ||
        th_str_ends(s, ".db") || th_str_ends(s, ".packets") || strncmp(name, "hot-", 4) == 0;
}

static int copy_one(void *arg, const char *name)
{
    struct cut *c = arg;
    if (passes_by(name))
        return 0;
    int r = copy_file(c->from_folder, c->to_folder, name, c->link);
    if (r == 0)
        c->files++;
    return r;
}

static int copy_folder(struct cut *c, const char *folder, bool link)
{
    c->link = link;
    int r = open_pair(c, folder);
    if (r == 0)
        r = each_file(c->from_folder, copy_one, c);
    int closed = close_pair(c);
    return r < 0 ? r : closed;
}

static int copy_one_database(struct cut *c, const char *name)
{
    TH_AUTOFREE char *from = th_xasprintf("%s/%s", c->from, name);
    TH_AUTOFREE char *to = th_xasprintf("%s/%s", c->to, name);
    int r = copy_database(from, to);
    if (r == -ENOENT)
        return 0; /* an instance that never ran */
    c->files += r == 0;
    return r < 0 ? complain(from, "cannot be copied", r) : check_database(to);
}

static int make_folder(struct cut *c, const char *folder)
{
    int r = open_pair(c, folder);
    int closed = close_pair(c);
    return r < 0 ? r : closed;
}

static int remove_one(void *arg, const char *name)
{
    const struct cut *c = arg;
    return unlinkat(c->to_folder, name, 0) < 0 ? -errno : 0;
}

static int empty_folder(struct cut *c, const char *folder)
{
    int r = open_pair(c, folder);
    if (r == 0)
        r = each_file(c->to_folder, remove_one, c);
    int closed = close_pair(c);
    return r < 0 ? r : closed;
}

/* Files of a running instance may go while they are being copied (a checkpoint replaced, segments
 * merged, the log trimmed): then the folder is copied once more. The database comes first: what it
 * names is then looked for. */
static int copy_moving_folder(struct cut *c, const char *folder, const char *database, bool link)
{
    int r = -ENOENT;
    for (int i = 0; i < TRIES && r == -ENOENT; i++) {
        r = empty_folder(c, folder);
        if (r == 0 && database)
            r = copy_one_database(c, database);
        if (r == 0)
            r = copy_folder(c, folder, link);
    }
    return r;
}

static int copy_conf(struct cut *c)
{
    TH_AUTOCLOSE int from = open(c->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TH_AUTOCLOSE int to = open(c->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = from < 0 || to < 0 ? -errno : copy_file(from, to, "instance.conf", false);
    if (r < 0)
        return complain(c->from, "no instance.conf could be copied", r);
    c->files++;
    return fsync(to) < 0 ? -errno : 0;
}

static int copy_all(struct cut *c)
{
    if (mkdir(c->to, 0700) < 0)
        return complain(c->to, "cannot be made (a new folder is needed)", -errno);
    if (c->runs && geteuid() == 0 && chmod(c->to, 0711) < 0)
        return complain(c->to, "cannot be opened to its user", -errno);
    int r = copy_moving_folder(c, "checkpoints", NULL, false);
    if (r == 0)
        r = copy_moving_folder(c, "state", "state/state.db", false);
    if (r == 0)
        r = copy_moving_folder(c, "segments", "segments/catalogue.db", true);
    if (r == 0)
        r = copy_moving_folder(c, "log", NULL, false);
    if (r == 0)
        r = copy_folder(c, "keys", false);
    if (r == 0)
        r = make_folder(c, "run");
    /* Last: without it the folder is no instance. */
    return r < 0 ? complain(c->from, "could not be copied", r) : copy_conf(c);
}

/* ---- the commands ---- */

static int parse(int argc, char **argv, const char *help, struct cut *ret)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h')
            return fputs(help, stdout) < 0;
        fprintf(stderr, "thymusctl %s: unknown option; see --help\n", argv[0]);
        return 2;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "thymusctl %s: two folders were expected; see --help\n", argv[0]);
        return 2;
    }
    *ret = (struct cut){
        .from = argv[optind], .to = argv[optind + 1], .from_folder = -1, .to_folder = -1};
    return -1;
}

/* What is copied must open as an instance. */
static int check_instance(const char *path)
{
    struct th_instance i = TH_INSTANCE_INIT;
    char error[1024];
    int r = th_instance_open(path, &i, error, sizeof(error));
    if (r < 0)
        fprintf(stderr, "thymusctl: %s\n", error);
    th_instance_done(&i);
    return r;
}

static int copy_instance(int argc, char **argv, const char *help, bool runs, const char *done)
{
    struct cut c;
    int decided = parse(argc, argv, help, &c);
    c.runs = runs;
    if (decided >= 0)
        return decided;
    /* The instance, not the snapshot: that need not be where the master's user comes to. */
    if ((!runs && check_instance(c.from) < 0) || copy_all(&c) < 0 ||
        (runs && check_instance(c.to) < 0))
        return 1;
    printf("%s %s: %llu files\n", done, c.to, (unsigned long long)c.files);
    return 0;
}

int ctl_snapshot(int argc, char **argv)
{
    return copy_instance(argc, argv, snapshot_help, false, "snapshot in");
}

int ctl_restore(int argc, char **argv)
{
    return copy_instance(argc, argv, restore_help, true, "restored to");
}

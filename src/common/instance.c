/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypto/certificate.h"

enum { KEY_BYTES = 32, CERTIFICATE_YEARS = 10, MAX_FILE_BYTES = 1 << 20 };

static const char *const folder_names[TH_INSTANCE_FOLDER_COUNT] = {
    "keys", "log", "state", "segments", "checkpoints", "run"};

const char *th_instance_folder_name(enum th_instance_folder folder)
{
    TH_ASSERT((unsigned)folder < TH_INSTANCE_FOLDER_COUNT);
    return folder_names[folder];
}

/* ---- reading ---- */

static int read_conf(int folder, struct th_instance *i, char *error, size_t bytes)
{
    struct th_conf_key keys[] = {
        {"name", TH_CONF_TEXT, &i->name, false},
        {"id", TH_CONF_TEXT, &i->id_text, false},
        {"host_name", TH_CONF_TEXT, &i->host_name, false},
        {"listen", TH_CONF_LIST, &i->listen, false},
        {"proxy_from", TH_CONF_LIST, &i->proxy_from, false},
        {"user", TH_CONF_TEXT, &i->user, false},
        {"time_zone", TH_CONF_TEXT, &i->time_zone, false},
        {"local_networks", TH_CONF_LIST, &i->local_networks, false},
        {"shards", TH_CONF_COUNT, &i->shards, false},
        {"queries", TH_CONF_COUNT, &i->queries, false},
        {"log_bytes", TH_CONF_BYTES, &i->log_bytes, false},
        {"data_bytes", TH_CONF_BYTES, &i->data_bytes, false},
        {"approve_sensors", TH_CONF_BOOL, &i->approve_sensors, false},
    };
    TH_AUTOCLOSE int fd = openat(folder, "instance.conf", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(
            error, bytes, "%s/instance.conf: cannot be opened: %s", i->path, th_strerror(-errno));
        return -errno;
    }
    i->shards = 1;
    i->queries = 2;
    i->log_bytes = UINT64_C(8) << 30;
    i->data_bytes = UINT64_C(64) << 30;
    i->approve_sensors = true;
    return th_conf_read(fd, "instance.conf", keys, TH_ARRAY_LEN(keys), error, bytes);
}

static int check_conf(struct th_instance *i, char *error, size_t bytes)
{
    const char *what = NULL;
    char *end = NULL;
    i->id = i->id_text ? strtoull(i->id_text, &end, 16) : 0;
    if (!i->name || !*i->name)
        what = "name is missing";
    else if (!i->id_text || strlen(i->id_text) != 16 || *end || i->id == 0)
        what = "id is missing or not 16 hexadecimal digits";
    else if (i->listen.count == 0)
        what = "listen is missing";
    else if (i->shards < 1 || i->shards > 16)
        what = "shards is 1 to 16";
    else if (i->queries < 1 || i->queries > 8)
        what = "queries is 1 to 8";
    if (!what)
        return 0;
    snprintf(error, bytes, "%s/instance.conf: %s", i->path, what);
    return TH_E_CONFIG;
}

static int find_user(struct th_instance *i, char *error, size_t bytes)
{
    if (geteuid() != 0 || !i->user)
        return 0;
    const struct passwd *pw = getpwnam(i->user);
    if (pw && pw->pw_uid != 0 && pw->pw_gid != 0) {
        i->uid = pw->pw_uid;
        i->gid = pw->pw_gid;
        return 0;
    }
    snprintf(error, bytes, "%s/instance.conf: user %s %s", i->path, i->user,
        pw ? "is root: name one that is not" : "does not exist: make it, or name another");
    return TH_E_CONFIG;
}

/* Roles open some files by their path as the instance's user: every folder above must let that user
 * pass. Asked by a child that becomes the user. */
static int check_reach(const struct th_instance *i, char *error, size_t bytes)
{
    TH_AUTOFREE char *inside = th_xasprintf("%s/segments/.", i->path);
    int status = 0;
    if (i->uid == 0)
        return 0;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(i->gid, i->gid, i->gid) < 0 ||
            setresuid(i->uid, i->uid, i->uid) < 0)
            _exit(2);
        _exit(access(inside, R_OK | X_OK) == 0 ? 0 : 1);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    snprintf(error, bytes,
        "%s: user %s, whom the master's processes become, cannot get there: let others pass the "
        "folders above (chmod o+x), or put the instance elsewhere",
        i->path, i->user);
    return TH_E_CONFIG;
}

static int open_conf(
    const char *path, struct th_instance *i, char *error, size_t bytes, int *ret_folder)
{
    /* Who may pass it need not be able to list it. */
    TH_AUTOCLOSE int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = folder < 0 ? -errno : 0;
    i->path = th_xstrdup(path);
    if (r < 0)
        snprintf(error, bytes, "%s: no instance can be opened there: %s", path, th_strerror(r));
    if (r == 0)
        r = read_conf(folder, i, error, bytes);
    if (r == 0)
        r = check_conf(i, error, bytes);
    *ret_folder = r < 0 ? -1 : TH_TAKE_FD(folder);
    return r;
}

int th_instance_read_conf(const char *path, struct th_instance *ret, char *error, size_t bytes)
{
    struct th_instance i = TH_INSTANCE_INIT;
    TH_AUTOCLOSE int folder = -1;
    int r = open_conf(path, &i, error, bytes, &folder);
    if (r < 0)
        th_instance_done(&i);
    else
        *ret = i;
    return r;
}

int th_instance_open(const char *path, struct th_instance *ret, char *error, size_t bytes)
{
    struct th_instance i = TH_INSTANCE_INIT;
    TH_AUTOCLOSE int folder = -1;
    int r = open_conf(path, &i, error, bytes, &folder);
    if (r == 0)
        r = find_user(&i, error, bytes);
    for (unsigned f = 0; r == 0 && f < TH_INSTANCE_FOLDER_COUNT; f++) {
        i.folders[f] = openat(folder, folder_names[f], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (i.folders[f] < 0) {
            r = -errno;
            snprintf(
                error, bytes, "%s/%s: cannot be opened: %s", path, folder_names[f], th_strerror(r));
        }
    }
    if (r == 0)
        r = check_reach(&i, error, bytes);
    if (r < 0)
        th_instance_done(&i);
    else
        *ret = i;
    return r;
}

void th_instance_done(struct th_instance *i)
{
    for (unsigned f = 0; f < TH_INSTANCE_FOLDER_COUNT; f++)
        if (i->folders[f] >= 0)
            close(i->folders[f]);
    free(i->path);
    free(i->name);
    free(i->id_text);
    free(i->host_name);
    free(i->user);
    free(i->time_zone);
    th_conf_list_done(&i->listen);
    th_conf_list_done(&i->proxy_from);
    th_conf_list_done(&i->local_networks);
    *i = TH_INSTANCE_INIT;
}

int th_instance_read(const struct th_instance *i, enum th_instance_folder folder, const char *name,
    struct th_buf *ret)
{
    TH_AUTOCLOSE int fd = openat(i->folders[folder], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    return th_fd_read_to_end(fd, MAX_FILE_BYTES, ret);
}

int th_instance_pin(const struct th_instance *i, char ret[64])
{
    TH_AUTOBUF struct th_buf pem = TH_BUF_INIT;
    int r = th_instance_read(i, TH_INSTANCE_KEYS, "tls.crt", &pem);
    return r < 0 ? r : th_certificate_pin(th_buf_view(&pem), ret);
}

/* ---- making ---- */

static bool name_is_good(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > 32 || name[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-')
            return false;
    return true;
}

static int write_file(int folder, const char *name, const void *data, size_t len, mode_t mode)
{
    TH_AUTOCLOSE int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, data, len);
    if (n != (ssize_t)len)
        return n < 0 ? -errno : -ENOSPC;
    return fsync(fd) < 0 ? -errno : 0;
}

static int make_conf(int folder, const struct th_instance_new *c, const char *host)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    uint64_t id = 0;
    while (id == 0)
        if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
            return -EIO;
    th_buf_printf(&b,
        "# One instance of thymus-master; thymus-master(8) says what each line means.\n"
        "name: %s\nid: \"%016llx\"\nhost_name: %s\nlisten: [\"%s\"]\n",
        c->name, (unsigned long long)id, host, c->listen);
    if (c->user)
        th_buf_printf(&b, "user: %s\n", c->user);
    th_buf_puts(&b, "time_zone: UTC\napprove_sensors: true\nlog_bytes: 8G\ndata_bytes: 64G\n");
    return write_file(folder, "instance.conf", b.p, b.len, 0644);
}

static int make_keys(int folder, const struct th_instance_new *c, const char *host)
{
    TH_AUTOBUF struct th_buf key = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf crt = TH_BUF_INIT;
    const char *const alternatives[] = {"localhost", "127.0.0.1", "::1"};
    uint8_t instance_key[KEY_BYTES];
    struct th_certificate_request q = {.host_name = host,
        .alternatives = alternatives,
        .alternative_count = TH_ARRAY_LEN(alternatives),
        .from_ns = th_time_sub(c->now_ns, TH_NS_PER_HOUR),
        .until_ns = th_time_add(c->now_ns, CERTIFICATE_YEARS * 365 * TH_NS_PER_DAY)};
    if (getrandom(instance_key, sizeof(instance_key), 0) != (ssize_t)sizeof(instance_key))
        return -EIO;
    int r = write_file(folder, "instance.key", instance_key, sizeof(instance_key), 0600);
    explicit_bzero(instance_key, sizeof(instance_key));
    if (r == 0)
        r = th_certificate_make(&q, &key, &crt);
    if (r == 0)
        r = write_file(folder, "tls.key", key.p, key.len, 0600);
    if (r == 0)
        r = write_file(folder, "tls.crt", crt.p, crt.len, 0644);
    if (key.p)
        explicit_bzero(key.p, key.len);
    return r;
}

/* The folders that roles write belong to the instance's user; keys stay the parent's. */
static int give_away(int folder, const char *user)
{
    const struct passwd *pw = user && geteuid() == 0 ? getpwnam(user) : NULL;
    for (unsigned f = 0; pw && f < TH_INSTANCE_FOLDER_COUNT; f++)
        if (f != TH_INSTANCE_KEYS && f != TH_INSTANCE_RUN &&
            fchownat(folder, folder_names[f], pw->pw_uid, pw->pw_gid, 0) < 0)
            return -errno;
    return 0;
}

static int make_all(int folder, const struct th_instance_new *c)
{
    char host[256];
    int r = 0;
    if (c->host_name)
        snprintf(host, sizeof(host), "%s", c->host_name);
    else if (gethostname(host, sizeof(host)) < 0)
        return -errno;
    for (unsigned f = 0; f < TH_INSTANCE_FOLDER_COUNT; f++)
        if (mkdirat(folder, folder_names[f], 0700) < 0)
            return -errno;
    TH_AUTOCLOSE int keys = openat(folder, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = keys < 0 ? -errno : make_keys(keys, c, host);
    if (r == 0)
        r = make_conf(folder, c, host);
    if (r == 0)
        r = give_away(folder, c->user);
    return r < 0 ? r : fsync(folder) < 0 ? -errno : 0;
}

int th_instance_create(const char *path, const struct th_instance_new *c, char *error, size_t bytes)
{
    if (!name_is_good(c->name)) {
        snprintf(error, bytes,
            "\"%s\" is no name for an instance: up to 32 letters, digits and hyphens", c->name);
        return TH_E_CONFIG;
    }
    if (c->user && geteuid() == 0 && !getpwnam(c->user)) {
        snprintf(error, bytes, "user %s does not exist", c->user);
        return TH_E_CONFIG;
    }
    if (mkdir(path, 0711) < 0 && errno != EEXIST) {
        int err = -errno;
        snprintf(error, bytes, "%s: cannot be made: %s", path, th_strerror(err));
        return err;
    }
    TH_AUTOCLOSE int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = folder < 0 ? -errno : make_all(folder, c);
    if (r == -EEXIST)
        snprintf(error, bytes, "%s: there is something already; an instance needs an empty folder",
            path);
    else if (r < 0)
        snprintf(error, bytes, "%s: the instance cannot be made: %s", path, th_strerror(r));
    return r;
}

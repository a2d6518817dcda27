/* Tells a file what a process does to its disk, so that a disk can be made that forgot what was not synced.
 *
 * Preloaded (LD_PRELOAD), it stands between a program and the kernel for all regular files below one folder. Each change and
 * each completed sync becomes a record of the trace, in the order in which the kernel took them. The trace is in the kernel's
 * hands after each record, so it survives SIGKILL. What a disk may hold after a power cut is worked out from it afterwards
 * (`src/power`). Linux and glibc, 64 bits; system calls are made directly, so nothing here depends on what others preloaded.
 *
 *   TALLY_SHIM_FOLDER  the folder, as realpath names it; its own making is recorded as well
 *   TALLY_SHIM_TRACE   the file that the records are appended to; not below that folder
 *   TALLY_SHIM_CUT     a file with a number, which may come at any time: after so many more records the process is killed
 *   TALLY_SHIM_LIES    a number n: each nth sync returns at once, as on a disk that lies, and is not recorded
 *   TALLY_SHIM_SLOWER_US  how much longer each other sync takes than it does anyway, in microseconds
 *
 * A file whose name ends in -shm is left out: SQLite's index of the WAL, shared memory that no power cut leaves behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "offsets have 64 bits");

/* The same numbers as in trace.rs. */
enum kind {
    WRITE = 1,       /* inode, offset; the bytes */
    TRUNCATE = 2,    /* inode, the new length */
    CREATE = 3,      /* inode; the path */
    MAKE_FOLDER = 4, /* the path */
    UNLINK = 5,      /* the path */
    RENAME = 6,      /* the old path, a zero byte, the new path */
    SYNC = 7,        /* inode, how many records there were when it began */
    SYNC_FOLDER = 8, /* the same; the path */
    CUT_SHORT = 9,   /* how much of the record before was done: bytes of a write, else nothing */
    UNTOLD = 10,     /* something that the trace can't tell; what it was */
};

/* What a record begins with, in the machine's own order of bytes; `size` bytes follow. */
struct header {
    uint64_t kind, inode, at, size;
};

#define PLACES_MAX 64 /* in one write to a file; a socket may have more */

static char folder[PATH_MAX];   /* what is watched */
static size_t parent_length;    /* of the path of the folder that it is in: paths in the trace begin there */
static int trace = -1;          /* none: nothing is watched */
static const char *cut;         /* the file that announces it */
static int announced;
static unsigned long left;      /* records until then */
static unsigned long lies, slower_us;
static uint64_t records, syncs;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* held from before a change until it is made and recorded */

static void give_up(const char *why) {
    dprintf(2, "forgetful: %s: %s\n", why, strerror(errno));
    _exit(70); /* a trace with a gap would prove nothing */
}

static unsigned long number(const char *name) {
    const char *value = getenv(name);
    return value ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *watched = getenv("TALLY_SHIM_FOLDER"), *file = getenv("TALLY_SHIM_TRACE");
    if (!watched || !file || strlen(watched) >= sizeof folder || !strrchr(watched, '/')) return;
    strcpy(folder, watched);
    parent_length = (size_t)(strrchr(folder, '/') - folder);
    cut = getenv("TALLY_SHIM_CUT");
    lies = number("TALLY_SHIM_LIES");
    slower_us = number("TALLY_SHIM_SLOWER_US");
    trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0) give_up("the trace can't be opened");
}

/* Ends the process before a record, if it is time to. Called in turn, which nobody else gets any more. */
static void cut_if_due(void) {
    if (!cut) return;
    if (!announced) {
        char text[24] = "";
        int fd = (int)syscall(SYS_openat, AT_FDCWD, cut, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        announced = syscall(SYS_read, fd, text, sizeof text - 1) > 0;
        syscall(SYS_close, fd);
        left = strtoul(text, NULL, 10);
    }
    if (announced && left-- == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
}

/* Appends a record whose bytes lie in some places. Called in turn. */
static void record(enum kind kind, uint64_t inode, uint64_t at, const struct iovec *bytes, int places) {
    cut_if_due();
    struct header header = {kind, inode, at, 0};
    struct iovec parts[PLACES_MAX + 1] = {{&header, sizeof header}};
    if (places > PLACES_MAX) give_up("too many places in one write");
    for (int i = 0; i < places; i++) {
        parts[i + 1] = bytes[i];
        header.size += bytes[i].iov_len;
    }
    ssize_t done = syscall(SYS_writev, trace, parts, places + 1);
    if (done != (ssize_t)(sizeof header + header.size)) give_up("the trace can't be written");
    records++;
}

static void record_text(enum kind kind, uint64_t inode, uint64_t at, const char *text) {
    struct iovec bytes = {(void *)text, strlen(text)};
    record(kind, inode, at, &bytes, 1);
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), size = strlen(end);
    return length >= size && strcmp(path + length - size, end) == 0;
}

/* The path as the trace names it, when it is the watched folder, below it, or the folder that it is in; else none. */
static const char *told(const char *path) {
    size_t length = strlen(folder);
    if (strncmp(path, folder, parent_length) == 0 && path[parent_length] == 0) return "";
    if (strncmp(path, folder, length) != 0 || (path[length] != 0 && path[length] != '/')) return NULL;
    return ends_with(path, "-shm") ? NULL : path + parent_length + 1;
}

/* The same for an open descriptor. The kernel knows its path, whoever opened, moved or duplicated it. */
static const char *told_of(int fd, char path[PATH_MAX], struct stat *found) {
    char link[40];
    if (trace < 0 || fd < 0 || fd == trace) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length <= 0 || path[0] != '/') return NULL; /* a socket, a pipe */
    path[length] = 0;
    const char *name = told(path);
    return name && fstat(fd, found) == 0 ? name : NULL;
}

/* The same for a path that may not exist: its folder must. */
static const char *told_at(int at, const char *path, char full[PATH_MAX]) {
    char given[PATH_MAX * 2], link[40], base[PATH_MAX] = ".";
    if (trace < 0) return NULL;
    if (at != AT_FDCWD && path[0] != '/') {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, base, PATH_MAX - 1);
        if (length <= 0) return NULL;
        base[length] = 0;
    }
    if (path[0] == '/') snprintf(given, sizeof given, "%s", path);
    else snprintf(given, sizeof given, "%s/%s", base, path);
    char *slash = strrchr(given, '/');
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", slash + 1);
    slash[slash == given] = 0;
    if (!realpath(given, full) || strlen(full) + strlen(name) + 2 > PATH_MAX) return NULL;
    if (!ends_with(full, "/")) strcat(full, "/");
    return told(strcat(full, name));
}

/* After a recorded change: says so if less was done, and ends the turn. */
static ssize_t changed(ssize_t done, size_t wanted) {
    int error = errno;
    if (done != (ssize_t)wanted) record(CUT_SHORT, 0, done > 0 ? (uint64_t)done : 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

/* Writes at an offset, or at the descriptor's own position, where `offset` is negative. */
static ssize_t write_all(int fd, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    struct stat found;
    int placed = offset >= 0;
    if (!told_of(fd, path, &found) || !S_ISREG(found.st_mode))
        return placed ? syscall(SYS_pwritev, fd, parts, count, offset, 0L) : syscall(SYS_writev, fd, parts, count);
    pthread_mutex_lock(&turn);
    if (fcntl(fd, F_GETFL) & O_APPEND) {
        fstat(fd, &found); /* others may have written since */
        offset = found.st_size;
    } else if (!placed) offset = lseek(fd, 0, SEEK_CUR);
    size_t wanted = 0;
    for (int i = 0; i < count; i++) wanted += parts[i].iov_len;
    record(WRITE, found.st_ino, (uint64_t)offset, parts, count);
    ssize_t done = placed ? syscall(SYS_pwritev, fd, parts, count, offset, 0L) : syscall(SYS_writev, fd, parts, count);
    return changed(done, wanted);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    struct iovec part = {(void *)bytes, size};
    return write_all(fd, &part, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) { return write_all(fd, parts, count, -1); }

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    struct iovec part = {(void *)bytes, size};
    if (offset >= 0) return write_all(fd, &part, 1, offset);
    errno = EINVAL;
    return -1;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    if (offset >= 0) return write_all(fd, parts, count, offset);
    errno = EINVAL;
    return -1;
}

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    struct stat found;
    if (!told_of(fd, path, &found)) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    record(TRUNCATE, found.st_ino, (uint64_t)length, NULL, 0);
    return (int)changed(syscall(SYS_ftruncate, fd, length), 0);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
    char path[PATH_MAX];
    struct stat found;
    const char *name = told_of(fd, path, &found);
    if (!name) return (int)syscall(SYS_fallocate, fd, mode, offset, size);
    pthread_mutex_lock(&turn);
    fstat(fd, &found);
    if (mode != 0) record_text(UNTOLD, 0, 0, "fallocate with a mode");
    else record(TRUNCATE, found.st_ino, (uint64_t)(offset + size > found.st_size ? offset + size : found.st_size), NULL, 0);
    return (int)changed(syscall(SYS_fallocate, fd, mode, offset, size), 0);
}

int posix_fallocate(int fd, off_t offset, off_t size) { return fallocate(fd, 0, offset, size) == 0 ? 0 : errno; }

static int open_file(int at, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    struct stat before, after;
    const char *name = flags & (O_CREAT | O_TRUNC) ? told_at(at, path, full) : NULL;
    if (!name) return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&turn);
    int there = fstatat(at, path, &before, 0) == 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    if (fd >= 0 && fstat(fd, &after) == 0) {
        if (!there) record_text(CREATE, after.st_ino, 0, name);
        else if (flags & O_TRUNC) record(TRUNCATE, after.st_ino, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return fd;
}

/* The mode is there only when a file may be made. */
#define MODE(flags) ({ va_list rest; va_start(rest, flags); \
    mode_t given = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; va_end(rest); given; })

int open(const char *path, int flags, ...) { return open_file(AT_FDCWD, path, flags, MODE(flags)); }

int openat(int at, const char *path, int flags, ...) { return open_file(at, path, flags, MODE(flags)); }

int mkdir(const char *path, mode_t mode) {
    char full[PATH_MAX];
    const char *name = told_at(AT_FDCWD, path, full);
    if (!name) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    pthread_mutex_lock(&turn);
    record_text(MAKE_FOLDER, 0, 0, name);
    return (int)changed(syscall(SYS_mkdirat, AT_FDCWD, path, mode), 0);
}

int unlinkat(int at, const char *path, int flags) {
    char full[PATH_MAX];
    const char *name = told_at(at, path, full);
    if (!name) return (int)syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&turn);
    record_text(UNLINK, 0, 0, name);
    return (int)changed(syscall(SYS_unlinkat, at, path, flags), 0);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int renameat2(int old_at, const char *old, int new_at, const char *new, unsigned flags) {
    char old_full[PATH_MAX], new_full[PATH_MAX];
    const char *from = told_at(old_at, old, old_full), *to = told_at(new_at, new, new_full);
    if (!from && !to) return (int)syscall(SYS_renameat2, old_at, old, new_at, new, flags);
    pthread_mutex_lock(&turn);
    if (!from || !to || flags != 0) record_text(UNTOLD, 0, 0, "a rename across the border of the folder, or an exchange");
    else {
        struct iovec paths[] = {{(void *)from, strlen(from) + 1}, {(void *)to, strlen(to)}};
        record(RENAME, 0, 0, paths, 2);
    }
    return (int)changed(syscall(SYS_renameat2, old_at, old, new_at, new, flags), 0);
}

int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

/* What was recorded before it began is on disk once it has ended, and only then is that recorded. */
static int sync_file(int fd, long call) {
    char path[PATH_MAX];
    struct stat found;
    const char *name = told_of(fd, path, &found);
    if (!name) return (int)syscall(call, fd);
    pthread_mutex_lock(&turn);
    uint64_t begun = records;
    int lie = lies && ++syncs % lies == 0;
    pthread_mutex_unlock(&turn);
    if (lie) return 0;
    if (slower_us) usleep((useconds_t)slower_us);
    int done = (int)syscall(call, fd);
    if (done != 0) return done;
    pthread_mutex_lock(&turn);
    if (S_ISDIR(found.st_mode)) record_text(SYNC_FOLDER, 0, begun, name);
    else record(SYNC, found.st_ino, begun, NULL, 0);
    pthread_mutex_unlock(&turn);
    return 0;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }

int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

/* What is changed through memory is seen by no call: no file that is to last may be shared so. */
void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset) {
    char path[PATH_MAX];
    struct stat found;
    if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && told_of(fd, path, &found)) {
        pthread_mutex_lock(&turn);
        record_text(UNTOLD, 0, 0, "a shared mapping that can be written");
        pthread_mutex_unlock(&turn);
    }
    return (void *)syscall(SYS_mmap, where, size, protection, flags, fd, offset);
}

/* The names by which 64-bit offsets are asked for. */
#define ALIAS(result, name, of, ...) result name(__VA_ARGS__) __attribute__((alias(#of)))
ALIAS(int, open64, open, const char *, int, ...);
ALIAS(int, openat64, openat, int, const char *, int, ...);
ALIAS(ssize_t, pwrite64, pwrite, int, const void *, size_t, off_t);
ALIAS(ssize_t, pwritev64, pwritev, int, const struct iovec *, int, off_t);
ALIAS(int, ftruncate64, ftruncate, int, off_t);
ALIAS(int, fallocate64, fallocate, int, int, off_t, off_t);
ALIAS(int, posix_fallocate64, posix_fallocate, int, off_t, off_t);
ALIAS(void *, mmap64, mmap, void *, size_t, int, int, int, off_t);

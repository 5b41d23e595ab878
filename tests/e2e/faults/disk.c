/*
 * A disk that the fault tests can make fail, and whose memory of what was synced they can read.
 *
 * Preloaded into the hub's process (LD_PRELOAD), it stands between the program and the C library for every call that
 * changes a file or a name below DISK_ROOT. It does this:
 *
 *   - DISK_LOG: writes each such call, with its data, to a log, in the order in which they took effect. From the log
 *     the test rebuilds what a disk would hold after the power went: what was synced, and nothing else (disk.rs).
 *   - DISK_ONLY: looks at files alone whose names have this text in them.
 *   - DISK_CONTROL: a page shared with the test. The test arms it: "at the k-th call of these kinds, counted over the
 *     whole process from now, fail with EIO", or ENOSPC, or EINTR, or write half, or die by SIGKILL before or after it.
 *
 * What it does not see: writes through mmap (SQLite's -shm, which no recovery trusts) and system calls made without the
 * C library. The test replays the whole log and compares it with the real folder, so a gap would be noticed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The page shared with the test; the same numbers stand in disk.rs. */
struct control {
    _Atomic uint32_t armed;     /* 1 = count down */
    _Atomic uint32_t action;    /* enum action */
    _Atomic uint32_t kinds;     /* mask of enum kind */
    _Atomic int32_t countdown;  /* the call that brings it to 0 is hit */
    _Atomic uint32_t fired;     /* how often it hit */
    _Atomic uint32_t seen;      /* calls of these kinds since armed */
};

enum action { EIO_ONCE = 1, ENOSPC_ONCE, EINTR_ONCE, SHORT_ONCE, KILL_BEFORE, KILL_AFTER, ENOSPC_FROM_NOW_ON, KILL_TORN };
enum kind { WRITE = 1, SYNC = 2, TRUNCATE = 4, NAME = 8 };
enum op { OP_CREATE = 1, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_RENAME, OP_LINK, OP_UNLINK, OP_MKDIR, OP_RMDIR, OP_OPEN };

struct record { uint32_t op, path_len; uint64_t ino, offset, len; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *root;
static size_t root_len;
static const char *only;
static int log_fd = -1;
static struct control *control;
static uint64_t tracked[65536]; /* inodes below the root; 0 = free; never shrinks, a test run is short */

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(int, ftruncate, int, off_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, rename, const char *, const char *);
REAL(int, link, const char *, const char *);
REAL(int, unlink, const char *);
REAL(int, mkdir, const char *, mode_t);
REAL(int, rmdir, const char *);

static void track(uint64_t ino) {
    for (size_t i = ino % 65536, n = 0; n < 65536; i = (i + 1) % 65536, n++) {
        if (tracked[i] == ino) return;
        if (tracked[i] == 0) { tracked[i] = ino; return; }
    }
    abort(); /* more files than the table holds: the log would lie */
}

static int is_tracked(uint64_t ino) {
    for (size_t i = ino % 65536, n = 0; n < 65536 && tracked[i] != 0; i = (i + 1) % 65536, n++)
        if (tracked[i] == ino) return 1;
    return 0;
}

static void init(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name)
    FIND(open); FIND(openat); FIND(write); FIND(writev); FIND(pwrite); FIND(ftruncate); FIND(fsync); FIND(fdatasync);
    FIND(rename); FIND(link); FIND(unlink); FIND(mkdir); FIND(rmdir);
    root = getenv("DISK_ROOT");
    root_len = root ? strlen(root) : 0;
    only = getenv("DISK_ONLY");
    const char *path = getenv("DISK_LOG");
    if (path) log_fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    path = getenv("DISK_CONTROL");
    if (path) {
        int fd = real_open(path, O_RDWR | O_CLOEXEC);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED) abort();
        control = page;
        close(fd);
    }
}

static void begin(void) { pthread_once(&once, init); pthread_mutex_lock(&lock); }
static void end(void) { int kept = errno; pthread_mutex_unlock(&lock); errno = kept; }

/* Whether a name is below the root; relative names are never ours: the test gives the hub an absolute data folder. */
static int below(const char *path) {
    return root && strncmp(path, root, root_len) == 0 && (path[root_len] == '/' || path[root_len] == 0)
        && (!only || strstr(path + root_len, only));
}

/* The inode of a tracked descriptor, else 0. */
static uint64_t inode(int fd) {
    struct stat st;
    if (!root || fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return 0;
    return is_tracked(st.st_ino) ? st.st_ino : 0;
}

static void put(const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t n = real_write(log_fd, at, len);
        if (n < 0) { if (errno == EINTR) continue; abort(); }
        at += n; len -= (size_t)n;
    }
}

static void note(enum op op, const char *path, uint64_t ino, uint64_t offset, const void *data, uint64_t len) {
    if (log_fd < 0) return;
    int kept = errno;
    struct record head = { op, path ? (uint32_t)strlen(path) : 0, ino, offset, len };
    size_t size = sizeof head + head.path_len + (data ? len : 0);
    char *whole = malloc(size); /* one write a record: a kill never leaves half of one that took effect before another */
    if (!whole) abort();
    memcpy(whole, &head, sizeof head);
    if (path) memcpy(whole + sizeof head, path, head.path_len);
    if (data) memcpy(whole + sizeof head + head.path_len, data, len);
    put(whole, size);
    free(whole);
    errno = kept;
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

/* Which action hits this call, 0 for none. */
static int hit(enum kind kind) {
    if (!control || !control->armed || !(control->kinds & kind)) return 0;
    control->seen++;
    int32_t left = --control->countdown;
    int action = (int)control->action;
    int from_now_on = action == ENOSPC_FROM_NOW_ON;
    if (left > 0 || (left < 0 && !from_now_on)) return 0;
    control->fired++;
    if (action == KILL_BEFORE) die();
    return action;
}

/* The errno that an action stands for, 0 if the call is to go ahead. */
static int error_of(int action) {
    switch (action) {
        case EIO_ONCE: return EIO;
        case ENOSPC_ONCE: case ENOSPC_FROM_NOW_ON: return ENOSPC;
        case EINTR_ONCE: return EINTR;
        default: return 0;
    }
}

static int opened(int fd, const char *path, int flags, int existed) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) return fd;
    track(st.st_ino);
    if ((flags & O_CREAT) && !existed) note(OP_CREATE, path, st.st_ino, 0, NULL, 0);
    else note(OP_OPEN, path, st.st_ino, 0, NULL, 0);
    if ((flags & O_TRUNC) && existed) note(OP_TRUNCATE, NULL, st.st_ino, 0, NULL, 0);
    return fd;
}

static int open_here(int dir, const char *path, int flags, mode_t mode) {
    pthread_once(&once, init);
    if (!below(path)) return dir == AT_FDCWD ? real_open(path, flags, mode) : real_openat(dir, path, flags, mode);
    begin();
    struct stat st;
    int existed = stat(path, &st) == 0, fd;
    int action = (flags & O_CREAT) && !existed ? hit(NAME) : 0, error = error_of(action);
    if (error) { errno = error; fd = -1; }
    else fd = opened(real_open(path, flags, mode), path, flags, existed);
    if (action == KILL_AFTER) die();
    end();
    return fd;
}

#define MODE() \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list ap; va_start(ap, flags); mode = va_arg(ap, mode_t); va_end(ap); }
int open(const char *path, int flags, ...) { MODE() return open_here(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE() return open_here(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE() return open_here(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE() return open_here(dir, path, flags | O_LARGEFILE, mode); }

/* offset -1 = at the descriptor's own position */
static ssize_t write_here(int fd, const void *data, size_t len, off_t offset) {
    begin();
    uint64_t ino = inode(fd);
    int action = ino ? hit(WRITE) : 0, error = error_of(action);
    ssize_t n = -1;
    if (error) errno = error;
    else {
        if ((action == SHORT_ONCE || action == KILL_TORN) && len > 1) len /= 2;
        n = offset < 0 ? real_write(fd, data, len) : real_pwrite(fd, data, len, offset);
        off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) - n : offset;
        if (n > 0 && ino) note(OP_WRITE, NULL, ino, (uint64_t)at, data, (uint64_t)n);
    }
    if (action == KILL_AFTER || action == KILL_TORN) die();
    end();
    return n;
}

/* Sockets and pipes go by untouched, and unlocked: they may block. */
static int foreign(int fd) {
    struct stat st;
    pthread_once(&once, init);
    return !root || fd == log_fd || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t len) {
    return foreign(fd) ? real_write(fd, data, len) : write_here(fd, data, len, -1);
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
    return foreign(fd) ? real_pwrite(fd, data, len, offset) : write_here(fd, data, len, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) { return pwrite(fd, data, len, offset); }
/* One piece at a time is within what writev promises; its callers go on after a short count. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    if (foreign(fd)) return real_writev(fd, pieces, count);
    for (int i = 0; i < count; i++)
        if (pieces[i].iov_len > 0) return write_here(fd, pieces[i].iov_base, pieces[i].iov_len, -1);
    return 0;
}

int ftruncate(int fd, off_t len) {
    begin();
    uint64_t ino = inode(fd);
    int action = ino ? hit(TRUNCATE) : 0, error = error_of(action), result = -1;
    if (error) errno = error;
    else if ((result = real_ftruncate(fd, len)) == 0 && ino) note(OP_TRUNCATE, NULL, ino, (uint64_t)len, NULL, 0);
    if (action == KILL_AFTER) die();
    end();
    return result;
}
int ftruncate64(int fd, off64_t len) { return ftruncate(fd, len); }

static int sync_here(int fd, int (*real)(int)) {
    begin();
    uint64_t ino = inode(fd);
    int action = ino ? hit(SYNC) : 0, error = error_of(action), result = -1;
    if (error) errno = error;
    else if ((result = real(fd)) == 0 && ino) note(OP_SYNC, NULL, ino, 0, NULL, 0);
    if (action == KILL_AFTER) die();
    end();
    return result;
}
int fsync(int fd) { pthread_once(&once, init); return sync_here(fd, real_fsync); }
int fdatasync(int fd) { pthread_once(&once, init); return sync_here(fd, real_fdatasync); }

/* Calls on names: all of one shape. `CALL` runs with `result` to be set; `NOTE` runs if it went well. */
#define NAMED(PATH, CALL, NOTE)                                              \
    pthread_once(&once, init);                                               \
    int result = -1;                                                         \
    if (!below(PATH)) return CALL;                                           \
    begin();                                                                 \
    int action = hit(NAME), error = error_of(action);                        \
    if (error) errno = error;                                                \
    else if ((result = CALL) == 0) { NOTE; }                                 \
    if (action == KILL_AFTER) die();                                         \
    end();                                                                   \
    return result

static void note_two(enum op op, const char *from, const char *to) { note(op, from, 0, 0, to, strlen(to)); }

int rename(const char *from, const char *to) { NAMED(from, real_rename(from, to), note_two(OP_RENAME, from, to)); }
int link(const char *from, const char *to) { NAMED(from, real_link(from, to), note_two(OP_LINK, from, to)); }
int unlink(const char *path) { NAMED(path, real_unlink(path), note(OP_UNLINK, path, 0, 0, NULL, 0)); }
int rmdir(const char *path) { NAMED(path, real_rmdir(path), note(OP_RMDIR, path, 0, 0, NULL, 0)); }
int mkdir(const char *path, mode_t mode) {
    struct stat st;
    NAMED(path, real_mkdir(path, mode),
          if (stat(path, &st) == 0) { track(st.st_ino); note(OP_MKDIR, path, st.st_ino, 0, NULL, 0); });
}

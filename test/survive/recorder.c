/* Loaded before the C library (LD_PRELOAD): writes down, in order, what a process does to the files below RECORD_DIR, so that every state that a power
 * cut could have left can be built afterwards. See power.test.ts for what is done with it. Linux only.
 *
 * RECORD_LOG takes the records: type u8, flags u8 (1: the write is durable when it returns), path length u16, id u32, offset u64, length u64, path, data.
 * Types: 1 a write begins (with its bytes), 2 it has ended, 3 a sync of a file begins, 4 it has ended, 5 truncated to `offset`, 6 created,
 * 7 removed, 8 words to fd RECORD_ACKS (path empty, with its bytes). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -1, acks_fd = -1;
static uint32_t next_id = 1;
static char dir[PATH_MAX];

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("RECORD_LOG"), *below = getenv("RECORD_DIR"), *acks = getenv("RECORD_ACKS");
  if (!log || !below) return;
  snprintf(dir, sizeof dir, "%s/", below);
  if (acks) acks_fd = atoi(acks);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  record_fd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
  syscall(SYS_close, fd);
}

static int recorded(const char *path) {
  return record_fd >= 0 && strncmp(path, dir, strlen(dir)) == 0 && !strstr(path, "lock.");
}

/* The path of an open file if it is to be recorded, otherwise 0. */
static int path_of(int fd, char *path) {
  char link[64];
  if (record_fd < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return recorded(path);
}

static uint32_t put(int type, int flags, uint32_t id, const char *path, uint64_t offset, const struct iovec *data, int count, uint64_t length) {
  struct { uint8_t type, flags; uint16_t path; uint32_t id; uint64_t offset, length; } head;
  size_t size = path ? strlen(path) : 0;
  pthread_mutex_lock(&turn);
  if (id == 0) id = next_id++;
  head.type = (uint8_t)type; head.flags = (uint8_t)flags; head.path = (uint16_t)size; head.id = id; head.offset = offset; head.length = length;
  syscall(SYS_write, record_fd, &head, sizeof head);
  if (size) syscall(SYS_write, record_fd, path, size);
  for (int i = 0; i < count; i++) syscall(SYS_write, record_fd, data[i].iov_base, data[i].iov_len);
  pthread_mutex_unlock(&turn);
  return id;
}

static ssize_t write_at(int fd, const struct iovec *data, int count, off_t offset, int positioned) {
  char path[PATH_MAX];
  uint32_t id = 0;
  int durable = 0;
  if (fd == acks_fd) { uint64_t n = 0; for (int i = 0; i < count; i++) n += data[i].iov_len; put(8, 0, 0, 0, 0, data, count, n); }
  if (path_of(fd, path)) {
    uint64_t n = 0, at = positioned ? (uint64_t)offset : (uint64_t)lseek(fd, 0, SEEK_CUR);
    for (int i = 0; i < count; i++) n += data[i].iov_len;
    durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    id = put(1, durable, 0, path, at, data, count, n);
  }
  ssize_t done = positioned ? syscall(SYS_pwritev, fd, data, count, offset, 0L) : syscall(SYS_writev, fd, data, count);
  if (id) put(2, durable, id, path, 0, 0, 0, 0);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { struct iovec v = { (void *)bytes, length }; return write_at(fd, &v, 1, 0, 0); }
ssize_t writev(int fd, const struct iovec *v, int count) { return write_at(fd, v, count, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { struct iovec v = { (void *)bytes, length }; return write_at(fd, &v, 1, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }
ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at) { return write_at(fd, v, count, at, 1); }
ssize_t pwritev64(int fd, const struct iovec *v, int count, off64_t at) { return write_at(fd, v, count, at, 1); }

static int sync_file(int fd, long call) {
  char path[PATH_MAX];
  uint32_t id = path_of(fd, path) ? put(3, 0, 0, path, 0, 0, 0, 0) : 0;
  int result = (int)syscall(call, fd);
  if (id && result == 0) put(4, 0, id, path, 0, 0, 0, 0);
  return result;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t length) {
  char path[PATH_MAX];
  if (path_of(fd, path)) put(5, 0, 0, path, (uint64_t)length, 0, 0, 0);
  return (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int open_at(int folder, const char *path, int flags, int mode) {
  if (recorded(path)) {
    if (flags & O_TRUNC) put(5, 0, 0, path, 0, 0, 0, 0);
    if ((flags & O_CREAT) && access(path, F_OK) != 0) put(6, 0, 0, path, 0, 0, 0, 0);
  }
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define WITH_MODE int mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); }
int open(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }

int unlink(const char *path) {
  if (recorded(path)) put(7, 0, 0, path, 0, 0, 0, 0);
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What the disk does, by the letter that the library reads. */
export const DISK = {
  well: '0',
  write: 'w',
  read: 'i',
  sync: 's',
  full: 'f',
  half: 'h',
  readOnly: 'r',
} as const

/** Which files it does that to, by the letter behind: the database with its log, or a directory `backups`. */
export const FILES = { database: 'd', backups: 'b' } as const

/**
 * A library that stands between a process and the kernel (LD_PRELOAD) and makes the calls on `poincon.db` and its
 * write-ahead log, or on backups, fail, as long as the two bytes of the file FAULT_CONTROL say so.
 */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static volatile char *control;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("FAULT_CONTROL");
  int fd = name ? open(name, O_RDONLY) : -1;
  if (fd < 0) return;
  void *at = mmap(0, 2, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) control = at;
  close(fd);
}

static char mode(int fd) {
  if (!control || *control == '0') return '0';
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return '0';
  path[length] = 0;
  if (control[1] == 'b') return strstr(path, "/backups/") ? *control : '0';
  return strstr(path, "/poincon.db") && !strstr(path, "-shm") ? *control : '0';
}

static int refused(int fd) {
  switch (mode(fd)) {
    case 'w': errno = EIO; return 1;
    case 'f': errno = ENOSPC; return 1;
    case 'r': errno = EROFS; return 1;
    default: return 0;
  }
}

typedef ssize_t (*writer)(int, const void *, size_t, off64_t);

static ssize_t put(const char *name, int fd, const void *from, size_t n, off64_t at) {
  writer real = (writer)dlsym(RTLD_NEXT, name);
  if (refused(fd)) return -1;
  if (mode(fd) == 'h') {
    if (n < 512) { errno = ENOSPC; return -1; }
    return real(fd, from, n / 2, at);
  }
  return real(fd, from, n, at);
}
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) { return put("pwrite64", fd, from, n, at); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { return put("pwrite", fd, from, n, at); }

ssize_t write(int fd, const void *from, size_t n) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (refused(fd)) return -1;
  if (mode(fd) == 'h') {
    if (n < 512) { errno = ENOSPC; return -1; }
    n /= 2;
  }
  return real(fd, from, n);
}

static int unread(int fd) {
  if (mode(fd) != 'i') return 0;
  errno = EIO;
  return 1;
}
typedef ssize_t (*reader)(int, void *, size_t, off64_t);
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  return unread(fd) ? -1 : ((reader)dlsym(RTLD_NEXT, "pread64"))(fd, to, n, at);
}
ssize_t pread(int fd, void *to, size_t n, off_t at) {
  return unread(fd) ? -1 : ((reader)dlsym(RTLD_NEXT, "pread"))(fd, to, n, at);
}
ssize_t read(int fd, void *to, size_t n) {
  return unread(fd) ? -1 : ((ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(fd, to, n);
}

static int flush(const char *name, int fd) {
  char now = mode(fd);
  if (now == 's' || now == 'w') { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return flush("fsync", fd); }
int fdatasync(int fd) { return flush("fdatasync", fd); }

int ftruncate64(int fd, off64_t size) {
  if (refused(fd)) return -1;
  return ((int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64"))(fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
`

/** Builds the library in a folder. @returns its path @throws where there is no C compiler */
export async function buildShim(folder: string): Promise<string> {
  const source = join(folder, 'shim.c')
  const library = join(folder, 'shim.so')
  await writeFile(source, SOURCE)
  await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  return library
}

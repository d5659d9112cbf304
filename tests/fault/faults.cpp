// Preloaded into a program under test: lets one operation on the files of a folder go wrong, counted from 0.
// Operations are open for writing, mkdir, write, fsync, rename and unlink; those of the C library's own
// streams are not seen.
//
//   CNN_FAULT_FOLDER   only files below it count
//   CNN_FAULT          <kind>:<number>[:<how many>]
//                      interrupt: SIGINT before the operation; kill: SIGKILL before it; torn: a write puts
//                      half and then SIGKILL comes; short: a write puts one byte and says so; enospc, eio,
//                      eacces: the operation fails so
//   CNN_CLOCK          "backwards": the monotonic clock runs so
//   CNN_FAULT_COUNT    a file that gets the number of operations when the program ends
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

enum class Kind { none, interrupt, kill, torn, short_write, error };

constexpr int kMostDescriptors = 1024;

struct Plan {
  const char* folder = nullptr;
  Kind kind = Kind::none;
  int error = 0;
  long first = 0, count = 1;
  std::atomic<long> seen{0};
  std::atomic<bool> watched[kMostDescriptors]{};

  Plan() {
    folder = getenv("CNN_FAULT_FOLDER");
    const char* fault = getenv("CNN_FAULT");
    char name[16] = "";
    if (!fault || sscanf(fault, "%15[^:]:%ld:%ld", name, &first, &count) < 2) return;
    const struct {
      const char* name;
      Kind kind;
      int error;
    } kinds[] = {{"interrupt", Kind::interrupt, 0}, {"kill", Kind::kill, 0},
                 {"torn", Kind::torn, 0},           {"short", Kind::short_write, 0},
                 {"enospc", Kind::error, ENOSPC},   {"eio", Kind::error, EIO},
                 {"eacces", Kind::error, EACCES}};
    for (const auto& k : kinds)
      if (strcmp(name, k.name) == 0) kind = k.kind, error = k.error;
    if (kind == Kind::none) abort();
  }
  ~Plan() {
    const char* path = getenv("CNN_FAULT_COUNT");
    FILE* file = path ? fopen(path, "w") : nullptr;
    if (!file) return;
    fprintf(file, "%ld\n", seen.load());
    fclose(file);
  }
  bool covers(const char* path) const { return folder && strncmp(path, folder, strlen(folder)) == 0; }
  bool covers(int fd) const { return fd >= 0 && fd < kMostDescriptors && watched[fd]; }
  /// Counts an operation, and says what becomes of it.
  Kind next() {
    const long number = seen.fetch_add(1);
    if (number < first || number >= first + count) return Kind::none;
    if (kind == Kind::interrupt) raise(SIGINT);
    if (kind == Kind::kill) raise(SIGKILL);
    return kind;
  }
  /// For operations that can only be done or not.
  bool fails() {
    const Kind what = next();
    if (what == Kind::torn) raise(SIGKILL);
    if (what != Kind::error) return false;
    errno = error;
    return true;
  }
};

Plan& plan() {
  static Plan instance;
  return instance;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int open_file(const char* name, const char* path, int flags, mode_t mode) {
  const bool counts = (flags & (O_WRONLY | O_RDWR)) && plan().covers(path);
  if (counts && plan().fails()) return -1;
  const int fd = real<int (*)(const char*, int, ...)>(name)(path, flags, mode);
  if (fd >= 0 && fd < kMostDescriptors) plan().watched[fd] = counts;
  return fd;
}

mode_t mode_of(int flags, va_list arguments) { return flags & O_CREAT ? va_arg(arguments, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file("open64", path, flags, mode);
}

int clock_gettime(clockid_t clock, timespec* time) {
  static const auto next = real<int (*)(clockid_t, timespec*)>("clock_gettime");
  static const bool backwards = getenv("CNN_CLOCK") != nullptr;
  const int result = next(clock, time);
  if (backwards && clock == CLOCK_MONOTONIC) {
    constexpr long kBegin = 1L << 40;  // seconds
    time->tv_sec = kBegin - time->tv_sec;
    time->tv_nsec = 999'999'999 - time->tv_nsec;
  }
  return result;
}

ssize_t write(int fd, const void* data, size_t bytes) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (!plan().covers(fd)) return next(fd, data, bytes);
  switch (plan().next()) {
    case Kind::torn:
      next(fd, data, bytes / 2);
      raise(SIGKILL);
      return -1;
    case Kind::short_write:
      return next(fd, data, 1);
    case Kind::error:
      errno = plan().error;
      return -1;
    default:
      return next(fd, data, bytes);
  }
}

int fsync(int fd) {
  if (plan().covers(fd) && plan().fails()) return -1;
  return real<int (*)(int)>("fsync")(fd);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (plan().covers(path) && plan().fails()) return -1;
  return real<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int rename(const char* from, const char* to) noexcept {
  if (plan().covers(to) && plan().fails()) return -1;
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) noexcept {
  if (plan().covers(path) && plan().fails()) return -1;
  return real<int (*)(const char*)>("unlink")(path);
}

}  // extern "C"

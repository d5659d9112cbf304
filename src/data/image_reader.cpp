#include "data/image_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

ImageFile with_errno(const char* what) {
  return {fmt::format("{}: {}", what, std::strerror(errno)), {}, {}, {}};
}

FileStamp to_stamp(const struct stat& status) {
#ifdef __APPLE__
  const timespec& modified = status.st_mtimespec;
#else
  const timespec& modified = status.st_mtim;
#endif
  return {status.st_size, std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec};
}

/// From this size on files are read and decoded one at a time.
constexpr std::int64_t kLargeFile = std::int64_t{32} << 20;

std::mutex& large_files() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? to_stamp(status) : FileStamp{};
}

ImageFile read_image_file(const std::string& path, const DecodeLimits& limits, std::string& buffer) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return with_errno("cannot be opened");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) return with_errno("cannot be examined");
  if (S_ISDIR(status.st_mode)) return {"is a folder, not an image", {}, {}, {}};
  if (!S_ISREG(status.st_mode)) return {"is not a regular file", {}, {}, {}};
  if (status.st_size > std::int64_t{limits.file_mb} << 20)
    return {fmt::format("is too large: {}, the limit (data.limits.file_mb) is {}",
                        human_bytes(status.st_size), human_bytes(std::int64_t{limits.file_mb} << 20)),
            {},
            {},
            {}};
  ImageFile image;
  image.stamp = to_stamp(status);
  if (status.st_size >= kLargeFile)
    image.turn = std::unique_lock(large_files());
  else if (static_cast<std::int64_t>(buffer.capacity()) > kLargeFile)
    std::string().swap(buffer);
  buffer.resize(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::read(file.fd, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return with_errno("cannot be read");
    if (got == 0) return {"became shorter while it was being read", {}, {}, {}};
    filled += static_cast<std::size_t>(got);
  }
  image.content = buffer;
  return image;
}

}  // namespace cnn

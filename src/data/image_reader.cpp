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

std::string with_errno(const char* what) { return fmt::format("{}: {}", what, std::strerror(errno)); }

}  // namespace

std::string read_image_file(const std::string& path, std::string& content, FileStamp& stamp) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return with_errno("cannot be opened");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) return with_errno("cannot be examined");
  if (S_ISDIR(status.st_mode)) return "is a folder, not an image";
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  constexpr std::int64_t kMostBytes = std::int64_t{512} << 20;
  if (status.st_size > kMostBytes)
    return fmt::format("is too large: {}, the limit is {}", human_bytes(status.st_size),
                       human_bytes(kMostBytes));
  stamp.bytes = status.st_size;
#ifdef __APPLE__
  const timespec& modified = status.st_mtimespec;
#else
  const timespec& modified = status.st_mtim;
#endif
  stamp.modified_ns = std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec;
  content.resize(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(file.fd, content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return with_errno("cannot be read");
    if (got == 0) return "became shorter while it was read";
    filled += static_cast<std::size_t>(got);
  }
  return "";
}

}  // namespace cnn

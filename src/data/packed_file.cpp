#include "data/packed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/memory.h"
#include "core/text.h"

namespace cnn {
namespace {

/// Deflate's best case is 258 bytes out of two bits.
constexpr std::uint64_t kLargestRatio = 1032;

gzFile as_gz(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void PackedFile::Close::operator()(void* file) const { gzclose_r(as_gz(file)); }

PackedFile::PackedFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail("{}: cannot open: {}", printable(path.string()), std::strerror(errno));
  struct stat status {};
  const bool examined = ::fstat(fd, &status) == 0;
  if (!examined || !S_ISREG(status.st_mode)) {
    ::close(fd);
    if (examined && S_ISDIR(status.st_mode))
      fail("{}: is a folder, expected a file", printable(path.string()));
    fail("{}: is not a regular file", printable(path.string()));
  }
  file_.reset(gzdopen(fd, "rb"));
  if (!file_) {
    ::close(fd);
    fail("{}: zlib cannot open it", printable(path.string()));
  }
  gzbuffer(as_gz(file_.get()), 1 << 18);
  const bool plain = gzdirect(as_gz(file_.get())) != 0;
  size_limit_ = static_cast<std::uint64_t>(status.st_size) * (plain ? 1 : kLargestRatio);
}

std::vector<std::byte> PackedFile::read(std::uint64_t bytes) {
  std::vector<std::byte> content;
  constexpr std::uint64_t kFirstChunk = std::uint64_t{1} << 26;
  while (content.size() < bytes) {
    const std::size_t before = content.size();
    const std::uint64_t next = std::min(bytes, std::max<std::uint64_t>(kFirstChunk, 2 * before));
    // The old and the new content exist side by side for a moment.
    if (const auto left = static_cast<std::uint64_t>(available_memory().bytes);
        next >= kFirstChunk && next > left)
      fail("{}: its content needs more memory than the {} that this process can get",
           printable(path_.string()), human_bytes(static_cast<std::int64_t>(left)));
    content.resize(next);
    std::size_t filled = before;
    while (filled < content.size()) {
      const auto wanted = static_cast<unsigned>(std::min<std::size_t>(content.size() - filled, 1 << 30));
      const int got = gzread(as_gz(file_.get()), content.data() + filled, wanted);
      if (got > 0) filled += static_cast<std::size_t>(got);
      if (got == static_cast<int>(wanted)) continue;
      int code = Z_OK;
      const char* reason = gzerror(as_gz(file_.get()), &code);
      if (code == Z_BUF_ERROR)
        fail("{}: the gzip archive is truncated; copy or download it again", printable(path_.string()));
      if (code == Z_ERRNO) fail("{}: cannot read: {}", printable(path_.string()), std::strerror(errno));
      if (got < 0 || code != Z_OK)
        fail("{}: the gzip archive is damaged ({}); copy or download it again", printable(path_.string()),
             reason);
      content.resize(filled);
      return content;
    }
  }
  return content;
}

}  // namespace cnn

#include "core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/prepared_file.h"
#include "core/text.h"

namespace cnn {
namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail_with_errno(const char* action, const std::filesystem::path& path) {
  fail("{}: cannot {}: {}", printable(path.string()), action, std::strerror(errno));
}

/// Everything, however many calls it takes.
void write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put == 0) errno = ENOSPC;
    if (put <= 0) fail_with_errno("write", path);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());  // some file systems refuse it; the rename stands all the same
}

}  // namespace

std::filesystem::file_status status_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::status_known(status))
    fail("{}: cannot be examined: {}", printable(path.string()), error.message());
  return status;
}

std::string read_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) fail_with_errno("open", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail_with_errno("examine", path);
  if (S_ISDIR(status.st_mode)) fail("{}: is a folder, expected a file", printable(path.string()));
  if (!S_ISREG(status.st_mode)) fail("{}: is not a regular file", printable(path.string()));
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  for (;;) {
    if (filled == content.size())
      content.resize(content.size() + 4096);  // to see the end, or growth meanwhile
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with_errno("read", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

std::string read_file_maybe_gz(const std::filesystem::path& path) {
  std::string packed = read_file(path);
  if (!packed.starts_with("\x1f\x8b")) return packed;
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) fail("{}: zlib does not start", printable(path.string()));
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string content;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    const std::size_t before = content.size();
    content.resize(std::max<std::size_t>(before * 2, 1 << 20));
    stream.next_out = reinterpret_cast<Bytef*>(content.data() + before);
    stream.avail_out = static_cast<uInt>(content.size() - before);
    status = inflate(&stream, Z_NO_FLUSH);
    content.resize(content.size() - stream.avail_out);
    if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out != 0))
      fail("{}: the gzip archive is truncated: it ends after {} unpacked bytes", printable(path.string()),
           content.size());
    if (status != Z_OK && status != Z_STREAM_END)
      fail("{}: the gzip archive is damaged: {}", printable(path.string()),
           stream.msg ? stream.msg : "unknown error");
    if (status == Z_STREAM_END && stream.avail_in != 0) {  // several members in one file are one content
      if (inflateReset(&stream) != Z_OK) fail("{}: zlib does not restart", printable(path.string()));
      status = Z_OK;
    }
  }
  return content;
}

OutputFile output_file(const std::filesystem::path& path) {
  std::error_code unknown;
  const std::filesystem::file_status status = std::filesystem::status(path, unknown);
  if (!std::filesystem::exists(status)) return {path, false};
  if (!std::filesystem::is_regular_file(status)) return {path, !std::filesystem::is_directory(status)};
  const std::filesystem::path real = std::filesystem::canonical(path, unknown);
  return {unknown ? path : real, false};
}

PreparedFile::PreparedFile(const std::filesystem::path& path, std::string_view content)
    : wanted_(path), content_(content) {
  const OutputFile place = output_file(path);
  place_ = place.path;
  if (place.is_stream) return;
  temporary_ = place_.string() + ".tmp";
  try {
    const Descriptor fd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) fail_with_errno("write", wanted_);
    write_all(fd.get(), content, wanted_);
    if (::fsync(fd.get()) != 0) fail_with_errno("write", wanted_);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

PreparedFile::PreparedFile(PreparedFile&& other) noexcept
    : wanted_(std::move(other.wanted_)),
      place_(std::move(other.place_)),
      temporary_(std::exchange(other.temporary_, {})),
      content_(other.content_) {}

PreparedFile& PreparedFile::operator=(PreparedFile&& other) noexcept {
  std::swap(wanted_, other.wanted_);
  std::swap(place_, other.place_);
  std::swap(temporary_, other.temporary_);
  std::swap(content_, other.content_);
  return *this;
}

PreparedFile::~PreparedFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void PreparedFile::put_in_place() {
  if (is_stream()) {
    const Descriptor fd(::open(place_.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0) fail_with_errno("open", wanted_);
    return write_all(fd.get(), content_, wanted_);
  }
  if (::rename(temporary_.c_str(), place_.c_str()) != 0) fail_with_errno("replace", wanted_);
  temporary_.clear();
  sync_folder(place_.parent_path());
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  PreparedFile(path, content).put_in_place();
}

void append_to_file(const std::filesystem::path& path, std::string_view content) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (fd.get() < 0) fail_with_errno("open", path);
  write_all(fd.get(), content, path);
}

NewFile::NewFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
  if (fd_ < 0) fail_with_errno("write", path_);
}

NewFile::~NewFile() { ::close(fd_); }

void NewFile::append(std::string_view content) { write_all(fd_, content, path_); }

FolderLock::FolderLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) fail_with_errno("open", folder);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {  // some file systems have no locks
    ::close(fd_);
    fail_usage("{}: another program is training into this folder; wait for it, or stop it first",
               printable(folder.string()));
  }
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace cnn

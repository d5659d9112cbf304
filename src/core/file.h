#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cnn {

/// The whole content of a regular file. Throws Error (exit 1) that names the path and the reason.
std::string read_file(const std::filesystem::path& path);

/// The same, unpacked if the content is gzip (by its magic bytes, whatever the name).
/// Throws Error also for a damaged or truncated archive.
std::string read_file_maybe_gz(const std::filesystem::path& path);

/// Replaces `path` by `content` so that at every moment, also after a crash, there is either the old file or
/// the whole new one: temporary file beside it, fsync, rename, fsync of the folder. Throws Error (exit 1).
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace cnn

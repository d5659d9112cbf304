#include "export/outputs.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/prepared_file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

/// What was not there before, and is removed again unless it is kept.
class NewPaths {
 public:
  ~NewPaths() {
    std::error_code ignored;
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) fs::remove(*path, ignored);
  }
  void make_folder(const fs::path& folder) {
    std::error_code reason;
    if (fs::exists(folder, reason)) return;
    if (!fs::create_directory(folder, reason))
      fail("{}: cannot be made: {}", printable(folder.string()), reason.message());
    paths_.push_back(folder);
  }
  /// A file that is about to be written.
  void expect(const fs::path& path) {
    std::error_code unknown;
    if (!fs::exists(path, unknown)) paths_.push_back(path);
  }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;  // in the order of their making
};

}  // namespace

bool is_standard_output(const fs::path& path) { return path == "-"; }

void check_output_paths(const std::vector<fs::path>& paths, const fs::path& model, bool make_folder,
                        bool force) {
  for (const fs::path& path : paths) {
    if (is_standard_output(path)) continue;
    std::error_code unknown;
    const fs::path folder = folder_of(path);
    const std::string name = printable(path.string());
    if (fs::is_directory(path, unknown)) fail_usage("{}: is a folder; name the file to write", name);
    if (fs::exists(folder, unknown) && !fs::is_directory(folder, unknown))
      fail_usage("{}: is a file, not a folder", printable(folder.string()));
    if (!fs::exists(folder, unknown) && !(make_folder && fs::is_directory(folder_of(folder), unknown)))
      fail_usage("{}: there is no folder {}", name,
                 printable((make_folder ? folder_of(folder) : folder).string()));
    if (!fs::exists(path, unknown) || output_file(path).is_stream) continue;
    if (fs::equivalent(path, model, unknown)) fail_usage("{}: is the model itself; name another file", name);
    if (!force) fail_usage("{}: exists already; --force replaces it", name);
  }
}

void write_outputs(const OutputFiles& files) {
  const std::atomic<bool> never{false};
  write_outputs(files, never);
}

bool write_outputs(const OutputFiles& files, const std::atomic<bool>& stop) {
  NewPaths made;
  std::vector<PreparedFile> ready;
  for (const auto& [path, content] : files) {
    made.make_folder(folder_of(path));
    ready.emplace_back(path, content);
    if (stop) return false;
  }
  // A stream may refuse what it gets, which a rename hardly does.
  std::stable_partition(ready.begin(), ready.end(),
                        [](const PreparedFile& file) { return file.is_stream(); });
  for (const auto& [path, content] : files) made.expect(path);
  for (PreparedFile& file : ready) file.put_in_place();
  made.keep();
  return true;
}

}  // namespace cnn

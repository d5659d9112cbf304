#include "export/outputs.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

}  // namespace

void check_output_paths(const std::vector<fs::path>& paths, const fs::path& model, bool make_folder,
                        bool force) {
  for (const fs::path& path : paths) {
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
  std::vector<fs::path> made;  // in the order of their making
  try {
    for (const auto& [path, content] : files) {
      std::error_code unknown;
      if (!fs::exists(folder_of(path))) {
        if (!fs::create_directory(folder_of(path), unknown))
          fail("{}: cannot be made: {}", printable(folder_of(path).string()), unknown.message());
        made.push_back(folder_of(path));
      }
      if (!fs::exists(path)) made.push_back(path);
      write_file_atomically(path, content);
    }
  } catch (const Error&) {
    std::error_code ignored;
    for (auto path = made.rbegin(); path != made.rend(); ++path) fs::remove(*path, ignored);
    throw;
  }
}

}  // namespace cnn

#include "session/data_paths.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// "; did you mean ...?", from the names beside a path that does not exist; or the nearest folder that does.
std::string hint(const fs::path& path) {
  std::error_code unknown;
  fs::path parent = path.parent_path();
  if (!fs::is_directory(parent, unknown)) {
    while (parent.has_relative_path() && !fs::is_directory(parent, unknown)) parent = parent.parent_path();
    return fmt::format("; {} does not exist either, only {} does", printable(path.parent_path().string()),
                       printable(parent.string()));
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(parent, unknown)) {
    names.push_back(entry.path().filename().string());
    if (names.size() == 1000) break;
  }
  return did_you_mean(path.filename().string(), names);
}

class Checker {
 public:
  explicit Checker(const Document& document) : document_(document) {}

  void location(const std::string& pointer, const DataLocation& location) const {
    std::visit([&](const auto& each) { check(pointer, each); }, location);
  }

 private:
  void check(const std::string& pointer, const FolderLocation& folder) const {
    need(pointer, folder.folder, "folder");
  }
  void check(const std::string& pointer, const IdxLocation& idx) const {
    need(pointer + "/images", idx.images, "file");
    need(pointer + "/labels", idx.labels, "file");
  }
  void check(const std::string& pointer, const CifarLocation& cifar) const {
    for (std::size_t i = 0; i < cifar.files.size(); ++i)
      need(fmt::format("{}/{}", pointer, i), cifar.files[i], "file");
  }
  void check(const std::string& pointer, const LabelTable& table) const { need(pointer, table.file, "file"); }
  void need(const std::string& pointer, const fs::path& path, const char* what) const {
    std::error_code unknown;
    if (fs::exists(fs::symlink_status(path, unknown))) return;  // its reader checks what it is
    status_of(path);                                            // throws if it may be there after all
    fail("{}", document_.explain(pointer, fmt::format("there is no such {}: {}{}", what,
                                                      printable(path.string()), hint(path))));
  }

  const Document& document_;
};

}  // namespace

void check_data_paths(const Document& document, const DataSpec& spec) {
  const Checker checker(document);
  checker.location("/data/train", spec.train);
  if (const auto* validation = std::get_if<DataLocation>(&spec.validation))
    checker.location("/data/validation", *validation);
  if (spec.test) checker.location("/data/test", *spec.test);
}

}  // namespace cnn

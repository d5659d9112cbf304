#include "starter/init.h"

#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/label_table.h"
#include "report/progress.h"
#include "starter/first_config.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// The folder that the config's paths are relative to. Refuses a place where nothing can be written.
fs::path folder_of(const fs::path& out) {
  if (out.empty()) return fs::current_path();
  std::error_code unknown;
  if (fs::is_directory(out, unknown))
    fail_usage("--out {}: is a folder; name the file to write", printable(out.string()));
  if (fs::exists(fs::symlink_status(out, unknown)))
    fail_usage("--out {}: exists and is not overwritten; name another file or remove it",
               printable(out.string()));
  const fs::path folder = fs::absolute(out).parent_path();
  if (!fs::is_directory(folder, unknown))
    fail_usage("--out {}: there is no folder {}", printable(out.string()), printable(folder.string()));
  return folder;
}

}  // namespace

int init(const InitOptions& options) {
  const fs::path config_folder = folder_of(options.out);
  std::error_code unknown;
  const bool table = is_table_name(options.folder) && !fs::is_directory(options.folder, unknown);
  const FolderLayout layout =
      table ? find_table_layout(options.folder) : find_layout(options.folder, options.class_folders);
  ThreadPool pool(options.threads);
  std::unique_ptr<ProgressLine> line;
  const FolderSurvey survey =
      survey_images(layout.train, {}, pool, [&](std::int64_t done, std::int64_t total) {
        if (!line) line = std::make_unique<ProgressLine>("looking at images", total, options.quiet);
        line->update(done, "");
      });
  line.reset();
  const FirstConfig config = first_config(layout, survey, options.wishes, config_folder);
  if (options.out.empty())
    print_out("{}", config.text);
  else
    write_file_atomically(options.out, config.text);
  if (options.quiet) return 0;
  for (const std::string& text : config.summary) print_err("{}\n", text);
  if (options.out.empty())
    print_err("The paths in it are relative to {}; with --out they fit the file's folder.\n",
              printable(config_folder.string()));
  else
    print_err("wrote {}; next: cnn-train --config {}\n", printable(options.out.string()),
              printable(options.out.string()));
  return 0;
}

}  // namespace cnn

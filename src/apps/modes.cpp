#include "apps/modes.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

bool takes(const Mode& mode, std::string_view option) {
  return option == mode.option || std::ranges::find(mode.takes, option) != mode.takes.end();
}

bool is_given(const CLI::App& app, std::string_view option) { return app.count(std::string(option)) > 0; }

/// "--explain or --check-gradients".
std::string modes_with(std::span<const Mode> modes, std::string_view option) {
  std::vector<std::string> names;
  for (const Mode& mode : modes)
    if (!mode.option.empty() && takes(mode, option)) names.emplace_back(mode.option);
  return join(names, " or ");
}

}  // namespace

const Mode& chosen_mode(const CLI::App& app, std::span<const Mode> modes) {
  const auto is_chosen = [&](const Mode& mode) { return mode.option.empty() || is_given(app, mode.option); };
  const auto found = std::ranges::find_if(modes, is_chosen);
  CNN_CHECK(found != modes.end(), "{} has no mode without an option", app.get_name());
  return *found;
}

void check_options(const CLI::App& app, std::span<const Mode> modes, const Mode& mode) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || takes(mode, option->get_name())) continue;
    if (mode.option.empty())
      fail_usage("{} goes with {}", option->get_name(), modes_with(modes, option->get_name()));
    fail_usage("{} does not go with {}{}", option->get_name(), mode.option, mode.nature);
  }
}

}  // namespace cnn

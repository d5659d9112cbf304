#include "core/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace cnn {

std::string composed(const std::string& text) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t bytes = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
      &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(result, std::free);
  if (bytes < 0) return text;
  return {reinterpret_cast<const char*>(result), static_cast<std::size_t>(bytes)};
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    utf8proc_int32_t character = 0;
    const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                    static_cast<utf8proc_ssize_t>(text.size()), &character);
    width += bytes > 0 ? utf8proc_charwidth(character) : 1;
    text.remove_prefix(bytes > 0 ? static_cast<std::size_t>(bytes) : 1);
  }
  return width;
}

}  // namespace cnn

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// A part of a page with a heading.
struct Section {
  std::string id;     ///< of the address: letters only
  std::string title;  ///< plain text
  std::string body;   ///< HTML
};

/// A number that stands large at the top of a page.
struct Highlight {
  std::string value, what;  ///< plain text
};

/// A page in one file: style and script inside, nothing from outside, and a policy that says so to the
/// browser. It works without script; the script only shows chart values at the pointer.
struct Page {
  std::string title, subtitle;  ///< plain text
  std::vector<Highlight> highlights;
  std::vector<std::string> remarks;  ///< plain text: what the reader should not overlook
  std::vector<Section> sections;     ///< those without a body are left out
};
std::string to_html(const Page& page);

/// Names and values in two columns, plain text.
std::string definition_table(const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace cnn

#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cnn {

/// A browser on this machine, or "".
std::string browser();

/// The page as the browser has understood it, after its script ran, and what it complained about.
struct Opened {
  std::string document, complaints;
};
Opened open_in(const std::string& browser, const std::filesystem::path& page);

/// Every address in a page that a browser would follow by itself or on a click.
std::vector<std::string> references(const std::string& page);

/// Whether an address leads to a part of the page itself.
bool is_inside(const std::string& address);

}  // namespace cnn

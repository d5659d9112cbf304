#include "page/network_page.h"

#include <algorithm>

#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/input_images.h"
#include "page/network_assets.h"
#include "page/network_data.h"
#include "report/html.h"
#include "report/page_assets.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// 267 MB of text: about as much as browsers still take in one element.
constexpr std::int64_t kMostParameters = 50'000'000;

constexpr int kGeneratedExamples = 3;

/// The template with each {{name}} replaced once, in this order.
std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string_view, std::string>>& parts) {
  std::string page;
  for (const auto& [name, content] : parts) {
    const std::size_t at = text.find(name);
    CNN_CHECK(at != std::string_view::npos, "page.html has no {} behind the others", name);
    page.append(text.substr(0, at)).append(content);
    text.remove_prefix(at + name.size());
  }
  return page.append(text);
}

void check_size(const Network& network) {
  if (network.parameter_count() > kMostParameters)
    fail_usage(
        "--page: the network has {} parameters, and a page holds at most {}; use --features to see "
        "what its layers put out",
        with_commas(network.parameter_count()), with_commas(kMostParameters));
}

void check_output(const Inspected& inspected, const std::vector<fs::path>& images, const fs::path& out) {
  std::vector<fs::path> read = images;
  read.emplace_back(inspected.label);
  for (const fs::path& file : read) {
    std::error_code error;
    if (fs::equivalent(file, out, error))
      fail_usage("--page: {} is read; name another file for the page", printable(out.string()));
  }
}

}  // namespace

void write_network_page(const Inspected& inspected, const std::vector<fs::path>& images,
                        const fs::path& out) {
  if (inspected.config.data.image.depth == 16)
    fail_usage(
        "--page: {} was trained on 16-bit values (\"depth\": 16), but a browser reads pictures as bytes, and "
        "the "
        "page would misjudge them; use --features to see what its layers put out",
        printable(inspected.label));
  check_output(inspected, images, out);
  const auto network = inspected.network(1);
  check_size(*network);
  const InputImages examples =
      images.empty() ? generated_images(inspected, kGeneratedExamples) : read_images(inspected, images);
  const std::string title = inspected.config.name;
  write_file_atomically(out,
                        filled(kNetworkPageHtml, {{"{{title}}", html(title)},
                                                  {"{{style}}", std::string(kPageStyle) + kNetworkPageStyle},
                                                  {"{{data}}", network_data(inspected, *network, examples)},
                                                  {"{{script}}", kNetworkPageScript}}));
  print_out("{}\n", printable(out.string()));
}

}  // namespace cnn

#include "apps/explain_prediction.h"

#include <algorithm>
#include <memory>

#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/image_folder.h"
#include "export/explanation.h"
#include "inspect/inspected.h"

namespace cnn {

int explain_prediction(const std::filesystem::path& model, const std::filesystem::path& image,
                       const std::filesystem::path& out) {
  for (const auto& [path, what] : {std::pair{model, "the model"}, std::pair{image, "the image"}}) {
    std::error_code unknown;
    if (std::filesystem::equivalent(path, out, unknown))
      fail_usage("--explain-prediction {}: is {} itself; name another file", printable(out.string()), what);
  }
  const Inspected inspected = read_inspected({}, model);
  const Explainer explainer(inspected);
  ThreadPool pool(1);
  const DataSpec& data = inspected.config.data;
  const LoadedImages loaded = load_images(std::make_shared<const ImageFiles>(list_files({&image, 1})), 0, 1,
                                          data.image, data.limits, std::int64_t{1} << 40, pool);
  if (!loaded.bad.empty()) fail("{}: {}", printable(image.string()), loaded.bad.front().reason);
  std::vector<std::byte> scratch;
  const std::byte* pixels = loaded.dataset->pixels(0, scratch);
  const SeenImage seen = explainer.see({pixels, static_cast<std::size_t>(bytes_of_image(data.image))});
  const std::vector<float> probabilities = explainer.probabilities(seen);
  const auto best = std::ranges::max_element(probabilities);
  const auto class_number = static_cast<int>(best - probabilities.begin());
  const std::string answer =
      fmt::format("{} {:.2f} %", inspected.class_name(class_number), 100 * double{*best});
  const EvidenceMap evidence = explainer.explain(seen, class_number);
  write_file_atomically(
      out, explainer.png(seen, evidence, {"seen as " + answer, printable(image.filename().string())}));
  print_out("{}:  {}\nwhat speaks for it: {}\n", printable(image.string()), answer, printable(out.string()));
  if (evidence.is_empty())
    print_err("cnn-eval: no part of the image speaks for \"{}\": the picture is empty\n",
              inspected.class_name(class_number));
  return 0;
}

}  // namespace cnn

// The parts of pages and tables: numbers in, text out.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "catch.h"
#include "core/error.h"
#include "report/axis.h"
#include "report/classification.h"
#include "report/color_ramp.h"
#include "report/evaluation_parts.h"
#include "report/evaluation_record.h"
#include "report/evaluation_text.h"
#include "report/fit_advice.h"
#include "report/heat_map.h"
#include "report/html.h"
#include "report/layer_health.h"
#include "report/line_chart.h"
#include "report/mistakes.h"
#include "report/page.h"
#include "report/picture.h"
#include "report/run_history.h"
#include "report/text_columns.h"
#include "report/training_page.h"
#include "temporary_folder.h"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

#include "core/file.h"

namespace cnn {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("text of any bytes stays text on a page", "[report]") {
  CHECK(html("a<b & \"c\" 'd'>") == "a&lt;b &amp; &quot;c&quot; &#39;d&#39;&gt;");
  CHECK(html("</script>\n\x01\xff") == "&lt;/script&gt;\\n\\x01\\xFF");
  CHECK(html("ünïcode ✓") == "ünïcode ✓");
  CHECK(html_lines("<a>\n\t\"b\"\n") == "&lt;a&gt;\n\t&quot;b&quot;\n");
  CHECK(html_lines("\xc3") == "\\xC3");
  CHECK(html_shortened("äöü&", 4) == "äöü&amp;");
  CHECK(html_shortened("äöü&&", 4) == "äöü…");
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("pictures become PNG files that decode to the same pixels", "[report]") {
  const std::vector<std::uint8_t> planes{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26};
  const Picture color = picture_of_bytes(planes, 3, 2, 3);
  CHECK(color.pixels ==
        std::vector<std::uint8_t>{1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24, 5, 15, 25, 6, 16, 26});
  const std::string file = png(color);
  int width = 0, height = 0, channels = 0;
  stbi_uc* pixels = stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()),
                                          static_cast<int>(file.size()), &width, &height, &channels, 0);
  REQUIRE(pixels != nullptr);
  CHECK(width == 3);
  CHECK(height == 2);
  REQUIRE(channels == 3);
  CHECK(std::equal(color.pixels.begin(), color.pixels.end(), pixels));
  stbi_image_free(pixels);
  CHECK(png_address(color).starts_with("data:image/png;base64,iVBORw0KGgo"));

  // Two channels are grey; numbers are cut off at the ends.
  const std::vector<float> floats{-3, 0, 1, 5, 9, 9, 9, 9};
  CHECK(picture_of_floats(floats, 2, 2, 2, -1, 3).pixels == std::vector<std::uint8_t>{0, 64, 128, 255});
  const Picture grey = picture_of_bytes(std::vector<std::uint8_t>{0, 10, 20, 30, 40, 50}, 1, 2, 3);
  CHECK(shrunk(grey, 3).pixels == grey.pixels);
  const Picture small = shrunk(grey, 2);
  CHECK(small.width == 2);
  CHECK(small.pixels == std::vector<std::uint8_t>{20, 35});
}

TEST_CASE("axes have round numbers", "[report]") {
  const Axis axis = linear_axis(0.13, 0.97);
  CHECK(axis.low == Approx(0.0));
  CHECK(axis.high == Approx(1.0));
  CHECK(axis.ticks.size() == 6);
  CHECK(axis.position(0.5) == Approx(0.5));
  const Axis flat = linear_axis(2, 2);
  CHECK(flat.low < 2);
  CHECK(flat.high > 2);
  const Axis powers = logarithmic_axis(1e-5, 1);
  CHECK(powers.ticks.size() == 6);
  CHECK(powers.position(1e-5) == Approx(0).margin(1e-12));
  CHECK(powers.position(1) == Approx(1));
  CHECK(number_text(0.98765, NumberStyle::percent) == "98.77 %");
  CHECK(number_text(0.5, NumberStyle::percent) == "50 %");
  CHECK(number_text(1e-17, NumberStyle::plain) == "0");
  CHECK(number_text(kNone, NumberStyle::plain).empty());
}

TEST_CASE("colors of a ramp grow lighter", "[report]") {
  const auto lightness = [](double share) {
    const auto color = ramp_color(share);
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2];
  };
  for (int k = 0; k < 50; ++k) CHECK(lightness(k / 50.0) < lightness((k + 1) / 50.0));
  CHECK(ramp_text(-1) == ramp_text(0));
  CHECK(ramp_text(2) == ramp_text(1));
}

/// Three classes: 6 of 8 right.
Classification three_classes() {
  Classification results({"a", "b", "c"});
  const auto add = [&](int label, std::vector<float> p) {
    const auto predicted = static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin());
    results.add(label, predicted, p, -std::log(p[static_cast<std::size_t>(label)]));
  };
  for (int i = 0; i < 4; ++i) add(0, {0.9f, 0.08f, 0.02f});
  add(0, {0.3f, 0.6f, 0.1f});
  add(1, {0.1f, 0.8f, 0.1f});
  add(1, {0.5f, 0.1f, 0.4f});
  add(2, {0.0f, 0.0f, 1.0f});
  return results;
}

TEST_CASE("outputs that are not finite are wrong in every count", "[report]") {
  Classification results({"a", "b", "c"});
  for (const int label : {0, 1, 2})
    results.add(label, 0, std::vector<float>(3, static_cast<float>(kNone)), kNone);
  CHECK(results.accuracy() == 0);
  CHECK(results.top(1) == 0);
  CHECK(results.top(2) == 0);
  CHECK(results.per_class()[0].recall == 0);
  CHECK(results.images() == 3);
}

TEST_CASE("calibration: mean distance of confidence and accuracy over 15 bins", "[report]") {
  const Classification results = three_classes();
  // Bins: 0.9 (4 of 4), 0.6 (0 of 1), 0.8 (1 of 1), 0.5 (0 of 1), 1.0 (1 of 1).
  CHECK(results.calibration_error() == Approx((4 * 0.1 + 0.6 + 0.2 + 0.5 + 0) / 8).epsilon(1e-6));
  std::int64_t images = 0;
  for (const auto& bin : results.confidence_bins()) images += bin.images;
  CHECK(images == 8);
  CHECK(results.confidence_bins().size() == 15);
  CHECK(results.confidence_bins()[14].images == 1);  // a confidence of 1 belongs to the last bin
  CHECK(Classification({"a", "b"}).calibration_error() == 0);
}

TEST_CASE("the most confused pairs come first", "[report]") {
  Classification results({"a", "b", "c"});
  const std::vector<float> p{1, 0, 0};
  for (int i = 0; i < 3; ++i) results.add(2, 0, p, 0);
  results.add(0, 1, p, 0);
  results.add(1, 1, p, 0);
  const auto pairs = results.most_confused(10);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].label == 2);
  CHECK(pairs[0].predicted == 0);
  CHECK(pairs[0].images == 3);
  CHECK(results.most_confused(1).size() == 1);
}

TEST_CASE("an evaluation reads back from its JSON", "[report]") {
  EvaluationRecord record{.results = three_classes(), .mistakes = {}};
  Mistake mistake;
  mistake.path = "a/1.png", mistake.label = 0, mistake.predicted = 1, mistake.confidence = 0.6;
  mistake.picture = "data:image/png;base64,AAAA";
  record.mistakes.push_back(mistake);
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(record).dump());
  CHECK(json["accuracy"] == 0.75);
  CHECK(json["top_k"]["1"] == 0.75);
  CHECK(json["top_k"]["3"] == 1.0);
  CHECK(json["top_k"].size() == 3);
  CHECK(json["ece"] == record.results.calibration_error());
  const EvaluationRecord again = evaluation_from_json(json, {"a", "b", "c"});
  CHECK(to_json(again) == json);
  CHECK(again.mistakes.front().picture == mistake.picture);
  CHECK_THROWS_AS(evaluation_from_json(json, {"a", "b"}), std::invalid_argument);
  CHECK_THROWS_AS(evaluation_from_json(nlohmann::ordered_json::object(), {"a", "b"}),
                  nlohmann::json::exception);
}

TEST_CASE("the worst mistakes are those with the greatest loss", "[report]") {
  WorstMistakes worst(2);
  const std::vector<float> p{0.5f, 0.3f, 0.2f};
  worst.add(0, 0, 0, p, 9);  // right
  worst.add(1, 1, 0, p, 1);
  worst.add(2, 2, 0, p, 3);
  worst.add(3, 1, 0, p, 0.5);
  worst.add(4, 1, 0, p, 1);  // as bad as the mildest, but later
  worst.add(5, 1, 0, p, 2);
  for (Mistake& mistake : worst.kept()) mistake.path = std::to_string(mistake.image);
  const auto sorted = worst.sorted();
  REQUIRE(sorted.size() == 2);
  CHECK(sorted[0].image == 2);
  CHECK(sorted[0].label_confidence == Approx(0.2));
  CHECK(sorted[1].image == 5);
  CHECK(sorted[1].path == "5");
  CHECK(sorted[1].confidence == Approx(0.5));
}

TEST_CASE("the confusion matrix is shown where it fits, with names or numbers", "[report]") {
  const Classification results = three_classes();
  const std::string text = evaluation_text(results, 2, 100);
  CHECK_THAT(text, ContainsSubstring("accuracy 75.00 % (6 of 8") &&
                       ContainsSubstring("top-2 accuracy 87.50 %") && ContainsSubstring("1  a taken for b") &&
                       ContainsSubstring("expected error") && ContainsSubstring("        a   b   c\n"));
  CHECK_THAT(evaluation_text(results, 1, 12),
             ContainsSubstring("a matrix of 3 classes does not fit here; --report draws it, --json has it"));
  Classification long_names({"a very long name", "b"});
  const std::vector<float> p{1, 0};
  long_names.add(1, 0, p, 0);
  CHECK_THAT(evaluation_text(long_names, 1, 100),
             ContainsSubstring(
                 "                     0   1\n0 a very long name   .   .\n1 b                  1   .\n"));
}

TEST_CASE("the confusion of many classes is a picture with names, and with numbers at the pointer",
          "[report]") {
  std::vector<std::string> names;
  for (int k = 0; k < 60; ++k) names.push_back("class<" + std::to_string(k));
  Classification results(names);
  const std::vector<float> p(60, 1.0f / 60);
  results.add(3, 3, p, 0);
  results.add(3, 7, p, 0);
  const std::string text = confusion_part(results);
  CHECK_THAT(text, ContainsSubstring("Rows: true class, columns: predicted") &&
                       ContainsSubstring("<title>class&lt;3\ntaken for class&lt;7\n1 of 2</title>") &&
                       ContainsSubstring(">class&lt;0</text>") && ContainsSubstring(">class&lt;59</text>") &&
                       !ContainsSubstring(" is named") && !ContainsSubstring("class<"));
  std::size_t pairs = 0;
  for (std::size_t at = 0; (at = text.find("<title>", at)) != std::string::npos; ++at) ++pairs;
  CHECK(pairs == 2);

  for (int k = 60; k < 150; ++k) names.push_back("class" + std::to_string(k));
  CHECK_THAT(confusion_part(Classification(names)), ContainsSubstring("One class in 2 is named"));
  names.resize(40);
  CHECK_THAT(confusion_part(Classification(names)),
             StartsWith("<div class=\"scroll\"><table class=\"matrix many\">"));
}

TEST_CASE("text is cut and padded by characters, not bytes", "[report]") {
  CHECK(width_of("äöü") == 3);
  CHECK(width_of("Mu\u0308ller") == 6);  // the accent is a character of its own
  CHECK(width_of("\u732b") == 2);
  CHECK(left("ä", 3) == "ä  ");
  CHECK(right("ä", 3) == "  ä");
  CHECK(cut("äöüß", 3) == "äö…");
  CHECK(cut("äöü", 3) == "äöü");
}

TEST_CASE("tables of a run are read by the names of their columns", "[report]") {
  CHECK(parse_csv("a,\"b,\"\"c\"\"\nd\"\n1,\n") ==
        std::vector<std::vector<std::string>>{{"a", "b,\"c\"\nd"}, {"1", ""}});
  CHECK(parse_csv("a,b") == std::vector<std::vector<std::string>>{{"a", "b"}});
  CHECK(parse_csv("").empty());
  const TemporaryFolder folder;
  write_file_atomically(
      folder.path() / "metrics.csv",
      "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,"
      "images_per_second,more\n1,0.5,0.75,,,0.1,2,100,x\n");
  write_file_atomically(folder.path() / "activations.csv",
                        "epoch,layer,activations,active_fraction,mean,std,gradient_norm\n"
                        "1,\"a,b\",12,0.5,-1e-3,2,\n");
  const RunHistory history = read_run_history(folder.path());
  REQUIRE(history.epochs.size() == 1);
  CHECK(history.epochs[0].train_accuracy == 0.75);
  CHECK(std::isnan(history.epochs[0].validation_loss));
  REQUIRE(history.layers.size() == 1);
  CHECK(history.layers[0].layer == "a,b");
  CHECK(history.layers[0].values == 12);
  CHECK(std::isnan(history.layers[0].gradient_norm));
  write_file_atomically(folder.path() / "metrics.csv", "epoch,train_loss\n1,much\n");
  CHECK_THROWS_WITH(read_run_history(folder.path()), ContainsSubstring("row 1, column \"train_loss\""));
}

TEST_CASE("dead and exploding layers are named with what to try", "[report]") {
  const auto layer = [](const char* name, double active, double mean, double deviation, double gradient) {
    return LayerStatistics{1, name, 100, active, mean, deviation, gradient};
  };
  const std::vector<LayerStatistics> layers{
      layer("conv1", 0.5, 0.1, 1, 0.2),     layer("conv2", 0.004, 0, 0.1, 0.2),
      layer("pool2", 0.001, 0, 0.1, kNone), layer("conv3", 1, 0.5, 1e-9, 0.1),
      layer("conv4", 0.5, 0, 2000, 0.1),    layer("conv5", 0.5, 0, 1, 1e6),
      layer("dense1", 0.0, -5, 1, 0.1),
  };
  const auto complaints = layer_complaints(layers);
  REQUIRE(complaints.size() == 4);
  CHECK(complaints[0].kind == "dead");
  CHECK_THAT(complaints[0].message, ContainsSubstring("conv2 is almost dead: 0.40 %") &&
                                        ContainsSubstring("nor in pool2") && ContainsSubstring("leaky_relu"));
  CHECK(complaints[1].layer == "conv3");
  CHECK(complaints[1].kind == "constant");
  CHECK(complaints[2].layer == "conv4");
  CHECK_THAT(complaints[2].message, ContainsSubstring("smaller learning_rate"));
  CHECK(complaints[3].layer == "conv5");
  CHECK(layer_complaints({}).empty());
  CHECK(layer_complaints(std::vector{layer("only", 0, kNone, kNone, 0.1)})[0].kind == "exploding");
}

TEST_CASE("charts tell every value, and need none", "[report]") {
  LineChart chart{.title = "Loss <x>", .x_name = "epoch", .x = {1, 2, 3}, .series = {}, .mark_text = ""};
  chart.series = {{"training", {0.5, 0.25, 0.125}}, {"validation", {kNone, 0.75, kNone}}};
  const std::string svg = line_chart(chart);
  CHECK_THAT(svg, ContainsSubstring("Loss &lt;x&gt;") &&
                      ContainsSubstring("epoch 2\ntraining 0.25\nvalidation 0.75") &&
                      ContainsSubstring("epoch 3\ntraining 0.125<"));
  CHECK(svg.find("nan") == std::string::npos);
  CHECK_THAT(line_chart({.title = "none", .x_name = "x", .x = {}, .series = {}, .mark_text = ""}),
             ContainsSubstring("Nothing to draw"));
  // A long run has no more areas than can be pointed at.
  LineChart longer{.title = "long", .x_name = "epoch", .x = {}, .series = {{"y", {}}}, .mark_text = ""};
  for (int i = 1; i <= 5000; ++i) longer.x.push_back(i), longer.series[0].y.push_back(i % 7);
  const std::string drawn = line_chart(longer);
  std::size_t areas = 0;
  for (std::size_t at = 0; (at = drawn.find("class=\"hit\"", at)) != std::string::npos; ++at) ++areas;
  CHECK(areas == 160);
  CHECK_THAT(drawn, ContainsSubstring("epoch 5000"));

  HeatMap norms{
      .title = "Norm", .column_name = "epoch", .rows = {"a"}, .columns = {"1", "2"}, .values = {{1, 100}}};
  CHECK_THAT(heat_map(norms), !ContainsSubstring("logarithmic"));
  norms.logarithmic = true;
  CHECK_THAT(heat_map(norms), ContainsSubstring("logarithmic: the middle is 10<"));

  const HeatMap map{.title = "Active",
                    .column_name = "epoch",
                    .rows = {"conv<1>", "b"},
                    .columns = {"1", "2"},
                    .values = {{0.5, 1}, {kNone, 0}},
                    .style = NumberStyle::percent};
  const std::string cells = heat_map(map);
  CHECK_THAT(cells, ContainsSubstring("conv&lt;1&gt;\nepoch 2\n100 %") &&
                        ContainsSubstring("epoch 1\nnone") && ContainsSubstring("<td class=\"n\">50 %</td>"));
  CHECK(cells.find("nan") == std::string::npos);
}

TEST_CASE("a page of a training that has just begun is whole", "[report]") {
  TrainingReport report;
  report.name = "</title><script>alert(1)</script>";
  report.state = "training";
  report.config = "{\"a\": \"<b>\"}\n";
  report.input = "1x2x2", report.input_values = 4;
  const std::string page = training_page(report);
  CHECK(page.find("<script>alert") == std::string::npos);
  CHECK_THAT(page, ContainsSubstring("&lt;/title&gt;&lt;script&gt;alert(1)") &&
                       ContainsSubstring("No epoch is finished yet") &&
                       ContainsSubstring("{&quot;a&quot;: &quot;&lt;b&gt;&quot;}\n") &&
                       ContainsSubstring("</html>"));
}

std::vector<EpochMetrics> curve(std::initializer_list<std::array<double, 3>> points) {
  std::vector<EpochMetrics> epochs;
  for (const auto& [loss, training, validation] : points) {
    EpochMetrics& epoch = epochs.emplace_back();
    epoch.train_loss = loss, epoch.train_accuracy = training, epoch.validation_accuracy = validation;
  }
  return epochs;
}

TEST_CASE("overfitting and underfitting are told from the curves, with the cure", "[report]") {
  CHECK_THAT(
      fit_advice(curve({{1, 0.5, 0.4}, {0.1, 0.986, 0.51}})),
      ContainsSubstring("overfits: at the end, 98.6 % of the training images are right, and 51.0 % of the "
                        "validation images. More images"));
  CHECK_THAT(
      fit_advice(curve({{1, 0.5, 0.5}, {0.9, 0.6, 0.62}})),
      ContainsSubstring("underfits: only 60.0 % of the training images are right, and their loss still falls "
                        "(1 to 0.9 in the last epoch). More epochs"));
  CHECK(fit_advice(curve({{1, 0.5, 0.5}, {0.899, 0.95, 0.9}})).empty());
  CHECK(fit_advice(curve({{0.9, 0.6, 0.6}, {0.899, 0.6, 0.6}})).empty());  // it has come to its end
  CHECK(fit_advice(curve({{1, 0.5, 0.4}, {0.8, 0.8, 0.6}})).empty());      // far apart, but still learning
  CHECK(fit_advice(curve({{1, 0.5, NAN}, {0.1, 0.99, NAN}})).empty());
  CHECK(fit_advice(curve({{0.1, 0.99, 0.5}})).empty());
}

}  // namespace
}  // namespace cnn

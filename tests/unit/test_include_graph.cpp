// Who reaches whom through includes: no circles of files, and no way from the specs to the engine.
#include <map>
#include <set>

#include "catch.h"
#include "source_files.h"

namespace cnn {
namespace {

using Graph = std::map<std::string, std::set<std::string>>;
using Names = std::vector<std::string>;

/// The includes of the project among `files`. as_pairs: a header and its source are one node, without an
/// ending.
Graph graph_of(const std::vector<SourceFile>& files, bool as_pairs) {
  const auto node = [&](const std::string& name) {
    return as_pairs ? name.substr(0, name.rfind('.')) : name;
  };
  std::set<std::string> names;
  for (const SourceFile& file : files) names.insert(file.name);
  Graph graph;
  for (const SourceFile& file : files)
    for (const std::string& name : includes_of(file.text))
      if (names.contains(name) && node(name) != node(file.name)) graph[node(file.name)].insert(node(name));
  return graph;
}

/// The shortest way from one file to another, both included; empty if there is none.
Names way(const Graph& graph, const std::string& from, const std::string& to) {
  std::map<std::string, std::string> came_from;
  Names queue{from};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const auto found = graph.find(queue[i]);
    if (found == graph.end()) continue;
    for (const std::string& next : found->second) {
      if (!came_from.emplace(next, queue[i]).second) continue;
      if (next != to) {
        queue.push_back(next);
        continue;
      }
      Names steps{to};
      do steps.insert(steps.begin(), came_from.at(steps.front()));
      while (steps.front() != from);
      return steps;
    }
  }
  return {};
}

std::string text_of(const Names& steps) {
  std::string text;
  for (const std::string& step : steps) text += (text.empty() ? "" : " -> ") + step;
  return text;
}

/// Circles that are meant. All their files begin with one of these.
const Names kCircles = {
    // The table of a config's keys knows the tables below it, and a key at the wrong place is looked up in
    // all
    // of them.
    "config/",
    // A convolution makes one of the algorithms, which know its spec.
    "nn/layers/conv",
};

/// One circle for each file that is in any, "a -> b -> a", each told once.
Names circles(const std::vector<SourceFile>& files) {
  const Graph graph = graph_of(files, true);
  std::set<std::set<std::string>> told;
  Names found;
  for (const auto& [node, next] : graph) {
    const Names steps = way(graph, node, node);
    if (steps.empty() || !told.insert({steps.begin(), steps.end()}).second) continue;
    const bool meant = std::ranges::any_of(kCircles, [&](const std::string& prefix) {
      return std::ranges::all_of(steps, [&](const std::string& step) { return step.starts_with(prefix); });
    });
    if (!meant) found.push_back(text_of(steps));
  }
  return found;
}

/// Ways from files of `config`, and from the specs that it reads, to the engine.
Names ways_to_the_engine(const std::vector<SourceFile>& files) {
  const Graph graph = graph_of(files, false);
  Names found;
  for (const SourceFile& file : files) {
    if (!file.name.starts_with("config/") && file.name != "nn/network_spec.h" &&
        file.name != "train/training_spec.h" && file.name != "data/data_spec.h")
      continue;
    if (const Names steps = way(graph, file.name, "nn/layer.h"); !steps.empty())
      found.push_back(text_of(steps));
  }
  return found;
}

std::vector<SourceFile> files_of_the_project() {
  return source_files(std::filesystem::path(CNN_SOURCE_DIR) / "src");
}

TEST_CASE("files do not include one another in a circle", "[house]") {
  CHECK(circles(files_of_the_project()) == Names{});
}

TEST_CASE("the specs bring nothing of the engine along", "[house]") {
  CHECK(ways_to_the_engine(files_of_the_project()) == Names{});
}

TEST_CASE("circles and ways to the engine are found", "[house]") {
  std::vector<SourceFile> files{
      {"data/a.h", ""},
      {"data/a.cpp", "#include \"data/a.h\"\n#include \"data/b.h\"\n"},
      {"data/b.h", "#include <vector>\n#include \"data/c.h\"\n"},
      {"data/c.h", ""},
      {"config/x.h", "#include \"nn/network_spec.h\"\n"},
      {"nn/network_spec.h", "#include \"nn/layers/conv.h\"\n"},
      {"nn/layers/conv.h", ""},
      {"nn/layer.h", ""},
      {"nn/network.h", "#include \"nn/layer.h\"\n"},
  };
  CHECK(circles(files) == Names{});
  CHECK(ways_to_the_engine(files) == Names{});
  files[3].text = "#include \"data/a.h\"\n";
  files[6].text = "#include \"nn/layer.h\"\n";
  CHECK(circles(files) == Names{"data/a -> data/b -> data/c -> data/a"});
  CHECK(ways_to_the_engine(files) ==
        Names{"config/x.h -> nn/network_spec.h -> nn/layers/conv.h -> nn/layer.h",
              "nn/network_spec.h -> nn/layers/conv.h -> nn/layer.h"});
}

}  // namespace
}  // namespace cnn

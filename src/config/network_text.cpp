#include "config/network_text.h"

#include <algorithm>
#include <map>

#include "config/brief.h"
#include "config/network_table.h"
#include "core/text.h"

namespace cnn {
namespace {

class NetworkWriter {
 public:
  std::vector<std::string> write(const NetworkSpec& network, const std::string& indent) {
    std::vector<std::string> entries;
    for (const LayerSpec& layer : network) entries.push_back(write(layer, indent));
    return entries;
  }

 private:
  std::string write(const LayerSpec& layer, const std::string& indent) {
    const JsonValue all = layer_kind().write(layer);
    const std::string type = all.find("type")->text;
    // Counted depth first, as config/network_table.cpp names the entries.
    const int number = ++counts_[type];
    const auto description = std::ranges::find(descriptions_, type, &ObjectDescription::type);
    JsonValue entry = JsonValue::object().set("type", type);
    if (layer.name != fmt::format("{}{}", type, number)) entry.set("name", layer.name);
    const JsonValue keys = brief(all, *description);
    for (std::size_t i = 0; i < keys.keys.size(); ++i)
      if (const std::string& key = keys.keys[i].name; key != "type" && key != "name" && key != "layers")
        entry.set(key, keys.items[i]);
    std::string text = to_line(entry);
    const auto* residual = std::get_if<ResidualSpec>(&layer.spec);
    if (!residual) return text;
    text.pop_back();  // the brace
    const std::string inner = indent + "  ";
    return fmt::format("{}, \"layers\": [\n{}{}\n{}]}}", text, inner,
                       join(write(residual->layers, inner), ",\n" + inner), indent);
  }

  const std::vector<ObjectDescription> descriptions_ = layer_kind().descriptions();
  std::map<std::string, int> counts_;  // of each type
};

}  // namespace

std::vector<std::string> network_text(const NetworkSpec& network, const std::string& indent) {
  return NetworkWriter().write(network, indent);
}

std::string network_text_up_to(const NetworkSpec& network, const std::string& last_entry) {
  const std::vector<std::string> entries = network_text(network, "");
  std::string text;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    text += entries[i] + "\n";
    if (network[i].name == last_entry) break;
  }
  return text;
}

}  // namespace cnn

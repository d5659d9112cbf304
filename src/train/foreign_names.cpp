#include "train/foreign_names.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

/// Shapes by the names behind the dot.
using Parts = std::map<std::string, std::vector<std::int64_t>>;

struct NamedLayer {
  std::string name;  ///< before the last dot
  Parts parts;
};

std::pair<std::string, std::string> split(const std::string& tensor) {
  const std::size_t dot = tensor.rfind('.');
  return dot == std::string::npos ? std::pair(std::string(), tensor)
                                  : std::pair(tensor.substr(0, dot), tensor.substr(dot + 1));
}

template <class Tensors>
std::vector<NamedLayer> layers_of(const Tensors& tensors) {
  std::vector<NamedLayer> layers;
  for (const auto& tensor : tensors) {
    const auto [name, part] = split(tensor.name);
    auto layer = std::ranges::find(layers, name, &NamedLayer::name);
    if (layer == layers.end()) layer = layers.insert(layers.end(), {name, {}});
    layer->parts[part] = tensor.shape;
  }
  return layers;
}

/// A part of a name, in an order that follows the network: numbers, then "conv1", then the rest.
struct NamePart {
  explicit NamePart(std::string_view text) {
    const std::size_t end = text.find_last_not_of("0123456789") + 1;
    std::string_view word = text.substr(0, end), digits = text.substr(end);
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty()) number = 1 << 30;
    if (word.empty()) return;
    const std::string plain(word);
    const auto is = [&](std::initializer_list<const char*> words) {
      return std::ranges::find(words, plain) != words.end();
    };
    if (digits.empty())
      kind = is({"fc", "classifier", "head", "logits"}) ? 3 : is({"downsample", "shortcut"}) ? 2 : 1;
    sort = is({"conv"}) ? 0 : is({"bn", "norm"}) ? 1 : 2;
    rest = plain;
  }
  auto key() const { return std::tie(kind, number, sort, rest); }

  int kind = 0;  ///< with a number; a word; a shortcut; the end of the network
  int number = 0;
  int sort = 0;
  std::string rest;
};

std::vector<NamePart> parts_of(std::string_view name) {
  std::vector<NamePart> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    parts.emplace_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string words(const NamedLayer& layer) {
  std::vector<std::string> parts;
  for (const auto& [name, shape] : layer.parts)
    parts.push_back(fmt::format("{} [{}]", printable(name), fmt::join(shape, ", ")));
  return fmt::format("\"{}\" ({})", printable(layer.name), join(parts));
}

/// The entry that `except` would name: "residual1" of "residual1.shortcut".
std::string entry_of(const std::string& layer) { return layer.substr(0, layer.find('.')); }

/// Whether both have the same tensors, but for how many outputs they have.
bool differ_in_outputs_only(const Parts& a, const Parts& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.size() == y.second.size() && !x.second.empty() &&
           std::equal(x.second.begin() + 1, x.second.end(), y.second.begin() + 1);
  });
}

class Matcher {
 public:
  Matcher(std::vector<std::string>& except, const std::string& where) : except_(except), where_(where) {}

  /// Of the same place in both.
  void match(const std::vector<NamedLayer>& ours, const std::vector<NamedLayer>& theirs, bool to_the_end) {
    for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
      const bool last = to_the_end && i + 1 == ours.size();
      if (i >= ours.size())
        fail("{}: {} is a layer more than the {} that the network takes{}", where_, words(theirs[i]),
             ours.size(), to_the_end ? "" : " for this entry");
      if (i >= theirs.size()) {
        if (last && leave_out(ours[i], "the file ends before it")) return;
        fail("{}: has no layer for {}, the network's layer {} of {}; the file's last is {}", where_,
             words(ours[i]), i + 1, ours.size(), theirs.empty() ? "none" : words(theirs.back()));
      }
      match(ours[i], theirs[i], last);
    }
  }

  const std::string& left_out() const { return left_out_; }
  /// File's name of a layer to the network's.
  const std::map<std::string, std::string>& found() const { return found_; }

 private:
  void match(const NamedLayer& ours, const NamedLayer& theirs, bool last) {
    found_[theirs.name] = ours.name;
    if (ours.parts == theirs.parts || std::ranges::find(except_, entry_of(ours.name)) != except_.end())
      return;
    if (last && differ_in_outputs_only(ours.parts, theirs.parts) &&
        leave_out(ours, fmt::format("the file's \"{}\" has {} outputs", printable(theirs.name),
                                    theirs.parts.begin()->second.front())))
      return;
    fail("{}: its layer {} stands where the network has {}: the networks differ there", where_, words(theirs),
         words(ours));
  }

  bool leave_out(const NamedLayer& layer, const std::string& why) {
    except_.push_back(entry_of(layer.name));
    left_out_ = fmt::format("{} starts fresh: {}", printable(except_.back()), why);
    return true;
  }

  std::vector<std::string>& except_;
  const std::string& where_;
  std::string left_out_;
  std::map<std::string, std::string> found_;
};

/// Those of an entry of the network, with everything inside it.
std::vector<NamedLayer> layers_of_entry(const std::vector<NamedLayer>& all, const Network& network,
                                        const std::string& entry) {
  std::string path;
  for (const Node& node : network.nodes())
    if (node.name == entry) path = node.path;
  std::vector<NamedLayer> some;
  for (const NamedLayer& layer : all)
    for (const Node& node : network.nodes()) {
      const bool is_inside = node.path == path || node.path.starts_with(path + "/");
      if (is_inside && (layer.name == node.name || layer.name.starts_with(node.name + "."))) {
        some.push_back(layer);
        break;
      }
    }
  return some;
}

}  // namespace

bool is_earlier_layer(std::string_view a, std::string_view b) {
  const std::vector<NamePart> x = parts_of(a), y = parts_of(b);
  return std::ranges::lexicographical_compare(
      x, y, [](const NamePart& p, const NamePart& q) { return p.key() < q.key(); });
}

std::string rename_tensors(SafeTensors& file, const Network& network, const ForeignNames& names,
                           std::vector<std::string>& except, const std::string& where) {
  const std::vector<NamedLayer> ours = layers_of(network.tensors());
  std::vector<NamedLayer> theirs = layers_of(file.tensors);
  std::ranges::stable_sort(theirs, is_earlier_layer, &NamedLayer::name);
  Matcher matcher(except, where);
  if (names.torchvision) matcher.match(ours, theirs, true);
  for (const auto& [entry, prefix] : names.by_entry) {
    std::vector<NamedLayer> some;
    for (const NamedLayer& layer : theirs)
      if (layer.name == prefix || layer.name.starts_with(prefix + ".")) some.push_back(layer);
    matcher.match(layers_of_entry(ours, network, entry), some, false);
  }
  for (SafeTensors::Tensor& tensor : file.tensors) {
    const auto [layer, part] = split(tensor.name);
    const auto found = matcher.found().find(layer);
    if (found != matcher.found().end()) tensor.name = found->second + "." + part;
  }
  return matcher.left_out();
}

}  // namespace cnn

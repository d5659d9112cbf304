#include "train/data_identity.h"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const DataIdentity::Set& set) { return {{"images", set.images}, {"checksum", set.checksum}}; }

DataIdentity::Set to_set(const Json& json) {
  return {json.at("images").get<std::int64_t>(), json.at("checksum").get<std::uint32_t>()};
}

void compare(const DataIdentity::Set& before, const DataIdentity::Set& now, const char* which,
             std::vector<std::string>& found) {
  if (before.images != now.images)
    found.push_back(fmt::format("there were {} {} images, and now there are {}", with_commas(before.images),
                                which, with_commas(now.images)));
  else if (before.checksum != now.checksum)
    found.push_back(fmt::format("the names or classes of {} images have changed", which));
}

/// The names of `some` that are not in `others`.
std::vector<std::string> missing_in(const std::vector<std::string>& others,
                                    const std::vector<std::string>& some) {
  std::vector<std::string> missing;
  for (const std::string& name : some)
    if (std::ranges::find(others, name) == others.end()) missing.push_back(name);
  return missing;
}

/// `class "x" was`, `the classes "x", "y" and 7 more were`.
std::string these_classes_were(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> quoted;
  for (const std::string& name : std::span(names).first(std::min(names.size(), kMost)))
    quoted.push_back('"' + printable(name) + '"');
  return fmt::format("{} {}{} {}", names.size() == 1 ? "class" : "the classes", join(quoted),
                     names.size() > kMost ? fmt::format(" and {} more", names.size() - kMost) : "",
                     names.size() == 1 ? "was" : "were");
}

std::string class_difference(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  const std::vector<std::string> added = missing_in(before, now), removed = missing_in(now, before);
  if (added.empty() && removed.empty())
    return fmt::format("the order of the classes was {}, and now it is {}", printable(join(before)),
                       printable(join(now)));
  if (added.size() == 1 && removed.size() == 1)
    return fmt::format("class \"{}\" was renamed to \"{}\", or replaced by it", printable(removed.front()),
                       printable(added.front()));
  std::vector<std::string> parts;
  if (!added.empty()) parts.push_back(these_classes_were(added) + " added");
  if (!removed.empty()) parts.push_back(these_classes_were(removed) + " removed");
  return join(parts, ", ");
}

}  // namespace

DataIdentity::Set identify(const ImageSet& set) {
  DataIdentity::Set identity{.images = set.size()};
  uLong checksum = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::string name = set.name(i);
    const std::size_t slash = name.rfind('/');
    const std::string line = fmt::format("{} {}\n", set.labels[static_cast<std::size_t>(i)],
                                         slash == std::string::npos ? name : name.substr(slash + 1));
    checksum = crc32_z(checksum, reinterpret_cast<const Bytef*>(line.data()), line.size());
  }
  identity.checksum = static_cast<std::uint32_t>(checksum);
  return identity;
}

std::string to_text(const DataIdentity& identity) {
  Json json = {{"classes", identity.classes}, {"train", to_json(identity.train)}};
  if (identity.validation) json["validation"] = to_json(*identity.validation);
  json["mean"] = identity.mean;
  json["std"] = identity.std;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

DataIdentity to_identity(const std::string& text, const std::string& where) {
  DataIdentity identity;
  try {
    const Json json = Json::parse(text);
    identity.classes = json.at("classes").get<std::vector<std::string>>();
    identity.train = to_set(json.at("train"));
    if (json.contains("validation")) identity.validation = to_set(json.at("validation"));
    identity.mean = json.at("mean").get<std::vector<double>>();
    identity.std = json.at("std").get<std::vector<double>>();
  } catch (const Json::exception& error) {
    fail("{}: its record of the data is damaged: {}", where, error.what());
  }
  return identity;
}

std::vector<std::string> differences(const DataIdentity& before, const DataIdentity& now) {
  std::vector<std::string> found;
  if (before.classes != now.classes) found.push_back(class_difference(before.classes, now.classes));
  compare(before.train, now.train, "training", found);
  if (before.validation.has_value() != now.validation.has_value())
    found.push_back(before.validation ? "there is no validation set any more"
                                      : "there was no validation set");
  else if (before.validation)
    compare(*before.validation, *now.validation, "validation", found);
  if (found.empty() && (before.mean != now.mean || before.std != now.std))
    found.push_back(
        "the pixels have a different mean or standard deviation: images were changed, or they are JPEGs and "
        "the "
        "run began with a version of the program that decoded them by another library");
  return found;
}

}  // namespace cnn

#include "session/data_comparison.h"

#include <string>
#include <vector>

#include "cluster/messages.h"
#include "core/text.h"

namespace cnn {
namespace {

/// What must be the same everywhere of one set.
struct SetDigest {
  std::int64_t images = 0;
  Fingerprint classes, labels, names;
};

Fingerprint print_of(std::string_view text) { return fingerprint(std::as_bytes(std::span(text))); }

SetDigest digest_of(const Dataset* set) {
  SetDigest digest;
  if (!set) return digest;
  digest.images = set->size();
  std::string classes, names;
  for (const std::string& name : set->classes()) classes += name + '\0';
  std::vector<int> labels;
  for (std::int64_t image = 0; image < set->size(); ++image) {
    labels.push_back(set->label(image));
    const std::string name = set->name(image);
    names += name.substr(name.rfind('/') + 1) + '\0';
  }
  digest.classes = print_of(classes);
  digest.names = print_of(names);
  digest.labels = fingerprint(std::as_bytes(std::span(labels)));
  return digest;
}

[[noreturn]] void differ(const char* which, const std::string& how) {
  fail(
      "the {} images are not those of rank 0: {}. Every machine needs the same data; copy them, or use a "
      "shared folder",
      which, how);
}

void compare(const char* which, const SetDigest& here, const SetDigest& there) {
  if (here.classes != there.classes) differ(which, "the classes have other names");
  if (here.images != there.images)
    differ(which, fmt::format("{} here, {} there", with_commas(here.images), with_commas(there.images)));
  if (here.names != there.names) differ(which, "some files have other names");
  if (here.labels != there.labels) differ(which, "some have other labels");
}

}  // namespace

void compare_with_root(Cluster& cluster, const char* which, const Dataset* set,
                       std::span<const Fingerprint> fingerprints) {
  if (cluster.size() == 1) return;
  const SetDigest here = digest_of(set);
  SetDigest root = here;
  broadcast_value(cluster, root);
  compare(which, here, root);
  std::vector<Fingerprint> of_root(fingerprints.begin(), fingerprints.end());
  cluster.broadcast(std::as_writable_bytes(std::span(of_root)), 0);
  for (std::size_t image = 0; image < of_root.size(); ++image)
    if (fingerprints[image] != of_root[image])
      differ(which, printable(set->name(static_cast<std::int64_t>(image))) + " has other pixels");
}

}  // namespace cnn

#include "session/shared_document.h"

#include <string>
#include <vector>

#include "cluster/messages.h"

namespace cnn {

Document shared_document(Cluster& cluster, const std::function<Document()>& read) {
  std::string text, label, folder;
  std::vector<std::string> overrides;
  const auto share = [&] {
    for (std::string* part : {&text, &label, &folder}) broadcast_text(cluster, *part);
    std::uint64_t count = overrides.size();
    broadcast_value(cluster, count);
    overrides.resize(count);
    for (std::string& assignment : overrides) broadcast_text(cluster, assignment);
  };
  if (cluster.is_root()) {
    Document document = read();
    text = document.text(), label = document.label(), folder = document.folder().string();
    overrides = document.overrides();
    share();
    return document;
  }
  share();
  return Document::parse(std::move(text), std::move(label), std::move(folder), overrides);
}

}  // namespace cnn

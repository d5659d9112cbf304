#include "cluster/messages.h"

namespace cnn {

void broadcast_text(Cluster& cluster, std::string& text, int root) {
  std::uint64_t length = text.size();
  broadcast_value(cluster, length, root);
  text.resize(length);
  if (length > 0) cluster.broadcast(std::as_writable_bytes(std::span(text)), root);
}

std::vector<std::string> gathered_texts(Cluster& cluster, const std::string& mine) {
  const auto lengths = gathered(cluster, static_cast<std::uint64_t>(mine.size()));
  const std::vector<char> all = joined(cluster, std::span<const char>(mine));
  std::vector<std::string> texts;
  auto from = all.begin();
  for (const std::uint64_t length : lengths) {
    texts.emplace_back(from, from + static_cast<std::ptrdiff_t>(length));
    from += static_cast<std::ptrdiff_t>(length);
  }
  return texts;
}

}  // namespace cnn

#include "data/used_range.h"

#include <atomic>

#include "cluster/messages.h"
#include "core/error.h"
#include "core/text.h"
#include "data/pixel_reader.h"

namespace cnn {

PixelRange used_range(const ImageFiles& files, const DecodeLimits& limits, ThreadPool& pool,
                      const Progress& progress, Cluster& cluster) {
  struct Worker {
    std::string content;
    TraitCounts seen;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(pool.threads()));
  const Portion share = share_of(files.size(), cluster.rank(), cluster.size());
  std::atomic<std::int64_t> done{0};
  pool.parallel_for(share.size(), [&](std::int64_t at, int number) {
    Worker& worker = workers[static_cast<std::size_t>(number)];
    const std::string path = files.path(share.first + at).string();
    read_image(path, limits, worker.content, [&](const Image& image) {
      worker.seen.add(image.traits);
      return "";
    });
    done.fetch_add(1, std::memory_order_relaxed);
    if (number == 0 && progress) progress(done.load(std::memory_order_relaxed), share.size());
  });
  TraitCounts all;
  for (const Worker& worker : workers) all.add(worker.seen);
  for (const TraitCounts& other : gathered(cluster, TraitCounts(all))) all.add(other);
  if (all.deep == 0)
    fail("{}: no image has 16 bits, so \"range\": \"auto\" finds nothing; remove it", files.where);
  if (all.least == all.most)
    fail("{}: every value of the 16-bit images is {}, which is no range", files.where, all.least);
  return {PixelRange::Mode::given, all.least, all.most};
}

}  // namespace cnn

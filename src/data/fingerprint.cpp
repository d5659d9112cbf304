#include "data/fingerprint.h"

#include <bit>
#include <cstring>

namespace cnn {
namespace {

/// A multiplication carries a bit upwards only; the shift brings it back down. Both can be undone, so that
/// words that differ in one place never end in the same state.
std::uint64_t stir(std::uint64_t state, std::uint64_t word, std::uint64_t factor) {
  state = (state ^ word) * factor;
  return state ^ state >> 29;
}

constexpr std::uint64_t kHigh = 0x9E3779B97F4A7C15, kLow = 0xD6E8FEB86659FD93;  // odd, half of the bits set

Fingerprint begin(std::size_t bytes) { return {kLow, kHigh ^ bytes, 0}; }

void add(Fingerprint& print, std::uint64_t word) {
  print.high = stir(print.high, word, kHigh);
  print.low = stir(print.low, std::rotl(word, 32), kLow);
}

void end(Fingerprint& print) {
  for (int i = 0; i < 2; ++i) add(print, 0);  // the last words reach every bit, too
}

std::uint64_t word_at(const std::byte* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

}  // namespace

Fingerprint fingerprint(std::span<const std::byte> pixels) {
  Fingerprint print = begin(pixels.size());
  std::size_t at = 0;
  for (; at + 8 <= pixels.size(); at += 8) add(print, word_at(pixels.data() + at, 8));
  if (at < pixels.size()) add(print, word_at(pixels.data() + at, pixels.size() - at));
  end(print);
  return print;
}

std::array<Fingerprint, kLanes> fingerprints_of_lanes(BlockView<const float> block) {
  std::array<Fingerprint, kLanes> prints;
  prints.fill(begin(static_cast<std::size_t>(block.pixels()) * sizeof(float)));
  std::array<std::uint64_t, kLanes> first_halves{};
  bool is_second = false;
  for (int c = 0; c < block.c; ++c)
    for (int h = 0; h < block.h; ++h)
      for (int w = 0; w < block.w; ++w, is_second = !is_second) {
        const float* const pixel = block.at(c, h, w);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {  // no lane waits for another
          const std::uint64_t bits = std::bit_cast<std::uint32_t>(pixel[lane]);
          if (is_second)
            add(prints[lane], first_halves[lane] | bits << 32);
          else
            first_halves[lane] = bits;
        }
      }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (is_second) add(prints[lane], first_halves[lane]);
    end(prints[lane]);
  }
  return prints;
}

Fingerprint fingerprint(const PictureView& picture) {
  const std::size_t value_bytes = picture.type == PixelType::floats ? sizeof(float) : 1;
  const std::int64_t values = std::int64_t{picture.channels} * picture.height * picture.width;
  Fingerprint print = fingerprint({picture.pixels, static_cast<std::size_t>(values) * value_bytes});
  print.look = picture_hash(thumbnail(picture));
  return print;
}

std::vector<Fingerprint> fingerprints_of(const Dataset& dataset, ThreadPool& pool) {
  std::vector<Fingerprint> prints(static_cast<std::size_t>(dataset.size()));
  std::vector<std::vector<std::byte>> scratch(static_cast<std::size_t>(pool.threads()));
  pool.parallel_for(dataset.size(), [&](std::int64_t image, int worker) {
    const std::byte* pixels = dataset.pixels(image, scratch[static_cast<std::size_t>(worker)]);
    prints[static_cast<std::size_t>(image)] = fingerprint(
        PictureView{pixels, dataset.pixel_type(), dataset.channels(), dataset.height(), dataset.width()});
  });
  return prints;
}

}  // namespace cnn

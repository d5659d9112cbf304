#pragma once

#include <array>
#include <vector>

#include "core/random.h"
#include "data/data_spec.h"

namespace cnn {

/// Rotation, zoom and elastic deformation of an image, put together so that it is interpolated only once.
/// Keeps its memory from one image to the next; not shared by threads.
///
/// Pixel (y, x) of the new image shows the old one at
///
///     c + s + M (p - c + d[p]),   p = (y, x), c the center ((h - 1) / 2, (w - 1) / 2)
///
/// with M the inverses of all turns, zooms and shears in their order, s the shifts, and d the elastic
/// displacement.
class Warp {
 public:
  /// Begins with the identity.
  void begin(int height, int width);
  /// Counterclockwise.
  void rotate(double degrees);
  /// Above 1 enlarges. factor > 0.
  void scale(double factor);
  /// Pixel (y, x) shows what was at (y + down x, x + right y), counted from the upper left corner of the
  /// image. Only as the first change.
  void shear(double down, double right);
  /// The image moves by whole or broken pixels. Only as the first change.
  void shift(double down, double right);
  /// Displaces by alpha pixels times uniform noise in -1 .. 1 that was blurred by a Gaussian (cut off at
  /// 3 sigma, zeros outside the image). Ends the composition: nothing may follow.
  /// Source: P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to
  /// visual document analysis", ICDAR 2003, section 2.
  void displace(double alpha, double sigma, Random& random);
  bool ended() const { return displaced_; }

  /// Bilinear interpolation of `channels` planes. What lies outside is 0, or the image mirrored at its edge.
  /// A position on a pixel gives exactly that pixel. No overlap.
  void apply(Border border, int channels, const float* from, float* to);

 private:
  void multiply(double a, double b, double c, double d);
  void place_neighbors(Border border);
  int make_kernel(double sigma);
  void draw_field(double alpha, int radius, Random& random, std::vector<float>& field);

  int height_ = 0, width_ = 0;
  std::array<double, 4> matrix_{};  ///< of (x, y), row by row
  double shift_y_ = 0, shift_x_ = 0;
  bool displaced_ = false;
  std::vector<float> dy_, dx_;            ///< displacement, per pixel
  std::vector<float> kernel_;             ///< of the blur: its center and one side
  std::vector<float> noise_, rows_done_;  ///< with zeros around
  std::vector<float> padded_;             ///< a plane with a border of one zero
  std::vector<int> corner_;               ///< per pixel: its upper left neighbor in padded_
  std::vector<float> down_, right_;       ///< and how far it lies from that, in 0 .. 1
};

}  // namespace cnn

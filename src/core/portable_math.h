#pragma once

namespace cnn {

/// Elementary functions in double precision whose bits are part of a result: initial weights, learning rates,
/// augmentation, losses. Those of C libraries differ in the last bit from library to library, from processor
/// to processor, and in one library between processors with and without fused multiply-add. These are made of
/// additions, multiplications, divisions and exact operations only, which IEEE 754 rounds everywhere alike;
/// the compiler must not fuse them (-ffp-contract=off).
///
/// Each result is within 1 unit in the last place of the true value (measured:
/// tests/unit/test_portable_math.cpp), so that its float is nearly always the one that a C library's result
/// would give. NaN gives NaN. std::sqrt, std::floor, std::ldexp, std::frexp and std::fmod are exact or
/// correctly rounded everywhere and need no replacement.

/// e^x; infinite beyond 709.78, 0 below -745.2.
double portable_exp(double x);

/// Natural logarithm; -infinity for 0, NaN for negative numbers.
double portable_log(double x);

double portable_sin(double radians);
double portable_cos(double radians);

/// base^exponent for base >= 0, within 2 units in the last place; NaN for a negative base. base^0 is 1.
double portable_pow(double base, double exponent);

}  // namespace cnn

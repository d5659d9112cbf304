#pragma once

/// To be included by every kernel source before any Highway header: which instruction sets are built.
/// SSE4.2 (the floor, without fused multiply-add), AVX2 and AVX-512 on x86-64; NEON on ARM64.
#if !defined(HWY_DISABLED_TARGETS)
#if defined(__x86_64__) || defined(_M_X64)
/// The others that Highway knows add nothing here: SSE2 (bit 14), SSSE3 (12), and the refinements of AVX-512
/// (3 to 7).
#define HWY_DISABLED_TARGETS ((1LL << 14) | (1LL << 12) | (0x1FLL << 3))
#elif defined(__aarch64__) || defined(_M_ARM64)
/// Bits 15 to 27: SVE and SVE2, whose vectors have no size at compile time (an array of them, as the tiles
/// are, does not compile), and NEON with bfloat16, which is not used. Where they lie depends on Highway's
/// version; plain NEON is bit 28 (and 29, without AES, in newer versions).
#define HWY_DISABLED_TARGETS (0x1FFFLL << 15)
#endif
#endif

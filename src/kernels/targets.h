#pragma once

/// To be included by every kernel source before any Highway header: which instruction sets are built.
/// SSE4.2 (the floor, without fused multiply-add), AVX2 and AVX-512 on x86-64; NEON on arm64. The other x86
/// sets that Highway knows add nothing here: SSE2 (bit 14), SSSE3 (12), and the refinements of AVX-512 (3 to
/// 7).
#if defined(__x86_64__) && !defined(HWY_DISABLED_TARGETS)
#define HWY_DISABLED_TARGETS ((1LL << 14) | (1LL << 12) | (0x1FLL << 3))
#endif

#pragma once

// The letters of this folder, and of nn/layers, are oneDNN's:
//
//     N               images of a batch; a block has 16 of them, one in each lane, so most loops have no n
//     IC, OC          channels of the input, of the output; ic, oc one of them
//     IH, IW          rows and columns of the input; ih, iw one of them
//     OH, OW          rows and columns of the output; oh, ow one of them
//     KH, KW          rows and columns of the kernel or window; kh, kw one of them
//     SH, SW          stride: rows and columns from one window to the next
//     PH, PW          padding: rows above and columns at the left that the input is thought to have
//     DH, DW          dilation: rows and columns from one position of the window to the next; 1 is dense
//
//     x [IC][IH][IW]   w [OC][IC][KH][KW]   b [OC]   y [OC][OH][OW]      and the gradients dx, dw, db, dy
//
//     OH = floor((IH + padding - DH*(KH-1) - 1) / SH) + 1, with the padding of both sides; OW alike
//     (oh, ow) reads the input at (oh*SH + kh*DH - PH, ow*SW + kw*DW - PW)
//
// "Convolution" is cross-correlation, as in PyTorch: the kernel is not flipped. Kernels that serve several
// layers (weighted_sum.h, matrix_product.h) have letters of their own and say which of these they stand for.

/* Values are maps [channel][row][column] of bytes, one after the other. A byte q stands for scale * (q - zero),
   where scale and zero belong to the value: B. Jacob et al., "Quantization and Training of Neural Networks for
   Efficient Integer-Arithmetic-Only Inference", 2018. Every function below writes all of y, and x and y do not
   overlap unless it says so. A right shift of a negative number rounds down, as it does with every compiler for
   such machines. */
typedef enum { CONV, DENSE, MAX_POOL, AVG_POOL, SUM, PRODUCT, TABLE } layer_kind;

typedef struct {
  layer_kind kind;
  int channels, height, width;             /* of x */
  int out_channels, out_height, out_width; /* of y */
  int kernel_height, kernel_width;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  int padding_top, padding_left;
  int groups;        /* CONV: an output reads the channels of its group */
  int count_padding; /* AVG_POOL: 1: the mean is over the whole window, 0: over its part inside the map */
  int x_zero, shortcut_zero, y_zero; /* what stands for 0 in x, in the second input of SUM and PRODUCT, and in y */
  int low;                           /* the smallest y: more than -128 after a ReLU */
  const int8_t *weight;              /* TABLE: y for each x */
  const int32_t *bias;
  const int32_t *multiplier; /* for each output channel: a sum times this, shifted right, is y */
  const uint8_t *shift;
  long x, shortcut, y; /* places of the values in the scratch memory */
} layer;

//@ use requantize
/* A product, shifted right with rounding, as a byte. */
static int8_t to_byte(int64_t product, int shift, const layer *l) {
  int64_t q = ((product + ((int64_t)1 << (shift - 1))) >> shift) + l->y_zero;
  if (q < l->low) q = l->low;
  if (q > 127) q = 127;
  return (int8_t)q;
}

//@ use conv
/* The part [first, end) of a kernel that lies inside a map, for a window that begins at `from`. */
static void inside(int from, int dilation, int kernel, int size, int *first, int *end) {
  *first = from < 0 ? (dilation - 1 - from) / dilation : 0;
  *end = from >= size ? 0 : (size - 1 - from) / dilation + 1;
  if (*end > kernel) *end = kernel;
}

/* A function that is not to become part of its caller, so that its loop has the registers for itself. */
#ifdef __GNUC__
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* sum of weight * (x - zero) over `columns` columns of a window, for each of its rows in one map. */
APART static int32_t window_sum(const int8_t *x, long row, int step, int zero, const int8_t *weight, int weight_row,
                                int rows, int columns) {
  int32_t sum = 0;
  int kh, kw;
  for (kh = 0; kh < rows; ++kh, x += row, weight += weight_row) {
    const int8_t *in = x;
    for (kw = 0; kw < columns; ++kw, in += step) sum += weight[kw] * (*in - zero);
  }
  return sum;
}

/* y[oc][oh][ow] = bias[oc] + sum of weight[oc][ic][kh][kw] * x[ic][oh * stride + kh * dilation - padding][...],
   where x is 0 outside of the map. */
static void conv(const layer *l, const int8_t *x, int8_t *y) {
  const int group_inputs = l->channels / l->groups, group_outputs = l->out_channels / l->groups;
  const int area = l->kernel_height * l->kernel_width;
  const long map = (long)l->height * l->width, row = (long)l->dilation_height * l->width;
  const int8_t *weight = l->weight;
  int oc, oh, ow, ic, top, bottom, left, right;
  for (oc = 0; oc < l->out_channels; ++oc, weight += (long)group_inputs * area) {
    const int8_t *group = x + (long)(oc / group_outputs) * group_inputs * map;
    for (oh = 0; oh < l->out_height; ++oh) {
      const int h = oh * l->stride_height - l->padding_top;
      inside(h, l->dilation_height, l->kernel_height, l->height, &top, &bottom);
      for (ow = 0; ow < l->out_width; ++ow) {
        const int w = ow * l->stride_width - l->padding_left;
        int32_t sum = l->bias[oc];
        inside(w, l->dilation_width, l->kernel_width, l->width, &left, &right);
        if (top < bottom && left < right) {
          const int8_t *first = group + (top * row + (long)h * l->width + w + left * l->dilation_width);
          const int8_t *factors = weight + top * l->kernel_width + left;
          for (ic = 0; ic < group_inputs; ++ic)
            sum += window_sum(first + ic * map, row, l->dilation_width, l->x_zero, factors + ic * area,
                              l->kernel_width, bottom - top, right - left);
        }
        *y++ = to_byte((int64_t)sum * l->multiplier[oc], l->shift[oc], l);
      }
    }
  }
}

//@ use dense
/* y[o] = bias[o] + sum of weight[o][i] * x[i]; what x_zero adds to the sum is part of the bias. */
static void dense(const layer *l, const int8_t *x, int8_t *y) {
  const long inputs = (long)l->channels * l->height * l->width;
  const int8_t *w = l->weight;
  int o;
  long i;
  for (o = 0; o < l->out_channels; ++o, w += inputs) {
    int32_t sum = l->bias[o];
    for (i = 0; i < inputs; ++i) sum += w[i] * x[i];
    y[o] = to_byte((int64_t)sum * l->multiplier[o], l->shift[o], l);
  }
}

//@ use max_pool|avg_pool
/* The rows [first, end) of x under a window that begins at `from`. */
static void clip(int from, int size, int limit, int *first, int *end) {
  *first = from > 0 ? from : 0;
  *end = from + size < limit ? from + size : limit;
}

//@ use max_pool
/* The largest value of each window; padding never wins. */
static void max_pool(const layer *l, const int8_t *x, int8_t *y) {
  int c, oh, ow, h, w, top, bottom, left, right;
  for (c = 0; c < l->channels; ++c, x += (long)l->height * l->width)
    for (oh = 0; oh < l->out_height; ++oh) {
      clip(oh * l->stride_height - l->padding_top, l->kernel_height, l->height, &top, &bottom);
      for (ow = 0; ow < l->out_width; ++ow) {
        int most = l->low;
        clip(ow * l->stride_width - l->padding_left, l->kernel_width, l->width, &left, &right);
        for (h = top; h < bottom; ++h)
          for (w = left; w < right; ++w)
            if (x[(long)h * l->width + w] > most) most = x[(long)h * l->width + w];
        *y++ = (int8_t)most;
      }
    }
}

//@ use avg_pool
/* The mean of each window. */
static void avg_pool(const layer *l, const int8_t *x, int8_t *y) {
  int c, oh, ow, h, w, top, bottom, left, right;
  for (c = 0; c < l->channels; ++c, x += (long)l->height * l->width)
    for (oh = 0; oh < l->out_height; ++oh) {
      clip(oh * l->stride_height - l->padding_top, l->kernel_height, l->height, &top, &bottom);
      for (ow = 0; ow < l->out_width; ++ow) {
        int32_t sum = 0;
        int64_t product, divisor, q;
        clip(ow * l->stride_width - l->padding_left, l->kernel_width, l->width, &left, &right);
        for (h = top; h < bottom; ++h)
          for (w = left; w < right; ++w) sum += x[(long)h * l->width + w] - l->x_zero;
        product = (int64_t)sum * l->multiplier[0];
        divisor = (int64_t)(l->count_padding ? l->kernel_height * l->kernel_width : (bottom - top) * (right - left))
                  << l->shift[0];
        q = (product >= 0 ? product + divisor / 2 : product - divisor / 2) / divisor + l->y_zero;
        if (q < l->low) q = l->low;
        if (q > 127) q = 127;
        *y++ = (int8_t)q;
      }
    }
}

//@ use sum
/* y = x + shortcut; y may be one of them. */
static void add(const layer *l, const int8_t *x, const int8_t *shortcut, int8_t *y) {
  const long count = (long)l->out_channels * l->out_height * l->out_width;
  long i;
  for (i = 0; i < count; ++i)
    y[i] = to_byte(
        (int64_t)(x[i] - l->x_zero) * l->multiplier[0] + (int64_t)(shortcut[i] - l->shortcut_zero) * l->multiplier[1],
        l->shift[0], l);
}

//@ use product
/* y = x * shortcut[c]; y may be x. */
static void multiply(const layer *l, const int8_t *x, const int8_t *shortcut, int8_t *y) {
  const long map = (long)l->height * l->width;
  int c;
  long i;
  for (c = 0; c < l->channels; ++c) {
    const int64_t factor = (int64_t)(shortcut[c] - l->shortcut_zero) * l->multiplier[0];
    for (i = c * map; i < (c + 1) * map; ++i) y[i] = to_byte((x[i] - l->x_zero) * factor, l->shift[0], l);
  }
}

//@ use table
/* A function of each byte; y may be x. */
static void look_up(const layer *l, const int8_t *x, int8_t *y) {
  const long count = (long)l->out_channels * l->out_height * l->out_width;
  long i;
  for (i = 0; i < count; ++i) y[i] = l->weight[x[i] + 128];
}

//@ always
static void run_layer(const layer *l, const int8_t *x, const int8_t *shortcut, int8_t *y) {
  switch (l->kind) {
    //@ use conv
    case CONV:
      conv(l, x, y);
      break;
    //@ use dense
    case DENSE:
      dense(l, x, y);
      break;
    //@ use max_pool
    case MAX_POOL:
      max_pool(l, x, y);
      break;
    //@ use avg_pool
    case AVG_POOL:
      avg_pool(l, x, y);
      break;
    //@ use sum
    case SUM:
      add(l, x, shortcut, y);
      break;
    //@ use product
    case PRODUCT:
      multiply(l, x, shortcut, y);
      break;
    //@ use table
    case TABLE:
      look_up(l, x, y);
      break;
    //@ always
    default:
      break;
  }
  //@ use !sum
  (void)shortcut;
  //@ always
}

/* Bytes, rows of interleaved channels, to maps: a table for each channel normalizes and quantizes. */
static void read_pixels(const uint8_t *pixels, int channels, int height, int width, const int8_t *tables, int8_t *y) {
  const long map = (long)height * width;
  int c;
  long i;
  for (c = 0; c < channels; ++c)
    for (i = 0; i < map; ++i) y[c * map + i] = tables[c * 256 + pixels[i * channels + c]];
}

/* Probabilities are exp(logit) divided by their sum; exponentials[d]: exp of a logit that is d below the
 * largest. */
static void softmax(const int8_t *logits, int classes, const float *exponentials, float *probabilities) {
  int most = logits[0], k;
  float sum = 0.0f;
  for (k = 1; k < classes; ++k)
    if (logits[k] > most) most = logits[k];
  for (k = 0; k < classes; ++k) {
    probabilities[k] = exponentials[most - logits[k]];
    sum += probabilities[k];
  }
  for (k = 0; k < classes; ++k) probabilities[k] /= sum;
}

/* Values are maps [channel][row][column], one number after the other. Every function below writes all of y, and x
   and y do not overlap unless it says so. */
typedef enum { CONV, DENSE, AFFINE, MAX_POOL, AVG_POOL, SUM, PRODUCT, ACTIVATION } layer_kind;
typedef enum { NONE, RELU, RELU6, LEAKY_RELU, ELU, GELU, SILU, HARD_SWISH, SIGMOID, HARD_SIGMOID, TANH } layer_function;

typedef struct {
  layer_kind kind;
  layer_function function;                 /* applied to what the layer computes */
  float slope;                             /* of LEAKY_RELU below 0 */
  int channels, height, width;             /* of x */
  int out_channels, out_height, out_width; /* of y */
  int kernel_height, kernel_width;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  int padding_top, padding_left;
  int groups;        /* CONV: an output reads the channels of its group */
  int count_padding; /* AVG_POOL: 1: the mean is over the whole window, 0: over its part inside the map */
  const float *weight, *bias;
  long x, shortcut, y; /* places of the values in the scratch memory, in floats; shortcut: second input of SUM and PRODUCT */
} layer;

//@ use relu6|hard_swish|hard_sigmoid
static float between_0_and_6(float x) {
  if (x < 0.0f) return 0.0f;
  return x > 6.0f ? 6.0f : x;
}

//@ use activate
static void activate(const layer *l, float *y) {
  const long count = (long)l->out_channels * l->out_height * l->out_width;
  long i;
  switch (l->function) {
    //@ use relu
    case RELU:
      for (i = 0; i < count; ++i) y[i] = y[i] > 0.0f ? y[i] : 0.0f;
      break;
    //@ use relu6
    case RELU6:
      for (i = 0; i < count; ++i) y[i] = between_0_and_6(y[i]);
      break;
    //@ use leaky_relu
    case LEAKY_RELU:
      for (i = 0; i < count; ++i) y[i] = y[i] > 0.0f ? y[i] : l->slope * y[i];
      break;
    //@ use elu
    case ELU:
      for (i = 0; i < count; ++i) y[i] = y[i] > 0.0f ? y[i] : expf(y[i]) - 1.0f;
      break;
    //@ use gelu
    case GELU: /* x times the normal distribution's function at x */
      for (i = 0; i < count; ++i) y[i] = 0.5f * y[i] * (1.0f + erff(y[i] * 0.70710678f));
      break;
    //@ use silu
    case SILU:
      for (i = 0; i < count; ++i) y[i] = y[i] / (1.0f + expf(-y[i]));
      break;
    //@ use hard_swish
    case HARD_SWISH:
      for (i = 0; i < count; ++i) y[i] = y[i] * between_0_and_6(y[i] + 3.0f) / 6.0f;
      break;
    //@ use sigmoid
    case SIGMOID:
      for (i = 0; i < count; ++i) y[i] = 1.0f / (1.0f + expf(-y[i]));
      break;
    //@ use hard_sigmoid
    case HARD_SIGMOID:
      for (i = 0; i < count; ++i) y[i] = between_0_and_6(y[i] + 3.0f) / 6.0f;
      break;
    //@ use tanh
    case TANH:
      for (i = 0; i < count; ++i) y[i] = 1.0f - 2.0f / (1.0f + expf(2.0f * y[i]));
      break;
    //@ use activate
    default:
      break;
  }
}

//@ use conv
enum { COLUMNS = 8, OUTPUTS = 4 };

/* y[oc][oh][ow] = bias[oc] + sum of weight[oc][ic][kh][kw] * x[ic][oh * stride + kh * dilation - padding][...],
   where x is 0 outside of the map. COLUMNS neighbors of up to OUTPUTS channels at a time: a compiler makes vectors of
   them, and what is read of x serves all these channels. */
static void conv(const layer *l, const float *x, float *y) {
  const int group_inputs = l->channels / l->groups, group_outputs = l->out_channels / l->groups;
  const int area = l->kernel_height * l->kernel_width, stride = l->stride_width;
  const long map = (long)l->height * l->width, out_map = (long)l->out_height * l->out_width;
  const long terms = (long)group_inputs * area; /* of a sum */
  int oc, outputs, oh, ow, ic, kh, kw, j, k;
  for (oc = 0; oc < l->out_channels; oc += outputs) {
    const float *group = x + (long)(oc / group_outputs) * group_inputs * map, *weight[OUTPUTS];
    outputs = group_outputs - oc % group_outputs;
    if (outputs > OUTPUTS) outputs = OUTPUTS;
    for (j = 0; j < outputs; ++j) weight[j] = l->weight + (oc + j) * terms;
    for (oh = 0; oh < l->out_height; ++oh)
      for (ow = 0; ow < l->out_width; ow += COLUMNS) {
        float sums[OUTPUTS][COLUMNS] = {{0.0f}};
        for (ic = 0; ic < group_inputs; ++ic)
          for (kh = 0; kh < l->kernel_height; ++kh) {
            const int h = oh * l->stride_height + kh * l->dilation_height - l->padding_top;
            const float *row;
            if (h < 0 || h >= l->height) continue;
            row = group + ic * map + (long)h * l->width;
            for (kw = 0; kw < l->kernel_width; ++kw) {
              const int from = ow * stride + kw * l->dilation_width - l->padding_left;
              const int term = ic * area + kh * l->kernel_width + kw;
              float in[COLUMNS];
              if (stride == 1 && from >= 0 && from + COLUMNS <= l->width)
                for (k = 0; k < COLUMNS; ++k) in[k] = row[from + k];
              else
                for (k = 0; k < COLUMNS; ++k) {
                  const int w = from + k * stride;
                  in[k] = w >= 0 && w < l->width ? row[w] : 0.0f;
                }
              for (j = 0; j < outputs; ++j) {
                const float factor = weight[j][term];
                for (k = 0; k < COLUMNS; ++k) sums[j][k] += factor * in[k];
              }
            }
          }
        for (j = 0; j < outputs; ++j)
          for (k = 0; k < COLUMNS && ow + k < l->out_width; ++k)
            y[(oc + j) * out_map + (long)oh * l->out_width + ow + k] = l->bias[oc + j] + sums[j][k];
      }
  }
}

//@ use dense
/* y[o] = bias[o] + sum of weight[o][i] * x[i], in eight sums that a compiler can take side by side. */
static void dense(const layer *l, const float *x, float *y) {
  const long inputs = (long)l->channels * l->height * l->width;
  const float *w = l->weight;
  int o, k;
  long i;
  for (o = 0; o < l->out_channels; ++o, w += inputs) {
    float sums[8] = {0, 0, 0, 0, 0, 0, 0, 0}, sum = l->bias[o];
    for (i = 0; i + 8 <= inputs; i += 8)
      for (k = 0; k < 8; ++k) sums[k] += w[i + k] * x[i + k];
    for (; i < inputs; ++i) sum += w[i] * x[i];
    for (k = 0; k < 8; ++k) sum += sums[k];
    y[o] = sum;
  }
}

//@ use affine
/* y = weight[c] * x + bias[c]; y may be x. */
static void affine(const layer *l, const float *x, float *y) {
  const long map = (long)l->height * l->width;
  int c;
  long i;
  for (c = 0; c < l->channels; ++c)
    for (i = c * map; i < (c + 1) * map; ++i) y[i] = l->weight[c] * x[i] + l->bias[c];
}

//@ use max_pool|avg_pool
/* The rows [first, end) of x under a window that begins at `from`. */
static void clip(int from, int size, int limit, int *first, int *end) {
  *first = from > 0 ? from : 0;
  *end = from + size < limit ? from + size : limit;
}

//@ use max_pool
/* The largest value of each window; padding never wins. */
static void max_pool(const layer *l, const float *x, float *y) {
  int c, oh, ow, h, w, top, bottom, left, right;
  for (c = 0; c < l->channels; ++c, x += (long)l->height * l->width)
    for (oh = 0; oh < l->out_height; ++oh) {
      clip(oh * l->stride_height - l->padding_top, l->kernel_height, l->height, &top, &bottom);
      for (ow = 0; ow < l->out_width; ++ow) {
        float most;
        clip(ow * l->stride_width - l->padding_left, l->kernel_width, l->width, &left, &right);
        most = x[(long)top * l->width + left];
        for (h = top; h < bottom; ++h)
          for (w = left; w < right; ++w)
            if (x[(long)h * l->width + w] > most) most = x[(long)h * l->width + w];
        *y++ = most;
      }
    }
}

//@ use avg_pool
/* The mean of each window. */
static void avg_pool(const layer *l, const float *x, float *y) {
  int c, oh, ow, h, w, top, bottom, left, right;
  for (c = 0; c < l->channels; ++c, x += (long)l->height * l->width)
    for (oh = 0; oh < l->out_height; ++oh) {
      clip(oh * l->stride_height - l->padding_top, l->kernel_height, l->height, &top, &bottom);
      for (ow = 0; ow < l->out_width; ++ow) {
        float sum = 0.0f;
        clip(ow * l->stride_width - l->padding_left, l->kernel_width, l->width, &left, &right);
        for (h = top; h < bottom; ++h)
          for (w = left; w < right; ++w) sum += x[(long)h * l->width + w];
        *y++ = sum / (float)(l->count_padding ? l->kernel_height * l->kernel_width : (bottom - top) * (right - left));
      }
    }
}

//@ use sum
/* y = x + shortcut; y may be one of them. */
static void add(const layer *l, const float *x, const float *shortcut, float *y) {
  const long count = (long)l->out_channels * l->out_height * l->out_width;
  long i;
  for (i = 0; i < count; ++i) y[i] = x[i] + shortcut[i];
}

//@ use product
/* y = x * shortcut[c]; y may be x. */
static void multiply(const layer *l, const float *x, const float *shortcut, float *y) {
  const long map = (long)l->height * l->width;
  int c;
  long i;
  for (c = 0; c < l->channels; ++c)
    for (i = c * map; i < (c + 1) * map; ++i) y[i] = x[i] * shortcut[c];
}

//@ always
static void run_layer(const layer *l, const float *x, const float *shortcut, float *y) {
  switch (l->kind) {
    //@ use conv
    case CONV:
      conv(l, x, y);
      break;
    //@ use dense
    case DENSE:
      dense(l, x, y);
      break;
    //@ use affine
    case AFFINE:
      affine(l, x, y);
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
    //@ use activation
    case ACTIVATION:
      if (y != x) {
        const long count = (long)l->out_channels * l->out_height * l->out_width;
        long i;
        for (i = 0; i < count; ++i) y[i] = x[i];
      }
      break;
    //@ always
    default:
      break;
  }
  //@ use !sum
  (void)shortcut;
  //@ use activate
  activate(l, y);
  //@ always
}

/* Bytes, rows of interleaved channels, to maps of (byte / 255 - mean) / std. */
static void read_pixels(const uint8_t *pixels, int channels, int height, int width, const float *mean,
                        const float *std, float *y) {
  const long map = (long)height * width;
  int c;
  long i;
  for (c = 0; c < channels; ++c)
    for (i = 0; i < map; ++i) y[c * map + i] = ((float)pixels[i * channels + c] / 255.0f - mean[c]) / std[c];
}

/* Probabilities are exp(logit) divided by their sum. The largest logit is taken off first, so that exp stays
 * finite. */
static void softmax(const float *logits, int classes, float *probabilities) {
  float most = logits[0], sum = 0.0f;
  int k;
  for (k = 1; k < classes; ++k)
    if (logits[k] > most) most = logits[k];
  for (k = 0; k < classes; ++k) {
    probabilities[k] = expf(logits[k] - most);
    sum += probabilities[k];
  }
  for (k = 0; k < classes; ++k) probabilities[k] /= sum;
}

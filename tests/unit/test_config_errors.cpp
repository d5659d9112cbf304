#include <array>

#include "catch.h"
#include "config_example.h"

namespace cnn {
namespace {

/// One mistake in kBaseConfig and the whole message that it gets.
struct Mistake {
  const char* from;
  const char* to;
  const char* message;
};

// The formatter would change the indentation of the whole table with the length of a message.
// clang-format off
const Mistake
    kMistakes
        [] =
            {
                {R"("kernel_size": 5)", R"("kernal_size": 5)",
                 R"(a.json:4:41: /network/0/kernal_size: unknown key (did you mean "kernel_size"?); conv takes "type", "name", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "activation", "weight_init", "bias_init", "trainable", "learning_rate_scale", "weight_decay_scale")"},
                {R"("epochs")", R"("epoch")",
                 R"(a.json:9:16: /training/epoch: unknown key (did you mean "epochs"?); training takes "epochs", "batch_size", "shuffle", "drop_last", "loss", "label_smoothing", "class_weights", "optimizer", "schedule", "clip_gradient_norm", "weight_averaging", "lookahead", "best", "early_stopping", "max_minutes", "filter", "initial_weights", "freeze", "on_non_finite", "checkpoint_minutes", "checkpoint_steps", "tensorboard")"},
                {R"("learning_rate")", R"("lr")",
                 R"(a.json:9:76: /training/optimizer/lr: unknown key (did you mean "learning_rate"?); sgd takes "type", "learning_rate", "momentum", "nesterov", "weight_decay", "decay_norm_and_bias")"},
                {R"("out_channels")", R"("filters")",
                 R"(a.json:4:22: /network/0/filters: unknown key (did you mean "out_channels"?); conv takes "type", "name", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "activation", "weight_init", "bias_init", "trainable", "learning_rate_scale", "weight_decay_scale")"},
                {R"("network")", R"("layers")",
                 R"(a.json:3:3: /layers: unknown key (did you mean "network"?); the config takes "name", "seed", "data", "network", "training")"},
                {R"("data")", R"("dta")",
                 R"(a.json:2:3: /dta: unknown key (did you mean "data"?); the config takes "name", "seed", "data", "network", "training")"},
                {R"("data")", R"("foo": 1, "epochs": 3, "data")",
                 R"(a.json:2:3: /foo: unknown key; the config takes "name", "seed", "data", "network", "training"
a.json:2:13: /epochs: unknown key: it belongs in training; the config takes "name", "seed", "data", "network", "training")"},
                {R"("epochs": 8)", R"("epochs": 8, "learning_rate": 1)",
                 R"(a.json:9:29: /training/learning_rate: unknown key: it belongs in training.optimizer; training takes "epochs", "batch_size", "shuffle", "drop_last", "loss", "label_smoothing", "class_weights", "optimizer", "schedule", "clip_gradient_norm", "weight_averaging", "lookahead", "best", "early_stopping", "max_minutes", "filter", "initial_weights", "freeze", "on_non_finite", "checkpoint_minutes", "checkpoint_steps", "tensorboard")"},
                {R"("units": 10)", R"("units": 10, "stride": 2)",
                 R"(a.json:7:36: /network/3/stride: unknown key: it belongs to conv, max_pool, avg_pool; dense takes "type", "name", "units", "bias", "activation", "weight_init", "bias_init", "trainable", "learning_rate_scale", "weight_decay_scale")"},
                {R"({"type": "flatten"})", R"({"type": "flatten", "size": 2})",
                 R"(a.json:6:25: /network/2/size: unknown key; flatten takes "type", "name")"},
                {R"("units": 10)", R"("units": 10, "in_features": 2)",
                 R"(a.json:7:36: /network/3/in_features: leave this key out: the number of inputs follows from the entry before)"},
                {R"("out_channels": 6)", R"("out_channels": 6, "in_channels": 1)",
                 R"(a.json:4:41: /network/0/in_channels: leave this key out: the input channels follow from the entry before)"},
                {R"("out_channels": 6)", R"("out_channels": 6, "input_shape": 1)",
                 R"(a.json:4:41: /network/0/input_shape: leave this key out: the input's shape is `image` in `data`)"},
                {R"("kernel_size": 2)", R"("kernel_size": 2, "activation": "relu")",
                 R"(a.json:5:44: /network/1/activation: a pool only selects or averages values and has no activation; put it on the conv before the pool, or add {"type": "activation"} after it)"},
                {R"("flatten")", R"("global_avg_pool", "activation": "relu")",
                 R"(a.json:6:33: /network/2/activation: a pool only selects or averages values and has no activation; put it on the conv before the pool, or add {"type": "activation"} after it)"},
                {R"("flatten")", R"("flatten", "activation": "relu")",
                 R"(a.json:6:25: /network/2/activation: flatten only changes the shape and has no activation; put it on the entry before or after)"},
                {R"("flatten")", R"("dropout", "activation": "relu")",
                 R"(a.json:6:25: /network/2/activation: dropout has no activation; put it on the entry before)"},
                {R"("flatten")", R"("activation", "activation": "relu")",
                 R"(a.json:6:28: /network/2/activation: name the non-linearity with the key "function")"},
                {R"("type": "conv")", R"("type": "Conv2d")",
                 R"(a.json:4:14: /network/0/type: found the string "Conv2d", expected one of "conv", "max_pool", "avg_pool", "global_avg_pool", "flatten", "dense", "batch_norm", "dropout", "activation", "scale", "squeeze_excite", "residual" (did you mean "conv"?))"},
                {R"("type": "flatten")", R"("name": "x")",
                 R"(a.json:6:5: /network/2/type: missing; expected one of "conv", "max_pool", "avg_pool", "global_avg_pool", "flatten", "dense", "batch_norm", "dropout", "activation", "scale", "squeeze_excite", "residual")"},
                {R"({"type": "flatten"})", R"("flatten")",
                 R"(a.json:6:5: /network/2: found the string "flatten", expected an object {"type": ...} with type one of "conv", "max_pool", "avg_pool", "global_avg_pool", "flatten", "dense", "batch_norm", "dropout", "activation", "scale", "squeeze_excite", "residual"; write {"type": "flatten"})"},
                {R"({"type": "flatten"})", R"(3)", R"(a.json:6:5: /network/2: found 3, expected an object {"type": ...} with type one of "conv", "max_pool", "avg_pool", "global_avg_pool", "flatten", "dense", "batch_norm", "dropout", "activation", "scale", "squeeze_excite", "residual")"},
                {R"("type": "flatten")", R"("type": 3)",
                 R"(a.json:6:14: /network/2/type: found 3, expected one of "conv", "max_pool", "avg_pool", "global_avg_pool", "flatten", "dense", "batch_norm", "dropout", "activation", "scale", "squeeze_excite", "residual")"},
                {R"("flatten")", R"("squeeze_excite", "squeeze_channels": 2, "activation": "relu")",
                 R"(a.json:6:55: /network/2/activation: squeeze_excite has no activation behind it; "inner_activation" is the one between its convolutions, "gate" the one of its factors)"},
                {R"("flatten")", R"("relu")",
                 R"(a.json:6:14: /network/2/type: a non-linearity is not a type of entry; write {"type": "activation", "function": "relu"}, or "activation": "relu" in the entry before)"},
                {R"("flatten")", R"("softmax")",
                 R"(a.json:6:14: /network/2/type: softmax is part of the loss and is applied there; leave this entry out)"},
                {R"("flatten")", R"("input")",
                 R"(a.json:6:14: /network/2/type: the input's shape is `image` in `data`; leave this entry out)"},
                {R"("sgd")", R"("adamm")",
                 R"(a.json:9:69: /training/optimizer/type: found the string "adamm", expected one of "sgd", "adam", "adamw", "muon" (did you mean "adam"?))"},
                {R"({"type": "sgd", "learning_rate": 0.1})", R"("adam")",
                 R"(a.json:9:60: /training/optimizer: found the string "adam", expected an object {"type": ...} with type one of "sgd", "adam", "adamw", "muon"; write {"type": "adam"})"},
                {R"({"type": "sgd", "learning_rate": 0.1})",
                 R"({"type": "adam", "learning_rate": 1, "momentum": 0.9})",
                 R"(a.json:9:97: /training/optimizer/momentum: unknown key: it belongs to sgd, muon; adam takes "type", "learning_rate", "betas", "eps", "weight_decay", "decay_norm_and_bias")"},
                {R"("units": 10)", R"("units": "10")",
                 R"(a.json:7:32: /network/3/units: found the string "10", expected an integer >= 1; remove the quotes)"},
                {R"("units": 10)", R"("units": 10.5)",
                 R"(a.json:7:32: /network/3/units: found 10.5, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": 0)",
                 R"(a.json:7:32: /network/3/units: found 0, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": 1048577)",
                 R"(a.json:7:32: /network/3/units: found 1048577, expected an integer from 1 to 1048576)"},
                {R"("units": 10)", R"("units": null)",
                 R"(a.json:7:32: /network/3/units: found null, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": [1])",
                 R"(a.json:7:32: /network/3/units: found an array of 1 value, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": {})",
                 R"(a.json:7:32: /network/3/units: found an empty object, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": true)",
                 R"(a.json:7:32: /network/3/units: found true, expected an integer >= 1)"},
                {R"("units": 10)", R"("units": 99999999999999999999999)",
                 R"(a.json:7:32: /network/3/units: found 99999999999999999999999, expected an integer from 1 to 1048576)"},
                {R"("units": 10)", R"("units": -9223372036854775809)",
                 R"(a.json:7:32: /network/3/units: found -9223372036854775809, expected an integer >= 1)"},
                {R"(0.1)", R"(-0.1)",
                 R"(a.json:9:93: /training/optimizer/learning_rate: found -0.1, expected a number >= 0)"},
                {R"(0.1)", R"("0.1")",
                 R"(a.json:9:93: /training/optimizer/learning_rate: found the string "0.1", expected a number >= 0; remove the quotes)"},
                {R"(0.1)", R"(1e300)",
                 R"(a.json:9:93: /training/optimizer/learning_rate: found 1e300, which does not fit a 32-bit float (3.4e38))"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "momentum": 1)",
                 R"(a.json:9:110: /training/optimizer/momentum: found 1, expected a number >= 0 and < 1)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "weight_decay": -1)",
                 R"(a.json:9:114: /training/optimizer/weight_decay: found -1, expected a number >= 0)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "nesterov": true)",
                 R"(a.json:9:110: /training/optimizer/nesterov: nesterov needs a momentum > 0, and none is given; add "momentum": 0.9)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "nesterov": true, "momentum": 0)",
                 R"(a.json:9:110: /training/optimizer/nesterov: nesterov needs a momentum > 0, and momentum is 0; 0.9 is usual)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "nesterov": 1)",
                 R"(a.json:9:110: /training/optimizer/nesterov: found 1, expected true or false; write true)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "nesterov": 0)",
                 R"(a.json:9:110: /training/optimizer/nesterov: found 0, expected true or false; write false)"},
                {R"("learning_rate": 0.1)", R"("learning_rate": 0.1, "nesterov": "true")",
                 R"(a.json:9:110: /training/optimizer/nesterov: found the string "true", expected true or false; remove the quotes)"},
                {R"({"type": "sgd", "learning_rate": 0.1})",
                 R"({"type": "adam", "learning_rate": 1, "betas": [0.9, 1]})",
                 R"(a.json:9:112: /training/optimizer/betas/1: found 1, expected a number >= 0 and < 1)"},
                {R"({"type": "sgd", "learning_rate": 0.1})",
                 R"({"type": "adam", "learning_rate": 1, "betas": 0.9})",
                 R"(a.json:9:106: /training/optimizer/betas: found 0.9, expected an array of two values, each a number >= 0 and < 1)"},
                {R"({"type": "sgd", "learning_rate": 0.1})",
                 R"({"type": "adamw", "learning_rate": 1, "eps": -1})",
                 R"(a.json:9:105: /training/optimizer/eps: found -1, expected a number >= 0)"},
                {R"("data")", R"("seed": -1, "data")",
                 R"(a.json:2:11: /seed: found -1, expected an integer from 0 to 18446744073709551615)"},
                {R"("data")", R"("seed": 1.5, "data")",
                 R"(a.json:2:11: /seed: found 1.5, expected an integer from 0 to 18446744073709551615)"},
                {R"("data")", R"("seed": 18446744073709551616, "data")",
                 R"(a.json:2:11: /seed: found 18446744073709551616, expected an integer from 0 to 18446744073709551615)"},
                {R"("data")", R"("seed": "1", "data")",
                 R"(a.json:2:11: /seed: found the string "1", expected an integer from 0 to 18446744073709551615; remove the quotes)"},
                {R"("epochs": 8)", R"("epochs": 0)",
                 R"(a.json:9:26: /training/epochs: found 0, expected an integer >= 1)"},
                {R"("batch_size": 64)", R"("batch_size": 0)",
                 R"(a.json:9:43: /training/batch_size: found 0, expected an integer >= 1)"},
                {R"("epochs": 8)", R"("epochs": 8, "label_smoothing": 1)",
                 R"(a.json:9:48: /training/label_smoothing: found 1, expected a number >= 0 and < 1)"},
                {R"("flatten")", R"("dropout", "p": 1)",
                 R"(a.json:6:30: /network/2/p: found 1, expected a number >= 0 and < 1)"},
                {R"("flatten")", R"("dropout", "rate": 0.5)",
                 R"(a.json:6:25: /network/2/rate: unknown key (did you mean "p"?); dropout takes "type", "name", "p")"},
                {R"("flatten")", R"("batch_norm", "momentum": 1.1)",
                 R"(a.json:6:40: /network/2/momentum: found 1.1, expected a number >= 0 and <= 1)"},
                {R"("flatten")", R"("batch_norm", "eps": 0)",
                 R"(a.json:6:35: /network/2/eps: found 0, expected a number > 0)"},
                {R"("kernel_size": 5)", R"("kernel_size": [5, 5, 5])",
                 R"(a.json:4:56: /network/0/kernel_size: found an array of 3 values, expected an integer >= 1 or [height, width])"},
                {R"("kernel_size": 5)", R"("kernel_size": [5, 0])",
                 R"(a.json:4:60: /network/0/kernel_size/1: found 0, expected an integer >= 1)"},
                {R"("kernel_size": 5)", R"("kernel_size": ["5", 5])",
                 R"(a.json:4:57: /network/0/kernel_size/0: found the string "5", expected an integer >= 1; remove the quotes)"},
                {R"("kernel_size": 5)", R"("kernel_size": 2000000)",
                 R"(a.json:4:56: /network/0/kernel_size: found 2000000, expected an integer from 1 to 1048576)"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "stride": 0)",
                 R"(a.json:4:69: /network/0/stride: found 0, expected an integer >= 1 or [height, width])"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": -1)",
                 R"(a.json:4:70: /network/0/padding: found -1, expected an integer >= 0 or [height, width])"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": "smae")",
                 R"(a.json:4:70: /network/0/padding: found the string "smae", expected an integer >= 0, [height, width], {"top", "left", "bottom", "right"}, "same", "same_tensorflow" or "valid" (did you mean "same"?))"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": true)",
                 R"(a.json:4:70: /network/0/padding: found true, expected an integer >= 0, [height, width], {"top", "left", "bottom", "right"}, "same", "same_tensorflow" or "valid")"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": {"above": 1})",
                 R"(a.json:4:71: /network/0/padding/above: unknown key; padding takes "top", "left", "bottom", "right")"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": {"top": -1})",
                 R"(a.json:4:78: /network/0/padding/top: found -1, expected an integer >= 0)"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "padding": "same", "stride": [1, 2])",
                 R"(a.json:4:70: /network/0/padding: "same" works with stride 1 only, and stride is 1x2; give the padding as a number, such as half the kernel size, or use "same_tensorflow", the rule of TensorFlow and Keras)"},
                {R"("kernel_size": 5)", R"("kernel_size": 5, "groups": 4)",
                 R"(a.json:4:69: /network/0/groups: 4 groups do not divide the 6 output channels evenly)"},
                {R"("kernel_size": 2)", R"("kernel_size": 2, "padding": 2)",
                 R"(a.json:5:55: /network/1/padding: 2x2 is more than half the kernel size 2x2 (a window could lie in the border only); use at most 1x1)"},
                {R"("kernel_size": 2)", R"("kernel_size": [3, 2], "padding": [1, 2])",
                 R"(a.json:5:60: /network/1/padding: 1x2 is more than half the kernel size 3x2 (a window could lie in the border only); use at most 1x1)"},
                {R"("units": 10)", R"("units": 10, "activation": "ReLU")",
                 R"(a.json:7:50: /network/3/activation: found the string "ReLU", expected one of "none", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "sigmoid", "hard_sigmoid", "tanh" (did you mean "relu"?))"},
                {R"("units": 10)", R"("units": 10, "activation": "swish")",
                 R"(a.json:7:50: /network/3/activation: found the string "swish", expected one of "none", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "sigmoid", "hard_sigmoid", "tanh" (did you mean "silu"?))"},
                {R"("units": 10)", R"("units": 10, "activation": "softmax")",
                 R"(a.json:7:50: /network/3/activation: softmax is part of the loss and is applied there; leave it out (the last entry yields one plain value per class))"},
                {R"("units": 10)", R"("units": 10, "activation": "linear")",
                 R"(a.json:7:50: /network/3/activation: a linear activation does nothing; write "none" or leave the key out)"},
                {R"("units": 10)", R"("units": 10, "activation": null)",
                 R"(a.json:7:50: /network/3/activation: found null, expected one of "none", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "sigmoid", "hard_sigmoid", "tanh")"},
                {R"("flatten")", R"("activation", "function": "none")",
                 R"(a.json:6:40: /network/2/function: an activation entry without a function does nothing; leave the entry out)"},
                {R"("flatten")", R"("activation")",
                 R"(a.json:6:5: /network/2/function: missing; expected one of "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "sigmoid", "hard_sigmoid", "tanh")"},
                {R"("flatten")", R"("activation", "function": "relu", "negative_slope": 0.1)",
                 R"(a.json:6:48: /network/2/negative_slope: only leaky_relu has a negative_slope, and function is "relu"; leave it out or use leaky_relu)"},
                {R"("units": 10)", R"("units": 10, "name": "a.b")",
                 R"(a.json:7:44: /network/3/name: found the string "a.b", expected a name on one line, without dots (a string))"},
                {R"("units": 10)", R"("units": 10, "name": "")",
                 R"(a.json:7:44: /network/3/name: found the string "", expected a name on one line, without dots (a string))"},
                {R"("units": 10)", R"("units": 10, "name": "a\n")",
                 R"(a.json:7:44: /network/3/name: found the string "a\n", expected a name on one line, without dots (a string))"},
                {R"("units": 10)", R"("units": 10, "name": 5)",
                 R"(a.json:7:44: /network/3/name: found 5, expected a name on one line, without dots (a string))"},
                {R"("units": 10)", R"("units": 10, "name": "conv1")",
                 R"(a.json:7:44: /network/3/name: "conv1" is also the automatic name of /network/0; choose another one, or give that entry a name too)"},
                {R"({"type": "flatten"})",
                 R"({"type": "flatten", "name": "a"}, {"type": "flatten", "name": "a"})",
                 R"(a.json:6:67: /network/3/name: "a" is already the name of /network/2; names are unique)"},
                {R"("data")", R"("name": "a/b", "data")",
                 R"(a.json:2:11: /name: found the string "a/b", expected a name on one line, without slashes (a string))"},
                {R"("data")", R"("name": "..", "data")",
                 R"(a.json:2:11: /name: found the string "..", expected a name on one line, without slashes (a string))"},
                {R"("data")", R"("$schema": 1, "data")",
                 R"(a.json:2:14: /$schema: found 1, expected the path of a JSON Schema (a string))"},
                {R"("flatten")", R"("residual", "layers": [])",
                 R"(a.json:6:36: /network/2/layers: found an empty array, expected an array of at least one entry such as {"type": "conv", ...})"},
                {R"("flatten")", R"("residual")",
                 R"(a.json:6:5: /network/2/layers: missing; expected an array of at least one entry such as {"type": "conv", ...})"},
                {R"("flatten")",
                 R"("residual", "layers": [{"type": "conv", "out_channels": 3, "kernel": 3}])", R"(a.json:6:73: /network/2/layers/0/kernel: unknown key (did you mean "kernel_size"?); conv takes "type", "name", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "activation", "weight_init", "bias_init", "trainable", "learning_rate_scale", "weight_decay_scale")"},
                {R"("flatten")", R"("residual", "shortcut": "project", "layers": [{"type": "flatten"}])",
                 R"(a.json:6:38: /network/2/shortcut: found the string "project", expected one of "identity", "projection")"},
                {R"("network": [)", R"("network": [], "x": [)",
                 R"(a.json:3:14: /network: found an empty array, expected an array of at least one entry such as {"type": "conv", ...}
a.json:3:18: /x: unknown key; the config takes "name", "seed", "data", "network", "training")"},
                {R"("network": [)", R"("network": {}, "x": [)",
                 R"(a.json:3:14: /network: found an empty object, expected an array of at least one entry such as {"type": "conv", ...}
a.json:3:18: /x: unknown key; the config takes "name", "seed", "data", "network", "training")"},
                {R"("folder")", R"("mnist")",
                 R"(a.json:2:22: /data/format: found the string "mnist", expected one of "folder", "idx", "cifar10", "csv" (did you mean "idx"?))"},
                {R"("folder")", R"("idx")",
                 R"(a.json:2:38: /data/train: found the string "train", expected {"images": "<path>", "labels": "<path>"}, because format is "idx")"},
                {R"("folder")", R"("cifar10", "test": {})",
                 R"(a.json:2:41: /data/test: found an empty object, expected an array of paths of .bin files, because format is "cifar10")"},
                {R"("train": "train")", R"("train": {"images": "a"})",
                 R"(a.json:2:41: /data/train: found an object of 1 key, expected the path of a folder (a string), because format is "folder")"},
                {R"("train": "train")", R"("train": "")",
                 R"(a.json:2:41: /data/train: found an empty string, expected the path of a folder)"},
                {R"("train": "train")", R"("train": 5)",
                 R"(a.json:2:41: /data/train: found 5, expected the path of a folder (a string), because format is "folder")"},
                {R"("train": "train")", R"("train": "a\nb")",
                 R"(a.json:2:41: /data/train: the path /home/me/configs/a\nb holds a control character or bytes that are not UTF-8; use another path)"},
                {R"("folder", "train": "train")", R"("idx", "train": {"images": "a"})",
                 R"(a.json:2:38: /data/train/labels: missing; expected the path of a file of labels (a string))"},
                {R"("folder", "train": "train")", R"("cifar10", "train": [])",
                 R"(a.json:2:42: /data/train: found an empty array, expected an array of paths of .bin files, because format is "cifar10")"},
                {R"("folder", "train": "train")", R"("cifar10", "train": [5])",
                 R"(a.json:2:43: /data/train/0: found 5, expected the path of a .bin file (a string))"},
                {R"("train": "train")", R"("train": "train", "test": 5)",
                 R"(a.json:2:58: /data/test: found 5, expected the path of a folder (a string), because format is "folder")"},
                {R"("train": "train")", R"("train": "train", "validation": 0.1)",
                 R"(a.json:2:64: /data/validation: found 0.1, expected {"fraction": 0.1} or, as for train, the path of a folder (a string), because format is "folder")"},
                {R"("train": "train")", R"("train": "train", "validation": {"fraction": 1})",
                 R"(a.json:2:77: /data/validation/fraction: found 1, expected a number > 0 and < 1)"},
                {R"("train": "train")", R"("train": "train", "validation": {"fraction": 0})",
                 R"(a.json:2:77: /data/validation/fraction: found 0, expected a number > 0 and < 1)"},
                {R"("train": "train")", R"("train": "train", "validation": {"split": 0.1})",
                 R"(a.json:2:65: /data/validation/split: unknown key; validation takes "fraction", "group_by")"},
                {R"("train": "train")", R"("train": "train", "validation": {})",
                 R"(a.json:2:64: /data/validation: found an empty object, expected {"fraction": 0.1} or, as for train, the path of a folder (a string), because format is "folder")"},
                {R"("train": "train")", R"("train": "train", "validation": {"fraction": 0.1, "seed": 1})",
                 R"(a.json:2:82: /data/validation/seed: unknown key; a validation split takes "fraction", "group_by")"},
                {R"("train": "train")", R"("train": "train", "validation": true)",
                 R"(a.json:2:64: /data/validation: found true, expected {"fraction": 0.1} or, as for train, the path of a folder (a string), because format is "folder")"},
                {R"("folder", "train": "train")",
                 R"("idx", "train": {"images": "a", "labels": "b"}, "validation": {"imgs": "a"})",
                 R"(a.json:2:85: /data/validation/imgs: unknown key; validation takes "fraction", "images", "labels")"},
                {R"("folder", "train": "train")",
                 R"("idx", "train": {"images": "a", "labels": "b"}, "validation": {"images": "a"})",
                 R"(a.json:2:84: /data/validation/labels: missing; expected the path of a file of labels (a string))"},
                {R"("folder", "train": "train")",
                 R"("idx", "train": {"images": "a", "labels": "b"}, "validation": {})",
                 R"(a.json:2:84: /data/validation: found an empty object, expected {"fraction": 0.1} or, as for train, {"images": "<path>", "labels": "<path>"}, because format is "idx")"},
                {R"("channels": 1)", R"("channels": 0)",
                 R"(a.json:2:72: /data/image/channels: found 0, expected an integer >= 1)"},
                {R"("channels": 1)", R"("out_channels": 1)",
                 R"(a.json:2:60: /data/image/out_channels: unknown key (did you mean "channels"?); image takes "channels", "height", "width", "resize", "short_side", "scaled_decoding", "depth", "range", "background")"},
                {R"("width": 28)", R"("width": 28, "resize": "letterbox")",
                 R"(a.json:2:112: /data/image/resize: found the string "letterbox", expected one of "stretch", "fit", "crop", "none" (did you mean "fit"?))"},
                {R"("width": 28)", R"("width": 28, "short_side": 32)",
                 R"(a.json:2:116: /data/image/short_side: goes with "resize": "crop" only; set that, or remove it)"},
                {R"("width": 28)", R"("width": 28, "resize": "crop", "short_side": 27)",
                 R"(a.json:2:134: /data/image/short_side: found 27, expected at least 28: the image of 28x28 is cut out of it)"},
                {R"("width": 28)", R"("width": 28, "depth": 12)",
                 R"(a.json:2:111: /data/image/depth: found 12, expected 8 or 16)"},
                {R"("width": 28)", R"("width": 28, "range": [0, 4095])",
                 R"(a.json:2:111: /data/image/range: goes with "depth": 16 only; set that, or remove it)"},
                {R"("width": 28)", R"("width": 28, "depth": 16, "range": [4095, 0])",
                 R"(a.json:2:124: /data/image/range: the range begins at 4095 and ends at 0; expected a greater end)"},
                {R"("width": 28)", R"("width": 28, "depth": 16, "range": 4095)",
                 R"(a.json:2:124: /data/image/range: found 4095, expected "auto" or [low, high], two integers from 0 to 65535)"},
                {R"("width": 28)", R"("width": 28, "background": "withe")",
                 R"(a.json:2:116: /data/image/background: found the string "withe", expected "white", "black" or [red, green, blue], three integers from 0 to 255)"},
                {R"("height": 28, "width": 28)", R"("height": 100000, "width": 100000)",
                 R"(a.json:2:59: /data/image: an image of 1x100000x100000 has 1e+10 values, but at most 268,435,456 are possible; use a smaller size)"},
                {R"({"channels": 1, "height": 28, "width": 28})", R"([1, 28, 28])",
                 R"(a.json:2:59: /data/image: found an array of 3 values, expected an object with "channels", "height" and "width")"},
                {R"("train": "train")", R"("train": "train", "normalize": true)",
                 R"(a.json:2:63: /data/normalize: found true, expected "auto", "none" or {"mean": [...], "std": [...]})"},
                {R"("train": "train")", R"("train": "train", "normalize": "atuo")",
                 R"(a.json:2:63: /data/normalize: found the string "atuo", expected "auto", "none" or {"mean": [...], "std": [...]} (did you mean "auto"?))"},
                {R"("train": "train")", R"("train": "train", "normalize": {"mean": [0.5]})",
                 R"(a.json:2:63: /data/normalize/std: missing; expected an array with one number > 0 per channel)"},
                {R"("train": "train")",
                 R"("train": "train", "normalize": {"mean": [0.5, 0.5], "std": [1, 1, 1]})",
                 R"(a.json:2:72: /data/normalize/mean: found 2 numbers, expected 1: one per channel of the image
a.json:2:91: /data/normalize/std: found 3 numbers, expected 1: one per channel of the image)"},
                {R"("train": "train")", R"("train": "train", "normalize": {"mean": [0.5], "std": [0]})",
                 R"(a.json:2:87: /data/normalize/std/0: found 0, expected a number > 0)"},
                {R"("train": "train")", R"("train": "train", "normalize": {"mean": 0.5, "std": [1]})",
                 R"(a.json:2:72: /data/normalize/mean: found 0.5, expected an array with one number per channel; write [0.5])"},
                {R"("train": "train")", R"("train": "train", "normalize": {"mean": [], "std": [1]})",
                 R"(a.json:2:72: /data/normalize/mean: found an empty array, expected an array with one number per channel)"},
                {R"("train": "train")", R"("train": "train", "augment": {"type": "random_flip"})",
                 R"(a.json:2:61: /data/augment: found an object of 1 key, expected an array of entries such as {"type": "random_flip"}; write [{"type": "random_flip"}])"},
                {R"("train": "train")", R"("train": "train", "augment": ["flip"])",
                 R"(a.json:2:62: /data/augment/0: found the string "flip", expected an object {"type": ...} with type one of "random_translate", "random_crop", "random_flip", "random_rotate", "random_scale", "elastic", "brightness", "contrast", "cutout", "random_resized_crop", "hue", "saturation", "random_grayscale", "random_erasing", "trivial_augment", "mixup")"},
                {R"("train": "train")", R"("train": "train", "augment": [{"type": "horizontal_flip"}])",
                 R"(a.json:2:71: /data/augment/0/type: found the string "horizontal_flip", expected one of "random_translate", "random_crop", "random_flip", "random_rotate", "random_scale", "elastic", "brightness", "contrast", "cutout", "random_resized_crop", "hue", "saturation", "random_grayscale", "random_erasing", "trivial_augment", "mixup" (did you mean "random_flip"?))"},
                {R"("train": "train")", R"("train": "train", "augment": [{"type": "random_flip", "p": 2}])",
                 R"(a.json:2:91: /data/augment/0/p: found 2, expected a number >= 0 and <= 1)"},
                {R"("train": "train")",
                 R"("train": "train", "augment": [{"type": "random_flip"}, {"type": "random_translate", "pixels": 28}])",
                 R"(a.json:2:126: /data/augment/1/pixels: a shift by up to 28 pixels moves an image of 28x28 out of sight; use less than 28)"},
                {R"("train": "train")",
                 R"("train": "train", "augment": [{"type": "random_translate", "pixels": 1, "border": "mirror"}])",
                 R"(a.json:2:114: /data/augment/0/border: found the string "mirror", expected one of "zero", "reflect")"},
                {R"("train": "train")", R"("train": "train", "bad_images": "ignore")",
                 R"(a.json:2:64: /data/bad_images: found the string "ignore", expected one of "fail", "skip")"},
                {R"("train": "train")", R"("train": "train", "cache_mb": -1)",
                 R"(a.json:2:62: /data/cache_mb: found -1, expected an integer from 0 to 16777216)"},
                {R"("train": "train")", R"("train": "train", "cache_mb": 16777217)",
                 R"(a.json:2:62: /data/cache_mb: found 16777217, expected an integer from 0 to 16777216)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": "cosine")",
                 R"(a.json:9:41: /training/schedule: found the string "cosine", expected an object {"type": ...} with type one of "constant", "step", "exponential", "cosine", "one_cycle", "linear"; write {"type": "cosine"})"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "one_cycle", "warmup_epochs": 1})",
                 R"(a.json:9:63: /training/schedule/warmup_epochs: one_cycle warms up by itself (pct_start is the share of training); leave warmup_epochs out)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "cosine", "warmup_epochs": -1})",
                 R"(a.json:9:77: /training/schedule/warmup_epochs: found -1, expected a number >= 0)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "step", "step_size": 1})",
                 R"(a.json:9:58: /training/schedule/step_size: unknown key (did you mean "step_epochs"?); step takes "type", "warmup_epochs", "step_epochs", "gamma")"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "step", "step_epochs": 0})",
                 R"(a.json:9:73: /training/schedule/step_epochs: found 0, expected a number > 0)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "exponential", "gamma": 0})",
                 R"(a.json:9:74: /training/schedule/gamma: found 0, expected a number > 0)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "cosine", "final_factor": 1.5})",
                 R"(a.json:9:76: /training/schedule/final_factor: found 1.5, expected a number >= 0 and <= 1)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "one_cycle", "pct_start": 30})",
                 R"(a.json:9:76: /training/schedule/pct_start: found 30, expected a number >= 0 and <= 1)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "one_cycle", "anneal": "cosine"})",
                 R"(a.json:9:73: /training/schedule/anneal: found the string "cosine", expected one of "cos", "linear")"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "linear"})", R"(a.json:9:41: /training/schedule/points: missing; expected at least two points [fraction of training, factor], fractions ascending)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "linear", "points": [[0, 1]]})",
                 R"(a.json:9:70: /training/schedule/points: found an array of 1 value, expected at least two points [fraction of training, factor], fractions ascending)"},
                {R"("epochs": 8)", R"("epochs": 8, "schedule": {"type": "linear", "points": [[0, 1], 1]})",
                 R"(a.json:9:79: /training/schedule/points/1: found 1, expected [fraction of training, factor])"},
                {R"("epochs": 8)",
                 R"("epochs": 8, "schedule": {"type": "linear", "points": [[0, 1], [0, 0.5]]})",
                 R"(a.json:9:79: /training/schedule/points/1: the fraction 0 does not come after 0, the one before; sort the points)"},
                {R"("epochs": 8)",
                 R"("epochs": 8, "schedule": {"type": "linear", "points": [[0, 1], [2, 1]]})",
                 R"(a.json:9:80: /training/schedule/points/1/0: found 2, expected a number >= 0 and <= 1)"},
                {R"("epochs": 8)",
                 R"("epochs": 8, "schedule": {"type": "linear", "points": [[0, 1], [1, -1]]})",
                 R"(a.json:9:83: /training/schedule/points/1/1: found -1, expected a number >= 0)"},
                {R"("epochs": 8)", R"("epochs": 8, "initial_weights": {"file": "x", "except": ["dens1"]})",
                 R"(a.json:9:73: /training/initial_weights/except/0: no layer is called "dens1" (did you mean "dense1"?); there are "conv1", "max_pool1", "flatten1", "dense1")"},
                {R"("epochs": 8)", R"("epochs": 8, "initial_weights": {"except": []})",
                 R"(a.json:9:48: /training/initial_weights/file: missing; expected the path of a .safetensors file (a string))"},
                {R"("epochs": 8)", R"("epochs": 8, "initial_weights": 5)",
                 R"(a.json:9:48: /training/initial_weights: found 5, expected the path of a .safetensors file (a string) or {"file": ..., "except": [...]})"},
                {R"("epochs": 8)", R"("epochs": 8, "initial_weights": {"file": "x", "except": "dense1"})",
                 R"(a.json:9:72: /training/initial_weights/except: found the string "dense1", expected an array of names of layers; write ["dense1"])"},
                {R"({"epochs": 8, "batch_size": 64, "optimizer": {"type": "sgd", "learning_rate": 0.1}})",
                 R"({})",
                 R"(a.json:9:15: /training/epochs: missing; expected an integer >= 1
a.json:9:15: /training/batch_size: missing; expected an integer >= 1
a.json:9:15: /training/optimizer: missing; expected an object {"type": ...} with type one of "sgd", "adam", "adamw", "muon")"},
};
// clang-format on

TEST_CASE("every mistake in a config is told with its place, what was found and what is expected",
          "[config]") {
  for (const Mistake& mistake : kMistakes) {
    const std::string text = edited(mistake.from, mistake.to);
    INFO(mistake.to);
    CHECK(message_of([&] { config_of(text); }) == mistake.message);
  }
}

TEST_CASE("mistakes in how parameters start and learn are told", "[config]") {
  const auto message = [](const std::string& from, const std::string& to) {
    return message_of([&] { config_of(edited(from, to)); });
  };
  const auto conv = [&](const std::string& keys) {
    return message("\"kernel_size\": 5", "\"kernel_size\": 5, " + keys);
  };
  const std::string trainable =
      "expected true, false or {\"from_epoch\": ..., \"until_epoch\": ...} with one or both";
  CHECK(conv(R"("trainable": 0)") == "a.json:4:72: /network/0/trainable: found 0, " + trainable);
  CHECK(conv(R"("trainable": {})") ==
        "a.json:4:72: /network/0/trainable: found an empty object, " + trainable);
  CHECK(
      conv(R"("trainable": {"until": 3})") ==
      R"(a.json:4:73: /network/0/trainable/until: unknown key; trainable takes "from_epoch", "until_epoch")");
  CHECK(
      conv(R"("trainable": {"from_epoch": 4, "until_epoch": 3})") ==
      R"(a.json:4:105: /network/0/trainable/until_epoch: 3 is before from_epoch 4; for a parameter that never learns write "trainable": false)");
  CHECK(conv(R"("trainable": {"weight": {"until_epoch": 0}})") ==
        "a.json:4:99: /network/0/trainable/weight/until_epoch: found 0, expected an integer >= 1");
  CHECK(conv(R"("learning_rate_scale": -1)") ==
        "a.json:4:82: /network/0/learning_rate_scale: found -1, expected a number >= 0");
  CHECK(conv(R"("learning_rate_scale": {"biases": 2})") ==
        "a.json:4:82: /network/0/learning_rate_scale: found an object of 1 key, expected a number >= 0, or "
        "{\"weight\": ..., \"bias\": ...}");
  CHECK(
      conv(R"("learning_rate_scale": {"bias": 2, "gamma": 2})") ==
      R"(a.json:4:94: /network/0/learning_rate_scale/gamma: unknown key: it belongs in training.schedule; this object takes "weight", "bias")");
  CHECK(conv(R"("bias": false, "weight_decay_scale": {"bias": 2})") ==
        "a.json:4:97: /network/0/weight_decay_scale/bias: this entry has no bias; leave it out");
  CHECK(conv(R"("bias": false, "bias_init": "zeros")") ==
        R"(a.json:4:74: /network/0/bias_init: this entry has no bias ("bias" is false); leave it out)");
  CHECK_THAT(
      message("{\"type\": \"flatten\"}", R"({"type": "batch_norm", "affine": "scale"})"),
      ContainsSubstring("/network/2/affine: found the string \"scale\", expected true, false or \"bias\""));
  CHECK_THAT(message("{\"type\": \"flatten\"}",
                     R"({"type": "batch_norm", "affine": "bias", "trainable": {"weight": false}})"),
             ContainsSubstring("/network/2/trainable/weight: this entry has no weight; leave it out"));
  CHECK_THAT(message("\"units\": 10", R"("units": 10, "weight_init": "dirac")"),
             ContainsSubstring("\"dirac\" works on the windows of a convolution; only conv has it"));
  CHECK_THAT(conv(R"("weight_init": "he_normal")"), ContainsSubstring("expected one of \"kaiming_uniform\""));
}

TEST_CASE("the config that the mistakes are made in has none", "[config]") {
  CHECK(message_of([] { config_of(kBaseConfig); }) == "no error");
}

TEST_CASE("all mistakes are told at once, in the order of the file, and not without end", "[config]") {
  std::string text = edited("\"units\": 10", "\"units\": 0");
  text.replace(text.find("\"channels\": 1"), 13, "\"channels\": 0");
  CHECK(message_of([&] { config_of(text); }) ==
        "a.json:2:72: /data/image/channels: found 0, expected an integer >= 1\n"
        "a.json:7:32: /network/3/units: found 0, expected an integer >= 1");

  std::string many;
  for (int i = 0; i < 1000; ++i) many += fmt::format("\"key{}\": 0, ", i);
  const std::string message = message_of([&] { config_of(edited("\"data\"", many + "\"data\"")); });
  CHECK_THAT(message, ContainsSubstring("/key19: unknown key"));
  CHECK(message.find("/key20:") == std::string::npos);
  CHECK(message.ends_with("\nand 980 more mistakes"));
}

}  // namespace
}  // namespace cnn

// The texts of the manual pages. What an option does stands where it is declared.
#include <algorithm>

#include "apps/manual.h"
#include "core/error.h"

namespace cnn {
namespace {

const Manual::Item kDone{"0", "Done."};
const Manual::Item kFailed{"1", "The run failed; the message says where, and what to do."};
const Manual::Item kBadUsage{"2", "The command line or the config is wrong. Nothing was written."};
const std::vector<std::string> kGeneral{"--threads N", "--quiet", "--help", "--version"};

Manual train_manual() {
  return {
      .program = "cnn-train",
      .synopsis =
          {"--config CONFIG.json [--set KEY=VALUE]... [--run-dir FOLDER] [--seeds N] [--dry-run]",
           "--config CONFIG.json --find-lr [STEPS]", "--resume FOLDER [--set KEY=VALUE]...",
           "--init FOLDER [--from WEIGHTS.safetensors] [--classes top|leaf] [--size PIXELS] [--epochs N] "
           "[--network small|medium|large] [--out CONFIG.json]"},
      .groups = {{"Training",
                  {"--config CONFIG.json", "--set KEY=VALUE", "--run-dir FOLDER", "--seeds N", "--dry-run",
                   "--no-cache", "--layer-stats", "--layer-stats-every STEPS"}},
                 {"Looking for a learning rate", {"--find-lr [STEPS]"}},
                 {"Resuming", {"--resume FOLDER"}},
                 {"Writing a first config",
                  {"--init FOLDER", "--from WEIGHTS.safetensors", "--classes top|leaf", "--size PIXELS",
                   "--epochs N", "--network small|medium|large", "--out CONFIG.json"}},
                 {"General", kGeneral}},
      .description =
          {"Trains the convolutional network that a JSON config describes on the images that it names, and "
           "leaves a folder with the model, tables and a report. The same seed gives the same bits for any "
           "number of threads, with AVX2 and AVX-512 alike.",
           "Ctrl-C, SIGTERM or a closed terminal (SIGHUP) finishes the current step, saves everything and "
           "ends; a second Ctrl-C ends at once. SIGUSR1 saves a checkpoint and continues. --resume continues "
           "a run however it ended.",
           "Started by mpirun -n P, if it was built with MPI, P processes train as one, to the same bits. "
           "The "
           "images must be on every machine; config and run folder are those of rank 0.",
           "Paths in a config and in --set are relative to the config's folder."},
      .exit_status = {kDone,
                      kFailed,
                      kBadUsage,
                      {"130, 143, 129", "Interrupted by SIGINT, SIGTERM or SIGHUP, after saving."}},
      .files = {{"runs/<name>-<n>/",
                 "The run folder, unless --run-dir names another; it holds the files below."},
                {"config.json", "The config with every default written out; it repeats the run bit for bit."},
                {"best.safetensors, last.safetensors", "The models of the best and of the last epoch."},
                {"metrics.csv, activations.csv", "A row per epoch; a row per epoch and layer."},
                {"report.html", "A page of all results, written anew after every epoch."},
                {"result.json, evaluation.json", "The results, and the evaluation of the best model."},
                {"checkpoint/", "What --resume needs."},
                {"train.log", "The log."}},
      .examples = {{"cnn-train --init photos --out photos.json",
                    "Write a config for a folder with one subfolder of images per class."},
                   {"cnn-train --init photos --from resnet18.safetensors --out photos.json",
                    "The same, with the weights of a network that has learned from other images."},
                   {"cnn-train --config photos.json --dry-run", "Check it without training."},
                   {"cnn-train --config photos.json --set training.epochs=30 --run-dir runs/long",
                    "Train for 30 epochs into a folder of your choice."},
                   {"cnn-train --resume runs/long", "Continue after an interruption."},
                   {"mpirun --host node1,node2 cnn-train --config photos.json", "Train on two machines."}},
      .see_also = {"cnn-eval", "cnn-inspect", "cnn-export"}};
}

Manual eval_manual() {
  return {
      .program = "cnn-eval",
      .synopsis =
          {"--model MODEL.safetensors --images FOLDER|FILE...|- [--labels FILE] [--split NAME] [--tta LOOKS] "
           "[--top K] [--report OUT.html] [--predictions FILE] [--json FILE|-] [--min-accuracy X]",
           "--model MODEL.safetensors --explain-prediction OUT.png IMAGE"},
      .groups = {{"What is evaluated",
                  {"--model MODEL.safetensors", "--images FOLDER|FILE...|-", "--labels FILE",
                   "--split NAME"}},
                 {"One image", {"--explain-prediction OUT.png IMAGE"}},
                 {"How", {"--tta LOOKS", "--top K", "--threads N"}},
                 {"Results",
                  {"--report OUT.html", "--predictions FILE", "--json FILE|-", "--min-accuracy X"}},
                 {"General", {"--help", "--version"}}},
      .description =
          {"Scores a model of cnn-train(1) on a folder with one subfolder of images per class: accuracy "
           "with its confidence interval, loss, a table of the classes, the most confused pairs, "
           "calibration. For images without labels it prints the most probable classes.",
           "Classes are matched by name. If some files are not images, they are listed, the others are "
           "scored, and the exit status is 1. --images - reads paths from standard input: one per line, "
           "or ended by NUL as find -print0 writes them.",
           "Outputs never replace a file that is read, nor a device or FIFO.",
           "Started by mpirun -n P, if it was built with MPI, P processes share out the images."},
      .exit_status = {kDone,
                      {"1", "The run failed, or some images could not be read."},
                      kBadUsage,
                      {"3", "The accuracy is below --min-accuracy."}},
      .files = {},
      .examples = {{"cnn-eval --model runs/photos-1/best.safetensors --images test_photos",
                    "Score a folder of labeled images."},
                   {"cnn-eval --model best.safetensors --images cat.jpg dog.jpg --top 3",
                    "Name the three most probable classes of two images."},
                   {"find photos -type f -print0 | cnn-eval --model best.safetensors --images - "
                    "--predictions table.csv",
                    "Classify all files under a folder, however nested."}},
      .see_also = {"cnn-train", "cnn-inspect", "cnn-export"}};
}

Manual inspect_manual() {
  return {
      .program = "cnn-inspect",
      .synopsis = {"(--config CONFIG.json [--set KEY=VALUE]... | --model MODEL.safetensors) [VIEW]",
                   "--schema", "--reference"},
      .groups = {{"What is inspected",
                  {"--config CONFIG.json", "--set KEY=VALUE", "--model MODEL.safetensors"}},
                 {"Views: the table of layers", {"--json", "--markdown"}},
                 {"Views: something else",
                  {"--explain [LAYER]", "--check-gradients", "--image FILE...", "--time",
                   "--memory-bandwidth GB", "--filters OUT.png", "--features IMAGE",
                   "--receptive-field LAYER IMAGE", "--page OUT.html", "--out FOLDER|FILE"}},
                 {"About configs", {"--schema", "--reference"}},
                 {"General", {"--threads N", "--help", "--version"}}},
      .description =
          {"Shows the layers of a config or of a model: shapes, receptive fields, activations, parameters, "
           "multiply-adds and memory, and warns where the number of activations collapses or grows. No data "
           "is opened. A VIEW option shows something else instead.",
           "--explain writes out the arithmetic of a layer, forward and backward, with the network's own "
           "numbers; --check-gradients compares the gradients with numerical derivatives; --time measures "
           "each layer, and says what more threads would bring.",
           "--page writes one HTML file with the network, its weights and the images of --image. Any browser "
           "opens it, without a connection: draw or choose an input, and the page shows the maps of every "
           "layer and the arithmetic behind each value, forward and backward, and takes a step of gradient "
           "descent."},
      .exit_status = {kDone, {"1", "The run failed, or --check-gradients found a difference."}, kBadUsage},
      .files = {},
      .examples = {{"cnn-inspect --config photos.json", "Show the table of layers."},
                   {"cnn-inspect --model best.safetensors --explain conv1 --image cat.png",
                    "Show what conv1 computes on an image."},
                   {"cnn-inspect --model best.safetensors --features cat.png --out features",
                    "Draw the output of every layer for an image."},
                   {"cnn-inspect --model best.safetensors --page network.html --image 3.png 7.png",
                    "Write a page on which one can play with the network, with two images to start from."}},
      .see_also = {"cnn-train", "cnn-eval", "cnn-export"}};
}

Manual export_manual() {
  return {
      .program = "cnn-export",
      .synopsis = {"--model MODEL.safetensors --onnx OUT.onnx [--uint8] [--images FOLDER]",
                   "--model MODEL.safetensors --c FOLDER [--name NAME] [--int8 --calibrate FOLDER] [--images "
                   "FOLDER]"},
      .groups = {{"What is written",
                  {"--model MODEL.safetensors", "--onnx OUT.onnx", "--uint8", "--c FOLDER", "--name NAME",
                   "--int8", "--calibrate FOLDER", "--force"}},
                 {"Comparing with the engine", {"--images FOLDER", "--threads N"}},
                 {"General", {"--json FILE|-", "--help", "--version"}}},
      .description =
          {"Writes a model of cnn-train(1) for use elsewhere: as an ONNX model for Python, the browser and "
           "other runtimes, or as C99 code that needs no library and allocates nothing. Normalization is "
           "part of the export, batch norm is folded into the layer before it where that is possible, and "
           "the names of the classes and the size of the image go with it.",
           "Existing files are replaced only with --force. If something fails, nothing is left behind."},
      .exit_status = {kDone,
                      {"1",
                       "The run failed: the file is not a model of cnn-train, or an output could not be "
                       "written. Or images of --images or --calibrate could not be read; they were left out, "
                       "and the export was written."},
                      kBadUsage,
                      {"130, 143, 129", "Interrupted by SIGINT, SIGTERM or SIGHUP. No file was written."}},
      .files = {{"OUT.onnx", "The ONNX model; classes and image size are in its metadata_props."},
                {"NAME.h, NAME.c, NAME_main.c",
                 "The C code: what goes in and out, with its costs; the network; a program that uses it."}},
      .examples = {{"cnn-export --model best.safetensors --onnx digits.onnx --images digits/test",
                    "Write an ONNX model, and compare it with the engine."},
                   {"cnn-export --model best.safetensors --c digits --name digits",
                    "Write digits/digits.h, digits/digits.c and digits/digits_main.c."},
                   {"cnn-export --model best.safetensors --c digits --int8 --calibrate digits/train --images "
                    "digits/test",
                    "The same in 8-bit integers, and what that costs in accuracy."},
                   {"cnn-export --model best.safetensors --onnx - --uint8 | gzip > digits.onnx.gz",
                    "Write an ONNX model for bytes to standard output."}},
      .see_also = {"cnn-train", "cnn-eval", "cnn-inspect"}};
}

}  // namespace

const Manual& manual_of(const std::string& program) {
  static const std::vector<Manual> manuals{train_manual(), eval_manual(), inspect_manual(), export_manual()};
  const auto found = std::find_if(manuals.begin(), manuals.end(),
                                  [&](const Manual& manual) { return manual.program == program; });
  CNN_CHECK(found != manuals.end(), "{} has no manual", program);
  return *found;
}

}  // namespace cnn

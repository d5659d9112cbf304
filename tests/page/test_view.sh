#!/bin/sh
# Makes the page of a small network and goes through it in a headless browser, as a person would:
# test_view.sh PROGRAM_DIR SOURCE_DIR. Exit status 77: node or Chromium is not on this machine.
set -eu
programs=$1 source=$2

command -v node >/dev/null || { echo "skipped: there is no node"; exit 77; }
for name in chromium chromium-browser google-chrome chrome; do
  if command -v "$name" >/dev/null; then browser=$name; break; fi
done
[ -n "${browser-}" ] || { echo "skipped: there is no Chromium"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Three epochs: the network is not sure yet, so gradients are not small.
"$programs/cnn-train" --config "$source/configs/digits-lenet5.json" --run-dir "$folder/run" --quiet \
  --set training.epochs=3 >/dev/null
images=""
for class in 0 1 2 3 4 5 6 7 8 9; do images="$images --image $source/data/digits/test/$class/0000.png"; done
# shellcheck disable=SC2086
"$programs/cnn-inspect" --model "$folder/run/best.safetensors" --page "$folder/page.html" $images >/dev/null
# A small network with a residual entry, hardly trained.
cat >"$folder/residual.json" <<END
{"name": "residual", "seed": 1,
 "training": {"epochs": 1, "batch_size": 64, "optimizer": {"type": "sgd", "learning_rate": 0.05}},
 "data": {"format": "folder", "train": "$source/data/digits/test", "image": {"channels": 1, "height": 28, "width": 28}},
 "network": [{"type": "conv", "out_channels": 4, "kernel_size": 5, "padding": 2, "stride": 4},
             {"type": "residual", "layers": [{"type": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}]},
             {"type": "flatten"}, {"type": "dense", "units": 10}]}
END
"$programs/cnn-train" --config "$folder/residual.json" --run-dir "$folder/residual" --quiet >/dev/null
"$programs/cnn-inspect" --model "$folder/residual/last.safetensors" --page "$folder/residual.html" >/dev/null
node "$(dirname "$0")/view.mjs" "$browser" "$folder/page.html" "$folder/profile" \
  "$source/data/digits/test/4/0001.png" "$folder/residual.html"

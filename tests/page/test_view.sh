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
node "$(dirname "$0")/view.mjs" "$browser" "$folder/page.html" "$folder/profile" \
  "$source/data/digits/test/4/0001.png"

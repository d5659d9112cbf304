#!/usr/bin/env bash
# Tests data/download against a server on this machine: test_download.sh SOURCE_DIR. Exit 77: skipped.
set -euo pipefail

source_dir=$1
script=$source_dir/data/download
for program in python3 curl gzip tar; do
  command -v $program >/dev/null || { echo "skipped: no $program here"; exit 77; }
done

work=$(mktemp -d)
server=""
trap '[[ -z $server ]] || kill "$server"; rm -rf -- "$work"' EXIT

checks=0
begin() { echo "-- $*"; }
broken() {
  echo "FAILED: $*"
  echo "   output: $(cat "$work/out")"
  exit 1
}
# run STATUS ARGUMENT...: runs the script, its output goes to $work/out.
run() {
  local expected=$1 status=0
  shift
  "$script" --to "$work/data" "$@" >"$work/out" 2>&1 || status=$?
  [[ $status == "$expected" ]] || broken "'download $*' ended with $status, expected $expected"
  checks=$((checks + 1))
}
says() {
  grep -qF -- "$1" "$work/out" || broken "expected in the output: $1"
  checks=$((checks + 1))
}
same() {
  cmp -s -- "$1" "$2" || broken "$1 and $2 differ"
  checks=$((checks + 1))
}
absent() {
  [[ ! -e $1 ]] || broken "$1 should not be there"
  checks=$((checks + 1))
}
requested() {  # requested LINE: the server's log has this line
  grep -qxF -- "$1" "$work/log" || broken "the server never saw '$1', only: $(cat "$work/log")"
  checks=$((checks + 1))
}
fresh() {
  rm -rf -- "$work/data"
  : >"$work/log"
}

# Small files with the real names, and a table of their checksums in place of the real one.
site=$work/site
mkdir -p "$site" "$work/cifar-10-batches-bin"
table=$work/table
export CNN_DOWNLOAD_TABLE=$table no_proxy=127.0.0.1
sum() { "$1" <"$2" | cut -d' ' -f1; }
for name in train-images-idx3-ubyte train-labels-idx1-ubyte; do
  head -c 300000 /dev/urandom >"$work/$name"
  gzip -c "$work/$name" >"$site/$name.gz"
  echo "mnist http://127.0.0.1:1/$name.gz $(sum md5sum "$site/$name.gz") $(sum sha256sum "$work/$name")"
done >"$table"
images=train-images-idx3-ubyte.gz
for batch in data_batch_1 data_batch_2 test_batch; do
  head -c 30000 /dev/urandom >"$work/cifar-10-batches-bin/$batch.bin"
done
archive=cifar-10-binary.tar.gz
tar -czf "$site/$archive" -C "$work" cifar-10-batches-bin
echo "cifar10 http://127.0.0.1:1/$archive $(sum md5sum "$site/$archive") -" >>"$table"

: >"$work/log"
python3 "$source_dir/tests/cli/serve_ranges.py" "$site" "$work/port" "$work/log" &
server=$!
for _ in $(seq 100); do
  [[ -s $work/port ]] && break
  sleep 0.1
done
url=http://127.0.0.1:$(cat "$work/port")

begin "a fresh download, and a second run that asks nobody"
fresh
run 0 mnist --base-url "$url/"
same "$site/$images" "$work/data/mnist/$images"
absent "$work/data/mnist/$images.part"
: >"$work/log"
run 0 mnist --base-url "$url"
says "there already, and right"
[[ ! -s $work/log ]] || broken "the second run downloaded"

begin "an interrupted download goes on"
fresh
mkdir -p "$work/data/mnist"
head -c 100000 "$site/$images" >"$work/data/mnist/$images.part"
run 0 mnist --base-url "$url"
says "continues after 100000 bytes"
requested "/$images 100000"
same "$site/$images" "$work/data/mnist/$images"

begin "a connection that breaks off keeps what came, and the next run goes on"
fresh
run 1 mnist --base-url "$url/breaks-off"
says "continues after"
absent "$work/data/mnist/$images"
run 0 mnist --base-url "$url"
same "$site/$images" "$work/data/mnist/$images"

begin "a server without ranges, and a beginning of something else: both start over"
fresh
mkdir -p "$work/data/mnist"
head -c 100000 "$site/$images" >"$work/data/mnist/$images.part"
run 0 mnist --base-url "$url/no-ranges"
says "starts over"
same "$site/$images" "$work/data/mnist/$images"
fresh
mkdir -p "$work/data/mnist"
head -c 1000 /dev/zero >"$work/data/mnist/$images.part"
run 0 mnist --base-url "$url"
says "starts over"
same "$site/$images" "$work/data/mnist/$images"
fresh
mkdir -p "$work/data/mnist"
head -c 900000 /dev/zero >"$work/data/mnist/$images.part"
run 0 mnist --base-url "$url"
same "$site/$images" "$work/data/mnist/$images"

begin "a part that was complete already is only renamed"
fresh
mkdir -p "$work/data/mnist"
cp "$site/$images" "$work/data/mnist/$images.part"
run 0 mnist --base-url "$url"
grep -q "^/$images" "$work/log" && broken "downloaded again"
same "$site/$images" "$work/data/mnist/$images"

begin "a wrong checksum: an error, and nothing stays"
fresh
mkdir -p "$work/bad"
head -c 5000 /dev/urandom >"$work/bad/$images"
cp "$site/$images" "$work/right.gz"
cp "$work/bad/$images" "$site/$images"
run 1 mnist --base-url "$url"
says "wrong checksum"
absent "$work/data/mnist/$images"
absent "$work/data/mnist/$images.part"
cp "$work/right.gz" "$site/$images"

begin "a damaged file of an earlier day is replaced"
fresh
mkdir -p "$work/data/mnist"
cp "$work/bad/$images" "$work/data/mnist/$images"
run 0 mnist --base-url "$url"
says "wrong checksum, will be replaced"
same "$site/$images" "$work/data/mnist/$images"

begin "--from: a file compressed anew is right by its content; a wrong and a missing one are refused"
fresh
mkdir -p "$work/old/mnist"
for name in train-images-idx3-ubyte train-labels-idx1-ubyte; do
  gzip -1c "$work/$name" >"$work/old/mnist/$name.gz"
done
run 0 mnist --from "$work/old"
same "$work/old/mnist/$images" "$work/data/mnist/$images"
run 0 mnist --from "$work/old"
says "there already, and right"
fresh
run 0 mnist --from "$work/old/mnist"
fresh
run 1 mnist --from "$work/bad"
says "wrong checksum"
absent "$work/data/mnist/$images"
run 1 cifar10 --from "$work/old"
says "is there"
[[ ! -s $work/log ]] || broken "--from downloaded"

begin "cifar10 is unpacked, also from an archive that is there, and a second run needs no archive"
fresh
run 0 cifar10 --base-url "$url"
same "$work/cifar-10-batches-bin/test_batch.bin" "$work/data/cifar10/test_batch.bin"
absent "$work/data/cifar10/$archive.part"
absent "$work/data/cifar10/.unpacking"
run 0 cifar10
says "there already, and right"
printf x >>"$work/data/cifar10/data_batch_1.bin"
run 0 cifar10 --from "$site"
same "$work/cifar-10-batches-bin/data_batch_1.bin" "$work/data/cifar10/data_batch_1.bin"
fresh
mkdir -p "$work/data/cifar10"
cp "$site/$archive" "$work/data/cifar10/"
run 0 cifar10
same "$work/cifar-10-batches-bin/data_batch_2.bin" "$work/data/cifar10/data_batch_2.bin"

begin "errors say what is wrong"
fresh
run 1 mnist
says "cannot be reached"
rm "$site/$images"
run 1 mnist --base-url "$url"
says "does not have the file"
cp "$work/right.gz" "$site/$images"
run 2
says "which data set"
run 2 imagenet
says "'imagenet' is none of"
run 2 all --base-url "$url"
run 2 mnist --from
says "--from needs a value"
run 1 mnist --from "$work/nowhere"
says "is not a folder"
# A machine without curl: only what the script needs before it.
mkdir "$work/bin"
for program in bash dirname gzip tar mkdir cat df awk cut md5sum sha256sum; do
  ln -s "$(command -v $program)" "$work/bin/$program"
done
PATH=$work/bin run 1 mnist --base-url "$url"
says "the program 'curl' was not found"
# A full disk, as df would say it.
printf '#!/bin/sh\necho head; echo "/dev/sda 1000 999 1 99%% /"\n' >"$work/bin/df.full"
chmod +x "$work/bin/df.full"
rm "$work/bin/df"
mv "$work/bin/df.full" "$work/bin/df"
PATH=$work/bin:$PATH run 1 mnist --base-url "$url"
says "the disk has 1 KiB left"

echo "all $checks checks passed"

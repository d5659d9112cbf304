#!/usr/bin/env bash
# Builds the Debian package and tries it on bare systems: test_debian_package.sh SOURCE_DIR SUITE[=PACKAGE]...
# as root; a suite is bookworm, trixie, ... Exit 77: skipped.
#
# For each suite debootstrap makes two systems. In the first one the packages that README.md names are installed and
# the package is built; in the second one, which has nothing, the package is installed with its dependencies, and
# trains and evaluates. With a PACKAGE (a .deb made on that release) the first one is left out. The mirror is that of
# this machine's apt. CNN_CHROOT_CCACHE=FOLDER remembers compilations.
set -euo pipefail

source_dir=$(realpath -- "$1")
shift
skip() {
  echo "skipped: $*"
  exit 77
}
[[ $# -gt 0 ]] || skip "no suite given"
[[ $(id -u) == 0 ]] || skip "this needs root, for chroot"
for program in debootstrap apt-get; do
  command -v $program >/dev/null || skip "no $program here"
done
mirror=$(apt-get indextargets --format '$(SITE) $(COMPONENT)' 'Identifier: Packages' |
  awk '$2 == "main" && $1 !~ /security/ { print $1; exit }')
[[ -n $mirror ]] || skip "apt has no mirror"

work=$(mktemp -d)
mounts=()
finish() {
  local i
  for ((i = ${#mounts[@]} - 1; i >= 0; --i)); do umount -- "${mounts[i]}"; done
  rm -rf --one-file-system -- "$work"
}
trap finish EXIT
broken() {
  echo "FAILED: $*"
  exit 1
}

mount_at() {
  local place=${*: -1}
  mkdir -p -- "$place"
  mount "$@"
  mounts+=("$place")
}
inside() {
  local root=$1
  shift
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
    CCACHE_DIR=/ccache "$@"
}
# bare ROOT SUITE: a system with nothing but what every one has.
bare() {
  debootstrap --variant=minbase "$2" "$1" "$mirror" >"$work/log" 2>&1 || { tail "$work/log"; broken "debootstrap $2"; }
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  { apt-config dump | grep -iE '^Acquire::https?::Proxy' || true; } >"$1/etc/apt/apt.conf.d/80machine"
  echo 'Dpkg::Use-Pty "0";' >>"$1/etc/apt/apt.conf.d/80machine"
  inside "$1" apt-get update -qq
}
# The packages in README.md's command.
needed_packages() {
  sed -n '/apt-get install -y/,/&& cmake/p' "$source_dir/README.md" | tr -d '\\' | sed 's/.*install -y//; /&& cmake/d'
}

# build_package SYSTEM SUITE: builds in a copy of the bare SYSTEM, and sets `package`.
build_package() {
  local build=$1-build suite=$2 extra
  cp -a -- "$1" "$build"
  mount_at -t proc proc "$build/proc"
  extra=(dpkg-dev file)
  if [[ -n ${CNN_CHROOT_CCACHE:-} ]]; then
    mkdir -p -- "$CNN_CHROOT_CCACHE/$suite"
    mount_at --bind "$CNN_CHROOT_CCACHE/$suite" "$build/ccache"
    extra+=(ccache)
  fi
  # shellcheck disable=SC2046
  inside "$build" apt-get install -qq -y --no-install-recommends $(needed_packages) "${extra[@]}" >"$work/log" 2>&1 ||
    { tail "$work/log"; broken "the packages that README.md names cannot be installed in $suite"; }
  mkdir -- "$build/src"
  tar -C "$source_dir" --exclude=./build --exclude=./.git --exclude=./runs --exclude='./data/*mnist' \
    --exclude='./data/cifar10*' -c . | tar -C "$build/src" -x --no-same-owner
  inside "$build" sh -c 'cd /src && cmake --preset release -DCNN_TESTS=OFF && cmake --build --preset release &&
    cd build/release && cpack -G DEB' >"$work/log" 2>&1 || { tail -n 30 "$work/log"; broken "the build in $suite"; }
  package=$(echo "$build"/src/build/release/cnn-train_*.deb)
}

for argument in "$@"; do
  suite=${argument%%=*}
  system=$work/$suite
  echo "== $suite"
  bare "$system" "$suite"
  if [[ $argument == *=* ]]; then package=${argument#*=}; else build_package "$system" "$suite"; fi
  mount_at -t proc proc "$system/proc"
  dpkg-deb --field "$package" Package Version Architecture Depends Installed-Size
  if command -v lintian >/dev/null; then lintian --fail-on error "$package" || broken "lintian, see above"; fi

  cp -- "$package" "$system/cnn-train.deb"
  cp -r -- "$source_dir/data/digits" "$system/digits"
  inside "$system" apt-get install -qq -y --no-install-recommends /cnn-train.deb >"$work/log" 2>&1 ||
    { tail "$work/log"; broken "the package cannot be installed in $suite"; }
  inside "$system" cnn-train --version
  inside "$system" cnn-train --config /usr/share/cnn-train/configs/digits-lenet5.json --set data.train=/digits/train \
    --set data.test=/digits/test --set training.epochs=1 --run-dir /run-folder --quiet || broken "cnn-train in $suite"
  inside "$system" cnn-eval --model /run-folder/best.safetensors --images /digits/test --min-accuracy 0.3 >"$work/log" ||
    broken "cnn-eval in $suite: $(cat "$work/log")"
  head -n 3 "$work/log"
  inside "$system" cnn-inspect --model /run-folder/best.safetensors --json >/dev/null || broken "cnn-inspect in $suite"
  inside "$system" cnn-export --model /run-folder/best.safetensors --onnx /model.onnx >/dev/null ||
    broken "cnn-export in $suite"
  inside "$system" gzip -t /usr/share/man/man1/cnn-train.1.gz /usr/share/man/man1/cnn-eval.1.gz \
    /usr/share/man/man1/cnn-inspect.1.gz /usr/share/man/man1/cnn-export.1.gz || broken "manual pages in $suite"
  inside "$system" apt-get purge -qq -y cnn-train >/dev/null
  [[ ! -e $system/usr/share/cnn-train && ! -e $system/usr/share/doc/cnn-train ]] || broken "purging leaves files in $suite"
done
echo "the package holds in: $*"

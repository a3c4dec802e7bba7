#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the demo need.
# Quick and silent when nothing is missing.
set -u

declare -A why=(
  [g++]="compiles the door to libtorch"
  [libjpeg62-turbo-dev]="decodes JPEGs (libjpeg-turbo)"
  [libtorch-dev]="the engine: tensors, operators, autograd"
  [libopenblas0-pthread]="fast matrix products (the reference BLAS is far slower)"
  [dataset-fashion-mnist]="the demo's 70,000 pictures"
)
packages=(g++ libtorch-dev libopenblas0-pthread libjpeg62-turbo-dev dataset-fashion-mnist)
if [ -n "${TORCH_DIR:-}" ]; then
  if [ ! -e "$TORCH_DIR/lib/libtorch.so" ] || [ ! -d "$TORCH_DIR/include/ATen" ]; then
    echo "TORCH_DIR=$TORCH_DIR holds no PyTorch: give the folder that has lib/libtorch.so and include/ATen" >&2
    exit 1
  fi
  packages=(g++ libjpeg62-turbo-dev dataset-fashion-mnist)
fi

if ! command -v go >/dev/null 2>&1; then
  echo "go is missing: install Go 1.26 or newer (https://go.dev/dl) and put it on the PATH" >&2
  exit 1
fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

missing=()
for p in "${packages[@]}"; do
  # Any C++ compiler of that name does, whoever installed it.
  if [ "$p" = g++ ] && command -v g++ >/dev/null 2>&1; then continue; fi
  installed "$p" || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "these Debian packages are missing and there is no apt-get to install them: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=(sudo)
  else
    echo "these Debian packages are missing and you may not install them: ask an administrator for: apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi

echo "installing with apt-get:"
for p in "${missing[@]}"; do printf '  %-24s %s\n' "$p" "${why[$p]}"; done
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# A new machine has no package lists yet.
if ! install; then
  "${as_root[@]}" apt-get update >>"$log" 2>&1
  if ! install; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install ${missing[*]}: mend that, or install them by hand, and try again" >&2
    exit 1
  fi
fi

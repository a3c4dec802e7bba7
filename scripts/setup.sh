#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the demo need.
# Quick and silent when nothing is missing.
set -u

declare -A why=(
  [g++]="compiles the door to libtorch"
  [libgloo-dev]="headers of the library by which processes on CPUs train together"
  [libjpeg62-turbo-dev]="decodes JPEGs (libjpeg-turbo)"
  [libhnswlib-dev]="approximate search for neighbours (headers only)"
  [libtorch-dev]="the engine: tensors, operators, autograd"
  [libjemalloc-dev]="keeps a training step's memory for the next one"
  [libopenblas0-pthread]="fast matrix products (the reference BLAS is far slower)"
  [dataset-fashion-mnist]="the demo's 70,000 pictures"
)
packages=(g++ libtorch-dev libgloo-dev libhnswlib-dev libjemalloc-dev libopenblas0-pthread libjpeg62-turbo-dev dataset-fashion-mnist)
if [ -n "${TORCH_DIR:-}" ]; then
  if [ ! -e "$TORCH_DIR/lib/libtorch.so" ] || [ ! -d "$TORCH_DIR/include/ATen" ]; then
    echo "TORCH_DIR=$TORCH_DIR holds no PyTorch: give the folder that has lib/libtorch.so and include/ATen" >&2
    exit 1
  fi
  packages=(g++ libgloo-dev libhnswlib-dev libjemalloc-dev libjpeg62-turbo-dev dataset-fashion-mnist)
fi

if ! command -v go >/dev/null 2>&1; then
  echo "go is missing: install Go 1.26 or newer (https://go.dev/dl) and put it on the PATH" >&2
  exit 1
fi

wanted=()
for p in "${packages[@]}"; do
  # Any C++ compiler of that name does, whoever installed it.
  if [ "$p" = g++ ] && command -v g++ >/dev/null 2>&1; then continue; fi
  wanted+=("$p")
done
. "$(dirname "$0")/apt.sh"
install_missing "${wanted[@]}"

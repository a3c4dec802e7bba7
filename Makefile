# make demo    install what is missing, build, train CoNe on Fashion-MNIST
# make test    the same set-up, then every test
# make bench   ours and others' training steps and picture transforms in turn
#              (see bench/README.md)
#
# TORCH_DIR=…  build against this PyTorch 2.x installation (the folder with
#              include/ and lib/) instead of Debian's libtorch.

SHELL := /bin/bash
.DEFAULT_GOAL := build

ifdef TORCH_DIR
BIN ?= bin/torch2
export CGO_CXXFLAGS := -O2 -I$(TORCH_DIR)/include -I$(TORCH_DIR)/include/torch/csrc/api/include
export CGO_LDFLAGS := -O2 -L$(TORCH_DIR)/lib -Wl,-rpath,$(TORCH_DIR)/lib
ifneq ($(wildcard $(TORCH_DIR)/lib/libtorch_cuda.so),)
CGO_LDFLAGS += -Wl,--no-as-needed -ltorch_cuda -Wl,--as-needed
endif
else
BIN ?= bin
endif

.PHONY: build setup demo test lint ci bench clean

build: setup
	@mkdir -p $(BIN)
	go build -o $(BIN)/cone ./cmd/cone

setup:
	@TORCH_DIR="$(TORCH_DIR)" scripts/setup.sh

demo: build
	$(BIN)/cone train fashion-mnist-quick

# The packages' tests run one after the other: each uses every core.
test: setup
	go test -p 1 -timeout 20m ./...

lint:
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

ci: setup lint test

# Peers whose Python is missing are left out; BEST_PYTHON adds those on the
# newest PyTorch (see bench/README.md). BENCH picks parts and flags:
# make bench BENCH="--turns 5 data".
plain := env -u CGO_CXXFLAGS -u CGO_LDFLAGS
bench: build
	go build -o $(BIN)/step ./bench/step
	$(plain) go build -o bin/step ./bench/step
	$(plain) go build -o bin/pictures ./bench/pictures
	$(plain) go run ./bench --bin $(BIN) $(BENCH)

clean:
	rm -rf bin bench/out

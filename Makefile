# make demo    install what is missing, build, train CoNe on Fashion-MNIST
# make test    the same set-up, then every test
# make bench   ours and others' training steps and picture transforms in turn
#              (see bench/README.md)
# make results the comparisons of methods (scripts/results.sh): hours; RESULTS picks
#              parts: make results RESULTS="few noise"
# make glyphs  fonts, and from them two image collections to train on (examples/glyphs)
#
# TORCH_DIR=…  build against this PyTorch 2.x installation (the folder with
#              include/ and lib/) instead of Debian's libtorch.
# CUDA_HOME=…  with it, NCCL too, by which processes on GPUs train together
#              (the folder with CUDA's include/).

SHELL := /bin/bash
.DEFAULT_GOAL := build

ifdef TORCH_DIR
BIN ?= bin/torch2
export CGO_CXXFLAGS := -O2 -I$(TORCH_DIR)/include -I$(TORCH_DIR)/include/torch/csrc/api/include
export CGO_LDFLAGS := -O2 -L$(TORCH_DIR)/lib -Wl,-rpath,$(TORCH_DIR)/lib
ifneq ($(wildcard $(TORCH_DIR)/lib/libtorch_cuda.so),)
export GOFLAGS := -tags=cuda
ifdef CUDA_HOME
GOFLAGS := -tags=cuda,nccl
CGO_CXXFLAGS += -I$(CUDA_HOME)/include $(addprefix -I,$(wildcard $(TORCH_DIR)/../nvidia/nccl/include))
endif
endif
# The launcher of the same installation, for tests.
export CONE_TORCHRUN ?= $(wildcard $(TORCH_DIR)/../../../../bin/torchrun)
else
BIN ?= bin
endif

.PHONY: build setup demo test test-gpu lint ci bench results glyphs glyphs-fonts clean

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

# Known answers computed on a GPU; float32's need TF32 off (docs/gpu.md).
test-gpu: setup
	CONE_TEST_DEVICE=cuda NVIDIA_TF32_OVERRIDE=0 go test -p 1 -run 'Known|Equals|EqualOthers|EqualTorchvisions|TestItems' \
	  ./tensor ./method ./model ./optim

lint:
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

ci: setup lint test

# Peers whose Python is missing are left out; BEST_PYTHON adds those on the
# newest PyTorch (see bench/README.md). BENCH picks parts and flags:
# make bench BENCH="--turns 5 data".
plain := env -u CGO_CXXFLAGS -u CGO_LDFLAGS -u GOFLAGS
bench: build
	go build -o $(BIN)/step ./bench/step
	$(plain) go build -o bin/step ./bench/step
	$(plain) go build -o bin/pictures ./bench/pictures
	$(plain) go run ./bench --bin $(BIN) $(BENCH)

results: build glyphs
	CONE=$(BIN)/cone scripts/results.sh $(RESULTS)

# The typefaces of the glyphs collections: 108 MB to download.
GLYPH_FONTS := \
  fonts-adf-accanthis fonts-adf-berenis fonts-adf-ikarius fonts-adf-irianis \
  fonts-adf-libris fonts-adf-mekanus fonts-adf-romande fonts-adf-solothurn \
  fonts-adf-universalis fonts-agave fonts-allerta fonts-ancient-scripts \
  fonts-anonymous-pro fonts-apropal fonts-arapey fonts-averia-gwf \
  fonts-averia-sans-gwf fonts-averia-serif-gwf fonts-b612 fonts-bebas-neue \
  fonts-beteckna fonts-blankenburg fonts-breip fonts-bwht fonts-cabin \
  fonts-cabinsketch fonts-cantarell fonts-cardo fonts-century-catalogue \
  fonts-cherrybomb fonts-clear-sans fonts-cmu fonts-comfortaa fonts-comic-neue \
  fonts-courier-prime fonts-crosextra-caladea fonts-dancingscript \
  fonts-dejavu-core fonts-dkg-handwriting fonts-dosis fonts-dustin \
  fonts-ebgaramond fonts-ecolier-court fonts-engadget fonts-essays1743 \
  fonts-eurofurence fonts-fantasma fonts-fantasque-sans fonts-fanwood \
  fonts-femkeklaver fonts-ferrite-core fonts-firacode fonts-gamaliel \
  fonts-georgewilliams fonts-gfs-artemisia fonts-gfs-didot \
  fonts-gfs-neohellenic fonts-gnutypewriter fonts-go fonts-gotico-antiqua \
  fonts-goudybookletter fonts-havana fonts-hermit fonts-humor-sans \
  fonts-inconsolata fonts-isabella fonts-jetbrains-mono fonts-joscelyn \
  fonts-junction fonts-jura fonts-karla fonts-kaushanscript \
  fonts-klaudia-berenika fonts-komatuna fonts-kristi fonts-lato \
  fonts-league-mono fonts-league-spartan fonts-leckerli-one fonts-lemonada \
  fonts-levien-museum fonts-liberation2 fonts-lindenhill fonts-linuxlibertine \
  fonts-lobster fonts-mmcedar fonts-monofur fonts-monoid fonts-mononoki \
  fonts-national-park fonts-noto-core fonts-ocr-a fonts-ocr-b fonts-okolaks \
  fonts-oldstandard fonts-open-sans fonts-opendin fonts-opendyslexic \
  fonts-osifont fonts-oxygen fonts-paratype fonts-play fonts-prociono \
  fonts-quattrocento fonts-quicksand fonts-radisnoir fonts-ricty-diminished \
  fonts-roadgeek fonts-roboto-slab fonts-roboto-unhinted fonts-routed-gothic \
  fonts-rufscript fonts-sil-charis fonts-sil-galatia fonts-sil-gentium-basic \
  fonts-sil-gentiumplus fonts-sjfonts fonts-sora fonts-staypuft \
  fonts-summersby fonts-tiresias fonts-tlwg-laksaman-otf fonts-tlwg-purisa-otf \
  fonts-tlwg-sawasdee-otf fonts-tomsontalks fonts-triod-postnaja fonts-tuffy \
  fonts-ubuntu-title fonts-ukij-uyghur fonts-urw-base35 fonts-vlgothic \
  fonts-vollkorn fonts-yanone-kaffeesatz fonts-yrsa-rasa

glyphs-fonts:
	@scripts/fonts.sh $(GLYPH_FONTS)

# Only these packages' fonts, whatever else is installed: everybody gets the
# same pictures and the same split.
glyphs: glyphs-fonts build/glyphs-10/typefaces.tsv build/glyphs-400/typefaces.tsv

build/fonts.txt: | glyphs-fonts
	@mkdir -p build
	@dpkg -L $(GLYPH_FONTS) | sort -u >$@

build/%/typefaces.tsv: | setup build/fonts.txt
	rm -rf build/$*
	go run ./examples/glyphs --set $* --out build/$* --fonts build/fonts.txt

clean:
	rm -rf bin bench/out

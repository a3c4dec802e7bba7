#!/bin/bash
# The tables of docs/results.md: recipes are made of shipped ones by the settings
# below, and compared by cone compare. What is finished is skipped, what was broken
# off goes on, so the same command may be given again at any time.
#
#   scripts/results.sh                 # every part: hours
#   scripts/results.sh glyphs-10 few   # some
#
# Parts: fashion-mnist glyphs-10 glyphs-400 noise few authors ablation sweep guards terms-400 robustness tune tune-400,
# and for a GPU (DEVICE=cuda JOBS=8): tune-wide wide-fashion-mnist tune-clipped clipped-fashion-mnist
# wide-glyphs-400
# SEEDS (3), THREADS (1, so that two parts can run side by side on two cores), OUT (runs/results), CONE (bin/cone),
# DEVICE (cpu), JOBS (1: runs at a time).
set -eu
shopt -s inherit_errexit
program=${CONE:-bin/cone} seeds=${SEEDS:-3} threads=${THREADS:-1} out=${OUT:-runs/results} device=${DEVICE:-cpu} jobs=${JOBS:-1}

# make NAME FROM [SETTING…]: a recipe, and its file's name.
make_recipe() {
  local name=$1 from=$2 setting flags=()
  shift 2
  for setting in "$@"; do flags+=(--set "$setting"); done
  mkdir -p "$out/recipes"
  "$program" recipe show "$from" --set "name=$name" "${flags[@]}" >"$out/recipes/$name.yaml.new"
  mv "$out/recipes/$name.yaml.new" "$out/recipes/$name.yaml"
  echo "$out/recipes/$name.yaml"
}

# compare PART COMMAND…: what the command makes, in folder PART.
compare() {
  local part=$1 files
  shift
  files=$("$@")
  compared "$part" $files
}

compared() { # PART RECIPE…
  local part=$1
  shift
  "$program" compare "$@" --seeds "$seeds" --threads "$threads" --device "$device" --jobs "$jobs" --out "$out/$part"
}

# The protocol: networks and epochs so small that all tables together are a matter
# of hours; everything else as the shipped recipes have it.
fashion=(fashion-mnist-quick model.width=16 epochs=4 evaluate.knn.report=true evaluate.every=2)
glyphs10=(glyphs-10 model.width=24 model.depth=1 epochs=6 evaluate.knn.report=true evaluate.every=2 data.cache_mb=1000)
glyphs400=(glyphs-400 model.width=24 model.depth=1 epochs=6 evaluate.knn.report=true evaluate.every=2 data.cache_mb=1000)

# What a GPU does in minutes: the shipped network, twice as wide as above, for more epochs.
wide_fashion=(fashion-mnist-quick epochs=10 evaluate.knn.report=true evaluate.every=5)
# The shipped network and its 12 epochs.
wide_glyphs400=(glyphs-400 evaluate.knn.report=true evaluate.every=6 data.cache_mb=1000)
clipped=(optim.clip_norm=1)
# What CoNe was found to want with many images.
fast_key=(method.cone.key_momentum=0.9 optim.lr=0.2)

# One percent of them.
few_fashion=("${fashion[@]}" data.fraction=0.01 batch=64 epochs=150 evaluate.every=50 method.cone.bank_size=448 method.cone.neighbors=16)
few_glyphs10=("${glyphs10[@]}" data.fraction=0.01 batch=32 epochs=150 evaluate.every=50 method.cone.bank_size=256 method.cone.neighbors=16)

# What makes each method.
cross_entropy=(method.name=cross-entropy)
cone=(method.name=cone)
# A linear classifier afterwards on the frozen backbone.
linear=(linear.epochs=3 linear.batch=512 linear.optim.reference_batch=512 linear.optim.weight_decay=0
  linear.optim.schedule=cosine-step linear.optim.warmup_epochs=0)
supcon=(method.name=supcon method.supcon.temperature=0.1 model.head.placement=beside "${linear[@]}" linear.optim.lr=0.5)
triplet=(method.name=triplet method.triplet.mining=batch-hard method.triplet.margin=0.2
  method.triplet.normalize=true method.triplet.joint=true model.head.placement=beside
  data.sampling.order=per-class data.sampling.per_class=32)
# Instead of a classifier beside the triplets: one afterwards, as SupCon has.
own_linear=(method.triplet.joint=false "${linear[@]}" linear.optim.lr=5)
eight_of_a_class=(data.sampling.order=per-class data.sampling.per_class=8)
margin=(method.name=margin method.margin.kind=cosface method.margin.margin=0.2 method.margin.scale=16)
timm=(method.name=bce method.smoothing=all optim.name=lamb optim.nesterov=false optim.lr=8e-3 optim.reference_batch=256
  optim.weight_decay=0.02 optim.clip_norm=1)
equal_probabilities=(method.bce.sum_classes=true method.bce.prior_bias=true)
timm_steps() { # PROBABILITY of mixing a batch
  echo "{rand_augment: {config: rand-m6-mstd0.5-inc1}}, {mix: {mixup_alpha: 0.1, cutmix_alpha: 1, switch_probability: 0.5, probability: $1}}"
}

# What part tune found for each collection, added to the above.
declare -A found=(
  [fashion-mnist/cross_entropy]="optim.lr=0.2"
  [fashion-mnist/supcon]="optim.lr=0.4 linear.optim.lr=5"
  [fashion-mnist/triplet]="method.triplet.mining=semi-hard optim.lr=0.2"
  [fashion-mnist/margin]="optim.lr=0.4"
  [fashion-mnist/timm]="optim.lr=2e-2"
  [fashion-mnist/cone]="method.cone.key_momentum=0.9 optim.lr=0.2"
  [wide-fashion-mnist/cross_entropy]="optim.lr=0.2"
  [wide-fashion-mnist/supcon]="optim.lr=0.4 linear.optim.lr=5"
  [wide-fashion-mnist/triplet]="method.triplet.mining=semi-hard optim.lr=0.2"
  [wide-fashion-mnist/margin]="optim.lr=0.2"
  [wide-fashion-mnist/timm]="optim.lr=2e-2"
  [wide-fashion-mnist/cone]="method.cone.key_momentum=0.9"
  [clipped-fashion-mnist/cross_entropy]="optim.lr=0.2 method.label_smoothing=0.1"
  [clipped-fashion-mnist/cone]="method.cone.key_momentum=0.9 optim.lr=0.4"
  [glyphs-10/cross_entropy]="optim.lr=0.2"
  [glyphs-10/supcon]="method.supcon.temperature=0.2 linear.optim.lr=5"
  [glyphs-10/triplet]="method.triplet.mining=semi-hard"
  [glyphs-10/margin]="optim.lr=0.2"
  [glyphs-10/timm]="optim.lr=2e-2"
  [glyphs-10/cone]="method.cone.key_momentum=0.9 optim.lr=0.2"
  [glyphs-400/cross_entropy]="method.label_smoothing=0.1"
  [glyphs-400/cone]="optim.lr=0.2"
  [glyphs-400/supcon]="${eight_of_a_class[*]} linear.optim.lr=5"
  [glyphs-400/triplet]="${eight_of_a_class[*]} method.triplet.mining=semi-hard ${own_linear[*]} optim.lr=0.2"
  [glyphs-400/timm]="${equal_probabilities[*]} optim.lr=2e-2"
)

# tuned PREFIX METHOD: what was found for the method on the recipe's collection.
tuned() { echo "${found[$(collection "$1")/$2]-}"; }

collection() {
  case $1 in
    *clipped-fashion-mnist*) echo clipped-fashion-mnist ;;
    *wide-fashion-mnist*) echo wide-fashion-mnist ;;
    *fashion-mnist*) echo fashion-mnist ;;
    *glyphs-400*) echo glyphs-400 ;;
    *glyphs-*) echo glyphs-10 ;;
  esac
}

# methods PREFIX STEPS FROM [SETTING…]: the files of all methods' recipes; STEPS are
# the augmentation that all share.
methods() {
  local prefix=$1 steps=$2 method
  shift 2
  for method in cross_entropy supcon triplet margin timm; do method_recipe "$prefix" "$method" "$@"; done
  cones "$prefix" "$@"
}

# pair PREFIX FROM [SETTING…]: cross-entropy and CoNe.
pair() {
  local prefix=$1
  shift
  method_recipe "$prefix" cross_entropy "$@"
  cones "$prefix" "$@"
}

# those_close PREFIX FROM [SETTING…]: the best of glyphs-400.
those_close() {
  local prefix=$1
  shift
  pair "$prefix" "$@"
  make_recipe "$prefix-cone-no-guards" "$@" "${cone[@]}" "${fast_key[@]}" method.cone.guards=false
  method_recipe "$prefix" margin "$@"
}

method_recipe() { # PREFIX METHOD FROM [SETTING…]
  local prefix=$1 method=$2 more=()
  local -n settings=$method
  shift 2
  if [ "$method" = timm ]; then more=("augment=[$steps, $(timm_steps 1)]"); fi
  make_recipe "$prefix-${method//_/-}" "$@" "${settings[@]}" "${more[@]}" $(tuned "$prefix" "$method")
}

# cones PREFIX FROM [SETTING…]: CoNe tuned, and as published where that is something else.
cones() {
  local prefix=$1
  shift
  method_recipe "$prefix" cone "$@"
  if [ "$(tuned "$prefix" cone)" != "$(published "$prefix")" ]; then
    make_recipe "$prefix-cone-published" "$@" "${cone[@]}" $(published "$prefix")
  fi
}

# published PREFIX: of what was found for CoNe, the rate alone.
published() {
  local setting
  for setting in $(tuned "$1" cone); do
    case $setting in optim.lr=*) echo "$setting" ;; esac
  done
}

fashion_steps='{random_crop: {padding: 2}}, {horizontal_flip: {probability: 0.5}}'
glyphs_steps='{random_crop: {size: 64, padding: 4, border: reflect}}'

# What judges by a tenth of the training images.
held_out=(data.hold_out=0.1 data.evaluate_held_out=true)

# tune COLLECTION STEPS FROM [SETTING…]: five trials of every method with one seed,
# judged by a tenth of the training images; four on glyphs, for at the rate 0.4
# cross-entropy ended in NaN there.
tune() {
  local on=$1 steps=$2
  shift 2
  local protocol=("$@" "${held_out[@]}" evaluate.knn.report=false)
  trials cross_entropy optim.lr=0.05 optim.lr=0.1 optim.lr=0.2 method.label_smoothing=0.1 optim.lr=0.4
  trials margin optim.lr=0.05 optim.lr=0.1 optim.lr=0.2 method.margin.scale=30 optim.lr=0.4
  # m₀ = 0.996 averages the key encoder over some 250 steps, and the short runs have about 900.
  trials cone optim.lr=0.1 method.cone.key_momentum=0.9 'method.cone.key_momentum=0.9 optim.lr=0.2' \
    'method.cone.key_momentum=0.9 method.cone.neighbor_weight=0.3' 'method.cone.key_momentum=0.9 optim.lr=0.4'
  trials triplet method.triplet.mining=batch-hard method.triplet.mining=semi-hard \
    'method.triplet.mining=semi-hard optim.lr=0.05' method.triplet.soft=true 'method.triplet.mining=semi-hard optim.lr=0.2'
  trials timm optim.lr=3e-3 optim.lr=8e-3 optim.lr=2e-2 "augment=[$steps, $(timm_steps 0.5)]" \
    optim.lr=4e-2
  trials supcon optim.lr=0.1 linear.optim.lr=5 'optim.lr=0.2 linear.optim.lr=5' \
    'method.supcon.temperature=0.2 linear.optim.lr=5' 'optim.lr=0.4 linear.optim.lr=5'
}

trials() { # METHOD 'SETTING…'…: of tune's collection and protocol
  local -n of=$1
  local name=$on-${1//_/-} n=0 trial files=() more=()
  shift
  if [ "$on" = glyphs-10 ]; then set -- "${@:1:4}"; fi
  if [[ $name = *-timm ]]; then more=("augment=[$steps, $(timm_steps 1)]"); fi
  for trial in "$@"; do
    n=$((n + 1))
    case $trial in
      augment=*) files+=("$(make_recipe "tune-$name-$n" "${protocol[@]}" "${of[@]}" "$trial")") ;;
      *) files+=("$(make_recipe "tune-$name-$n" "${protocol[@]}" "${of[@]}" "${more[@]}" $trial)") ;;
    esac
  done
  seeds=1 compared "tune/$name" "${files[@]}" || [ $? = 3 ] # a trial may end in NaN
}

part() {
  local at
  case $1 in
    fashion-mnist) compare "$1" methods "$1" "$fashion_steps" "${fashion[@]}" ;;
    glyphs-10) compare "$1" methods "$1" "$glyphs_steps" "${glyphs10[@]}" ;;
    glyphs-400)
      compare "$1" methods "$1" "$glyphs_steps" "${glyphs400[@]}"
      # The second best of timm-style's trials, for the best does not learn with every seed.
      compare "$1-timm-half" make_recipe "$1-timm-half" "${glyphs400[@]}" "${timm[@]}" "${equal_probabilities[@]}" \
        "augment=[$glyphs_steps, $(timm_steps 0.5)]"
      ;;
    noise) # wrong labels in training, with one percent of the images and with all
      for at in 0.2 0.4; do
        compare "noise-$at" noise "noise-$at" "${few_fashion[@]}" data.label_noise.rate=$at
        compare "noise-all-$at" noise_all "noise-all-$at" "${fashion[@]}" "${clipped[@]}" data.label_noise.rate=$at
      done
      ;;
    few) # a part of the training images, for more epochs
      few_methods few-0.01-fashion-mnist 64 "$fashion_steps" "${few_fashion[@]}"
      few_methods few-0.01-glyphs-10 32 "$glyphs_steps" "${few_glyphs10[@]}"
      # A warm-up over the share of the run that it has with all images: in one short epoch
      # the tuned rates wreck some runs.
      compare few-0.1-fashion-mnist pair few-0.1-fashion-mnist "${fashion[@]}" data.fraction=0.1 epochs=30 evaluate.every=10 \
        optim.warmup_epochs=7 method.cone.bank_size=4096
      local tenth=("${glyphs10[@]}" data.fraction=0.1 epochs=50 evaluate.every=10 optim.warmup_epochs=8 method.cone.bank_size=2048)
      compare few-0.1-glyphs-10 pair few-0.1-glyphs-10 "${tenth[@]}"
      compare few-0.1-glyphs-10-clipped no_guards few-0.1-glyphs-10-clipped "${tenth[@]}" "${clipped[@]}"
      ;;
    authors) # the settings with which the authors' program was run
      seeds=5 compare authors authors fashion-mnist-quick model.backbone=resnet18 model.stem=imagenet model.width=0 model.depth=0 \
        model.head.hidden=0 epochs=5 method.cone.bank_size=16384 method.cone.neighbors=256 optim.nesterov=false \
        optim.decay_norm_and_bias=true optim.warmup_epochs=0.5
      ;;
    ablation) # with one percent of the images, where CoNe as published is ahead
      compare "$1" ablation "${few_fashion[@]}"
      ;;
    sweep) # which way each setting leads, judged by images held out of the training set
      compare sweep sweep "${few_fashion[@]}" "${held_out[@]}"
      ;;
    guards) # CoNe without its guards for very sure images
      # Without clipping it does not get to its end.
      compare guards-fashion-mnist no_guards guards-fashion-mnist "${fashion[@]}" "${clipped[@]}"
      compare guards-glyphs-10 no_guards guards-glyphs-10 "${glyphs10[@]}"
      compare guards-glyphs-400 no_guards guards-glyphs-400 "${glyphs400[@]}"
      ;;
    terms-400) # the two terms apart, with the guards and without
      compare terms-400 terms_400 "${glyphs400[@]}" $(tuned glyphs-400 cone)
      ;;
    robustness) # the runs of two parts on corrupted test images
      corrupted guards-fashion-mnist
      corrupted few-0.01-fashion-mnist
      ;;
    wide-fashion-mnist) compare "$1" methods "$1" "$fashion_steps" "${wide_fashion[@]}" ;;
    tune-wide) tune wide-fashion-mnist "$fashion_steps" "${wide_fashion[@]}" ;;
    clipped-fashion-mnist) # the same with every gradient's norm clipped
      compare "$1" pair "$1" "${wide_fashion[@]}" "${clipped[@]}"
      ;;
    tune-clipped) # four trials of both
      local on=clipped-fashion-mnist steps=$fashion_steps
      local protocol=("${wide_fashion[@]}" "${clipped[@]}" "${held_out[@]}" evaluate.knn.report=false)
      trials cross_entropy optim.lr=0.1 optim.lr=0.2 optim.lr=0.4 'optim.lr=0.2 method.label_smoothing=0.1'
      trials cone 'method.cone.key_momentum=0.9 optim.lr=0.1' 'method.cone.key_momentum=0.9 optim.lr=0.2' \
        'method.cone.key_momentum=0.9 optim.lr=0.4' 'method.cone.key_momentum=0.9 optim.lr=0.2 method.cone.guards=false'
      ;;
    wide-glyphs-400) # the settings found for the small network
      compare "$1" those_close "$1" "${wide_glyphs400[@]}"
      ;;
    tune-400) # four trials of every method
      local on=glyphs-400 protocol=("${glyphs400[@]}" "${held_out[@]}" evaluate.knn.report=false) steps=$glyphs_steps
      trials cross_entropy optim.lr=0.05 optim.lr=0.1 optim.lr=0.2 method.label_smoothing=0.1
      trials cone optim.lr=0.05 optim.lr=0.1 optim.lr=0.2 method.cone.key_momentum=0.99
      on=glyphs-400-guards trials cone 'method.cone.key_momentum=0.9 optim.lr=0.2 method.cone.guards=false' \
        'optim.lr=0.2 method.cone.guards=false' 'method.cone.key_momentum=0.99 optim.lr=0.2 method.cone.guards=false'
      trials margin optim.lr=0.05 optim.lr=0.1 optim.lr=0.2 method.margin.scale=30
      # From a bias of 0 none of four trials got past 2 % in six epochs.
      local timm=("${timm[@]}" "${equal_probabilities[@]}")
      trials timm optim.lr=8e-3 optim.lr=2e-2 "augment=[$steps, $(timm_steps 0.5)]" optim.lr=4e-2
      # 256 images drawn of all hold 0.6 others of an image's class, too few for SupCon.
      local supcon=("${supcon[@]}" "${eight_of_a_class[@]}" linear.optim.lr=5)
      trials supcon optim.lr=0.1 method.supcon.temperature=0.2 optim.lr=0.2 optim.lr=0.4
      local triplet=("${triplet[@]}" "${eight_of_a_class[@]}" method.triplet.mining=semi-hard)
      trials triplet optim.lr=0.1 optim.lr=0.2 "${own_linear[*]}" "${own_linear[*]} optim.lr=0.2"
      ;;
    tune)
      tune fashion-mnist "$fashion_steps" "${fashion[@]}"
      tune glyphs-10 "$glyphs_steps" "${glyphs10[@]}"
      ;;
    *)
      echo "results: there is no part $1; the head of $0 lists them" >&2
      exit 2
      ;;
  esac
}

# few_methods PART BATCH STEPS FROM [SETTING…]: all methods in small batches; in those
# of triplet are eight classes, as elsewhere.
few_methods() {
  local part=$1 batch=$2
  shift 2
  local supcon=("${supcon[@]}" linear.epochs=50 "linear.batch=$batch")
  local triplet=("${triplet[@]}" "data.sampling.per_class=$((batch / 8))")
  compare "$part" methods "$part" "$@"
}

# corrupted PART: top-1 in % of the part's finished runs on the common corruptions at all
# severities, into robustness/PART.csv, a line a run.
corrupted() {
  local run to table=$out/robustness/$1.csv
  mkdir -p "$out/robustness"
  for run in "$out/$1"/runs/*; do
    to=$out/robustness/${run##*/}
    if [ ! -e "$run/evaluation.json" ] || [ -e "$to/corruptions.csv" ]; then continue; fi
    "$program" eval "$run" --corruptions common --set evaluate.knn.report=false --threads "$threads" --device "$device" --out "$to"
  done
  echo "run,noise,blur,weather,digital,mean" >"$table.new"
  for run in "$out/$1"/runs/*; do
    to=$out/robustness/${run##*/}
    if [ ! -e "$to/corruptions.csv" ]; then continue; fi
    awk -F, -v run="${run##*/}" 'NR > 1 { sum[$2] += $8; n[$2]++; all += $8 }
      END { print run "," share("noise") "," share("blur") "," share("weather") "," share("digital") "," sprintf("%.2f", 100 * all / (NR - 1)) }
      function share(group) { return sprintf("%.2f", 100 * sum[group] / n[group]) }' "$to/corruptions.csv" >>"$table.new"
  done
  mv "$table.new" "$table"
}

noise_all() { # PREFIX FROM [SETTING…]
  local prefix=$1
  shift
  make_recipe "$prefix-cross-entropy" "$@" "${cross_entropy[@]}" optim.lr=0.2
  make_recipe "$prefix-cone" "$@" "${cone[@]}" "${fast_key[@]}"
}

noise() { # PREFIX FROM [SETTING…]
  local prefix=$1
  shift
  set -- "$@" $(published fashion-mnist)
  make_recipe "$prefix-cross-entropy" "$@" "${cross_entropy[@]}"
  make_recipe "$prefix-label-smoothing" "$@" "${cross_entropy[@]}" method.label_smoothing=0.15
  make_recipe "$prefix-cone" "$@" "${cone[@]}"
}

authors() { # FROM [SETTING…]
  make_recipe authors-cross-entropy "$@" "${cross_entropy[@]}"
  make_recipe authors-cone "$@" "${cone[@]}"
}

sweep() { # FROM [SETTING…]: one setting at a time, changed from what was published
  local at
  set -- "$@" "${cone[@]}" $(published fashion-mnist)
  make_recipe sweep "$@"
  for at in neighbors={4,64,256} bank_size={64,192} neighbor_temperature={0.05,0.2} consistency_temperature={0.03,0.2} \
    neighbor_weight={0.3,1.5} consistency_weight={0.1,1} key_momentum={0.9,0.99}; do
    make_recipe "sweep-${at/=/-}" "$@" "method.cone.$at"
  done
}

no_guards() { # PREFIX FROM [SETTING…]: m₀ 0.9 and the rate 0.2, which the guards stand in the way of on glyphs-400
  local prefix=$1
  shift
  method_recipe "$prefix" cross_entropy "$@"
  make_recipe "$prefix-cone-published" "$@" "${cone[@]}" optim.lr=0.2
  make_recipe "$prefix-cone" "$@" "${cone[@]}" "${fast_key[@]}"
  make_recipe "$prefix-cone-no-guards" "$@" "${cone[@]}" "${fast_key[@]}" method.cone.guards=false
}

terms_400() { # FROM [SETTING…]
  make_recipe terms-400-cross-entropy "$@" "${cross_entropy[@]}"
  make_recipe terms-400-both "$@"
  make_recipe terms-400-neighbors "$@" method.cone.consistency_weight=0
  make_recipe terms-400-consistency "$@" method.cone.neighbor_weight=0
  make_recipe terms-400-neighbors-no-guards "$@" method.cone.consistency_weight=0 method.cone.guards=false
}

ablation() { # FROM [SETTING…]
  set -- "$@" $(published fashion-mnist)
  make_recipe ablation-cross-entropy "$@" "${cross_entropy[@]}"
  # Targets as far from one-hot as CoNe's are in the last epoch, but the same for all images.
  make_recipe ablation-label-smoothing "$@" "${cross_entropy[@]}" method.label_smoothing=0.15
  make_recipe ablation-neighbors "$@" method.cone.consistency_weight=0
  make_recipe ablation-consistency "$@" method.cone.neighbor_weight=0
  make_recipe ablation-both "$@"
  make_recipe ablation-no-guards "$@" method.cone.guards=false
  make_recipe ablation-head-beside "$@" model.head.placement=beside
  make_recipe ablation-warmup-0 "$@" method.cone.warmup_epochs=0
  make_recipe ablation-warmup-3 "$@" method.cone.warmup_epochs=3
}

if [ $# = 0 ]; then set -- fashion-mnist glyphs-10 glyphs-400 noise few authors ablation sweep guards terms-400 robustness; fi
for name in "$@"; do part "$name"; done

#!/bin/bash
# The long test of several processes: 30 minutes of training on 2 ranks under
# torchrun, with a SIGKILL of a random rank every 3 minutes. Prints whether the
# final weights are those of an undisturbed run, how memory went, and what was
# left behind.
#
#   bench/long.sh DATA            # a folder with Fashion-MNIST's idx files
#   MINUTES=10 EVERY=120 bench/long.sh DATA
#   EPOCHS=40 bench/long.sh DATA  # instead of measuring how many fill MINUTES
#   BESIDE=1 bench/long.sh DATA   # the undisturbed run at the same time: half as long
#
# Needs bin/cone (or CONE=…), torchrun, ss. Everything lies in OUT.
set -u
data=${1:?give the folder with the images}
cone=$(realpath "${CONE:-bin/cone}")
minutes=${MINUTES:-30} every=${EVERY:-180} out=${OUT:-bench/out/long} port=${PORT:-29655}
export OMP_NUM_THREADS=1

mkdir -p "$out" && cd "$out" && rm -rf calibration plain killed ./*.log ./*.csv
cat >long.yaml <<YAML
name: long
description: Small and quick, for the long test.
seed: 3
epochs: 2
batch: 64
precision: float32
data: {format: mnist-idx, path: $data, mean: [0.286], std: [0.353], limit: 12800}
augment: [{random_crop: {padding: 2}}, {horizontal_flip: {}}]
model: {backbone: resnet-narrow, stem: small, width: 8, depth: 1, head: {layers: 2, hidden: 64, dim: 32}}
method: {cone: {bank_size: 1024, neighbors: 16}}
optim: {lr: 0.1, warmup_epochs: 1}
evaluate: {every: 5}
checkpoint: {every_steps: 50}
YAML

if [ -z "${EPOCHS:-}" ]; then
  started=$(date +%s)
  "$cone" train long.yaml --procs 2 --out calibration >calibration.log 2>&1 || { cat calibration.log; exit 1; }
  took=$(($(date +%s) - started))
  EPOCHS=$((minutes * 60 * 2 / (took > 0 ? took : 1)))
  EPOCHS=$((EPOCHS > 3 ? EPOCHS : 3))
  echo "2 epochs take $took s, so $EPOCHS epochs for $minutes minutes"
fi

undisturbed() {
  local started=$(date +%s)
  "$cone" train long.yaml --set epochs=$EPOCHS --procs 2 --out plain >plain.log 2>&1 || { tail -5 plain.log; return 1; }
  echo "undisturbed: $EPOCHS epochs in $(($(date +%s) - started)) s: $(grep ' top-1 ' plain/log.txt | tail -1 | cut -d' ' -f2-)"
}
plain=
if [ -n "${BESIDE:-}" ]; then
  undisturbed &
  plain=$!
else
  undisturbed || exit 1
fi

# Debian's torchrun 1.13 fails on Python 3.11 without the two mappings; they
# name no process.
torchrun --no_python --nproc_per_node 2 --redirects 9:1 --tee 9:1 --max_restarts 100 --master_port "$port" \
  "$cone" train long.yaml --set epochs=$EPOCHS --out killed --timeout 30s >killed.log 2>&1 &
agent=$!
ranks() { pgrep -P $agent 2>/dev/null; }
echo "seconds,rank 0 MB,rank 1 MB" >memory.csv
started=$(date +%s) kills=0 next=$every
while kill -0 $agent 2>/dev/null; do
  sleep 1
  now=$(($(date +%s) - started))
  if ((now % 10 == 0)); then
    echo "$now$(for p in $(ranks); do awk '/VmRSS/ {printf ",%d", $2/1024}' /proc/$p/status 2>/dev/null; done)" >>memory.csv
  fi
  if ((now >= next)); then
    next=$((next + every))
    victim=$(ranks | shuf -n 1)
    if [ -n "$victim" ]; then kill -9 "$victim" && kills=$((kills + 1)); fi
  fi
done
wait $agent
code=$?
echo "with $kills kills: exit code $code after $(($(date +%s) - started)) s: $(grep ' top-1 ' killed/log.txt | tail -1 | cut -d' ' -f2-)"
echo "what the survivors said: $(grep -c 'vanished' killed/logs/rank-*.log | tr '\n' ' ')"

[ -z "$plain" ] || wait $plain || exit 1
if cmp -s plain/checkpoints/last.safetensors killed/checkpoints/last.safetensors; then
  echo "the last checkpoints are the same, byte by byte"
else
  echo "the last checkpoints DIFFER"
fi
echo "memory of the ranks in MB over time (after a restart it starts anew): $(awk -F, 'NR>1 && NF==3 {if ($2>m) m=$2; if ($3>m) m=$3; n++} END {print n " samples, at most " m}' memory.csv)"
sleep 1
left=$(pgrep -f "train long.yaml --set epochs=$EPOCHS --out killed" | tr '\n' ' ')
echo "processes left: ${left:-none}"
echo "port $port: $(ss -Hltn "sport = :$port" | grep -q . && echo "STILL OPEN" || echo closed)"

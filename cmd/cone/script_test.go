package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cone/internal/samples"
	"cone/recipe"
)

func TestMain(m *testing.M) {
	cone := func() { os.Exit(run(os.Args[1:])) }
	testscript.Main(m, map[string]func(){
		"cone":       cone,
		"cone-other": func() { buildName = "another build"; cone() },
	})
}

// tinyRecipe trains a second or less on what the command "data" writes.
const tinyRecipe = `name: tiny
description: A run for tests.
seed: 7
epochs: 2
batch: 20
precision: float32
data: {format: mnist-idx, path: data, mean: [0.3], std: [0.3]}
augment: [{random_crop: {padding: 1}}, {horizontal_flip: {}}]
model: {backbone: resnet-narrow, stem: small, width: 4, depth: 1, head: {layers: 1, hidden: 16, dim: 8}}
method: {cone: {bank_size: 48, neighbors: 8}}
optim: {lr: 0.1, reference_batch: 0, warmup_epochs: 0.5, schedule: cosine-step}
`

// photosRecipe trains as quickly on what the command "photos" writes.
const photosRecipe = `name: photos
description: A run on pictures for tests.
seed: 7
epochs: 2
batch: 20
precision: float32
data: {path: pictures, mean: [0.4], std: [0.3]}
augment: [{random_resized_crop: {size: 12}}, {horizontal_flip: {}}]
evaluate: {transform: [{resize: {size: 14}}, {center_crop: {size: 12}}]}
model: {backbone: resnet-narrow, stem: small, width: 4, depth: 1, head: {layers: 1, hidden: 16, dim: 8}}
method: {cone: {bank_size: 0, neighbors: 0}}
optim: {lr: 0.1, reference_batch: 0, warmup_epochs: 0.5, schedule: cosine-step}
`

// TestScripts runs the command as its users do. Every script finds tiny.yaml
// and photos.yaml in its folder, and has these commands beside testscript's own:
//
//	data DIR [FLAW]              write 250 + 53 images of 4 classes, with a flaw
//	photos DIR                   write 250 + 53 JPEGs of 4 classes in folders
//	exits CODE PROGRAM ARG...    run a program that must exit with the code
//	sentence PATTERN...          the last program's stderr is one sentence for
//	                             people that matches every pattern
//	interrupt N FILE LINES PROGRAM ARG...
//	                             press Ctrl-C N times once the file has so many
//	                             lines; the program must exit with 130
//	waitfor FILE LINES           wait until the file has so many lines
//	isjson FILE KEY[=VALUE]...   the file (or stdout) is a JSON object with them
//	sameaccuracy PREDICTIONS EVALUATION
//	                             the share of lines of cone predict --json that
//	                             are right is the top-1 of cone eval --json
//	itself FILE COLUMNS RANK     every row of a CSV of neighbours of that rank
//	                             names the picture itself, with similarity 1
//	everykey                     set each key of a recipe with --set
//
// and the folders of files that Python wrote in $TORCH and $FOREIGN.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// The networks are too small to share out, and scripts run side by side.
			e.Setenv("OMP_NUM_THREADS", "1")
			// Files of weights that Python wrote.
			for name, path := range map[string]string{"TORCH": "../../weights/testdata/torch", "FOREIGN": "../../train/testdata/foreign"} {
				absolute, err := filepath.Abs(path)
				if err != nil {
					return err
				}
				e.Setenv(name, absolute)
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, "photos.yaml"), []byte(photosRecipe), 0o666); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "tiny.yaml"), []byte(tinyRecipe), 0o666)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"data":      writeData,
			"photos":    writePhotos,
			"exits":     exits,
			"sentence":  sentence,
			"interrupt": interrupt,
			"waitfor":   func(ts *testscript.TestScript, _ bool, args []string) { waitFor(ts, args[0], args[1], nil) },
			"isjson":    isJSON,
			"everykey":  everyKey,

			"sameaccuracy": sameAccuracy,
			"itself":       itself,
		},
	})
}

func writePhotos(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(samples.Photos(ts.MkAbs(args[0]), 4, 250, 53))
}

func writeData(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(writeImages(ts.MkAbs(args[0]), strings.Join(args[1:], "")))
}

// writeImages writes 250 + 53 images of 4 classes, with a flaw unless it is "".
func writeImages(dir, flaw string) error {
	const side, classes = 12, 4
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for part, n := range map[string]int{"train": 250, "t10k": 53} {
		images, labels := idxHeader(0x803, n, side, side), idxHeader(0x801, n)
		for i := range n {
			class := i % classes
			labels = append(labels, byte(class))
			for pixel := range side * side {
				value := random.IntN(100)
				if pixel/side*classes/side == class { // a bright band tells the class
					value += 120
				}
				images = append(images, byte(value))
			}
		}
		switch flaw {
		case "truncated":
			images = images[:len(images)-1]
		case "magic":
			images[3] = 9
		case "swapped":
			images, labels = labels, images
		case "label":
			if part == "t10k" {
				labels[8+5] = 200
			}
		case "counts":
			binary.BigEndian.PutUint32(labels[4:], uint32(n-1))
			labels = labels[:len(labels)-1]
		case "huge":
			binary.BigEndian.PutUint32(images[4:], 1<<31)
		case "relabelled":
			labels[8] ^= 1
		case "":
		default:
			return fmt.Errorf("unknown flaw %q", flaw)
		}
		if err := os.WriteFile(filepath.Join(dir, part+"-images-idx3-ubyte"), images, 0o666); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), labels, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func idxHeader(magic uint32, dims ...int) []byte {
	header := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	return header
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	checkExit(ts, ts.Exec(args[1], args[2:]...), want)
}

func checkExit(ts *testscript.TestScript, err error, want int) {
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, not %d", code, want)
	}
}

// machinery is what no message for people may show.
var machinery = regexp.MustCompile(`goroutine|panic|what\(\)|c10|torch::|\.cpp|\.go:\d|%!`)

func sentence(ts *testscript.TestScript, _ bool, patterns []string) {
	text := ts.ReadFile("stderr")
	line, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(line, "cone: ") || rest != "" {
		ts.Fatalf("stderr is not one sentence:\n%s", text)
	}
	if found := machinery.FindString(line); found != "" {
		ts.Fatalf("%q is not for people:\n%s", found, line)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(line) {
			ts.Fatalf("no match of %q in:\n%s", p, line)
		}
	}
}

func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	presses, err := strconv.Atoi(args[0])
	ts.Check(err)
	file, lines, program := args[1], args[2], args[3:]
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if candidate := filepath.Join(dir, program[0]); path == "" {
			if _, err := os.Stat(candidate); err == nil {
				path = candidate
			}
		}
	}
	c := exec.Command(path, program[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+ts.Getenv("OMP_NUM_THREADS"))
	c.Stdout, c.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	waitFor(ts, file, lines, ended)
	for i := range presses {
		if i > 0 {
			time.Sleep(50 * time.Millisecond) // signals that come at once are one
		}
		ts.Check(c.Process.Signal(syscall.SIGINT))
	}
	checkExit(ts, <-ended, exitInterrupted)
}

// waitFor returns when the file has so many lines, or fails.
func waitFor(ts *testscript.TestScript, file, lines string, ended chan error) {
	want, err := strconv.Atoi(lines)
	ts.Check(err)
	patience := time.After(time.Minute)
	for {
		raw, _ := os.ReadFile(ts.MkAbs(file))
		if strings.Count(string(raw), "\n") >= want {
			return
		}
		select {
		case err := <-ended:
			ts.Fatalf("the program ended before %s had %d lines: %v", file, want, err)
		case <-patience:
			ts.Fatalf("%s has too few lines:\n%s", file, raw)
		case <-time.After(time.Millisecond):
		}
	}
}

func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		ts.Fatalf("%s is no JSON object: %v", args[0], err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("%s goes on after its JSON object", args[0])
	}
	for _, key := range args[1:] {
		key, want, hasValue := strings.Cut(key, "=")
		got, ok := object[key]
		if !ok || hasValue && fmt.Sprint(got) != want {
			ts.Fatalf("%s has %s: %v", args[0], key, got)
		}
	}
}

func everyKey(ts *testscript.TestScript, _ bool, _ []string) {
	args := []string{"recipe", "show", "tiny.yaml"}
	for _, k := range recipe.Keys() {
		if strings.Contains(k.Key, "[]") {
			continue // a step's, which only a recipe that has the step can set
		}
		value := k.Default
		switch {
		case k.Key == "method.name":
			value = "cross-entropy"
		case len(k.Choices) > 0:
			value = k.Choices[len(k.Choices)-1]
		case value == "":
			value = "x"
		}
		if k.Key == "model.width" || k.Key == "model.depth" {
			value = "2" // no default, but resnet-narrow needs them
		}
		args = append(args, "--set", k.Key+"="+value)
		if !slices.Contains([]string{"string", "float64", "int", "uint64", "bool", "[]float64", "[]string", "[]Step"}, k.Type) {
			ts.Fatalf("%s is of type %s, which this test does not know", k.Key, k.Type)
		}
	}
	if len(args) < 3+2*30 {
		ts.Fatalf("only %d keys are listed", len(args)/2)
	}
	ts.Check(ts.Exec("cone", args...))
}

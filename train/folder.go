package train

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cone/report"
	"cone/weights"
)

// folder is where a run lies: recipe.yaml, metrics.jsonl, log.txt, curves.png,
// the newest evaluation, and checkpoints/.
type folder struct {
	path string
	lock *os.File
	// ranks is how many processes take part, rank which of them this is. Only
	// rank 0 makes the folder; each writes what it has to say into a file of its
	// own, where there are several.
	rank, ranks int
	// outer is the run that this one is a stage of, or "".
	outer string
}

// run is the folder that a user names to continue.
func (f folder) run() string {
	if f.outer != "" {
		return f.outer
	}
	return f.path
}

const (
	checkpointFolder = "checkpoints"
	checkpointSuffix = ".safetensors"
)

// NextFolder names a run folder under root that does not exist yet:
// root/NAME-001, root/NAME-002, …
func NextFolder(root, name string) string {
	for i := 1; ; i++ {
		path := filepath.Join(root, fmt.Sprintf("%s-%03d", name, i))
		// Whatever else is wrong with the place shows when the folder is made.
		if _, err := os.Lstat(path); err != nil {
			return path
		}
	}
}

// createFolder makes a new run's folder, which must be missing or empty.
func createFolder(path string) (folder, error) {
	if entries, err := os.ReadDir(path); err == nil && !neverBegan(path, entries) {
		return folder{}, fmt.Errorf("%s is not empty: give another folder, or continue the run in it with --resume %s", path, path)
	}
	if err := os.MkdirAll(filepath.Join(path, checkpointFolder), 0o777); err != nil {
		return folder{}, fmt.Errorf("cannot make the run's folder: %w", err)
	}
	return lockFolder(path)
}

// neverBegan says whether a folder is empty, but for what a run leaves that was
// killed before it wrote down its recipe.
func neverBegan(path string, entries []os.DirEntry) bool {
	for _, e := range entries {
		switch e.Name() {
		case "lock", "logs":
		case checkpointFolder:
			if inside, err := os.ReadDir(filepath.Join(path, checkpointFolder)); err != nil || len(inside) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// openRun locks the folder of a run that was begun before.
func openRun(path string) (folder, error) {
	if info, err := os.Stat(filepath.Join(path, checkpointFolder)); err != nil || !info.IsDir() {
		return folder{}, fmt.Errorf("there is no run in %s: give the folder that cone train named", path)
	}
	f, err := lockFolder(path)
	if err != nil {
		return folder{}, err
	}
	// What a killed process left half-written; the lock says that it is gone.
	if err := errors.Join(weights.CleanTemporary(path), weights.CleanTemporary(f.file(checkpointFolder))); err != nil {
		f.close()
		return folder{}, fmt.Errorf("cannot remove what a killed process left in the run's folder: %w", err)
	}
	return f, nil
}

// lockFolder keeps a second process out of the run.
func lockFolder(path string) (folder, error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return folder{}, fmt.Errorf("cannot lock the run's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return folder{}, fmt.Errorf("another process is working on the run in %s: wait for it or stop it first", path)
	}
	return folder{path: path, lock: f}, nil
}

func (f folder) close() {
	if f.lock != nil {
		f.lock.Close()
	}
}

func (f folder) file(name string) string { return filepath.Join(f.path, name) }

func (f folder) checkpoint(name string) string {
	return filepath.Join(f.path, checkpointFolder, name+checkpointSuffix)
}

// log appends a line to log.txt. Failures are ignored: what matters is in the
// metrics and the checkpoints.
func (f folder) log(line string) {
	line = fmt.Sprintf("%s %s\n", time.Now().Format(time.RFC3339), line)
	if f.ranks > 1 {
		appendTo(f.logFile(f.rank), line)
	}
	if f.rank == 0 {
		appendTo(f.file("log.txt"), line)
	}
}

func appendTo(path, text string) {
	w, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer w.Close()
	io.WriteString(w, text)
}

// epochRecord is what the curves need of metrics.jsonl.
type epochRecord struct {
	Kind   string             `json:"kind"`
	Epoch  int                `json:"epoch"`
	LR     float64            `json:"lr"`
	Losses map[string]float64 `json:"losses"`
	Top1   *float64           `json:"top1"`
	EMA    *float64           `json:"ema_top1"`
}

// drawCurves makes curves.png from metrics.jsonl.
func (f folder) drawCurves() error {
	records, err := report.ReadMetrics[epochRecord](f.file("metrics.jsonl"))
	if err != nil {
		return err
	}
	var points []report.Point
	for _, r := range records {
		if r.Kind != "epoch" {
			continue
		}
		p := report.Point{Epoch: r.Epoch, Losses: r.Losses, LearningRate: r.LR, Top1: math.NaN(), AverageTop1: r.EMA}
		if r.Top1 != nil {
			p.Top1 = *r.Top1
		}
		points = append(points, p)
	}
	if len(points) == 0 {
		return nil
	}
	return report.Curves(f.file("curves.png"), points)
}

// copyCheckpoint gives the checkpoint called from the further name to. The
// files share their bytes on disk where the file system allows.
func (f folder) copyCheckpoint(from, to string) error {
	source, target := f.checkpoint(from), f.checkpoint(to)
	temporary := filepath.Join(f.path, checkpointFolder, "."+to+".cone-tmp") // as weights.CleanTemporary knows them
	os.Remove(temporary)
	if err := os.Link(source, temporary); err == nil {
		defer os.Remove(temporary) // renaming does nothing where both are one file already
		if err := os.Rename(temporary, target); err != nil {
			return fmt.Errorf("cannot name the checkpoint: %w", err)
		}
		return nil
	}
	return weights.WriteFileAtomic(target, func(w io.Writer) error {
		file, err := os.Open(source)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(w, file)
		return err
	})
}

// checkpoints lists the names of the run's checkpoints.
func (f folder) checkpoints() []string {
	entries, _ := os.ReadDir(f.file(checkpointFolder)) // a missing folder has none
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), checkpointSuffix); ok && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

package data

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cone/internal/samples"
	"cone/recipe"
)

// What lies in a picture's place and is no file.
func TestBadFilesInAFolder(t *testing.T) {
	dir := write(t, t.TempDir(), map[string][]byte{"a/0.jpg": nil, "b/0.jpg": nil})
	if err := syscall.Mkfifo(filepath.Join(dir, "a", "1-pipe.jpg"), 0o666); err != nil {
		t.Skip(err)
	}
	for name, target := range map[string]string{"2-lost.jpg": "nowhere", "3-circle.jpg": "3-circle.jpg"} {
		if err := os.Symlink(target, filepath.Join(dir, "a", name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openFolder(dir, false)
	if err != nil || s.Len() != 5 {
		t.Fatalf("%d pictures, %v", s.Len(), err)
	}
	var buffer []byte
	for i, want := range []string{"", "1-pipe.jpg is not a regular file; put a picture in its place", "2-lost.jpg: no such file", "3-circle.jpg: too many levels of symbolic links"} {
		if _, err := s.Read(i, &buffer); want != "" && (err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "a", want))) {
			t.Errorf("picture %d: %v, want %s", i, err, want)
		}
	}
}

// A folder, or a pipe, in place of the files of each format.
func TestNoRegularFiles(t *testing.T) {
	for _, name := range []string{"train.tar", "train.parquet", "train.txt", "train-images-idx3-ubyte", "data_batch_1.bin"} {
		for _, kind := range []string{"folder", "pipe"} {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			err := os.Mkdir(path, 0o777)
			if kind == "pipe" {
				os.Remove(path)
				err = syscall.Mkfifo(path, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
			if name == "train-images-idx3-ubyte" {
				write(t, dir, map[string][]byte{"train-labels-idx1-ubyte": nil, "t10k-images-idx3-ubyte": nil, "t10k-labels-idx1-ubyte": nil})
			}
			if _, err := Open(recipe.Data{Path: dir, Format: "auto"}); err == nil || !strings.Contains(err.Error(), path+" is not a regular file; ") {
				t.Errorf("a %s: %v", kind, err)
			}
		}
	}
}

// asNobody, set, makes TestWithoutRights try to read what it names.
const asNobody = "CONE_TEST_AS_NOBODY"

// Files and folders that may not be read. The superuser may read everything, so
// the test runs itself again as another user.
func TestWithoutRights(t *testing.T) {
	if root := os.Getenv(asNobody); root != "" {
		answers := map[string]string{}
		for _, path := range []string{"class", "file", "list", "shard", "parquet", "idx"} {
			d := recipe.Default().Data
			d.Path = filepath.Join(root, path)
			info, err := Inspect(t.Context(), d, InspectOptions{})
			if err != nil {
				answers[path] = err.Error()
			} else if len(info.Train.Broken) == 1 {
				answers[path] = info.Train.Broken[0].Reason
			}
		}
		json.NewEncoder(os.Stdout).Encode(answers)
		return
	}
	root := t.TempDir()
	for _, name := range []string{"class", "file"} {
		if err := samples.Photos(filepath.Join(root, name), 2, 10, 4); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, map[string][]byte{"list/train.txt": nil, "shard/train.tar": nil, "parquet/train.parquet": nil})
	write(t, filepath.Join(root, "idx"), idxFiles())
	closed := map[string]string{
		"class": "class/train/class-1", "file": "file/train/class-0/0004.jpg", "list": "list/train.txt", "shard": "shard/train.tar",
		"parquet": "parquet/train.parquet", "idx": "idx/t10k-labels-idx1-ubyte",
	}
	for _, path := range closed {
		if err := os.Chmod(filepath.Join(root, path), 0); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command("/proc/self/exe", "-test.run=^TestWithoutRights$")
	child.Env = append(os.Environ(), asNobody+"="+root)
	child.Dir = "/"
	if os.Getuid() == 0 {
		for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	child.Stderr = os.Stderr
	out, err := child.Output()
	var answers map[string]string
	if line, _, _ := bytes.Cut(out, []byte("\n")); err != nil || json.Unmarshal(line, &answers) != nil {
		t.Skipf("the test cannot run as another user: %v, %s", err, out)
	}
	for name, path := range closed {
		if want := "open " + filepath.Join(root, path) + ": permission denied"; answers[name] != want {
			t.Errorf("%s: %q, want %q", name, answers[name], want)
		}
	}
}

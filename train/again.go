package train

import (
	"fmt"
	"os"
	"path/filepath"
)

// Begun says whether a run began in the folder, so that it can be resumed.
func Begun(path string) bool {
	_, err := os.Stat(filepath.Join(path, "recipe.yaml"))
	return err == nil
}

// LastFolder is the newest of the folders that NextFolder named, or the first
// where there is none yet.
func LastFolder(root, name string) string {
	next := NextFolder(root, name)
	last := filepath.Join(root, name+"-001")
	for i := 2; ; i++ {
		path := filepath.Join(root, fmt.Sprintf("%s-%03d", name, i))
		if path == next || next == last {
			return last
		}
		last = path
	}
}

package dist_test

import (
	"fmt"
	"testing"

	"cone/internal/processes"
	"cone/tensor"
)

// parts are what the test binary does when it is started as a rank.
var parts = map[string]processes.Part{}

func TestMain(m *testing.M) { processes.Main(m, parts) }

func values(t tensor.Tensor) string { return fmt.Sprint(tensor.To[float64](t.ToDType(tensor.Float64))) }

package launch

import (
	"encoding/json"
	"os"
	"strconv"
	"time"
)

// afterthought is how much later than its own time a process dates a failure
// that another one caused: torchrun takes the earliest for the root cause.
const afterthought = 10 * time.Second

// WriteError tells torchrun why this process failed, in the form of its own
// error handler (torch/distributed/elastic/multiprocessing/errors). Caused says
// that the reason lies in another process. Without an ErrorFile nothing happens.
func (w World) WriteError(message string, caused bool) error {
	if w.ErrorFile == "" {
		return nil
	}
	at := time.Now()
	if caused {
		at = at.Add(afterthought)
	}
	content, err := json.Marshal(map[string]any{"message": map[string]any{
		"message":   message,
		"extraInfo": map[string]string{"py_callstack": message, "timestamp": strconv.FormatInt(at.Unix(), 10)},
	}})
	if err != nil {
		return err
	}
	return os.WriteFile(w.ErrorFile, content, 0o666)
}

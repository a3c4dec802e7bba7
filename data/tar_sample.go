package data

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tarKey splits an entry's path at the first dot of its base name. Entries
// without a dot, or with nothing before it, have no key.
func tarKey(name string) (key, extension string) {
	dir, base := path.Split(strings.TrimPrefix(name, "./"))
	stem, extension, dotted := strings.Cut(base, ".")
	if stem == "" || !dotted {
		return "", ""
	}
	return dir + stem, strings.ToLower(extension)
}

// tarFault is a sample that is not as it should be.
type tarFault string

func (f tarFault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return tarFault(fmt.Sprintf(format, args...)) }

// openSample is a sample whose entries are still coming.
type openSample struct {
	key       string
	extension string // of the picture, once it is there
	picture   tarSample
	label     int32 // −1 before it is known
	sure      bool  // the label is from a .cls
	fault     error // of the .json, which matters where there is no .cls
}

func newSample(key string) openSample { return openSample{key: key, label: -1} }

// add takes an entry of the sample.
func (s *openSample) add(extension string, place tarSample, content io.Reader) error {
	switch {
	case slices.Contains(pictureExtensions, extension):
		if s.extension != "" {
			return faultf("has two pictures for the key %q (.%s and .%s); give each a key of its own", s.key, s.extension, extension)
		}
		if place.size > maxPictureBytes {
			return faultf("has a picture of more than %d bytes for the key %q; remove it", maxPictureBytes, s.key)
		}
		s.extension, s.picture = extension, place
	case extension == "cls" || extension == "json" && !s.sure:
		if place.size > maxLabelBytes {
			return faultf("has %d bytes in the .%s of the key %q, too many for a label; write just the label", place.size, extension, s.key)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if extension == "json" {
			s.label, s.fault = s.jsonLabel(text)
			return nil
		}
		if s.sure {
			return faultf("has two labels (.cls) for the key %q; remove one", s.key)
		}
		s.sure = true
		s.label, err = s.parseLabel(extension, string(text))
		return err
	}
	return nil
}

// jsonLabel is the label in a .json, or −1 where it has none.
func (s *openSample) jsonLabel(text []byte) (int32, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return -1, faultf("has no sound JSON object in the .json of the key %q (%v); mend it", s.key, err)
	}
	for _, name := range []string{"label", "cls", "class"} {
		if value, ok := fields[name]; ok {
			return s.parseLabel("json", string(value))
		}
	}
	return -1, nil // other facts about the picture
}

func (s *openSample) parseLabel(extension, text string) (int32, error) {
	word := strings.TrimSpace(text)
	label, err := strconv.ParseInt(word, 10, 32)
	if err != nil || label < 0 || label >= maxClasses {
		return -1, faultf("has the label %.40q in the .%s of the key %q; a label is a number from 0 to %d", word, extension, s.key, maxClasses-1)
	}
	return int32(label), nil
}

func (s *openSample) finished() (tarSample, error) {
	switch {
	case s.extension == "":
		return s.picture, faultf("has no picture for the key %q; add one (.%s)", s.key, strings.Join(pictureExtensions, ", ."))
	case s.label < 0 && s.fault != nil:
		return s.picture, s.fault
	case s.label < 0:
		return s.picture, faultf("has no label for the key %q; add %s.cls with the number of its class", s.key, s.key)
	}
	s.picture.label = s.label
	return s.picture, nil
}

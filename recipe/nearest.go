package recipe

import (
	"fmt"
	"strings"
)

// keyHint ends a message about an unknown key in a section: the known one it was
// probably meant to be, else all known ones. It may also belong elsewhere: "lr" at top level is meant to be "optim.lr".
func keyHint(key string, t []string) string {
	if near := nearest(key, t); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if elsewhere := namesakes(lastPart(key)); elsewhere != "" {
		return "did you mean " + elsewhere + "?"
	}
	return "known keys: " + strings.Join(t, ", ")
}

// namesakes lists the dotted keys that end in name, quoted, without those of
// the second stage.
func namesakes(name string) string {
	var found []string
	for _, key := range dottedKeys() {
		if lastPart(key) == name && !strings.HasPrefix(key, "linear.") {
			found = append(found, fmt.Sprintf("%q", key))
		}
	}
	return strings.Join(found, " or ")
}

// nearest returns the known word that is a small slip away from word, or else
// the first that begins with it; "" if there is none. Case does not count.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, bestDistance := "", max(1, len(word)/3)+1
	for _, k := range known {
		// The difference in length bounds the distance from below, and keeps
		// absurdly long words cheap.
		if d := len(word) - len(k); d >= bestDistance || -d >= bestDistance {
			continue
		}
		if d := distance(word, strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(strings.ToLower(k), word) {
			return k
		}
	}
	return ""
}

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitution := last[j-1]
			if a[i-1] != b[j-1] {
				substitution++
			}
			row[j] = min(last[j]+1, row[j-1]+1, substitution)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// shorten quotes a user's text for a message, and cuts what is too long for one.
func shorten(text string) string {
	const longest = 40
	if runes := []rune(text[:min(len(text), 8*longest)]); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// Command glyphs makes image collections to train on: characters in the
// typefaces that are installed, as 64×64 JPEGs of seeded size, weight, slant,
// colour and background, in folders for cone train. The split is by typeface:
// test pictures come in designs that training has not seen. See README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

// Exit codes, as cone's.
const (
	exitError = 1
	exitUsage = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	var o options
	var name string
	var perFace int
	flags := flag.NewFlagSet("glyphs", flag.ContinueOnError)
	flags.StringVar(&name, "set", "glyphs-10", "glyphs-10 (A to J in many typefaces) or glyphs-400 (many characters)")
	flags.StringVar(&o.out, "out", "", "the folder to write, which must be empty or new")
	flags.StringVar(&o.fonts, "fonts", "/usr/share/fonts", "a folder of fonts, or a text file that lists font files")
	flags.Uint64Var(&o.seed, "seed", 0, "draws the split and the pictures")
	flags.IntVar(&perFace, "per-face", 0, "pictures of a character in each typeface (0: as many as the set has, 16 or 2)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // flags has said it
		return exitUsage
	case flags.NArg() > 0 || o.out == "" || perFace < 0 || perFace > 10_000:
		fmt.Fprintln(os.Stderr, "glyphs: give --out and a folder, --per-face from 0 to 10000, and nothing but flags; see --help")
		return exitUsage
	}
	var err error
	if o.set, err = findSet(name); err == nil {
		if perFace > 0 {
			o.set.perFace = perFace
		}
		var made summary
		if made, err = generate(o); err == nil {
			made.print(o)
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "glyphs: %v\n", err)
	return exitError
}

func (s summary) print(o options) {
	fmt.Printf("%s: %d pictures of %d characters, in %d typefaces for training and %d others for testing\n",
		o.out, s.pictures, len(o.set.characters), len(s.train), len(s.test))
	fmt.Printf("%d font files were read; %d typefaces lack characters of this set; %s/typefaces.tsv lists all\n",
		s.files, s.all-len(s.train)-len(s.test), o.out)
	for _, file := range s.leftOut {
		fmt.Printf("left out: %s\n", file)
	}
}

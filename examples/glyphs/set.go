package main

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/runenames"
)

// set is a collection of pictures to make.
type set struct {
	name       string
	characters []rune
	// perFace is the number of pictures of a character in a typeface.
	perFace int
	// capitals are H's height, from and to, as shares of the picture's.
	smallest, largest float64
	// wander is how far a character may stand from where it belongs, as a
	// share of the picture; negative: anywhere in the picture.
	wander float64
}

// capitals are the letters of glyphs-10, and those that tell designs apart.
var capitals = []rune("ABCDEFGHIJ")

var sets = []set{
	{name: "glyphs-10", characters: capitals, perFace: 16, smallest: 0.35, largest: 0.85, wander: -1},
	// Height and place on the line tell o from O, and a comma from a quote: so
	// less freedom.
	{name: "glyphs-400", characters: manyCharacters, perFace: 2, smallest: 0.42, largest: 0.52, wander: 0.06},
}

// manyCharacters are the 400 of glyphs-400. Of characters that look alike
// across scripts (Latin A, Greek Α, Cyrillic А) one is here, and letters that
// a good many faces draw as another (Greek ν as v, Cyrillic к as κ) are not.
// Among the rest, those that most typefaces hold.
var manyCharacters = []rune(strings.Join(strings.Fields(`
	0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz
	ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝÞ ßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ
	ĀāĂăĄąĆćĈĉĊċČčĎďĐđĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħĨĩĪīĬĭĮįİıĴĵĶķĹĺĻļĽľŁłŃńŅņŇňŊŋ
	ŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŨũŪūŬŭŮůŰűŲųŴŵŶŷŸŹźŻżŽž
	ΆΈΉΊΌΎΏΐΓΔΘΛΞΠΣΦΨΩ άέήΰαβγδεζηθκλμξπςστφψωώ
	ЂЃЄЉЊЋЌЎЏБЖИЙЦЧШЩЪЫЬЭЮЯҐ вгжзйлмнцчшщъыьэюяђѓєљњќўџґ
	! " # $ % & ' ( ) * + , / : ; < = > ? @ [ ] ^ _ `+"` { | } ~"+`
	¡ ¢ £ ¤ ¦ § © ª « ¬ ® ° ± ¹ ² ³ ¶ · º » ¼ ½ ¾ ¿ × ÷ – † ‡ • … ‹ › “ ” „
`), ""))

func findSet(name string) (set, error) {
	var known []string
	for _, s := range sets {
		if s.name == name {
			return s, nil
		}
		known = append(known, s.name)
	}
	return set{}, fmt.Errorf("there is no set %q: give --set %s", name, strings.Join(known, " or "))
}

// className is the folder of a character: its number and its name in Unicode,
// such as u0041-latin-capital-a. The characters themselves would not do on
// every file system: A and a may be one folder, and / is none.
func className(r rune) string {
	name := strings.ReplaceAll(runenames.Name(r), " LETTER ", " ")
	return fmt.Sprintf("u%04x-%s", r, strings.ReplaceAll(strings.ToLower(name), " ", "-"))
}

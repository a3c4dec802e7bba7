// Package compare trains several recipes with several seeds each and tells
// how they differ, and by how much more than chance.
package compare

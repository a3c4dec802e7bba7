// Package report is what a run tells people: progress while it works, metrics
// as JSON lines, the evaluation of a classifier, learning curves and tables.
//
// Progress goes to stderr, results to stdout, so that results can be piped.
//
// Shape legend: N images, C classes.
package report

// The C face of hnswlib. Functions that can fail return NULL, 0 or -1 and write
// what went wrong to error, of 256 bytes.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cone_graph cone_graph;

// A graph over count rows in memory that outlives it, stride bytes apart, of
// values of type bytes as in kernel.h.
cone_graph *cone_graph_new(const void *rows, const float *scales, size_t stride, int type,
                           size_t count, int links, int effort, char *error);
// Several threads may add, each another entry; entry 0 comes before them.
int cone_graph_add(cone_graph *graph, size_t entry, char *error);
// Gives the graph the links of a saved one, new and without entries.
int cone_graph_load(cone_graph *graph, const void *saved, size_t length, char *error);
// How many bytes a saved graph has, and the bytes.
size_t cone_graph_length(const cone_graph *graph);
void cone_graph_save(const cone_graph *graph, void *saved);
// Several threads may search at a time. Writes up to k entries, in no order,
// and returns how many. query has stride/type floats.
int cone_graph_search(cone_graph *graph, const float *query, int k, size_t *entries, char *error);
void cone_graph_free(cone_graph *graph);

#ifdef __cplusplus
}
#endif

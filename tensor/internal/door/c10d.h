// The door's C interface to libtorch's c10d: the store in which processes find
// each other, groups of processes and their collectives.
#pragma once
#include "door.h"

#ifdef __cplusplus
extern "C" {
#endif

// What collectives are for: each kind is counted by itself.
enum {
  CONE_GRADIENTS = 0,
  CONE_BATCH_NORM = 1,
  CONE_BANK = 2,
  CONE_OTHER = 3,
  CONE_KINDS = 4,
};

// Counters of one kind.
typedef struct {
  int64_t calls;
  int64_t bytes;  // handed to collectives by this rank
  int64_t busy;   // nanoseconds in which a collective was under way
  int64_t waited; // nanoseconds of them in which the step waited for it
} cone_count;

// A key-value store over TCP; each call returns NULL or an error text that the
// caller frees. With server != 0 this process keeps it, on a free port where
// port is 0.
char *cone_store_open(const char *host, int port, int server, const char *prefix,
                      int64_t timeout_ms, void **store, int *bound);
char *cone_store_set(void *store, const char *key, const void *value, int64_t bytes);
char *cone_store_has(void *store, const char *const *keys, int n, int *all);
char *cone_store_get(void *store, const char *key, void **value, int64_t *bytes);
void cone_store_close(void *store);

// A group of processes; address is this host's own for gloo's connections,
// index the GPU for NCCL.
char *cone_group_open(void *store, const char *backend, const char *name, int rank, int size,
                      const char *address, int index, int64_t timeout_ms, void **group);
void cone_group_abort(void *group); // waits end with an error, from any thread
void cone_group_close(void *group);
void cone_group_counts(void *group, cone_count *counts);
int cone_has_nccl(void);

void cone_all_reduce(void *group, int kind, const int64_t *tensors, int n, cone_result *result);
void cone_all_gather(void *group, int kind, int64_t tensor, cone_result *result);
void cone_broadcast(void *group, int kind, int root, const int64_t *tensors, int n,
                    cone_result *result);

// Gradients in buckets: see buckets.cc.
void cone_buckets_open(void *group, const int64_t *parameters, int n, const int64_t *ends,
                       int buckets, int overlap, void **out, cone_result *result);
void cone_buckets_arm(void *buckets);
void cone_buckets_finish(void *buckets, cone_result *result);
void cone_buckets_close(void *buckets);

// Batch norm over the images of all ranks: see sync_norm.cc.
void cone_sync_batch_norm(void *group, int64_t x, int64_t weight, int64_t bias,
                          int64_t running_mean, int64_t running_var, double momentum, double eps,
                          cone_result *result);

// Rows of all ranks, with a gradient: see gather.cc.
void cone_gather_rows(void *group, int64_t x, const int64_t *rows, cone_result *result);

#ifdef __cplusplus
}
#endif

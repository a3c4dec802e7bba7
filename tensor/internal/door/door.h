// The door's C interface. One call per operator carries the inputs, the
// outputs and the error text, because goroutines move between threads and a
// "last error" fetched by a second call could be another thread's.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Tags of the flat argument wire; the values that follow a tag are in brackets.
enum {
  CONE_NONE = 0,        // []
  CONE_TENSOR = 1,      // [handle]
  CONE_INT = 2,         // [value]
  CONE_DOUBLE = 3,      // [bits]
  CONE_BOOL = 4,        // [0 or 1]
  CONE_INTS = 5,        // [n, values...]
  CONE_TENSORS = 6,     // [n, handles...]
  CONE_DOUBLES = 7,     // [n, bits...]
  CONE_STRING = 8,      // [bytes, bytes packed eight to a word...]
  CONE_DEFAULT = 9,     // []  the schema's default
  CONE_DEVICE = 10,     // [type, index]
  CONE_OPT_TENSORS = 11, // [n, handles or 0...]
  CONE_BOOLS = 12,      // [n, values...]
};

#define CONE_MAX_OUTPUTS 16

typedef struct {
  int32_t n;                     // outputs written
  int32_t kind[CONE_MAX_OUTPUTS]; // CONE_TENSOR, CONE_INT, CONE_DOUBLE, CONE_BOOL or CONE_NONE
  int64_t value[CONE_MAX_OUTPUTS];
  char *error;                   // NULL, or text to be freed by the caller
} cone_result;

// Tensors written to a cone_result belong to the innermost scope of the
// calling thread.
void *cone_operator(const char *name, const char *overload, char **error);
int cone_has_kernel(const char *name, const char *overload, const char *dispatch_key);
void cone_call(void *op, const int64_t *wire, int words, cone_result *result);

int cone_scope_open(void);            // returns the new depth
void cone_scope_close(int depth);     // closes every scope at or above depth
int cone_scope_depth(void);
void cone_return(int64_t tensor);     // the enclosing scope owns it too
int cone_drop(int64_t tensor);        // the innermost scope owns it no more
void cone_keep(int64_t tensor);       // one owner more, ended by cone_free
void cone_free(int64_t tensor);
int64_t cone_live_tensors(void);      // handles owned by scopes or kept, all threads

void cone_tensor_info(int64_t tensor, int32_t *dtype, int32_t *device, int32_t *dims,
                      int64_t *sizes, int32_t capacity);
void cone_tensor_strides(int64_t tensor, int64_t *strides, int32_t capacity);
void *cone_tensor_data(int64_t tensor, int64_t *bytes, int *dense);
int cone_requires_grad(int64_t tensor);
void cone_set_requires_grad(int64_t tensor, int on, cone_result *result);
void cone_grad(int64_t tensor, cone_result *result);
void cone_clear_grad(int64_t tensor);
void cone_backward(const int64_t *tensors, const int64_t *grads, int n, int retain,
                   cone_result *result);
void cone_view_memory(void *data, const int64_t *sizes, int dims, int32_t dtype,
                      cone_result *result);

int cone_set_grad_mode(int on);       // returns the mode before
void cone_autocast_begin(int device_type, int dtype, int *before);
void cone_autocast_end(int device_type, const int *before);

void cone_seed(int64_t seed);
void cone_random_state(int device_type, int device_index, cone_result *result);
void cone_set_random_state(int device_type, int device_index, int64_t state, cone_result *result);
void cone_set_threads(int threads);
int cone_threads(void);
void cone_flush_denormals(int on);
int cone_has_cuda(void);
const char *cone_torch_version(void);
char *cone_build_info(void);

#ifdef __cplusplus
}
#endif

// The loop of all variants. A file that includes this defines before it, in
// namespace cone and for its instructions:
//
//   TARGET     the attribute of every function
//   Register   a type of kLanes floats
//   zero(), load(const T *) for each T of int8_t, Half and float,
//   fma(a, b, sum), sum(Register)
//   kRowsAtOnce, kQueriesAtOnce   what fits its registers
//
// Tiles of some rows by some queries load each value once for all of the tile.

template <int R, int Q, typename T>
TARGET inline void tile(const T *vectors, size_t width, const float *queries, int rows,
                        float *scores) {
  Register sums[R][Q];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) sums[r][q] = zero();
  for (size_t i = 0; i < width; i += kLanes) {
    Register v[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) v[r] = load(vectors + r * width + i);
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) {
      const Register u = load(queries + q * width + i);
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) sums[r][q] = fma(v[r], u, sums[r][q]);
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < Q; q++)
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) scores[q * rows + r] = sum(sums[r][q]);
}

template <int Q, typename T>
TARGET inline void strip(const T *vectors, size_t width, const float *queries, int rows,
                         float *scores) {
  int r = 0;
  for (; r + kRowsAtOnce <= rows; r += kRowsAtOnce)
    tile<kRowsAtOnce, Q>(vectors + r * width, width, queries, rows, scores + r);
  for (; r < rows; r++) tile<1, Q>(vectors + r * width, width, queries, rows, scores + r);
}

template <typename T>
TARGET void block(const T *vectors, size_t width, int rows, const float *scales,
                  const float *queries, int count, float *scores) {
  int q = 0;
  for (; q + kQueriesAtOnce <= count; q += kQueriesAtOnce)
    strip<kQueriesAtOnce>(vectors, width, queries + q * width, rows, scores + q * rows);
  for (; q < count; q++) strip<1>(vectors, width, queries + q * width, rows, scores + q * rows);
  if (scales)
    for (q = 0; q < count; q++)
      for (int r = 0; r < rows; r++) scores[q * rows + r] *= scales[r];
}

TARGET void scores(int type, const void *vectors, size_t stride, int rows, const float *scales,
                   const float *queries, int count, float *out) {
  const size_t width = stride / type;
  switch (type) {
    case 1:
      return block(static_cast<const int8_t *>(vectors), width, rows, scales, queries, count, out);
    case 2:
      return block(static_cast<const Half *>(vectors), width, rows, nullptr, queries, count, out);
    default:
      return block(static_cast<const float *>(vectors), width, rows, nullptr, queries, count, out);
  }
}

#include "huffman.h"

#include <stdlib.h>
#include <string.h>

// The beginning of libjpeg's private struct jpeg_entropy_decoder, the same
// since libjpeg 6 (1995).
struct jpeg_entropy_decoder {
  void (*start_pass)(j_decompress_ptr);
  boolean (*decode_mcu)(j_decompress_ptr, JBLOCKROW *);
};

// Zeros behind the bytes: a damaged MCU of 10 blocks cannot consume more.
enum { PADDING = 4096 };

// The places of the coefficients in the order of the file; runs of zeros may
// lead up to 15 places beyond.
static const uint8_t natural[64 + 16] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
    6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63};

// An entry for AC codes. A symbol stands for `step` coefficients, a run of zeros
// and a value; an entry holds one or two.
//
//   bits  0–5   length of the codes and values
//   bits  6–10  step of the first symbol
//   bits 11–17  step of the second: 0 without one, END where the block ends
//               behind the first, LONG where the symbol and value do not fit
//   bits 18–25  value of the first, signed
//   bits 26–31  value of the second, signed
//
// The end of a block alone is a value of 0 that ends it.
#define LENGTH(e) ((int)((e)&63))
#define FIRST_STEP(e) ((int)((e) >> 6 & 31))
#define SECOND_STEP(e) ((int)((e) >> 11 & 127))
#define FIRST_VALUE(e) ((JCOEF)((int32_t)((e) << 6) >> 24))
#define SECOND_VALUE(e) ((JCOEF)((int32_t)(e) >> 26))

enum { END = 64, LONG = 127 };

static uint32_t pack(int length, int step, int second_step, int value, int second_value) {
  return (uint32_t)length | (uint32_t)step << 6 | (uint32_t)second_step << 11 | (uint32_t)(value & 255) << 18 |
         (uint32_t)(second_value & 63) << 26;
}

// The number that s bits stand for (T.81, figure F.12).
static inline int extend(int bits, int s) { return s && bits < 1 << (s - 1) ? bits - (1 << s) + 1 : bits; }

// What the next bits hold of one AC symbol, of code length and symbol s.
static uint32_t one_symbol(uint32_t bits, int length, int symbol) {
  int run = symbol >> 4, s = symbol & 15;
  if (length == 0 || length + s > CONE_LOOK || s > 7) return pack(0, 0, LONG, 0, 0);
  // Of the symbols without value, only a run of 16 zeros goes on.
  if (s == 0 && run < 15) return pack(length, 1, END, 0, 0);
  int value = bits >> (CONE_LOOK - length - s) & ((1 << s) - 1);
  return pack(length + s, run + 1, 0, extend(value, s), 0);
}

static uint32_t join(uint32_t first, uint32_t second) {
  int length = LENGTH(first) + LENGTH(second), value = SECOND_VALUE(first);
  if (SECOND_STEP(first) != 0 || SECOND_STEP(second) == LONG || length > CONE_LOOK) return first;
  int step = SECOND_STEP(second) == END ? END : FIRST_STEP(second);
  value = FIRST_VALUE(second);
  if (value < -32 || value > 31) return first;
  return pack(length, FIRST_STEP(first), step, FIRST_VALUE(first), value);
}

// Makes the tables of a Huffman code, unless they are those already. Returns 0
// for a code that is none.
static int make_table(cone_huffman_table *t, const JHUFF_TBL *from, int is_dc) {
  if (!from) return 0;
  if (t->made && !memcmp(t->counts, from->bits, sizeof t->counts) &&
      !memcmp(t->symbols, from->huffval, sizeof t->symbols))
    return 1;
  t->made = 0;
  memcpy(t->counts, from->bits, sizeof t->counts);
  memcpy(t->symbols, from->huffval, sizeof t->symbols);
  memset(t->code, 0, sizeof t->code);
  uint32_t code = 0;
  int place = 0;
  for (int length = 1; length <= 16; length++, code <<= 1) {
    t->offset[length] = place - (int32_t)code;
    for (int i = 0; i < t->counts[length]; i++, code++, place++) {
      if (place >= 256 || code >= 1u << length) return 0;
      if (is_dc && t->symbols[place] > 15) return 0;
      if (length > CONE_LOOK) continue;
      for (int j = 0; j < 1 << (CONE_LOOK - length); j++) {
        t->code[(code << (CONE_LOOK - length)) + j].length = length;
        t->code[(code << (CONE_LOOK - length)) + j].symbol = t->symbols[place];
      }
    }
    t->limit[length] = code << (16 - length);
  }
  t->limit[17] = UINT32_MAX;
  uint32_t one[1 << CONE_LOOK];
  for (uint32_t i = 0; i < 1 << CONE_LOOK; i++) one[i] = one_symbol(i, t->code[i].length, t->code[i].symbol);
  for (uint32_t i = 0; i < 1 << CONE_LOOK; i++)
    t->entry[i] = join(one[i], one[i << LENGTH(one[i]) & ((1 << CONE_LOOK) - 1)]);
  t->made = 1;
  return 1;
}

// Takes the bytes up to the next marker.
static int take_segment(cone_huffman *h, const uint8_t *from) {
  size_t most = h->end - from;
  if (h->capacity < most + PADDING) {
    free(h->bytes);
    h->capacity = most + PADDING;
    h->bytes = malloc(h->capacity);
    if (!h->bytes) {
      h->capacity = 0;
      return 0;
    }
  }
  uint8_t *to = h->bytes;
  for (;;) {
    const uint8_t *ff = memchr(from, 0xff, h->end - from);
    size_t n = (ff ? ff : h->end) - from;
    memcpy(to, from, n);
    to += n;
    from += n;
    if (h->end - from < 2 || from[1] != 0) break;
    *to++ = 0xff;
    from += 2;
  }
  h->marker = from;
  h->length = to - h->bytes;
  memset(to, 0, PADDING);
  h->next = h->bytes;
  h->buffer = 0;
  h->bits = 0;
  memset(h->predicted, 0, sizeof h->predicted);
  return 1;
}

// The bits are kept in variables of their own while a block is decoded.
typedef struct {
  uint64_t buffer;
  const uint8_t *next;
  int bits;
} reader;

static long bits_spent(const cone_huffman *h, const reader *r) { return (r->next - h->bytes) * 8 - r->bits; }

// At least 56 bits count afterwards.
static inline void fill(reader *r) {
  uint64_t bytes;
  memcpy(&bytes, r->next, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  bytes = __builtin_bswap64(bytes);
#endif
  r->buffer |= bytes >> r->bits;
  r->next += (63 - r->bits) >> 3;
  r->bits |= 56;
}

static inline void drop(reader *r, int n) {
  r->buffer <<= n;
  r->bits -= n;
}

// The next symbol, or -1.
static inline int symbol(reader *r, const cone_huffman_table *t) {
  uint32_t prefix = r->buffer >> 48;
  int length = t->code[prefix >> (16 - CONE_LOOK)].length;
  if (length) {
    drop(r, length);
    return t->code[prefix >> (16 - CONE_LOOK)].symbol;
  }
  for (length = CONE_LOOK + 1; prefix >= t->limit[length];) length++;
  if (length > 16) return -1;
  drop(r, length);
  return t->symbols[(int32_t)(prefix >> (16 - length)) + t->offset[length]];
}

// The next value of s bits, without a branch: its bits count from below when
// the first is 0.
static inline int value(reader *r, int s) {
  int bits = (int)(r->buffer >> 1 >> (63 - s));
  int below = (int)(r->buffer >> 63) - 1;
  drop(r, s);
  return bits - (below & ((1 << s) - 1));
}

// Decodes the coefficients of a block. Returns 0 when the stream is not sound.
static inline int decode_block(reader *in, const cone_huffman_table *dc, const cone_huffman_table *ac,
                               uint32_t *predicted, JCOEF *block) {
  reader r = *in;
  fill(&r);
  int s = symbol(&r, dc);
  if (s < 0) return 0;
  *predicted += (uint32_t)value(&r, s);
  // libjpeg refuses what leaves 32 bits.
  if (*predicted + (1u << 29) > 1u << 30) return 0;
  block[0] = (JCOEF)*predicted;

  const uint32_t *entries = ac->entry;
  int k = 1;
  do {
    fill(&r);
    uint32_t e;
    int next;
    // As many times as the bits last for.
#pragma GCC unroll 5
    for (int i = 0; i < 56 / CONE_LOOK; i++) {
      e = entries[r.buffer >> (64 - CONE_LOOK)];
      next = k + FIRST_STEP(e) + SECOND_STEP(e);
      if (next >= 64) break;
      drop(&r, LENGTH(e));
      // Where there is no second symbol, the first takes its place.
      block[natural[next - 1]] = SECOND_VALUE(e);
      block[natural[k + FIRST_STEP(e) - 1]] = FIRST_VALUE(e);
      k = next;
    }
    if (next < 64) continue;
    if (SECOND_STEP(e) == END && k + FIRST_STEP(e) < 64) {
      drop(&r, LENGTH(e));
      block[natural[k + FIRST_STEP(e) - 1]] = FIRST_VALUE(e);
      break;
    }
    // A long symbol, or one at the block's very end.
    fill(&r);
    s = symbol(&r, ac);
    if (s < 0) return 0;
    if (s < 0xf0 && (s & 15) == 0) break;
    k += (s >> 4) + 1;
    block[natural[k - 1]] = (JCOEF)value(&r, s & 15);
  } while (k < 64);
  *in = r;
  return k <= 64;
}

// Begins the next restart interval, which a marker of the right number must
// precede.
static int restart(j_decompress_ptr info, cone_huffman *h) {
  if (h->end - h->marker < 2 || h->marker[1] != 0xd0 + h->restarts % 8) return 0;
  // Less than a byte of padding is left.
  reader r = {h->buffer, h->next, h->bits};
  if (bits_spent(h, &r) + 8 <= (long)h->length * 8) return 0;
  h->restarts++;
  h->until_restart = info->restart_interval;
  return take_segment(h, h->marker + 2);
}

static boolean decode_mcu(j_decompress_ptr info, JBLOCKROW *blocks) {
  cone_huffman *h = cone_huffman_of(info);
  if (info->restart_interval && h->until_restart == 0 && !restart(info, h)) cone_huffman_give_up(info);
  reader r = {h->buffer, h->next, h->bits};
  JBLOCK unused;
  for (int i = 0; i < info->blocks_in_MCU; i++) {
    int c = info->MCU_membership[i];
    const jpeg_component_info *component = info->cur_comp_info[c];
    if (!decode_block(&r, &h->dc[component->dc_tbl_no], &h->ac[component->ac_tbl_no], &h->predicted[c],
                      blocks ? blocks[i][0] : unused))
      cone_huffman_give_up(info);
  }
  long spent = bits_spent(h, &r), available = (long)h->length * 8;
  if (spent > available) cone_huffman_give_up(info);
  h->buffer = r.buffer;
  h->next = r.next;
  h->bits = r.bits;
  h->until_restart--;
  if (--h->mcus == 0) {
    // libjpeg reads on at the marker; it would warn of what is left before it.
    if (spent + 8 <= available) info->err->num_warnings++;
    info->src->next_input_byte = h->marker;
    info->src->bytes_in_buffer = h->end - h->marker;
  }
  return TRUE;
}

int cone_huffman_install(j_decompress_ptr info, cone_huffman *h) {
  if (info->progressive_mode || info->arith_code || info->data_precision != 8 ||
      info->comps_in_scan != info->num_components)
    return 0;
  for (int c = 0; c < info->comps_in_scan; c++) {
    const jpeg_component_info *component = info->cur_comp_info[c];
    int dc = component->dc_tbl_no, ac = component->ac_tbl_no;
    if (dc < 0 || dc >= NUM_HUFF_TBLS || ac < 0 || ac >= NUM_HUFF_TBLS) return 0;
    if (!make_table(&h->dc[dc], info->dc_huff_tbl_ptrs[dc], 1) ||
        !make_table(&h->ac[ac], info->ac_huff_tbl_ptrs[ac], 0))
      return 0;
  }
  h->end = info->src->next_input_byte + info->src->bytes_in_buffer;
  h->mcus = (long)info->MCUs_per_row * info->MCU_rows_in_scan;
  h->until_restart = info->restart_interval;
  h->restarts = 0;
  if (!take_segment(h, info->src->next_input_byte)) return 0;
  info->entropy->decode_mcu = decode_mcu;
  return 1;
}

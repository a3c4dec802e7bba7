// A faster decoder of Huffman-coded pixels, put in the place of libjpeg's.
//
// Most of the time that libjpeg-turbo takes for a JPEG goes into the Huffman
// codes of its coefficients. This decoder looks up two codes with their runs of
// zeros and values at once, in a 64-bit buffer that needs no branch to be
// filled. It knows only sound streams: at anything else it gives up, so that the caller can let
// libjpeg decode from the start, with all of its warnings and errors.
#ifndef CONE_JPEG_HUFFMAN_H
#define CONE_JPEG_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

enum { CONE_LOOK = 11 };  // bits that are looked up at once

typedef struct {
  // What the tables below were made of.
  UINT8 counts[17], symbols[256];
  int made;
  // By the next CONE_LOOK bits: the code's length and symbol, a length of 0
  // where the code is longer.
  struct {
    uint8_t length, symbol;
  } code[1 << CONE_LOOK];
  // By code length: the first 16-bit prefix that is too large, and what gives
  // a symbol's place when added to its code.
  uint32_t limit[18];
  int32_t offset[17];
  // For AC codes, by the next CONE_LOOK bits, the one or two symbols that they
  // hold, with their values.
  uint32_t entry[1 << CONE_LOOK];
} cone_huffman_table;

typedef struct {
  cone_huffman_table dc[NUM_HUFF_TBLS], ac[NUM_HUFF_TBLS];
  // The bytes between two markers, without stuffing, and zeros behind them.
  uint8_t *bytes;
  size_t capacity, length;
  // The marker that ends them, and the end of the file.
  const uint8_t *marker, *end;
  const uint8_t *next;
  uint64_t buffer;  // the next bits, the first one highest
  int bits;         // how many of the buffer's count
  uint32_t predicted[MAX_COMPS_IN_SCAN];
  long mcus;        // still to come in the scan
  unsigned until_restart;
  int restarts;
} cone_huffman;

// Puts the decoder into place after jpeg_start_decompress and returns 1, or
// returns 0 where the file is not for it: several scans, arithmetic coding.
// give_up is called, and must not return, when the stream is not sound.
int cone_huffman_install(j_decompress_ptr, cone_huffman *);

// The owner's: finds the decoder of a picture, and leaves it.
cone_huffman *cone_huffman_of(j_decompress_ptr);
void cone_huffman_give_up(j_decompress_ptr);

#endif

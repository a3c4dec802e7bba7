#include "decoder.h"
#include "huffman.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

// libjpeg-turbo may be built with the interface of libjpeg 7 or 8.
#if JPEG_LIB_VERSION >= 70
#define DCT_scaled_size DCT_h_scaled_size
#define min_DCT_scaled_size min_DCT_h_scaled_size
#endif

struct cone_jpeg {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  int outcome;
  int most_scans;
  int fast;  // whether to decode Huffman codes ourselves
  cone_huffman huffman;
  char message[JMSG_LENGTH_MAX];
};

static cone_jpeg *owner(j_common_ptr info) { return info->client_data; }

static void give_up(j_common_ptr info, int outcome) {
  owner(info)->outcome = outcome;
  longjmp(owner(info)->escape, 1);
}

// The outcome of a stream that is left to libjpeg.
enum { AGAIN = -1 };

cone_huffman *cone_huffman_of(j_decompress_ptr info) { return &owner((j_common_ptr)info)->huffman; }

void cone_huffman_give_up(j_decompress_ptr info) { give_up((j_common_ptr)info, AGAIN); }

static void on_error(j_common_ptr info) {
  info->err->format_message(info, owner(info)->message);
  give_up(info, CONE_JPEG_DAMAGED);
}

static void on_warning(j_common_ptr info, int level) {
  if (level < 0) info->err->num_warnings++;
}

static void say_nothing(j_common_ptr info) {}

static void no_source_change(j_decompress_ptr info) {}

static boolean on_end_of_data(j_decompress_ptr info) {
  give_up((j_common_ptr)info, CONE_JPEG_TRUNCATED);
  return FALSE;
}

static void skip_data(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if ((size_t)count > info->src->bytes_in_buffer) on_end_of_data(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= count;
}

static void on_progress(j_common_ptr info) {
  if (((j_decompress_ptr)info)->input_scan_number > owner(info)->most_scans)
    give_up(info, CONE_JPEG_TOO_MANY_SCANS);
}

cone_jpeg *cone_jpeg_new(void) {
  cone_jpeg *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->info.client_data = d;
  d->info.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = on_error;
  d->errors.emit_message = on_warning;
  d->errors.output_message = say_nothing;
  if (setjmp(d->escape)) {
    jpeg_destroy_decompress(&d->info);
    free(d);
    return NULL;
  }
  jpeg_create_decompress(&d->info);
  d->source.init_source = no_source_change;
  d->source.fill_input_buffer = on_end_of_data;
  d->source.skip_input_data = skip_data;
  d->source.resync_to_restart = jpeg_resync_to_restart;
  d->source.term_source = no_source_change;
  d->info.src = &d->source;
  d->progress.progress_monitor = on_progress;
  d->info.progress = &d->progress;
  return d;
}

void cone_jpeg_free(cone_jpeg *d) {
  if (!d) return;
  jpeg_destroy_decompress(&d->info);
  free(d->huffman.bytes);
  free(d);
}

const char *cone_jpeg_message(const cone_jpeg *d) { return d->message; }

long cone_jpeg_warnings(const cone_jpeg *d) { return d->errors.num_warnings; }

// Refuses with a sentence of our own; libjpeg's follow from its tables.
static void refuse(cone_jpeg *d, const char *why) {
  snprintf(d->message, sizeof d->message, "%s", why);
  give_up((j_common_ptr)&d->info, CONE_JPEG_DAMAGED);
}

// The rows of out that one call of jpeg_read_scanlines may fill.
enum { BATCH = 16 };

static void read_rgb(cone_jpeg *d, const cone_jpeg_window *w, unsigned char *out) {
  size_t stride = (size_t)w->width * 3;
  for (int y = 0; y < w->height;) {
    JSAMPROW rows[BATCH];
    int n = w->height - y < BATCH ? w->height - y : BATCH;
    for (int i = 0; i < n; i++) rows[i] = out + (y + i) * stride;
    y += jpeg_read_scanlines(&d->info, rows, n);
  }
}

static void read_away(cone_jpeg *d, int rows) {
  j_decompress_ptr info = &d->info;
  JSAMPARRAY row = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE,
                                           info->output_width * info->output_components, 1);
  while (rows > 0) rows -= jpeg_read_scanlines(info, row, 1);
}

// a·b/255, rounded.
static unsigned scaled(unsigned a, unsigned b) {
  unsigned t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

// Reads rows that begin `left` pixels before the window. Pillow takes the CMYK
// of every JPEG as Adobe writes it, inverted.
static void read_by_row(cone_jpeg *d, const cone_jpeg_window *w, int left, unsigned char *out) {
  j_decompress_ptr info = &d->info;
  int bands = info->output_components;
  JSAMPARRAY row = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE, info->output_width * bands, 1);
  for (int y = 0; y < w->height; y++) {
    jpeg_read_scanlines(info, row, 1);
    const unsigned char *in = row[0] + (size_t)left * bands;
    if (bands == 3) {
      memcpy(out, in, (size_t)w->width * 3);
      out += (size_t)w->width * 3;
      continue;
    }
    for (int x = 0; x < w->width; x++, in += 4, out += 3) {
      unsigned white = in[3];
      for (int c = 0; c < 3; c++) out[c] = white - scaled(255 - in[c], white);
    }
  }
}

// A progressive file that lacks scans is smoothed across blocks, which
// libjpeg does not do right behind skipped rows and columns.
static int is_smoothed(j_decompress_ptr info) {
  if (!info->progressive_mode || !info->coef_bits) return 0;
  for (int c = 0; c < info->num_components; c++)
    for (int k = 1; k < 10; k++)
      if (info->coef_bits[c][k] != 0) return 1;
  return 0;
}

// At scales below 1, libjpeg may decode chroma at a larger one than luma, and
// cuts such columns right only when nothing is left to be upsampled.
static int is_cut_wrong(j_decompress_ptr info) {
  for (int c = 0; c < info->num_components; c++) {
    const jpeg_component_info *component = &info->comp_info[c];
    int size = component->DCT_scaled_size, least = info->min_DCT_scaled_size;
    if (size != least && component->h_samp_factor * size != info->max_h_samp_factor * least) return 1;
  }
  return 0;
}

static void decode(cone_jpeg *d, const cone_jpeg_window *w, unsigned char *out) {
  j_decompress_ptr info = &d->info;
  jpeg_read_header(info, TRUE);
  if (info->image_height != (JDIMENSION)w->picture_height || info->image_width != (JDIMENSION)w->picture_width ||
      info->num_components != w->components)
    refuse(d, "its headers contradict each other");
  info->out_color_space = w->components == 4 ? JCS_CMYK : JCS_RGB;
  info->scale_num = w->eighths;
  info->scale_denom = 8;
  jpeg_start_decompress(info);
  if (d->fast) cone_huffman_install(info, &d->huffman);

  if ((JDIMENSION)w->top + w->height > info->output_height || (JDIMENSION)w->left + w->width > info->output_width)
    refuse(d, "the window lies outside of the picture");
  int whole = is_smoothed(info) || is_cut_wrong(info);
  if (!whole && (JDIMENSION)w->width < info->output_width) {
    JDIMENSION left = w->left, width = w->width;
    jpeg_crop_scanline(info, &left, &width);
    if (left != (JDIMENSION)w->left || width != (JDIMENSION)w->width)
      refuse(d, "libjpeg cuts its columns in another way than expected");
  }
  if (whole)
    read_away(d, w->top);
  else
    for (int above = w->top; above > 0;) above -= jpeg_skip_scanlines(info, above);
  if (whole || w->components == 4)
    read_by_row(d, w, whole ? w->left : 0, out);
  else
    read_rgb(d, w, out);
  // What lies behind the window is not read.
  if (info->output_scanline == info->output_height)
    jpeg_finish_decompress(info);
  else
    jpeg_abort_decompress(info);
}

static int try_decode(cone_jpeg *d, const unsigned char *content, size_t length,
                      const cone_jpeg_window *w, unsigned char *out) {
  d->outcome = CONE_JPEG_DONE;
  d->most_scans = w->most_scans;
  d->source.next_input_byte = content;
  d->source.bytes_in_buffer = length;
  if (setjmp(d->escape)) {
    jpeg_abort_decompress(&d->info);
    return d->outcome;
  }
  decode(d, w, out);
  return CONE_JPEG_DONE;
}

int cone_jpeg_decode(cone_jpeg *d, const unsigned char *content, size_t length,
                     const cone_jpeg_window *w, unsigned char *out) {
  d->fast = !w->plain;
  int outcome = try_decode(d, content, length, w, out);
  if (outcome != AGAIN) return outcome;
  d->fast = 0;
  return try_decode(d, content, length, w, out);
}

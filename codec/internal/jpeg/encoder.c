#include "encoder.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

struct encoder {
  struct jpeg_compress_struct info;
  struct jpeg_error_mgr errors;
  jmp_buf escape;
};

static void give_up(j_common_ptr info) { longjmp(((struct encoder *)info->client_data)->escape, 1); }

static void say_nothing(j_common_ptr info) {}

int cone_jpeg_encode(const unsigned char *pixels, int height, int width, int channels, int quality,
                     unsigned char **out, unsigned long *length) {
  struct encoder e = {0};
  j_compress_ptr info = &e.info;
  info->client_data = &e;
  info->err = jpeg_std_error(&e.errors);
  e.errors.error_exit = give_up;
  e.errors.output_message = say_nothing;
  *out = NULL;
  *length = 0;
  if (setjmp(e.escape)) {
    jpeg_destroy_compress(info);
    return 0;
  }
  jpeg_create_compress(info);
  jpeg_mem_dest(info, out, length);
  info->image_height = height;
  info->image_width = width;
  info->input_components = channels;
  info->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(info);
  jpeg_set_quality(info, quality, TRUE);
  jpeg_start_compress(info, TRUE);
  while (info->next_scanline < info->image_height) {
    JSAMPROW row = (JSAMPROW)(pixels + (size_t)info->next_scanline * width * channels);
    jpeg_write_scanlines(info, &row, 1);
  }
  jpeg_finish_compress(info);
  jpeg_destroy_compress(info);
  return 1;
}

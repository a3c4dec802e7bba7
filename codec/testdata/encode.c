// Encodes raw samples as a JPEG in ways that Pillow cannot; make.py calls it.
// encode WIDTH HEIGHT COMPONENTS COLOUR SAMPLING QUALITY RESTART MODE <samples >file
// COLOUR: y ycc rgb cmyk ycck, SAMPLING: 2x1,1x1,1x1, MODE: baseline
// optimised progressive arithmetic scans (one per component) dc (progressive without AC)
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

int main(int argc, char **argv) {
  (void)argc;
  struct jpeg_compress_struct info;
  struct jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  jpeg_stdio_dest(&info, stdout);
  info.image_width = atoi(argv[1]);
  info.image_height = atoi(argv[2]);
  info.input_components = atoi(argv[3]);
  info.in_color_space = info.input_components == 1 ? JCS_GRAYSCALE : info.input_components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  const char *colour = argv[4];
  jpeg_set_colorspace(&info, !strcmp(colour, "y")      ? JCS_GRAYSCALE
                             : !strcmp(colour, "ycc")  ? JCS_YCbCr
                             : !strcmp(colour, "rgb")  ? JCS_RGB
                             : !strcmp(colour, "cmyk") ? JCS_CMYK
                                                       : JCS_YCCK);
  const char *s = argv[5];
  for (int i = 0; i < info.num_components; i++, s += 4) {
    info.comp_info[i].h_samp_factor = s[0] - '0';
    info.comp_info[i].v_samp_factor = s[2] - '0';
  }
  jpeg_set_quality(&info, atoi(argv[6]), TRUE);
  info.restart_interval = atoi(argv[7]);
  const char *mode = argv[8];
  jpeg_scan_info scans[4];
  memset(scans, 0, sizeof scans);
  if (!strcmp(mode, "progressive")) jpeg_simple_progression(&info);
  if (!strcmp(mode, "optimised")) info.optimize_coding = TRUE;
  if (!strcmp(mode, "arithmetic")) info.arith_code = TRUE;
  if (!strcmp(mode, "scans")) {
    for (int i = 0; i < info.num_components; i++) {
      scans[i].comps_in_scan = 1;
      scans[i].component_index[0] = i;
      scans[i].Se = 63;
    }
    info.scan_info = scans;
    info.num_scans = info.num_components;
  }
  if (!strcmp(mode, "dc")) {
    scans[0].comps_in_scan = info.num_components;
    for (int i = 0; i < info.num_components; i++) scans[0].component_index[i] = i;
    info.scan_info = scans;
    info.num_scans = 1;
  }
  jpeg_start_compress(&info, TRUE);
  size_t n = (size_t)info.image_width * info.input_components;
  JSAMPROW row = malloc(n);
  while (info.next_scanline < info.image_height && fread(row, 1, n, stdin) == n) jpeg_write_scanlines(&info, &row, 1);
  jpeg_finish_compress(&info);
  return 0;
}

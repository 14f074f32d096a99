#include <string.h>

#include "jpeg_decoder.h"

// Adds the Huffman tables of T.81 K.3. A sequential file need not define them, and frames of Motion JPEG do not. From version 2.0 on,
// libjpeg-turbo adds them itself when it starts. It refuses progressive files without tables.
static bool add_standard_tables(cic_jpeg_decoder *d) {
  struct jpeg_decompress_struct *c = &d->codec;
  struct jpeg_compress_struct standard = {.err = c->err, .client_data = d};
  if (_setjmp(d->jump)) {
    jpeg_destroy_compress(&standard);
    return false;
  }
  jpeg_create_compress(&standard);
  standard.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&standard);
  for (int number = 0; number < 2; number++) {
    JHUFF_TBL **missing[] = {&c->dc_huff_tbl_ptrs[number], &c->ac_huff_tbl_ptrs[number]};
    const JHUFF_TBL *tables[] = {standard.dc_huff_tbl_ptrs[number], standard.ac_huff_tbl_ptrs[number]};
    for (int k = 0; k < 2; k++) {
      if (*missing[k] || !tables[k]) continue;
      JHUFF_TBL *table = jpeg_alloc_huff_table((j_common_ptr)c);
      memcpy(table->bits, tables[k]->bits, sizeof table->bits);
      memcpy(table->huffval, tables[k]->huffval, sizeof table->huffval);
      *missing[k] = table;
    }
  }
  jpeg_destroy_compress(&standard);
  return true;
}

bool cic_jpeg_take_coding(cic_jpeg_decoder *d, cic_jpeg_coding *coding) {
  struct jpeg_decompress_struct *c = &d->codec;
  *coding = (cic_jpeg_coding){0};
  cic_source *source = d->source;
  if (d->status || d->state != CIC_JPEG_HEADERS || !c->raw_data_out) return false;
  if (c->arith_code || c->data_precision != 8 || c->num_components > 4) return false;
  if (!c->progressive_mode && !(c->dc_huff_tbl_ptrs[0] && c->ac_huff_tbl_ptrs[0]) && !add_standard_tables(d)) return false;
  coding->is_progressive = c->progressive_mode;
  coding->component_count = c->num_components;
  coding->mcus_per_row = (c->image_width + (JDIMENSION)c->max_h_samp_factor * DCTSIZE - 1) / ((JDIMENSION)c->max_h_samp_factor * DCTSIZE);
  coding->restart_interval = c->restart_interval;
  for (int k = 0; k < c->num_components; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    if (component->quant_tbl_no < 0 || component->quant_tbl_no >= NUM_QUANT_TBLS) return false;
    const JQUANT_TBL *steps = c->quant_tbl_ptrs[component->quant_tbl_no];
    if (!steps || SCALED_WIDTH(component) != SCALED_HEIGHT(component)) return false;
    for (int i = 0; i < DCTSIZE2; i++)
      if (steps->quantval[i] > INT16_MAX) return false;
    coding->components[k] = (cic_jpeg_component){
        .identifier = component->component_id,
        .h_sampling = component->h_samp_factor,
        .v_sampling = component->v_samp_factor,
        .block_side = SCALED_WIDTH(component),
        .blocks_per_row = component->width_in_blocks,
        .block_rows = component->height_in_blocks,
        .quantization = steps->quantval,
    };
  }
  uint8_t *next = coding->scan_header;
  *next++ = (uint8_t)c->comps_in_scan;
  for (int k = 0; k < c->comps_in_scan; k++) {
    const jpeg_component_info *component = c->cur_comp_info[k];
    *next++ = (uint8_t)component->component_id;
    *next++ = (uint8_t)(component->dc_tbl_no << 4 | component->ac_tbl_no);
  }
  *next++ = (uint8_t)c->Ss;
  *next++ = (uint8_t)c->Se;
  *next++ = (uint8_t)(c->Ah << 4 | c->Al);
  source->next = d->reader.next_input_byte;
  source->available = d->reader.bytes_in_buffer;
  return cic_source_can_be_viewed(source);
}

bool cic_jpeg_huffman_table(
    const cic_jpeg_decoder *d, uint8_t key, const uint8_t **counts, const uint8_t **symbols) {
  int number = key & 15;
  if (key >> 4 > 1 || number >= NUM_HUFF_TBLS) return false;
  const JHUFF_TBL *table = key >> 4 ? d->codec.ac_huff_tbl_ptrs[number] : d->codec.dc_huff_tbl_ptrs[number];
  if (!table) return false;
  *counts = table->bits;
  *symbols = table->huffval;
  return true;
}

bool cic_jpeg_view_scans(
    cic_jpeg_decoder *d, uint64_t offset, uint8_t *buffer, size_t capacity, const uint8_t **bytes, size_t *count) {
  if (cic_is_canceled(d->cancel)) return false;
  return cic_source_view(d->source, offset, buffer, capacity, bytes, count);
}

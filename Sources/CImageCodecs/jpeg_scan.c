#include "jpeg_decoder.h"

bool cic_jpeg_take_scan(cic_jpeg_decoder *d, cic_jpeg_scan *scan) {
  struct jpeg_decompress_struct *c = &d->codec;
  *scan = (cic_jpeg_scan){0};
  cic_source *source = d->source;
  // After several scans, the fields below describe the last one, which may have been refused.
  if (d->status || d->state != CIC_JPEG_ONE_SCAN || !c->raw_data_out) return false;
  if (c->progressive_mode || c->arith_code || c->data_precision != 8) return false;
  if (c->num_components > 4 || c->comps_in_scan != c->num_components) return false;
  if (c->Ss != 0 || c->Se != DCTSIZE2 - 1 || c->Ah != 0 || c->Al != 0 || c->blocks_in_MCU > 10) return false;
  scan->component_count = c->comps_in_scan;
  scan->mcus_per_row = c->MCUs_per_row;
  scan->restart_interval = c->restart_interval;
  scan->blocks_per_mcu = c->blocks_in_MCU;
  for (int k = 0; k < c->comps_in_scan; k++) {
    const jpeg_component_info *component = c->cur_comp_info[k];
    if (component != &c->comp_info[k]) return false;
    const JHUFF_TBL *dc = c->dc_huff_tbl_ptrs[component->dc_tbl_no & 3];
    const JHUFF_TBL *ac = c->ac_huff_tbl_ptrs[component->ac_tbl_no & 3];
    if (!dc || !ac || !component->quant_table) return false;
    if (SCALED_WIDTH(component) != SCALED_HEIGHT(component)) return false;
    // A scan of one component has one block an MCU, whatever its factors are (T.81 A.2.2).
    bool alone = c->comps_in_scan == 1;
    if (alone && (component->h_samp_factor != 1 || component->v_samp_factor != 1)) return false;
    for (int i = 0; i < DCTSIZE2; i++)
      if (component->quant_table->quantval[i] > INT16_MAX) return false;
    scan->components[k] = (cic_jpeg_scan_component){
        .h_sampling = component->h_samp_factor,
        .v_sampling = component->v_samp_factor,
        .block_side = SCALED_WIDTH(component),
        .blocks_per_row = component->width_in_blocks,
        .quantization = component->quant_table->quantval,
        .dc_counts = dc->bits,
        .dc_values = dc->huffval,
        .ac_counts = ac->bits,
        .ac_values = ac->huffval,
    };
  }
  source->next = d->reader.next_input_byte;
  source->available = d->reader.bytes_in_buffer;
  return cic_source_set_mark(source, &d->scan_start);
}

bool cic_jpeg_peek_scan(cic_jpeg_decoder *d, size_t wanted, const uint8_t **bytes, size_t *count) {
  return cic_source_peek(d->source, wanted, bytes, count) == CIC_OK;
}

void cic_jpeg_skip_scan(cic_jpeg_decoder *d, size_t count) { cic_source_consume(d->source, count); }

void cic_jpeg_return_scan(cic_jpeg_decoder *d) {
  // If the source cannot go back, libjpeg-turbo finds that the scan's bytes are missing.
  cic_source_return_to(d->source, &d->scan_start);
  d->reader.next_input_byte = d->source->next;
  d->reader.bytes_in_buffer = d->source->available;
}

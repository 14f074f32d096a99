// Opens libwebp for the decoder and the encoder.
#ifndef CIC_WEBP_LIBRARY_H
#define CIC_WEBP_LIBRARY_H

// NULL if it is not installed.
void *cic_open_libwebp(void);

#endif

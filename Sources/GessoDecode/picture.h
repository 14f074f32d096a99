#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "decode_protocol.h"

// The primary picture of a HEIF or AVIF file. One thread uses it.
typedef struct picture picture;

// Metadata to send; the bytes belong to the picture.
typedef struct picture_parts {
  const uint8_t *profile, *exif, *xmp;
} picture_parts;

// Loads codecs from their files. It is called before the process gives up the right to open files.
void picture_load_codecs(void);

// Writes the versions and codecs for GD_CHECK.
void picture_report(char *text, size_t count);

// Reads the headers of a file, whose bytes must stay in place, and fills a reply and the bytes that the reply counts. NULL if the status is
// not GD_OK.
picture *picture_open(const gd_request *request, const uint8_t *bytes, gd_reply *reply, picture_parts *parts, char *text);

// Decodes to `pixels`, which hold `count` bytes, and fills the reply.
void picture_decode(picture *picture, uint8_t *pixels, uint64_t count, gd_reply *reply, char *text);

#endif

// A library that takes the place of libwebp (Scripts/test-libraries). Its encoder finds no room for the prediction modes of any picture, and
// names each limit of them that it was given. With libwebp only a picture of more than 100 megapixels of noise has no room at all limits.
#include <stdio.h>

// The places of two members in the structures of libwebp's interface 0x02xx (webp/encode.h), which has 32 bits at each place.
enum { PARTITION_LIMIT = 19, ERROR_CODE = 34, PARTITION0_OVERFLOW = 6 };

int WebPConfigInitInternal(void *config, int preset, float quality, int version) { return 1; }
int WebPConfigLosslessPreset(void *config, int level) { return 1; }
int WebPPictureInitInternal(void *picture, int version) { return 1; }
int WebPPictureImportRGB(void *picture, const unsigned char *pixels, int stride) { return 1; }
int WebPPictureImportRGBA(void *picture, const unsigned char *pixels, int stride) { return 1; }
void WebPPictureFree(void *picture) {}

int WebPEncode(const int *config, int *picture) {
  fprintf(stderr, "partition limit %d\n", config[PARTITION_LIMIT]);
  picture[ERROR_CODE] = PARTITION0_OVERFLOW;
  return 0;
}

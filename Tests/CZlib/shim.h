// zlib, which libpng brings along anyway: tests make compressed data of every kind with it.
#include <zlib.h>

#include <lcms2.h>
// The data of a pipeline's stages.
#include <lcms2_plugin.h>

// Typed calls over libcurl's variadic setopt and getinfo.
#ifndef CCURL_H
#define CCURL_H
#include <curl/curl.h>
CURLcode ccurl_global_init(void);
#endif

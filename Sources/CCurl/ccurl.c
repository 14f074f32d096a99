#define CURL_DISABLE_TYPECHECK
#include "ccurl.h"

CURLcode ccurl_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_transfer_callback(CURL *handle, CURLoption option, ccurl_transfer_callback value) {
  return curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_seek_callback(CURL *handle, curl_seek_callback value) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}

CURLcode ccurl_set_protocols(CURL *handle, bool http_redirects) {
#if LIBCURL_VERSION_NUM >= 0x075500
  CURLcode status = curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  if (status != CURLE_OK) return status;
  return curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, http_redirects ? "http,https" : "https");
#else
  CURLcode status = curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  if (status != CURLE_OK) return status;
  return curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS,
                          (long)(CURLPROTO_HTTPS | (http_redirects ? CURLPROTO_HTTP : 0)));
#endif
}

CURLcode ccurl_set_quick_exit(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075700
  return curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
#else
  (void)handle;
  return CURLE_OK;
#endif
}

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
  return curl_multi_setopt(handle, option, value);
}

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) { return curl_easy_getinfo(handle, info, value); }
CURLcode ccurl_get_pointer(CURL *handle, CURLINFO info, void **value) { return curl_easy_getinfo(handle, info, value); }

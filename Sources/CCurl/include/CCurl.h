// libcurl, loaded when it is first needed: it costs 8 MB of memory, which only an agent with an IPFS node needs. It is
// not linked, so a host without such a node needs no libcurl. Its setters are variadic, which Swift cannot import: here
// is one for each type of argument.
#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>
#include <stddef.h>

// curl.h makes these macros that check types in C; here they are functions.
#undef curl_easy_setopt
#undef curl_easy_getinfo

// Loads the library and prepares it, once, from any thread. NULL, or why that is not possible.
const char *_Nullable ccurl_load(void);

// All of these only after ccurl_load answered NULL. A handle is used by one thread at a time.
CURL *_Nullable ccurl_make(void);
void ccurl_free(CURL *_Nonnull handle);
CURLcode ccurl_perform(CURL *_Nonnull handle);
const char *_Nonnull ccurl_error_text(CURLcode code);
const char *_Nonnull ccurl_version(void);

CURLcode ccurl_set_number(CURL *_Nonnull handle, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *_Nonnull handle, CURLoption option, curl_off_t value);
// libcurl copies the text, except that of CURLOPT_POSTFIELDS.
CURLcode ccurl_set_text(CURL *_Nonnull handle, CURLoption option, const char *_Nullable value);
CURLcode ccurl_set_pointer(CURL *_Nonnull handle, CURLoption option, void *_Nullable value);

// The answer, in pieces: a whole line of the head or of the trailers, or some of the body. Another result than size
// ends the transfer.
typedef size_t (*ccurl_receiver)(char *_Nullable bytes, size_t size, size_t count, void *_Nullable context);
CURLcode ccurl_set_receiver(CURL *_Nonnull handle, CURLoption function, CURLoption data, ccurl_receiver _Nonnull receiver,
                            void *_Nonnull context);

// Called about once a second, and more often while bytes arrive. Another result than 0 ends the transfer.
typedef int (*ccurl_watcher)(void *_Nullable context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
CURLcode ccurl_set_watcher(CURL *_Nonnull handle, ccurl_watcher _Nonnull watcher, void *_Nonnull context);

// The status of the last answer; 0 if there was none.
long ccurl_status(CURL *_Nonnull handle);

// The errno of the last connection that could not be made; 0 if there was none.
int ccurl_errno(CURL *_Nonnull handle);

// A longer list, which is the list's new beginning; NULL if there is no memory.
struct curl_slist *_Nullable ccurl_append(struct curl_slist *_Nullable list, const char *_Nonnull text);
void ccurl_free_list(struct curl_slist *_Nullable list);

#endif

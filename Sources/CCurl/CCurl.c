#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// Debian's two builds of one library, which differ in the library that speaks TLS below it.
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

static struct {
	CURLcode (*global_init)(long);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	CURLcode (*easy_perform)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	const char *(*easy_strerror)(CURLcode);
	char *(*version)(void);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[512];
static int is_loaded;

static int find(void *handle, const char *name, void **function)
{
	*function = dlsym(handle, name);
	if (*function)
		return 1;
	snprintf(reason, sizeof reason, "libcurl has no function %s", name);
	return 0;
}

static void load(void)
{
	void *handle = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) {
		handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		// The first name's reason is the one that helps.
		if (!handle && i == 0)
			snprintf(reason, sizeof reason, "%s", dlerror());
	}
	if (!handle)
		return;
	if (!find(handle, "curl_global_init", (void **)&library.global_init) ||
	    !find(handle, "curl_easy_init", (void **)&library.easy_init) ||
	    !find(handle, "curl_easy_cleanup", (void **)&library.easy_cleanup) ||
	    !find(handle, "curl_easy_perform", (void **)&library.easy_perform) ||
	    !find(handle, "curl_easy_setopt", (void **)&library.easy_setopt) ||
	    !find(handle, "curl_easy_getinfo", (void **)&library.easy_getinfo) ||
	    !find(handle, "curl_easy_strerror", (void **)&library.easy_strerror) ||
	    !find(handle, "curl_version", (void **)&library.version) ||
	    !find(handle, "curl_slist_append", (void **)&library.slist_append) ||
	    !find(handle, "curl_slist_free_all", (void **)&library.slist_free_all))
		return;
	CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK) {
		snprintf(reason, sizeof reason, "%s", library.easy_strerror(code));
		return;
	}
	is_loaded = 1;
}

const char *ccurl_load(void)
{
	pthread_once(&once, load);
	return is_loaded ? NULL : reason;
}

CURL *ccurl_make(void) { return library.easy_init(); }
void ccurl_free(CURL *handle) { library.easy_cleanup(handle); }
CURLcode ccurl_perform(CURL *handle) { return library.easy_perform(handle); }
const char *ccurl_error_text(CURLcode code) { return library.easy_strerror(code); }
const char *ccurl_version(void) { return library.version(); }

CURLcode ccurl_set_number(CURL *handle, CURLoption option, long value)
{
	return library.easy_setopt(handle, option, value);
}

CURLcode ccurl_set_size(CURL *handle, CURLoption option, curl_off_t value)
{
	return library.easy_setopt(handle, option, value);
}

CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value)
{
	return library.easy_setopt(handle, option, value);
}

CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value)
{
	return library.easy_setopt(handle, option, value);
}

CURLcode ccurl_set_receiver(CURL *handle, CURLoption function, CURLoption data, ccurl_receiver receiver, void *context)
{
	CURLcode code = library.easy_setopt(handle, function, receiver);
	return code != CURLE_OK ? code : library.easy_setopt(handle, data, context);
}

CURLcode ccurl_set_watcher(CURL *handle, ccurl_watcher watcher, void *context)
{
	CURLcode code = library.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watcher);
	if (code == CURLE_OK)
		code = library.easy_setopt(handle, CURLOPT_XFERINFODATA, context);
	return code != CURLE_OK ? code : library.easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

long ccurl_status(CURL *handle)
{
	long status = 0;
	return library.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

int ccurl_errno(CURL *handle)
{
	long number = 0;
	return library.easy_getinfo(handle, CURLINFO_OS_ERRNO, &number) == CURLE_OK ? (int)number : 0;
}

struct curl_slist *ccurl_append(struct curl_slist *list, const char *text) { return library.slist_append(list, text); }
void ccurl_free_list(struct curl_slist *list) { library.slist_free_all(list); }

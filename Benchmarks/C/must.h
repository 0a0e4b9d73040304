/* Calls of PKCS#11 that must succeed. */
#ifndef MUST_H
#define MUST_H

#include "common.h"

/* Says which call failed and how, and ends the process. Include a header of PKCS#11 before. */
#define MUST(call)                                     \
	do {                                           \
		CK_RV rv_ = (call);                    \
		if (rv_ != CKR_OK)                     \
			fail("%s: 0x%lx", #call, rv_); \
	} while (0)

#endif

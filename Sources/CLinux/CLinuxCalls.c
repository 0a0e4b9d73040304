// The filter of CLinuxSpawn.c has the numbers of the architecture that it is built for. It was run on x86-64 alone. What can be
// said of AArch64 without one is said here, when this is built: each call that the filter names is in the generic table
// (include/uapi/asm-generic/unistd.h), which is AArch64's, where clone has its flags first and a word its low half first as here,
// and no two names have one number.
#define __ARCH_WANT_SYS_CLONE3 // as AArch64 has it in its asm/unistd.h
#define __ARCH_WANT_RENAMEAT   // the same
#include <asm-generic/unistd.h>

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif
#ifndef __NR_file_setattr
#define __NR_file_setattr 469
#endif

// A number twice is an error of a switch.
__attribute__((unused)) static int is_known(int number)
{
	switch (number) {
#define REFUSED(call) case __NR_##call:
#include "refused_calls.h"
#undef REFUSED
	case __NR_clone:
	case __NR_clone3:
	case __NR_openat:
	case __NR_openat2:
	case __NR_mmap:
	case __NR_kill:
	case __NR_tgkill:
	case __NR_prlimit64:
		return 1;
	default:
		return 0;
	}
}

// From the kernel's table, as of Linux 6.1.
_Static_assert(__NR_setsid == 157 && __NR_setpgid == 154 && __NR_socket == 198, "the generic numbers");
_Static_assert(__NR_socketpair == 199 && __NR_bind == 200 && __NR_connect == 203, "the generic numbers");
_Static_assert(__NR_clone == 220 && __NR_clone3 == 435 && __NR_kill == 129 && __NR_tgkill == 131, "the generic numbers");
_Static_assert(__NR_unshare == 97 && __NR_setns == 268 && __NR_ptrace == 117 && __NR_bpf == 280, "the generic numbers");
_Static_assert(__NR_openat == 56 && __NR_mmap == 222 && __NR_renameat == 38 && __NR_unlinkat == 35, "the generic numbers");
_Static_assert(__NR_io_uring_setup == 425 && __NR_pidfd_getfd == 438 && __NR_userfaultfd == 282, "the generic numbers");

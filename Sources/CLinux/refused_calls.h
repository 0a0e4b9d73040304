// What a confined program may not do with any arguments: EPERM. All of them are in the generic table too, which AArch64 has.

// Into what is on the disk. A file that is open for writing all the same (Landlock is missing) takes no byte: RLIMIT_FSIZE.
REFUSED(truncate) REFUSED(ftruncate) REFUSED(fallocate) REFUSED(unlinkat) REFUSED(renameat) REFUSED(renameat2) REFUSED(linkat)
REFUSED(symlinkat) REFUSED(mkdirat) REFUSED(mknodat) REFUSED(fchmod) REFUSED(fchmodat) REFUSED(fchmodat2) REFUSED(fchown)
REFUSED(fchownat) REFUSED(setxattr) REFUSED(lsetxattr) REFUSED(fsetxattr) REFUSED(setxattrat) REFUSED(removexattr)
REFUSED(lremovexattr) REFUSED(fremovexattr) REFUSED(removexattrat) REFUSED(file_setattr) REFUSED(utimensat)
// Out of the group that is killed at its deadline.
REFUSED(setsid) REFUSED(setpgid)
// Onto the network, or to another program's socket: a pair's end can send to any datagram socket.
REFUSED(socket) REFUSED(socketpair) REFUSED(connect) REFUSED(bind)
// Into another namespace or view of the files.
REFUSED(unshare) REFUSED(setns) REFUSED(mount) REFUSED(umount2) REFUSED(pivot_root) REFUSED(chroot) REFUSED(move_mount)
REFUSED(open_tree) REFUSED(fsopen) REFUSED(fsconfig) REFUSED(fsmount) REFUSED(fspick) REFUSED(mount_setattr)
REFUSED(name_to_handle_at) REFUSED(open_by_handle_at) REFUSED(fanotify_init)
// Into another process of the same user, or at its cost.
REFUSED(ptrace) REFUSED(process_vm_readv) REFUSED(process_vm_writev) REFUSED(process_madvise) REFUSED(process_mrelease)
REFUSED(kcmp) REFUSED(pidfd_getfd) REFUSED(pidfd_send_signal) REFUSED(tkill) REFUSED(rt_sigqueueinfo)
REFUSED(rt_tgsigqueueinfo) REFUSED(sched_setscheduler) REFUSED(sched_setparam) REFUSED(sched_setattr)
REFUSED(sched_setaffinity) REFUSED(setpriority) REFUSED(ioprio_set) REFUSED(migrate_pages) REFUSED(move_pages)
// Into what outlives it.
REFUSED(shmget) REFUSED(msgget) REFUSED(semget) REFUSED(mq_open) REFUSED(keyctl) REFUSED(add_key) REFUSED(request_key)
// Into parts of the kernel that no plugin needs, some of which would go around this filter.
REFUSED(io_uring_setup) REFUSED(io_uring_enter) REFUSED(io_uring_register) REFUSED(bpf) REFUSED(perf_event_open)
REFUSED(userfaultfd) REFUSED(personality) REFUSED(kexec_load) REFUSED(kexec_file_load) REFUSED(init_module)
REFUSED(finit_module) REFUSED(delete_module) REFUSED(reboot) REFUSED(swapon) REFUSED(swapoff) REFUSED(acct) REFUSED(quotactl)
REFUSED(syslog) REFUSED(settimeofday) REFUSED(clock_settime) REFUSED(adjtimex) REFUSED(clock_adjtime) REFUSED(sethostname)
REFUSED(setdomainname) REFUSED(vhangup)

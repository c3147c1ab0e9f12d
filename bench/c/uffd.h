/*
 * What the peers that use a real userfaultfd share: one descriptor after its handshake, ranges,
 * protection. Whatever the kernel or the permissions lack ends the peer with `skip`.
 */
#ifndef UFFD_H
#define UFFD_H

#include "peer.h"
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static int uffd;

static void open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 && errno == EPERM)
		uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		skip_errno("userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api) != 0)
		skip_errno("UFFDIO_API");
	if ((api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP) == 0)
		skip("userfaultfd: this kernel has no write protection");
}

static void register_range(char *at, size_t pages, uint64_t mode)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)at, .len = pages * 4096 }, .mode = mode
	};
	check(ioctl(uffd, UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER");
}

static void write_protect(uintptr_t at, size_t pages, uint64_t mode)
{
	struct uffdio_writeprotect range = {
		.range = { .start = at, .len = pages * 4096 }, .mode = mode
	};
	check(ioctl(uffd, UFFDIO_WRITEPROTECT, &range) == 0, "UFFDIO_WRITEPROTECT");
}

#endif

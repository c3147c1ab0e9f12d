/*
 * The numbers of the kernel interface that the agent uses and that installed headers may be too
 * old to have. Owns constants and struct layouts only, from userfaultfd(2), ioctl_userfaultfd(2),
 * PAGEMAP_SCAN(2const), madvise(2) and mremap(2); never a function.
 */
#ifndef AGENT_UAPI_H
#define AGENT_UAPI_H

#include <stdint.h>

#ifndef __x86_64__
#error "the scenario language describes x86-64 page tables; build the agent there"
#endif

/* --- userfaultfd ------------------------------------------------------------------------ */

#define UFFD_API_VERSION 0xaaull
#define UFFD_USER_MODE_ONLY_FLAG 1u

#define UFFD_IOC_NEW 0xaa00u /* of /dev/userfaultfd, by value */
#define UFFD_IOC_REGISTER 0xc020aa00u
#define UFFD_IOC_UNREGISTER 0x8010aa01u
#define UFFD_IOC_WAKE 0x8010aa02u
#define UFFD_IOC_COPY 0xc028aa03u
#define UFFD_IOC_ZEROPAGE 0xc020aa04u
#define UFFD_IOC_MOVE 0xc028aa05u
#define UFFD_IOC_WRITEPROTECT 0xc018aa06u
#define UFFD_IOC_CONTINUE 0xc020aa07u
#define UFFD_IOC_POISON 0xc020aa08u
#define UFFD_IOC_RWPROTECT 0xc018aa09u
#define UFFD_IOC_SET_MODE 0x4010aa0au
#define UFFD_IOC_API 0xc018aa3fu

#define UFFD_FEATURE_BIT_POISON 0x4000ull
#define UFFD_MODE_MISSING 1ull

struct uffd_api_arg {
  uint64_t api, features, ioctls;
};

struct uffd_range_arg {
  uint64_t start, len;
};

struct uffd_register_arg {
  uint64_t start, len, mode, ioctls;
};

/* UFFDIO_COPY and UFFDIO_MOVE: `done` is their field copy, move. */
struct uffd_transfer_arg {
  uint64_t dst, src, len, mode;
  int64_t done;
};

/* UFFDIO_ZEROPAGE, CONTINUE and POISON: `done` is zeropage, mapped, updated. */
struct uffd_fill_arg {
  uint64_t start, len, mode;
  int64_t done;
};

/* UFFDIO_WRITEPROTECT and RWPROTECT. */
struct uffd_protect_arg {
  uint64_t start, len, mode;
};

struct uffd_set_mode_arg {
  uint64_t enable, disable;
};

enum {
  UFFD_MSG_PAGEFAULT = 0x12, /* arg: flags, address, thread id */
  UFFD_MSG_FORK = 0x13,      /* arg: descriptor */
  UFFD_MSG_REMAP = 0x14,     /* arg: from, to, length */
  UFFD_MSG_REMOVE = 0x15,    /* arg: start, end */
  UFFD_MSG_UNMAP = 0x16,     /* arg: start, end */
};

struct uffd_message {
  uint8_t event;
  uint8_t reserved[7];
  uint64_t arg[3];
};

_Static_assert(sizeof(struct uffd_message) == 32, "a message has 32 bytes");
_Static_assert(sizeof(struct uffd_transfer_arg) == 40, "UFFDIO_COPY has 40 bytes");

/* --- PAGEMAP_SCAN and /proc/PID/pagemap --------------------------------------------------- */

#define PAGEMAP_SCAN_IOC 0xc0606610u

struct pagemap_scan_arg {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct pagemap_region {
  uint64_t start, end, categories;
};

_Static_assert(sizeof(struct pagemap_scan_arg) == 96, "PAGEMAP_SCAN has 96 bytes");

#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAP (1ull << 62)
#define PAGEMAP_FILE (1ull << 61)
#define PAGEMAP_GUARD (1ull << 58)
#define PAGEMAP_UFFD_WP (1ull << 57)
#define PAGEMAP_EXCLUSIVE (1ull << 56)
#define PAGEMAP_SOFT_DIRTY (1ull << 55)

/* --- mmap, mremap, memfd, move_pages, signals -------------------------------------------- */

#define MAP_NOREPLACE_FLAG 0x100000
#define MAP_HUGE_2MB_FLAG (21 << 26)
#define MFD_HUGETLB_FLAG 4u
#define MFD_HUGE_2MB_FLAG (21u << 26)
#define MREMAP_DONTUNMAP_FLAG 4
#define MPOL_MF_MOVE_FLAG 2
#define SEGV_MAPERR_CODE 1
#define SEGV_ACCERR_CODE 2
#define BUS_ADRERR_CODE 2
#define BUS_MCEERR_AR_CODE 4

#endif

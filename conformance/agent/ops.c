/*
 * The table from the word of an operation to the function that performs it. The controller's own
 * operations (join, signal, kill) are not here: control.c performs them.
 */
#include "agent.h"

#include <string.h>

static const struct {
  const char *name;
  operation *perform;
} OPERATIONS[] = {
    {"map", op_map},
    {"munmap", op_munmap},
    {"mprotect", op_mprotect},
    {"mlock", op_mlock},
    {"munlock", op_munlock},
    {"mremap", op_mremap},
    {"madvise", op_madvise},
    {"swapout", op_swapout},
    {"file", op_file},
    {"fallocate", op_fallocate},
    {"ftruncate", op_ftruncate},
    {"fwrite", op_fwrite},
    {"fread", op_fread},
    {"fmincore", op_fmincore},
    {"close", op_close},
    {"dup", op_dup},
    {"reopen", op_reopen},
    {"uffd", op_uffd},
    {"api", op_api},
    {"register", op_register},
    {"unregister", op_unregister},
    {"wake", op_wake},
    {"copy", op_copy},
    {"zeropage", op_zeropage},
    {"continue", op_continue},
    {"poison", op_poison},
    {"move", op_move},
    {"wp", op_wp},
    {"rwp", op_rwp},
    {"setmode", op_setmode},
    {"ioctl", op_ioctl},
    {"event", op_event},
    {"drain", op_drain},
    {"poll", op_poll},
    {"fdinfo", op_fdinfo},
    {"read", op_read},
    {"write", op_write},
    {"rmw", op_rmw},
    {"sysread", op_sysread},
    {"syswrite", op_syswrite},
    {"vmread", op_vmread},
    {"vmwrite", op_vmwrite},
    {"pagemap", op_pagemap},
    {"peek", op_peek},
    {"mincore", op_mincore},
    {"scan", op_scan},
    {"vmflags", op_vmflags},
    {"smaps", op_smaps},
    {"migrate", op_migrate},
    {"clearrefs", op_clearrefs},
    {"fork", op_fork},
    {"exit", op_exit},
    {"setuid", op_setuid},
    {"nop", op_nop},
};

operation *operation_find(const char *name) {
  for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++) {
    if (strcmp(OPERATIONS[i].name, name) == 0) return OPERATIONS[i].perform;
  }
  return NULL;
}

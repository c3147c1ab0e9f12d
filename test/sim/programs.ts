/** Small programs on a userfaultfd that the tests of exploration share. */
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  type Sim,
  UFFDIO_REGISTER_MODE_MISSING,
  type Userfaultfd,
} from '../../src/index.js';

export const PAGE = 4096;

/** A registered range of the first process. */
export interface Region {
  readonly addr: number;
  readonly uffd: Userfaultfd;
}

/** Maps pages and registers them, all at once. */
export function region(
  { thread }: Sim,
  { pages = 2, features = 0n, mode = UFFDIO_REGISTER_MODE_MISSING } = {},
): Region {
  const length = pages * PAGE;
  const prot = PROT_READ | PROT_WRITE;
  const addr = thread.mmapSync({ length, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const uffd = thread.userfaultfdSync();
  uffd.apiSync({ features });
  uffd.registerSync({ start: addr, len: length, mode });
  return { addr, uffd };
}

export const page = (value: number): Uint8Array => new Uint8Array(PAGE).fill(value);

/**
 * Holds the list of docs/divergences.md of what is not modelled: each entry is asked for and throws
 * NotModelledError. When one of them is modelled its row goes, and its line here.
 */
import * as linux from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { rowsOf } from './tables.js';

const PAGE = 4096;
const PRIVATE = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;

const thread = (): linux.Thread => new linux.Machine().spawn().main;

function hugePage(): { main: linux.Thread; addr: number } {
  const { main } = new linux.Machine({ nodes: 2, nrHugepages: { '2M': 1 } }).spawn();
  const prot = linux.PROT_READ | linux.PROT_WRITE;
  const flags = PRIVATE | linux.MAP_HUGETLB;
  const addr = main.mmapSync({ length: 2 ** 21, prot, flags });
  main.store8Sync(addr, 1);
  return { main, addr };
}

const asked: Readonly<Record<string, () => void>> = {
  'MADV_COLLAPSE of a mapping of shmem that has a page': () => {
    const flags = linux.MAP_SHARED | linux.MAP_ANONYMOUS;
    const main = thread();
    const prot = linux.PROT_READ | linux.PROT_WRITE;
    const addr = main.mmapSync({ addr: 2 ** 40, length: 1024 * PAGE, prot, flags });
    main.store8Sync(addr, 1);
    main.madviseSync({ addr, length: 1024 * PAGE, advice: linux.MADV_COLLAPSE });
  },
  'MADV_HWPOISON of a hugetlb page': () => {
    const { main, addr } = hugePage();
    main.madviseSync({ addr, length: PAGE, advice: linux.MADV_HWPOISON });
  },
  'move_pages of a hugetlb page': () => {
    const { main, addr } = hugePage();
    main.movePagesSync({ pages: [addr], nodes: [1] });
  },
};

describe('docs/divergences.md', () => {
  test('lists what is asked for here', () => {
    const rows = rowsOf('docs/divergences.md', 'Asked for by');
    expect(rows.map((row) => row['Asked for by'])).toEqual(Object.keys(asked));
  });

  test.each(Object.entries(asked))('%s is not modelled, and says so', (_name, ask) => {
    expect(ask).toThrow(linux.NotModelledError);
  });
});

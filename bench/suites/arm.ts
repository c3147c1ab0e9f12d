/**
 * UFFDIO_WRITEPROTECT over 2^10 to 2^18 populated pages, on and off, per page, beside the real
 * kernel's (c/kernel-arm.c).
 */

import { nowNs } from '../harness/clock.js';
import type { Contestant } from '../harness/compare.js';
import type { Lab, Suite } from '../harness/lab.js';
import type { Row } from '../harness/row.js';

const SIZES = [10, 12, 14, 16, 18].map((power) => 2 ** power);
const LARGEST = 2 ** 18;
const PEER = 'Linux, the same ioctl';
/** At least 20 times as fast as the kernel. */
const REQUIRED = 1 / 20;

const timesOf = (pages: number): number => Math.min(64, LARGEST / pages);

/** Protects and unprotects the first pages of a range. */
interface Switch {
  on(pages: number): void;
  off(pages: number): void;
}

function populated({ library }: Lab): Switch {
  const { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } = library;
  const thread = new library.Machine({ memory: (LARGEST + 2048) * 4096 }).spawn().main;
  const len = LARGEST * 4096;
  const prot = PROT_READ | PROT_WRITE;
  const start = thread.mmapSync({ length: len, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const uffd = thread.userfaultfdSync();
  uffd.apiSync();
  uffd.registerSync({ start, len, mode: library.UFFDIO_REGISTER_MODE_WP });
  for (let i = 0; i < LARGEST; i++) thread.store8Sync(start + i * 4096, 1);
  const mode = library.UFFDIO_WRITEPROTECT_MODE_WP;
  return {
    on: (pages) => uffd.writeprotectSync({ start, len: pages * 4096, mode }),
    off: (pages) => uffd.writeprotectSync({ start, len: pages * 4096, mode: 0 }),
  };
}

/** A contestant that times one half of each pair of calls. */
function half(name: string, pages: number, timed: () => void, between: () => void): Contestant {
  const times = timesOf(pages);
  return {
    name,
    round() {
      let took = 0;
      for (let i = 0; i < times; i++) {
        const start = nowNs();
        timed();
        took += nowNs() - start;
        between();
      }
      return took / (times * pages);
    },
  };
}

const suite: Suite = async (lab) => {
  const kernel = await lab.opponent('kernel-arm');
  const range = populated(lab);
  const rows: Row[] = [];
  for (const pages of SIZES) {
    const on = () => range.on(pages);
    const off = () => range.off(pages);
    const request = () => `arm ${pages} ${timesOf(pages)}`;
    const title = `arm: UFFDIO_WRITEPROTECT`;
    const size = `2^${Math.log2(pages)} pages, per page`;
    off();
    const peerOff = kernel.does(PEER, request, ([, took = Number.NaN]) => took);
    const matches = [
      {
        name: `${title} on, ${size}`,
        ours: half('on', pages, on, off),
        peer: kernel.does(PEER, request),
      },
      { name: `${title} off, ${size}`, ours: half('off', pages, off, on), peer: peerOff },
    ];
    rows.push(...(await lab.compare(matches.map((match) => ({ ...match, required: REQUIRED })))));
  }
  return rows;
};

export default suite;

/** Pages that stay locked although their area is locked no more. */
import { MADV_PAGEOUT, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from 'uffd-emulator';
import { expect, test } from 'vitest';
import { BASE, mapAt, newMachine, PAGE, span } from '../support/guest.js';
import { pages } from '../support/observe.js';

const AWAY = BASE + 64 * PAGE;
const MOVES = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** Four locked pages, of which the first two have moved away. */
function halfMoved() {
  const machine = newMachine();
  machine.swapOn({ size: 64 * PAGE });
  const proc = machine.spawn();
  const { main } = proc;
  mapAt(main, BASE, 4);
  main.mlockSync(span(BASE, 4));
  const sizes = { oldSize: 2 * PAGE, newSize: 2 * PAGE };
  main.mremapSync({ oldAddress: BASE, newAddress: AWAY, flags: MOVES, ...sizes });
  const pageOut = () => main.madviseSync({ ...span(BASE, 4), advice: MADV_PAGEOUT });
  return { main, pageOut, flags: () => proc.maps()[0]?.vmFlags, pages: () => pages(proc, BASE, 4) };
}

test('MREMAP_DONTUNMAP of a part takes the lock off the area, not off the pages that stay', () => {
  const { flags, pageOut, pages: shown } = halfMoved();
  pageOut();
  expect(flags()).not.toContain('lo');
  expect(shown()).toEqual('- - P P');
});

test('they go after mlock and munlock, and pages that came later go at once', () => {
  const { main, pageOut, pages: shown } = halfMoved();
  main.store8Sync(BASE, 1);
  pageOut();
  expect(shown()).toEqual('m - P P');
  main.mlockSync(span(BASE, 4));
  main.munlockSync(span(BASE, 4));
  pageOut();
  expect(shown()).toEqual('m m m m');
});

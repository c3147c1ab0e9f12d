/** The numbers that /proc/PID/clear_refs takes. */
import { KernelError } from 'uffd-emulator';
import { expect, test } from 'vitest';
import { BASE, mapAt, newMachine, span } from '../support/guest.js';

test('1 to 5 are accepted and change no content, anything else is EINVAL', () => {
  const proc = newMachine().spawn();
  mapAt(proc.main, BASE, 2);
  proc.main.store8Sync(BASE, 7);
  for (const what of [1, 2, 3, 4, 5]) proc.clearRefs(what);
  for (const what of [0, 6, -1, 1.5, Number.NaN]) {
    expect(() => proc.clearRefs(what)).toThrow(KernelError);
  }
  expect(() => proc.clearRefs(2 ** 31)).toThrow(expect.objectContaining({ code: 'ERANGE' }));
  expect(proc.main.readSync(BASE, 1)).toEqual(Uint8Array.of(7));
  expect(proc.main.mincoreSync(span(BASE, 2))).toEqual(Uint8Array.of(1, 0));
});

/**
 * Swap-in errors. A swap device cannot read a page back and is switched off. What the kernel leaves
 * in place of the page decides whether the owner, or a child, ever learns of it. Five kernels: one
 * that did not look and shows data that nobody wrote, one with an entry of its own for it, one that
 * lost its marker in fork, that one repaired, and today's.
 * Run it with `npx tsx examples/08-swapin-errors.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;

/** 6.2-rc1 had markers already, and copied them to registered children alone. */
const RC1: linux.Quirks = {
  swapinErrorEntry: false,
  swapinErrorMarker: true,
  forkLosesMarkers: true,
};

const kernels: [string, linux.MachineOptions][] = [
  ['5.15', { kernel: '5.15' }],
  ['5.19', { kernel: '5.19' }],
  ['6.2-rc1', { kernel: '6.1', quirks: RC1 }],
  ['6.2', { kernel: '6.1', quirks: { ...RC1, forkLosesMarkers: false } }],
  ['6.18', { kernel: '6.18' }],
];

/** A process that wrote 42 to a page which swapoff could not read back. */
function afterSwapoff(options: linux.MachineOptions) {
  const machine = new linux.Machine(options);
  const { main } = machine.spawn({ name: 'parent' });
  const prot = linux.PROT_READ | linux.PROT_WRITE;
  const flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS;
  const addr = main.mmapSync({ length: PAGE, prot, flags });
  main.store8Sync(addr, 42);
  const swap = machine.swapOn({ size: 16 * PAGE });
  main.madviseSync({ addr, length: PAGE, advice: linux.MADV_PAGEOUT });
  const { entry } = machine.explain(main, addr);
  if (entry.kind === 'swap') swap.failReads(entry.slot);
  swap.off();
  return { machine, main, addr };
}

/** What a thread reads: the byte, or the signal. */
function reads(thread: linux.Thread, addr: number): string {
  try {
    return `reads ${thread.load8Sync(addr)}`;
  } catch (error) {
    if (!(error instanceof linux.SignalError)) throw error;
    return error.code;
  }
}

/** The line of an explanation that begins with a word. */
const line = (text: string, word: string): string =>
  text.split('\n').find((found) => found.startsWith(word)) ?? '';

console.log('the page held 42; swapoff could not read it\n');
console.log('kernel    parent         child          what is left in the parent');
for (const [name, options] of kernels) {
  const { machine, main, addr } = afterSwapoff(options);
  const left = line(machine.explain(main, addr).text, 'entry').slice(7);
  const child = machine.process(main.forkSync('child'));
  const row = [name.padEnd(9), reads(main, addr).padEnd(14), reads(child.main, addr).padEnd(14)];
  console.log([...row, left].join(' '));
}

console.log('\n6.18, and nothing about protection cures the page:');
const { machine, main, addr } = afterSwapoff({});
const uffd = main.userfaultfdSync();
uffd.apiSync();
uffd.registerSync({ start: addr, len: PAGE, mode: linux.UFFDIO_REGISTER_MODE_WP });
const entry = () => line(machine.explain(main, addr).text, 'entry').slice(7);
uffd.writeprotectSync({ start: addr, len: PAGE, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP });
console.log(`  protected     ${entry()}`);
uffd.writeprotectSync({ start: addr, len: PAGE, mode: 0 });
console.log(`  unprotected   ${entry()}`);
main.mprotectSync({ addr, length: PAGE, prot: linux.PROT_READ });
console.log(`  read-only     ${entry()}`);
uffd.copySync({ dst: addr, src: new Uint8Array(PAGE).fill(42) });
console.log(`  filled again  ${entry()}, ${reads(main, addr)}`);

/**
 * Traces for tests: made from a formula, so that they are the same everywhere, with every kind and
 * size of access, unaligned ones and ones across pages, a hot set and a sweep. Written to a folder
 * that is removed after the test file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const HEADER = '==7== Lackey, an example Valgrind tool\n==7== Command: made-up\n==7== \n';
const FOOTER = '==7== \n==7== Exit code:       0\n';

const HEAP = 0x4a00_0000;
const STACK = 0x1f_fefd_0000;
const SIZES = [8, 4, 8, 1, 2, 16, 32, 8] as const;

/** Numbers that look random: a linear congruential generator. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

/** How long a made-up trace is and how much memory it touches. */
export interface TraceShape {
  readonly accesses: number;
  readonly pages: number;
}

/** The access lines of a made-up trace: a sweep over the heap, a hot set in it, and the stack. */
export function accessLines({ accesses, pages }: TraceShape): string[] {
  const random = numbers(7);
  const next = () => random.next().value;
  const lines: string[] = [];
  for (let step = 0; step < accesses; step++) {
    const size = SIZES[next() % SIZES.length] ?? 8;
    const offset = next() % (4096 - 32);
    const sweep = Math.floor((step / accesses) * 3 * pages) % pages;
    const page = next() % 4 === 0 ? sweep : next() % Math.ceil(pages / 8);
    const isStack = next() % 3 === 0;
    const crossing = next() % 200 === 0 && page + 1 < pages ? 4096 - 3 : offset;
    const address = isStack ? STACK + (offset & ~7) : HEAP + page * 4096 + crossing;
    const kind = 'LLSSM'[next() % 5];
    lines.push(` ${kind} ${address.toString(16).padStart(8, '0')},${size}`);
  }
  return lines;
}

/** A whole trace as Lackey writes it. */
export function traceText(shape: TraceShape): string {
  return `${HEADER}${accessLines(shape).join('\n')}\n${FOOTER}`;
}

/** A folder for the files of a test, and a way to write them. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'uffd-emulator-test-'));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }
}

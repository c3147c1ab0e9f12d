/** A planted fault against this machine's kernel, where it can be used. */
import { expect, test } from 'vitest';
import { NoKernelError } from '../../src/cli/oracle/oracle.js';
import { hunt } from '../../tools/fuzz/hunt.js';
import { modelledParts } from '../../tools/fuzz/parts.js';
import type { Divergence } from '../../tools/fuzz/shrink.js';
import { againstKernel, type Pair } from '../../tools/fuzz/sides.js';

async function kernelOrReason(): Promise<Pair | string> {
  try {
    return await againstKernel(modelledParts(), { closeClearsWp: false });
  } catch (error) {
    if (error instanceof NoKernelError) return error.message;
    throw error;
  }
}

const opened = await kernelOrReason();
const isUsable = typeof opened !== 'string';

test.runIf(isUsable)(
  'a kernel that clears protection on close disagrees with a machine that does not',
  async () => {
    if (typeof opened === 'string') return;
    const found: Divergence[] = [];
    const plan = { profile: 'anon', seed: 1, count: 50, parts: modelledParts(), all: false };
    try {
      await hunt(
        opened,
        { ...plan, isOver: () => false },
        { seed: () => {}, found: (_seed, divergence) => found.push(divergence) },
      );
    } finally {
      await opened.expected.close();
    }
    expect(found[0]?.lines.join('\n')).toContain('close');
    expect(found[0]?.difference.expected).not.toContain('W');
  },
  60_000,
);

test.skipIf(isUsable)('without a usable kernel the reason is said', () => {
  expect(opened).toMatch(/\S/);
});

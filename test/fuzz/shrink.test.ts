import { describe, expect, test } from 'vitest';
import { diverge, shrink } from '../../tools/fuzz/shrink.js';
import type { Pair, Side } from '../../tools/fuzz/sides.js';
import { shapeOf, simplerLines } from '../../tools/fuzz/simplify.js';

/** A side that answers each line by a rule of the lines so far. */
function side(name: string, answer: (lines: readonly string[]) => string): Side {
  return {
    name,
    run: async (text) => {
      const lines = text.split('\n').filter((line) => line !== '');
      const printed = lines.flatMap((line, at) => [
        `> ${line}`,
        `= ${answer(lines.slice(0, at + 1))}`,
      ]);
      return { transcript: [...printed, '. end', ''].join('\n'), status: 0 };
    },
    close: async () => {},
  };
}

/** The second side loses a protected page when it is moved by more than one page. */
const pair: Pair = {
  expected: side('right', () => 'ok'),
  actual: side('wrong', (lines) => {
    const last = lines.at(-1) ?? '';
    const isProtected = lines.some((line) => line.includes('wp U'));
    const isMoved = lines.some((line) => /mremap \S+ [2-9]/.test(line));
    return last.includes('pagemap') && isProtected && isMoved ? 'lost' : 'ok';
  }),
};

const noise = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `T1 write A+${at} off=100 val=0x31`);

describe('the shrinker', () => {
  const lines = [
    ...noise(10),
    'T3 wp U A+2 4 on,dontwake',
    ...noise(7),
    'mremap A+2 4 4 to=B flags=maymove',
    ...noise(5),
    'T2 pagemap B 8',
    ...noise(9),
  ];

  test('leaves the fewest lines that still differ, in their simplest words', async () => {
    const found = await diverge(pair, lines);
    expect(found?.difference.operation).toBe('T2 pagemap B 8');
    const small = found && (await shrink(pair, found));
    expect(small?.lines).toEqual(['wp U A 1 on,dontwake', 'mremap A 2 1', 'pagemap B 1']);
    expect(small?.difference.actual).toBe('= lost');
  });

  test('does not slip to a difference of another operation', async () => {
    const both: Pair = {
      ...pair,
      actual: side('wrong', (all) => {
        const last = all.at(-1) ?? '';
        if (last.startsWith('peek')) return 'also lost';
        return last.startsWith('pagemap') && all.length > 2 ? 'lost' : 'ok';
      }),
    };
    const found = await diverge(both, ['nop', 'nop', 'pagemap A 1', 'peek A 1']);
    const small = found && (await shrink(both, found));
    expect(small?.difference.operation).toBe('pagemap A 1');
    expect(small?.lines).toHaveLength(3);
  });

  test('sides that agree do not diverge', async () => {
    expect(await diverge(pair, noise(3))).toBeUndefined();
  });
});

describe('simpler scenarios', () => {
  test('every version is shorter or plainer, and none is the scenario itself', () => {
    const lines = ['map A+1 3 anon', 'T2 copy U A+1 2 fill=0x31 mode=wp'];
    const versions = [...simplerLines(lines)].map((version) => version.join('; '));
    expect(versions).toContain('map A 3 anon; T2 copy U A 2 fill=0x31 mode=wp');
    expect(versions).toContain('map A+1 3 anon; T2 copy U A+1 2 mode=wp');
    expect(versions).toContain('map A+1 1 anon; T2 copy U A+1 2 fill=0x31 mode=wp');
    expect(versions).toContain('map A+1 3 anon; copy U A+1 2 fill=0x31 mode=wp');
    expect(versions).not.toContain(lines.join('; '));
  });

  test('scenarios that differ in numbers, names and workers alone have one shape', () => {
    const one = shapeOf(['map A 4 anon', 'T0 read A+3 off=8']);
    expect(shapeOf(['map C 7 anon', 'T2 read C off=100'])).toBe(one);
    expect(shapeOf(['map C 7 anon-shared', 'T2 read C off=100'])).not.toBe(one);
  });
});

import { describe, expect, test } from 'vitest';
import {
  AccessBatch,
  OP_LOAD,
  OP_MODIFY,
  OP_STORE,
} from '../../../../src/cli/migrate/trace/access.js';
import { LackeyParser } from '../../../../src/cli/migrate/trace/parser.js';
import { accessLines } from '../../trace-file.js';

interface Access {
  readonly op: number;
  readonly address: number;
  readonly size: number;
}

/** Parses a text that comes in pieces of so many bytes. */
function parseIn(text: string, pieceBytes: number, capacity = 64) {
  const bytes = Buffer.from(text);
  const parser = new LackeyParser();
  const batch = new AccessBatch(capacity);
  const accesses: Access[] = [];
  const take = () => {
    for (let index = 0; index < batch.length; index++) {
      const [op, address, size] = [batch.ops[index]!, batch.addresses[index]!, batch.sizes[index]!];
      accesses.push({ op, address, size });
    }
    batch.length = 0;
  };
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parser.push(bytes.subarray(at, at + pieceBytes));
    while (parser.fill(batch)) take();
    take();
  }
  return { accesses, parser };
}

const sample = ' S 1ffeffe7e0,8\n L 04222cac,4\nI  0023C790,2\nI  04001000,3\n M 00108000,32\n';

describe('LackeyParser', () => {
  test('reads loads, stores and modifies with 64-bit addresses', () => {
    const { accesses } = parseIn(
      sample
        .toLowerCase()
        .replaceAll('i  ', 'I  ')
        .replace(' s', ' S')
        .replace(' l', ' L')
        .replace(' m', ' M'),
      1000,
    );
    expect(accesses).toEqual([
      { op: OP_STORE, address: 0x1ffeffe7e0, size: 8 },
      { op: OP_LOAD, address: 0x04222cac, size: 4 },
      { op: OP_MODIFY, address: 0x108000, size: 32 },
    ]);
  });

  test('counts instruction fetches and leaves them out', () => {
    const { accesses, parser } = parseIn('I  04001000,3\n L 04001000,4\n', 1000);
    expect(accesses).toHaveLength(1);
    expect(parser.counts).toEqual({ accesses: 1, fetches: 1, foreignLines: 0 });
  });

  test.each([1, 2, 3, 7, 64, 4096])('gives the same accesses in pieces of %i bytes', (piece) => {
    const text = `${accessLines({ accesses: 300, pages: 9 }).join('\n')}\n`;
    expect(parseIn(text, piece).accesses).toEqual(parseIn(text, text.length, 1000).accesses);
    expect(parseIn(text, piece).accesses).toHaveLength(300);
  });

  test('recognizes the first and the last line of Valgrind', () => {
    const { parser } = parseIn('==1== Lackey, an example\n L 04001000,4\n==1== Exit code: 0\n', 11);
    expect([parser.hasHeader, parser.hasFooter]).toEqual([true, true]);
    expect(parser.counts.foreignLines).toBe(0);
  });

  test('keeps a line without an end apart', () => {
    const { accesses, parser } = parseIn(' L 04001000,4\n S 0400', 5);
    expect(accesses).toHaveLength(1);
    expect(parser.unfinishedLine).toBe(' S 0400');
  });

  test.each([
    ' X 04001000,4',
    ' L 0400100g,4',
    ' L 04001000',
    ' L 04001000,',
    ' L 04001000,0',
    ' L 04001000,4 ',
    ' L 04001000,99999',
    'L 04001000,4',
    ' L',
  ])('takes %j for no access', (line) => {
    const { accesses, parser } = parseIn(`${line}\n L 04001000,4\n`, 1000);
    expect(accesses).toHaveLength(1);
    expect(parser.counts.foreignLines).toBe(1);
  });

  test('tolerates output of the program between the lines', () => {
    const lines = accessLines({ accesses: 2000, pages: 4 });
    lines.splice(900, 0, 'hello, world', '', '42 rows');
    const { accesses, parser } = parseIn(`${lines.join('\n')}\n`, 777);
    expect(accesses).toHaveLength(2000);
    expect(parser.counts.foreignLines).toBe(2);
  });

  test('refuses a text of another kind, with its first line', () => {
    const text = 'The quick brown fox\n'.repeat(200);
    expect(() => parseIn(text, 100)).toThrow(
      "is not a Lackey trace: line 1 reads 'The quick brown fox'",
    );
  });

  test('refuses bytes without lines', () => {
    expect(() => parseIn('\0'.repeat(100_000), 4096)).toThrow('is not a Lackey trace');
  });
});

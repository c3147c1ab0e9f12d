import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../../src/cli/exit.js';
import { TraceReader } from '../../../../src/cli/migrate/trace/reader.js';
import { scanTrace } from '../../../../src/cli/migrate/trace/scan.js';
import { TestFolder, traceText } from '../../trace-file.js';

const folder = new TestFolder();
const shape = { accesses: 20_000, pages: 40 };
const text = traceText(shape);
const lines = text.split('\n');

const scan = (path: string, allowTruncated = false) => scanTrace({ path, allowTruncated });

/** The message of the error with which a scan ends. */
async function refusal(path: string): Promise<string> {
  const error: unknown = await scan(path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InputError);
  return error instanceof Error ? error.message : '';
}

describe('a trace file', () => {
  test('is read plain and gzipped alike, whatever its name is', async () => {
    const plain = await scan(folder.write('plain.gz', text));
    const zipped = await scan(folder.write('zipped.txt', gzipSync(text)));
    expect(plain).toEqual({ ...zipped, sha256: plain.sha256 });
    expect(plain.accesses).toBe(shape.accesses);
    expect(plain.loads + plain.stores + plain.modifies).toBe(shape.accesses);
    expect(plain.sha256).not.toBe(zipped.sha256);
  });

  test('is handed out in batches that number their accesses', async () => {
    const path = folder.write('batches', text);
    const reader = await TraceReader.open({ path, allowTruncated: false });
    let steps = 0;
    for (let batch = await reader.next(); batch; batch = await reader.next()) {
      expect(batch.firstStep).toBe(steps);
      steps += batch.length;
    }
    expect(steps).toBe(shape.accesses);
  });

  test('becomes mappings where its addresses are', async () => {
    const { layout } = await scan(folder.write('ranges', ' L 00108ffe,4\n S 1fff000ff8,8\n'));
    expect(layout.ranges).toEqual([
      { start: 0x108000, pages: 2 },
      { start: 0x1fff000000, pages: 1 },
    ]);
  });
});

describe('a bad trace file', () => {
  test('that is missing is named', async () => {
    const path = `${folder.path}/nowhere`;
    expect(await refusal(path)).toBe(
      `${path}: there is no such file; give the path of a Lackey trace`,
    );
  });

  test('that is a folder is named', async () => {
    expect(await refusal(folder.path)).toContain('is a folder');
  });

  test('that is empty is told how to record', async () => {
    expect(await refusal(folder.write('empty', ''))).toContain(
      'is empty; record one with: valgrind',
    );
  });

  test('without accesses is told how to record', async () => {
    const path = folder.write('fetches', 'I  04001000,3\n');
    expect(await refusal(path)).toContain('has no memory accesses; record one with: valgrind');
  });

  test('that is something else shows its first line', async () => {
    expect(await refusal(folder.write('json', '{\n}\n'))).toContain("line 1 reads '{'");
  });

  test('that ends within a line is truncated', async () => {
    const path = folder.write('cut', text.slice(0, 1_000));
    expect(await refusal(path)).toContain('is truncated: it ends within line');
  });

  test('that ends before the closing lines of Valgrind is truncated', async () => {
    const path = folder.write('headed', `${lines.slice(0, 500).join('\n')}\n`);
    expect(await refusal(path)).toContain("Valgrind's closing lines are missing");
  });

  test('that is truncated gzip is told apart from damaged gzip', async () => {
    const zipped = gzipSync(text);
    const short = folder.write('short.gz', zipped.subarray(0, zipped.length / 2));
    expect(await refusal(short)).toContain('is truncated: the gzip data ends too early');
    const damaged = Buffer.from(zipped);
    damaged.fill(0x55, 200, 260);
    expect(await refusal(folder.write('bad.gz', damaged))).toContain('is damaged gzip data');
  });

  test('that is truncated is read as far as it goes when that is allowed', async () => {
    const whole = lines.slice(0, 500);
    const path = folder.write('half', `${whole.join('\n')}\n L 0400`);
    expect((await scan(path, true)).accesses).toBe(whole.length - 3);
  });

  test.each([
    [' L 00000008,8\n', 'touches 0x0, but mappings lie in 0x10000 to 0x7ffffffff000'],
    [' L 7ffffffffff8,8\n', 'touches 0x7ffffffff000, but mappings lie in'],
    [' L ffffffffff600000,8\n', 'but mappings lie in'],
  ])('with an address outside of user space is refused', async (line, message) => {
    expect(await refusal(folder.write('far', line))).toContain(message);
  });
});

import { describe, expect, test } from 'vitest';
import { Args, BadOp, type Handle } from '../../src/scenario/args.js';
import { FILL_MODES } from '../../src/scenario/names.js';
import { parseLine } from '../../src/scenario/parse.js';

const handles: ReadonlyMap<string, Handle> = new Map([['U', { fd: 3, unit: 4096n }]]);

function argsOf(text: string): Args {
  const line = parseLine(text);
  if (line === undefined) throw new Error('the line is empty');
  return new Args(line, handles);
}

describe('arguments', () => {
  test('come in the order of the words, keys from anywhere', () => {
    const args = argsOf('copy fill=3 U HA+1 mode=wp 2');
    expect(args.handle()).toEqual({ fd: 3, unit: 4096n });
    const place = args.place();
    expect(place).toEqual({ addr: 0x2004_0020_0000n, unit: 0x20_0000n });
    expect(args.length(place.unit)).toBe(0x40_0000n);
    expect(args.fillKey()).toEqual({ byte: 3, step: 0 });
    expect(args.setKey('mode', FILL_MODES)).toBe(2n);
  });

  test('take the unit of the window in which the sum lies', () => {
    expect(argsOf('wake P+262144').place().unit).toBe(0x20_0000n);
    expect(argsOf('wake NULL-1').place()).toEqual({ addr: 0xffff_ffff_ffff_f000n, unit: 4096n });
  });

  test('that are missing are BADOP', () => {
    expect(() => argsOf('copy').word()).toThrow(BadOp);
    expect(argsOf('fwrite').count(1)).toBe(1);
    expect(argsOf('read').numberKey('off', 7n)).toBe(7n);
  });

  test('that do not parse are BADOP', () => {
    expect(() => argsOf('wake Q').place()).toThrow('wake Q: Q does not parse');
    expect(() => argsOf('read off=x').numberKey('off', 0n)).toThrow(BadOp);
    expect(() => argsOf('scan vec=1025').boundedKey('vec', 1024, 1024)).toThrow('at most 1024');
    expect(() => argsOf('file F0_').name()).toThrow(BadOp);
    expect(() => argsOf('file x').oneOf(new Map([['shmem', 1]]))).toThrow('x is none of shmem');
  });

  test('that name no descriptor of the process are noted only', () => {
    const args = argsOf('copy V Q');
    expect(args.lacksHandle).toBe(false);
    args.handle();
    expect(args.lacksHandle).toBe(true);
    expect(() => args.place()).toThrow(BadOp);
  });

  test('may be words that stand behind', () => {
    const args = argsOf('api U x show');
    expect(args.hasWord('show')).toBe(true);
    expect(args.hasWord('novec')).toBe(false);
  });

  test('count a byte by its low 8 bits', () => {
    expect(argsOf('write A val=0x141').byteKey('val', 0)).toBe(0x41);
    expect(argsOf('write A').byteKey('val', 0x41)).toBe(0x41);
  });
});

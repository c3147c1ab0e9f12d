import { describe, expect, test } from 'vitest';
import {
  addressText,
  bytesText,
  hexText,
  indexAt,
  lengthText,
  messageText,
  pagemapText,
  placeText,
  runsText,
  setText,
} from '../../src/scenario/format.js';
import { FAULT_FLAGS, FEATURES, IOCTLS, POLL_EVENTS } from '../../src/scenario/names.js';
import { parseAddress } from '../../src/scenario/values.js';

const at = (text: string): bigint => parseAddress(text) ?? -1n;
const GIB = 1n << 30n;

describe('an address', () => {
  test.each([
    'A+0',
    'A+3',
    'A+3.0x10',
    'HA+1.0x1000',
    'NULL+3',
    'BUF+4095',
    'LIM+0',
    'TOP+0.0xfff',
    'HD+511',
  ])('prints as %s', (text) => expect(addressText(at(text))).toBe(text));

  test('prints by the window it lies in, ends of ranges too', () => {
    expect(addressText(at('B-1'))).toBe('A+262143');
    expect(addressText(at('A+262144'))).toBe('B+0');
    expect(addressText(at('P+262144'))).toBe('HA+0');
  });

  test('prints as ? outside of all windows', () => {
    expect(addressText(at('HD') + GIB)).toBe('?');
    expect(addressText(GIB)).toBe('?');
    expect(addressText(at('BUF') + 16n * 1024n * 1024n)).toBe('?');
    expect(addressText(at('LIM') + GIB)).toBe('?');
    expect(addressText(at('A') - 1n)).toBe('?');
  });

  test('as the result of a call is elsewhere in no window', () => {
    expect(placeText(at('C'))).toBe('C+0');
    expect(placeText(0x7f00_0000_0000n)).toBe('elsewhere');
  });

  test('has its index in its own window', () => {
    expect(indexAt(at('C+7'))).toBe(7n);
    expect(indexAt(at('HB+3'))).toBe(3n);
    expect(indexAt(at('NULL+2'))).toBe(2n);
    expect(indexAt(at('BUF+5'))).toBe(5n);
  });
});

test('a length prints in units, with the bytes that are left over', () => {
  expect(lengthText(8192n, 4096n)).toBe('2');
  expect(lengthText(0x1800n, 4096n)).toBe('1.0x800');
  expect(lengthText(0x1000n, 0x20_0000n)).toBe('0.0x1000');
});

test('a value has at least two hex digits', () => {
  expect(hexText(2n)).toBe('0x02');
  expect(hexText(0x5a5an)).toBe('0x5a5a');
});

describe('a set', () => {
  test('prints names in order of their bits, the rest as one number', () => {
    expect(setText(0x8000_0000_0000_0003n, IOCTLS)).toBe('REGISTER,UNREGISTER,API');
    expect(setText(0x10_0002n, FEATURES)).toBe('EVENT_FORK,0x100000');
    expect(setText(3n, FAULT_FLAGS, '|')).toBe('WRITE|WP');
    expect(setText(9n, POLL_EVENTS, '|')).toBe('POLLIN|POLLERR');
  });

  test('prints as 0 when it is empty', () => expect(setText(0n, IOCTLS)).toBe('0'));
});

describe('bytes', () => {
  test('print as one byte when all are equal', () => {
    expect(bytesText(new Uint8Array(4096))).toBe('00');
    expect(bytesText(Uint8Array.of(0x5a))).toBe('5a');
  });

  test('print as runs', () => {
    const page = new Uint8Array(4096).fill(0x5a);
    page[16] = 0x41;
    expect(bytesText(page)).toBe('5a*16,41*1,5a*4079');
  });

  test('print at most eight runs', () => {
    expect(bytesText(Uint8Array.of(1, 2, 1, 2, 1, 2, 1, 2))).toBe(
      '01*1,02*1,01*1,02*1,01*1,02*1,01*1,02*1',
    );
    expect(bytesText(Uint8Array.of(1, 2, 1, 2, 1, 2, 1, 2, 1))).toBe(
      '01*1,02*1,01*1,02*1,01*1,02*1,01*1,02*1,...',
    );
  });

  test('print as nothing when there are none', () => expect(bytesText(new Uint8Array())).toBe(''));
});

describe('runs', () => {
  const cells = (texts: string[], first = 0) =>
    texts.map((text, i) => ({ index: BigInt(first + i), text }));

  test('join neighbours that say the same', () => {
    expect(runsText(cells(['-', '-', '-', 'PX', 'SW']))).toBe('0-2:- 3:PX 4:SW');
  });

  test('end where the window ends', () => {
    expect(runsText([...cells(['-', '-'], 262142), ...cells(['-'])])).toBe('262142-262143:- 0:-');
  });

  test('are empty for no page', () => expect(runsText([])).toBe(''));
});

test('a pagemap word prints as its letters', () => {
  const word = (...bits: number[]) => bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  expect(pagemapText(word(63, 57, 56))).toBe('PWX');
  expect(pagemapText(word(62, 57, 58))).toBe('SWG');
  expect(pagemapText(word(63, 61, 56, 55))).toBe('PFXD');
  expect(pagemapText(0x1234n)).toBe('-');
});

describe('a message', () => {
  const names = {
    worker: (tid: number) => (tid === 7 ? 'P0.T1' : '?'),
    descriptor: (fd: number) => (fd === 5 ? 'V' : 'closed'),
  };
  const message = (event: number, ...fields: bigint[]) => {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, event);
    for (const [i, field] of fields.entries()) view.setBigUint64(8 + 8 * i, field, true);
    return messageText(bytes, names);
  };

  test('of a fault names flags, address and thread', () => {
    expect(message(0x12, 0n, at('A'))).toBe('PAGEFAULT flags=0 addr=A+0 tid=0');
    expect(message(0x12, 3n, at('B+2.0x10'), 7n)).toBe(
      'PAGEFAULT flags=WRITE|WP addr=B+2.0x10 tid=P0.T1',
    );
    expect(message(0x12, 4n, at('A'), 9n)).toBe('PAGEFAULT flags=MINOR addr=A+0 tid=?');
  });

  test('of a fork names the descriptor', () => {
    expect(message(0x13, 5n)).toBe('FORK ufd=V');
    expect(message(0x13, 6n)).toBe('FORK ufd=closed');
  });

  test('of a mapping change names the range', () => {
    expect(message(0x14, at('A'), at('B'), 8192n)).toBe('REMAP from=A+0 to=B+0 len=2');
    expect(message(0x15, at('A'), at('A+2'))).toBe('REMOVE start=A+0 end=A+2');
    expect(message(0x16, at('A+1'), at('B'))).toBe('UNMAP start=A+1 end=B+0');
  });
});

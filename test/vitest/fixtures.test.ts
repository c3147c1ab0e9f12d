import { Machine, Process, UFFDIO_REGISTER_MODE_WP } from 'uffd-emulator';
import { Region, test } from 'uffd-emulator/vitest';
import { describe, expect } from 'vitest';
import { PAGE, page } from '../support/guest.js';

test('a machine, a process and memory are there for the asking', ({ machine, process, region }) => {
  expect(machine).toBeInstanceOf(Machine);
  expect(process).toBeInstanceOf(Process);
  expect([process.name, machine.kernel]).toEqual(['guest', '6.18']);
  expect(region()).toBeInstanceOf(Region);
});

const seen = new Set<Machine>();

test.for([1, 2])('each test has a machine of its own (%i)', (_, { machine }) => {
  seen.add(machine);
  expect(seen.size).toBe(_);
});

test('the machine is closed when its test has ended', () => {
  expect([...seen].flatMap((machine) => machine.processes).every(({ ended }) => ended)).toBe(true);
});

describe('options of the machine', () => {
  const old = test.extend({ machineOptions: { kernel: '5.10' as const } });

  old('are a fixture too', ({ machine }) => {
    expect(machine.kernel).toBe('5.10');
  });
});

describe('a region', () => {
  test('is registered for missing pages', async ({ process, region }) => {
    const memory = region({ pages: 2 });
    const load = process.main.load8(memory.page(1));
    memory.uffd.copySync({ dst: memory.page(1), src: page(3) });
    expect(await load).toBe(3);
    expect(memory.range()).toEqual({ start: memory.addr, len: 2 * PAGE });
    expect(memory.range(1)).toEqual({ start: memory.page(1), len: PAGE });
  });

  test('may be registered otherwise, or not at all', ({ process, region }) => {
    region({ mode: UFFDIO_REGISTER_MODE_WP });
    region({ mode: 0 });
    const modes = process.maps().map(({ vmFlags }) => vmFlags.filter((flag) => /^u/.test(flag)));
    expect(modes.flat()).toEqual(['uw']);
  });

  test.for(['shared', 'private'] as const)(
    'may be a file that is mapped %s',
    (kind, { region }) => {
      const memory = region({ kind });
      memory.process.main.pwriteSync({ fd: memory.fd, bytes: page(5), offset: PAGE });
      expect(memory.process.main.load8Sync(memory.page(1))).toBe(5);
    },
  );

  test('may be another process’s', ({ machine, region }) => {
    const other = machine.spawn({ name: 'other' });
    expect(region({}, other).process.name).toBe('other');
  });

  test('knows its pages', ({ region }) => {
    const memory = region({ pages: 2 });
    expect(() => memory.page(2)).toThrow('page 2: the region has pages 0 to 1');
    expect(() => memory.at(1, 2)).toThrow(RangeError);
    expect(() => memory.page(0.5)).toThrow(RangeError);
  });

  test('closes its userfaultfd once', ({ region }) => {
    const memory = region();
    memory.close();
    memory.close();
    expect(() => memory.uffd.fdinfo()).toThrow('EBADF');
  });
});

/** The events of a machine: which there are, in which order, and that nobody pays for none. */
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  Machine,
  PROT_READ,
  PROT_WRITE,
  type TraceEvent,
  TraceRecording,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';

const PAGE = 4096;

function world(pages = 2) {
  const machine = new Machine();
  const { main } = machine.spawn({ name: 'guest' });
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const length = pages * PAGE;
  const addr = main.mmapSync({ length, prot: PROT_READ | PROT_WRITE, flags });
  const uffd = main.userfaultfdSync();
  uffd.apiSync({ features: UFFD_FEATURE_EVENT_REMOVE });
  const mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
  uffd.registerSync({ start: addr, len: length, mode });
  return { machine, main, addr, uffd };
}

const brief = (event: TraceEvent): string => {
  if (event.kind === 'entry') return `${event.kind} ${event.change}`;
  if (event.kind === 'exit') return `${event.kind} ${event.what} ${event.result}`;
  if (event.kind === 'enter') return `${event.kind} ${event.what}`;
  return event.kind === 'message' ? `${event.kind} ${event.event}` : event.kind;
};

describe('a trace', () => {
  test('has a fault from the access to the value, numbered without gaps', async () => {
    const { machine, main, addr, uffd } = world();
    const { events } = new TraceRecording(machine.trace);
    const access = main.load8(addr);
    const message = await uffd.readMsg();
    if (message.event === 'pagefault') await message.zeropage();
    await access;
    expect(events.map(brief)).toEqual([
      'enter load8',
      'fault',
      'sleep',
      'enter read',
      'message pagefault',
      'exit read ok',
      'enter UFFDIO_ZEROPAGE',
      'entry install',
      'exit UFFDIO_ZEROPAGE 4096',
      'wake',
      'resolve',
      'exit load8 0x0',
    ]);
    expect(events.map(({ step }) => step)).toEqual(events.map((_, i) => i + 1));
    const [fault] = events.filter(({ kind }) => kind === 'fault');
    expect(fault).toMatchObject({ who: 'guest/main', reason: 'missing', write: false, addr });
  });

  test('names what becomes of entries', () => {
    const { machine, main, addr, uffd } = world();
    const start = addr;
    const seen: string[] = [];
    machine.trace.on('entry', (event) => {
      seen.push(`${event.process} ${event.change} ${(event.addr - addr) / PAGE}`);
    });
    uffd.copySync({ dst: addr + PAGE, src: new Uint8Array(PAGE) });
    uffd.writeprotectSync({ start, len: 2 * PAGE, mode: UFFDIO_WRITEPROTECT_MODE_WP });
    uffd.writeprotectSync({ start, len: 2 * PAGE, mode: 0 });
    uffd.poisonSync({ start, len: PAGE });
    uffd.close();
    main.munmapSync({ addr, length: 2 * PAGE });
    expect(seen).toEqual([
      'guest install 1',
      'guest protect 1',
      'guest unprotect 1',
      'guest marker 0',
      'guest zap 0',
      'guest zap 1',
    ]);
  });

  test('has errnos, signals and what was given up', async () => {
    const { machine, main, addr, uffd } = world();
    const ends: string[] = [];
    machine.trace.on('exit', ({ what, result }) => ends.push(`${what} ${result}`));
    expect(() => main.munmapSync({ addr: 1, length: 1 })).toThrow('EINVAL');
    expect(() => main.load8Sync(0)).toThrow('SIGSEGV');
    expect(() => main.load8Sync(addr)).toThrow('would wait');
    expect(() => uffd.zeropageSync({ start: addr, len: 1 })).toThrow('EINVAL');
    expect(ends).toEqual([
      'munmap EINVAL',
      'load8Sync SIGSEGV SEGV_MAPERR',
      'load8Sync given up',
      'UFFDIO_ZEROPAGE EINVAL',
    ]);
  });

  test('leaves hits and faults that need no operation out', () => {
    const machine = new Machine();
    const { main } = machine.spawn();
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const addr = main.mmapSync({ length: PAGE, prot: PROT_READ | PROT_WRITE, flags });
    const { events } = new TraceRecording(machine.trace);
    main.store8Sync(addr, 1);
    for (let i = 0; i < 9; i++) main.store8Sync(addr, i);
    expect(events.map(brief)).toEqual(['entry install']);
  });

  test('ends with its last listener, and makes nothing without one', () => {
    const { machine, main, addr } = world();
    const seen: TraceEvent[] = [];
    const listener = (event: TraceEvent): void => void seen.push(event);
    machine.trace.on('event', listener);
    expect(machine.trace.active).toBe(true);
    machine.trace.off('event', listener);
    expect(machine.trace.active).toBe(false);
    expect(() => main.load8Sync(addr)).toThrow();
    expect(seen).toEqual([]);
  });

  test('goes on over a restored snapshot, with steps that only grow', () => {
    const { machine, main } = world();
    const snapshot = machine.snapshot();
    const { events } = new TraceRecording(machine.trace);
    const call = () => main.mmapSync({ length: PAGE, prot: 0, flags: 0x22 });
    const first = call();
    machine.restore(snapshot);
    expect(call()).toBe(first);
    expect(events.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(machine.fork().trace.active).toBe(false);
  });
});

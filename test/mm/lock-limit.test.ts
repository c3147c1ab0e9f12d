import { describe, expect, it } from 'vitest';
import {
  MAP_ANONYMOUS,
  MAP_LOCKED,
  MAP_PRIVATE,
  Machine,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
  type SpawnOptions,
} from '../../src/index.js';

const PAGE = 4096;
const prot = PROT_READ | PROT_WRITE;
const flags = MAP_PRIVATE | MAP_ANONYMOUS;

const thread = (options: SpawnOptions) => new Machine().spawn(options).main;

const code = (act: () => unknown): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('RLIMIT_MEMLOCK', () => {
  it('lets mlock have exactly that much and refuses one page more', () => {
    const t = thread({ uid: 1, maxLocked: 4 * PAGE });
    const addr = t.mmapSync({ length: 8 * PAGE, prot, flags });
    expect(code(() => t.mlockSync({ addr, length: 5 * PAGE }))).toBe('ENOMEM');
    expect(code(() => t.mlockSync({ addr, length: 4 * PAGE }))).toBe('ok');
    expect(code(() => t.mlockSync({ addr: addr + 4 * PAGE, length: PAGE }))).toBe('ENOMEM');
  });

  it('counts what is locked already once', () => {
    const t = thread({ uid: 1, maxLocked: 4 * PAGE });
    const addr = t.mmapSync({ length: 8 * PAGE, prot, flags });
    t.mlockSync({ addr, length: 2 * PAGE });
    expect(code(() => t.mlockSync({ addr, length: 4 * PAGE }))).toBe('ok');
  });

  it('gives EAGAIN for MAP_LOCKED and for the growth of a locked mapping', () => {
    const t = thread({ uid: 1, maxLocked: 2 * PAGE });
    const locked = flags | MAP_LOCKED;
    expect(code(() => t.mmapSync({ length: 3 * PAGE, prot, flags: locked }))).toBe('EAGAIN');
    const oldAddress = t.mmapSync({ length: PAGE, prot, flags: locked });
    const grow = (newSize: number) => () =>
      t.mremapSync({ oldAddress, oldSize: PAGE, newSize, flags: MREMAP_MAYMOVE });
    expect(code(grow(3 * PAGE))).toBe('EAGAIN');
    expect(code(grow(2 * PAGE))).toBe('ok');
  });

  it('gives EPERM when it is 0, before anything else is looked at', () => {
    const t = thread({ uid: 1, maxLocked: 0 });
    expect(code(() => t.mlockSync({ addr: 0, length: 0 }))).toBe('EPERM');
    expect(code(() => t.mmapSync({ length: PAGE, prot, flags: flags | MAP_LOCKED }))).toBe('EPERM');
    expect(code(() => t.munlockSync({ addr: 0, length: 0 }))).toBe('ok');
  });

  it('does not bind a thread with CAP_IPC_LOCK', () => {
    const t = thread({ uid: 1, maxLocked: 0, capabilities: ['CAP_IPC_LOCK'] });
    const addr = t.mmapSync({ length: PAGE, prot, flags });
    expect(code(() => t.mlockSync({ addr, length: PAGE }))).toBe('ok');
  });

  it('passes to a child', () => {
    const machine = new Machine();
    const parent = machine.spawn({ uid: 1, maxLocked: PAGE }).main;
    const addr = parent.mmapSync({ length: 2 * PAGE, prot, flags });
    const child = machine.process(parent.forkSync()).main;
    expect(code(() => child.mlockSync({ addr, length: 2 * PAGE }))).toBe('ENOMEM');
  });
});

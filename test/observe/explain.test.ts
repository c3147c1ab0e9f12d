/**
 * `explain`: what it says of every state that a page can be in, held to what an access then does;
 * and that it changes nothing.
 */
import {
  type AccessStep,
  KERNELS,
  type KernelVersion,
  MADV_HUGEPAGE,
  MAP_FIXED,
  MAP_GROWSDOWN,
  type Machine,
  PROT_NONE,
  PROT_READ,
  type Process,
  SignalError,
  type Thread,
  UFFD_FEATURE_RWP,
  UFFD_FEATURE_RWP_ASYNC,
  UFFD_FEATURE_SIGBUS,
  type Userfaultfd,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../src/base/page.js';
import { installMarker } from '../../src/mm/marker.js';
import type { MarkerBits } from '../../src/pgtable/pte.js';
import { MatrixPage, SETTINGS } from '../mm/matrix-page.js';
import { ASYNC, facts, type PageFacts, SHARED } from '../mm/page-facts.js';
import {
  ANON,
  BASE,
  type GuestOptions,
  M,
  N,
  PAGE,
  pagesAt,
  RW,
  span,
  W,
} from '../support/guest.js';
import { drain, snapshot } from '../support/observe.js';

/** How an explained access ends: `hit`, a message by its flags, or a signal by its code. */
function ends(steps: readonly AccessStep[]): string {
  const last = steps.at(-1);
  if (last?.outcome === 'message') return `message ${last.flags}`;
  if (last?.outcome === 'signal') return `${last.signal} ${last.code}`;
  return last?.outcome ?? 'never';
}

/** How the access really ends. A message is taken, and its thread sleeps on. */
async function ending(thread: Thread, addr: number, write: boolean, uffd: Userfaultfd) {
  const access: Promise<unknown> = write ? thread.store8(addr, 1) : thread.load8(addr);
  if (thread.state === 'blocked') {
    access.catch(() => {});
    return `message ${drain(uffd, BASE)[0]?.split(' ')[1]}`;
  }
  try {
    await access;
    return 'hit';
  } catch (error) {
    if (!(error instanceof SignalError)) throw error;
    return `${error.signal} ${error.code}`;
  }
}

/** Everything that an access would change: words of the tables, frames, areas. */
function everything(machine: Machine): unknown {
  const words = machine.processes.map(({ state: { mm } }) => {
    const found: number[] = [];
    mm.visit(0, TASK_SIZE, (slot, addr, count) => {
      for (let i = 0; i < count; i++) found.push(mm.pte(addr + i * PAGE), slot);
    });
    return [found, [...mm.tlb.pages()]];
  });
  return [snapshot(machine), words];
}

interface Looked {
  readonly machine: Machine;
  readonly uffd: Userfaultfd;
}

/** Explains an access, makes it, and compares the ends; explaining changes nothing. */
async function agrees({ machine, uffd }: Looked, who: Process, addr: number, write: boolean) {
  const before = everything(machine);
  const explained = machine.explain(who.main, addr);
  expect(everything(machine)).toEqual(before);
  const steps = write ? explained.write : explained.read;
  expect(steps.slice(0, -1).every(({ outcome }) => outcome === 'resolved')).toBe(true);
  const end = await ending(who.createThread(), addr, write, uffd);
  expect(`${addr - BASE} ${ends(steps)}`).toBe(`${addr - BASE} ${end}`);
}

describe('explain agrees with the access that follows', () => {
  const STATES = ['N', 'present rw', 'present rd', 'rw+wp', 'rd+wp', 'Kw', 'Kp', 'Kg'];
  const states = [...STATES, 'paged-out', 'paged-out+wp', 'N+cache'];

  describe.each(Object.entries(SETTINGS))('%s', (_title, setting) => {
    const lacks = setting.kind === 'anon' ? ['N+cache'] : [];
    const unmarked = setting.kind === 'anon' && setting.features === 0 ? ['Kw'] : [];
    const filled = setting.onDisk === true ? ['Kp', 'N+cache'] : [];
    const never = [...lacks, ...unmarked, ...filled];
    const possible = states.filter((state) => !never.includes(state));

    test.each(possible)('%s', async (state) => {
      for (const write of [false, true]) {
        const it = new MatrixPage(setting).prepare(state);
        await agrees(it, it.proc, it.addr, write);
      }
    });
  });

  const check = async (make: () => PageFacts, pages: readonly number[], child = false) => {
    for (const n of pages) {
      for (const write of [false, true]) {
        const { guest } = make();
        const who = child ? guest.machine.process(guest.main.forkSync()) : guest.proc;
        await agrees(guest, who, guest.at(n), write);
      }
    }
  };
  const prepared = (options: GuestOptions, prepare: (it: PageFacts) => void) => () => {
    const it = facts(options);
    prepare(it);
    return it;
  };

  test('where nothing is mapped, nothing is allowed, nothing can be', async () => {
    await check(
      prepared({}, () => {}),
      [4, 100],
    );
    for (const prot of [PROT_NONE, PROT_READ]) {
      const touched = prepared({ modes: 0 }, ({ guest: { main, at } }) => {
        main.store8Sync(at(0), 1);
        main.mprotectSync({ ...span(at(0), 4), prot });
      });
      await check(touched, [0, 1]);
    }
    const { machine, main } = facts().guest;
    for (const addr of [TASK_SIZE, 2 ** 52]) {
      expect(ends(machine.explain(main, addr).read)).toBe('SIGSEGV SEGV_MAPERR');
    }
  });

  test('after fork, in parent and child', async () => {
    const mixed = (it: PageFacts) => {
      it.dirtyAndProtect(0);
      it.guest.main.store8Sync(it.guest.at(1), 1);
      it.loads(2);
    };
    const forked = (it: PageFacts) => {
      mixed(it);
      it.guest.main.forkSync();
    };
    await check(prepared({}, forked), [0, 1, 2, 3]);
    await check(prepared({}, mixed), [0, 1, 2, 3], true);
  });

  test('with WP_ASYNC, with the SIGBUS feature, with stale bits', async () => {
    await check(
      prepared(ASYNC, (it) => {
        it.dirtyAndProtect(0);
        it.protect(1);
      }),
      [0, 1, 2],
    );
    const sigbus = prepared({ features: UFFD_FEATURE_SIGBUS, modes: M | W }, (it) => {
      it.copy(0, 7, 2);
    });
    await check(sigbus, [0, 1]);
    const stale = prepared({}, (it) => {
      it.dirtyAndProtect(0);
      it.guest.uffd.registerSync({ ...pagesAt(it.guest.at(0), 4), mode: M });
    });
    await check(stale, [0, 1]);
  });

  test('with read-write protection, synchronous and not', async () => {
    for (const features of [UFFD_FEATURE_RWP, UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC]) {
      const hidden = prepared({ kernel: '7.3', features, modes: 8 }, ({ guest }) => {
        guest.main.store8Sync(guest.at(0), 1);
        guest.uffd.rwprotectSync({ ...pagesAt(guest.at(0), 4), mode: 1 });
      });
      await check(hidden, [0, 1]);
    }
  });

  test('beyond the end of a file, over holes, over lost content', async () => {
    await check(
      prepared({ kind: 'shared', filePages: 2, modes: M }, () => {}),
      [0, 2],
    );
    await check(
      prepared({ kind: 'private', filePages: 2, modes: M | N }, () => {}),
      [0, 2],
    );
    await check(
      prepared({ kind: 'private', cached: [1, 2], modes: 0 }, () => {}),
      [0, 3],
    );
  });

  test('of a page that the swap device cannot read, before and after swapoff', async () => {
    const broken = (it: PageFacts) => {
      it.guest.main.store8Sync(it.guest.at(0), 1);
      it.swapOut(0);
      it.swap.failReads(Number((it.word(0) >> 5n) & 0xffffn));
    };
    await check(prepared({}, broken), [0]);
    for (const kernel of KERNELS) {
      const gone = (it: PageFacts) => {
        broken(it);
        it.swap.off();
      };
      await check(prepared({ kernel, modes: 0 }, gone), [0]);
    }
  });

  test('below a stack', async () => {
    const stack = prepared({ pages: 0, modes: 0 }, ({ guest: { main, at } }) => {
      const flags = ANON | MAP_GROWSDOWN | MAP_FIXED;
      main.mmapSync({ addr: at(2000), length: PAGE, prot: RW, flags });
    });
    await check(stack, [1999, 1900, 1, 2001]);
  });

  test('of huge pages: none, mapped, protected, zeros', async () => {
    const huge = (touch: (it: PageFacts) => void, kernel: KernelVersion = '6.18') =>
      prepared({ kernel, pages: 1024 }, (it) => {
        it.advise(MADV_HUGEPAGE, 0, 1024);
        touch(it);
      });
    await check(
      huge(() => {}),
      [5],
    );
    await check(
      huge((it) => it.guest.main.store8Sync(it.guest.at(1), 1)),
      [5, 600],
    );
    await check(
      huge((it) => it.loads(1)),
      [5],
    );
    await check(
      huge((it) => it.loads(1), '6.12'),
      [5],
    );
    const covered = (it: PageFacts) => {
      it.guest.main.store8Sync(it.guest.at(1), 1);
      it.protect(0, 512);
    };
    await check(huge(covered), [5]);
  });
});

describe('explain', () => {
  test('walks level by level and stops where a table is absent', () => {
    const { machine, main, at } = facts({ modes: 0 }).guest;
    const walk = () =>
      machine.explain(main, at(1)).walk.map(({ level, leadsTo }) => [level, leadsTo]);
    expect(walk()).toEqual([['PGD', 'nothing']]);
    main.store8Sync(at(0), 1);
    const tables = ['PGD', 'PUD', 'PMD'].map((level) => [level, 'table']);
    expect(walk()).toEqual([...tables, ['PTE', 'entry']]);
    expect(machine.explain(main, at(1)).walk.map(({ index }) => index)).toEqual([64, 0, 0, 1]);
  });

  test('stops at a huge page', () => {
    const it = facts({ modes: 0, pages: 512 });
    const { machine, main, at } = it.guest;
    it.advise(MADV_HUGEPAGE, 0, 512);
    main.store8Sync(at(0), 1);
    const { walk, entry } = machine.explain(main, at(7));
    expect(walk.at(-1)).toMatchObject({ level: 'PMD', leadsTo: 'huge page' });
    expect(entry).toMatchObject({ kind: 'present', huge: true, writable: true });
  });

  test('counts the pages that one read brings by fault-around', () => {
    const cached = Array.from({ length: 16 }, (_, i) => i);
    const it = facts({ kind: 'shared', modes: M, pages: 16, cached });
    const { machine, main, at } = it.guest;
    it.guard(3);
    expect(machine.explain(main, at(5)).read).toMatchObject([
      { outcome: 'resolved', pages: 15, does: 'maps the page and 14 neighbours' },
      { outcome: 'hit' },
    ]);
  });

  test('tells a page that is being moved and whoever touches it', () => {
    const it = facts({ modes: W });
    const { machine, main, proc, at } = it.guest;
    it.dirtyAndProtect(0);
    const move = machine.migrate({ process: proc, ...span(at(0)) });
    const { entry, read, write } = machine.explain(main, at(0));
    expect(entry).toMatchObject({ kind: 'migration', uffdWp: true, writable: false });
    expect([ends(read), ends(write)]).toEqual(['wait', 'wait']);
    move.finish();
    expect(ends(machine.explain(main, at(0)).write)).toBe('message 3');
  });

  test('names the bits of a marker, also one that has no meaning', () => {
    const it = facts(SHARED);
    it.protect(0);
    it.guard(1);
    const bits = (n: number) => {
      const { entry } = it.guest.machine.explain(it.guest.main, it.guest.at(n));
      return entry.kind === 'marker' ? entry.bits : entry.kind;
    };
    expect([bits(0), bits(1), bits(2)]).toEqual([['uffd-wp'], ['guard'], 'none']);
    const { mm } = it.guest.proc.state;
    const addr = it.guest.at(2);
    installMarker(mm, mm.slotOrCreate(addr), addr, 10 as MarkerBits);
    expect(bits(2)).toEqual(['poisoned', 'unknown']);
  });

  test('says it in lines', () => {
    const it = facts({ ...SHARED, cached: [1, 2] });
    it.protect(1);
    const { machine, main, at } = it.guest;
    expect(`\n${machine.explain(main, at(1)).text}\n`).toBe(`
at     0x200000001000
area   0x200000000000-0x200000004000 rw-s /memfd:ram (deleted), registered for WP
walk   PGD[64] > PUD[0] > PMD[0] > PTE[1]
entry  marker, uffd-wp
read   faults: the kernel maps the page of the file, protected as the marker says (the file has the page)
       goes through: the entry is readable
write  faults: the kernel maps the page of the file, protected as the marker says (the file has the page)
       faults: a wp message with flags 3 (the page is write-protected, and the area is registered for WP)
`);
  });

  test('of a bad address is RangeError, of a bad type TypeError', () => {
    const { machine, main } = facts().guest;
    expect(() => machine.explain(main, -1)).toThrow(RangeError);
    expect(() => machine.explain(main, '0' as never)).toThrow(TypeError);
  });
});

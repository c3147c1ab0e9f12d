/** Facts about one page, part 4: what a child and a new address get of it. */
import {
  MADV_DONTFORK,
  MADV_WIPEONFORK,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Process,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { M, PAGE, page, pagesAt, W } from '../support/guest.js';
import { facts, type PageFacts, SHARED, UNPOPULATED } from './page-facts.js';
import { statesOf } from './page-state.js';

const FORK = { features: UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_WP_UNPOPULATED, modes: W };

const childOf = ({ guest }: PageFacts): Process => guest.machine.process(guest.main.forkSync());

/** Forks with EVENT_FORK: the child, and the messages that the parent got. */
async function forked(it: PageFacts): Promise<[Process, string[]]> {
  const fork = it.guest.t0.fork();
  const messages = it.messages();
  return [it.guest.machine.process(await fork), messages];
}

describe('fork', () => {
  test('of a protected page: a write is one WP fault, then a copy; the child sees the old [36]', () => {
    const it = facts();
    it.dirtyAndProtect(0, 1);
    const child = childOf(it);
    const before = it.frame(0);
    expect(it.onWrite(0, 2)).toEqual(['fault 3 @0']);
    it.unprotect(0);
    expect(it.messages()).toEqual([]);
    expect(it.frame(0)).not.toBe(before);
    expect([it.loads(0), child.main.load8Sync(it.guest.at(0))]).toEqual([{ value: 2 }, 1]);
  });

  test('without EVENT_FORK leaves protection to the parent alone [37]', () => {
    const it = facts(UNPOPULATED);
    it.dirtyAndProtect(0);
    it.protect(1);
    const child = childOf(it);
    expect(it.states(4, child)).toBe('P - - -');
    expect(it.states()).toBe('PW Kw - -');
  });

  test('with EVENT_FORK gives it to the child, in one message a userfaultfd [38]', async () => {
    const it = facts(FORK);
    it.dirtyAndProtect(0);
    it.protect(1);
    it.guest.main.mprotectSync({ addr: it.guest.at(2), length: PAGE, prot: 1 }); // a second area
    const [child, messages] = await forked(it);
    expect(messages).toEqual(['fork']);
    expect(it.states(4, child)).toBe('PW Kw - -');
  });

  test.each([0, UFFD_FEATURE_EVENT_FORK])(
    'with features %i gives the child poison and guards [39]',
    async (features) => {
      const it = facts({ features });
      it.poison(0);
      it.guard(1);
      const child = features === 0 ? childOf(it) : (await forked(it))[0];
      expect(it.states(4, child)).toBe('Kp Kg - -');
    },
  );

  test('of shared shmem leaves poison behind unless the area has a guard [40] [41]', () => {
    const inherited = (guard: boolean) => {
      const it = facts({ ...SHARED, cached: [1, 2] });
      it.poison(1);
      if (guard) it.guard(3);
      return it.state(1, childOf(it));
    };
    expect([inherited(false), inherited(true)]).toEqual(['-', 'Kp']);
    const it = facts({ ...SHARED, cached: [1, 2] });
    it.poison(1);
    expect(childOf(it).main.load8Sync(it.guest.at(1))).toBe(2);
  });

  test('does not copy pages that were only read [42]', () => {
    const it = facts({ modes: 0 });
    it.loads(0);
    expect([it.state(0), it.state(0, childOf(it))]).toEqual(['P', '-']);
  });

  test('sends FORK for a WIPEONFORK area, which is empty, and none for DONTFORK [43]', async () => {
    const wiped = facts(FORK);
    wiped.dirtyAndProtect(0);
    wiped.advise(MADV_WIPEONFORK, 0, 4);
    const [child, messages] = await forked(wiped);
    expect([messages, wiped.states(4, child)]).toEqual([['fork'], '- - - -']);
    const left = facts(FORK);
    left.advise(MADV_DONTFORK, 0, 4);
    expect(childOf(left).maps()).toEqual([]);
    expect(left.messages()).toEqual([]);
  });
});

describe('mremap', () => {
  test('without EVENT_REMAP drops protection and moves poison and guards [44]', () => {
    const it = facts(UNPOPULATED);
    it.dirtyAndProtect(0);
    it.protect(1);
    it.poison(2);
    it.guard(3);
    for (let n = 0; n < 4; n++) it.move(n, 16 + n);
    expect(statesOf(it.guest.proc, it.guest.at(16), 4).join(' ')).toBe('PX - Kp Kg');
    expect(it.onWrite(16)).toEqual([]);
    expect(it.onWrite(17)).toEqual([]);
  });

  test('with EVENT_REMAP keeps it and sends REMAP, then UNMAP of the old place [45]', async () => {
    const features =
      UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_WP_UNPOPULATED;
    const it = facts({ features, modes: W });
    it.dirtyAndProtect(0);
    it.protect(1);
    const { t0, at, proc } = it.guest;
    const moved = t0.mremap({
      oldAddress: at(0),
      oldSize: 4 * PAGE,
      newSize: 4 * PAGE,
      newAddress: at(16),
      flags: MREMAP_MAYMOVE | MREMAP_FIXED,
    });
    const [first, ...rest] = it.messages();
    await Promise.resolve();
    expect([first, ...rest, ...it.messages()]).toEqual(['remap 0 to 16 len 4', 'unmap 0-4']);
    expect(await moved).toBe(at(16));
    expect(statesOf(proc, at(16), 2).join(' ')).toBe('PWX Kw');
  });

  test('with DONTUNMAP leaves an empty, registered area; the new place is silent [46]', () => {
    const it = facts({ modes: M });
    const { main, at } = it.guest;
    it.copy(0, 7);
    main.mremapSync({
      oldAddress: at(0),
      oldSize: 4 * PAGE,
      newSize: 4 * PAGE,
      newAddress: at(16),
      flags: MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
    });
    expect(it.onRead(0)).toEqual(['fault 0 @0']);
    expect(it.loads(16)).toEqual({ value: 7 });
    expect(it.loads(17)).toEqual({ value: 0 });
    expect(it.messages()).toEqual([]);
  });

  test('of length 0 maps shared memory once more and sends REMAP with len 0 [47]', async () => {
    const it = facts({ kind: 'shared', modes: M, features: UFFD_FEATURE_EVENT_REMAP });
    const { t0, uffd, at } = it.guest;
    uffd.copySync({ dst: at(0), src: page(7) });
    const copied = t0.mremap({
      oldAddress: at(0),
      oldSize: 0,
      newSize: 4 * PAGE,
      newAddress: at(16),
      flags: MREMAP_MAYMOVE | MREMAP_FIXED,
    });
    expect(it.messages()).toEqual(['remap 0 to 16 len 0']);
    expect(await copied).toBe(at(16));
    uffd.wakeSync(pagesAt(at(0)));
    expect(it.loads(16)).toEqual({ value: 7 });
    expect(it.state(0)).toBe('PF');
  });
});

/** Locked pages: who sleeps, in which order they wake, what a sleeper that is given up leaves. */
import { expect, test } from 'vitest';
import type { Pfn } from '../../src/base/brand.js';
import { PageLocks } from '../../src/phys/page-locks.js';
import { Scheduler } from '../../src/sched/scheduler.js';

const [A, B] = [5 as Pfn, 6 as Pfn];

test('a page that is not locked keeps nobody', () => {
  const locks = new PageLocks();
  expect([locks.any, locks.isLocked(A), [...locks.unlocked(A)]]).toEqual([false, false, []]);
});

test('sleepers of one page go on in the order in which they came', () => {
  const [locks, scheduler] = [new PageLocks(), new Scheduler()];
  const log: string[] = [];
  function* sleeper(name: string, pfn: Pfn) {
    yield* locks.unlocked(pfn);
    log.push(name);
  }
  locks.lock(A);
  locks.lock(B);
  for (const [name, pfn] of [
    ['first', A],
    ['other', B],
    ['second', A],
  ] as const) {
    scheduler.start(sleeper(name, pfn));
  }
  scheduler.run(() => locks.unlock(A));
  expect(log).toEqual(['first', 'second']);
  expect([...locks.locked()]).toEqual([B]);
  scheduler.run(() => locks.unlock(B));
  expect([log, locks.any]).toEqual([['first', 'second', 'other'], false]);
});

test('a sleeper that is given up is not woken', () => {
  const [locks, scheduler] = [new PageLocks(), new Scheduler()];
  locks.lock(A);
  const task = scheduler.start(locks.unlocked(A));
  scheduler.cancel(task, new Error('given up'));
  scheduler.run(() => locks.unlock(A));
  expect(task.outcome).toMatchObject({ ok: false });
});

test('a page is locked once at a time', () => {
  const locks = new PageLocks();
  locks.lock(A);
  expect(() => locks.lock(A)).toThrow('locked twice');
});

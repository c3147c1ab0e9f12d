import {
  inFlight,
  MADV_DONTNEED,
  strandedWaiters,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFDIO_COPY_MODE_DONTWAKE,
} from 'uffd-emulator';
import { expect, it } from 'vitest';
import { machineWith, PAGE, page } from '../support/guest.js';

it('finds nothing under way on a machine at rest, where a reader may wait', () => {
  const { machine, uffd } = machineWith({ flags: 0 });
  void uffd.readMsg().catch(() => {});
  expect(inFlight(machine)).toEqual([]);
  expect(strandedWaiters(machine)).toEqual([]);
});

it('tells threads that sleep and events that are unread', () => {
  const { machine, t0, t1, at } = machineWith({ features: UFFD_FEATURE_EVENT_REMOVE });
  void t0.load8(at(0));
  void t1.madvise({ addr: at(1), length: PAGE, advice: MADV_DONTNEED });
  const [fault, advice, event] = inFlight(machine);
  expect(fault).toMatch(/^guest\/t0 is asleep: guest\/t0 waits in a missing fault on a read/);
  expect(advice).toMatch(/^guest\/t1 is asleep: an operation waits until its REMOVE event/);
  expect(event).toBe('the REMOVE event of userfaultfd 0 of guest is unread');
  expect(strandedWaiters(machine)).toEqual([]);
});

it('finds a thread that was not woken although its page is there', () => {
  const { machine, proc, t0, at, uffd } = machineWith();
  void t0.load8(at(2));
  uffd.readMsgSync();
  uffd.copySync({ dst: at(2), src: page(1), mode: UFFDIO_COPY_MODE_DONTWAKE });
  const [waiter, ...others] = strandedWaiters(machine);
  expect(others).toEqual([]);
  expect(waiter).toMatchObject({ pid: proc.pid, page: at(2) });
  expect(waiter?.reason).toMatch(/but the page is there by now and nobody woke it$/);
  uffd.wakeSync({ start: at(2), len: PAGE });
  expect(strandedWaiters(machine)).toEqual([]);
});

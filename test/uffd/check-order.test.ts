/** The order of checks of the ioctls on ranges: with two faults at once the earlier one decides. */

import { describe, expect, test } from 'vitest';
import {
  type Attempt,
  lenZero,
  misaligned,
  modeIs,
  newAttempt,
  overlong,
  ownerGone,
  pageThere,
  pairs,
  type Rung,
  rung,
  spoil,
  startAt,
  unknownMode,
  windowOpen,
  wraps,
} from '../support/check-order.js';
import { PAGE, pagesAt } from '../support/guest.js';
import { ending, snapshot } from '../support/observe.js';

const INVALID = ['EINVAL', 0] as const;
const KERNEL_HALF = 1n << 63n;

/** What the fills on a destination range have in common, from the first check to the last. */
const fillLadder: Rung[] = [
  windowOpen(-11),
  misaligned,
  lenZero,
  wraps,
  unknownMode,
  ownerGone('ESRCH'),
  startAt(99, 'nothing is mapped', ['ENOENT', -2]),
  startAt(17, 'the range is not registered', ['ENOENT', -2]),
  overlong(['ENOENT', -2]),
];

const copyLadder: Rung[] = [
  windowOpen(-11),
  rung('src', 'the source lies in the kernel half', INVALID, (call) => {
    call.src = KERNEL_HALF;
  }),
  ...fillLadder.slice(1),
  rung('mode', 'MODE_WP without W', ['EINVAL', -22], (call) => {
    call.mode = 2;
    if (call.start === call.guest.at(0)) call.start = call.guest.at(8);
  }),
  rung('src', 'the source is not mapped', ['EFAULT', -14], (call) => {
    call.src = call.guest.at(99);
  }),
  pageThere,
];

const continueLadder: Rung[] = [
  ...fillLadder,
  rung('mode', 'the memory is anonymous', ['EINVAL', -22], () => {}),
];

const moveLadder: Rung[] = [
  windowOpen(-11),
  rung('owner', 'another process calls', INVALID, (call) => {
    call.uffd = call.guest.machine.spawn({ name: 'manager' }).receive(call.uffd);
  }),
  misaligned,
  rung('src', 'the source is misaligned', INVALID, (call) => {
    call.src = call.guest.at(16) + 1;
  }),
  lenZero,
  wraps,
  unknownMode,
  startAt(99, 'nothing is mapped at dst', ['ENOENT', -2]),
  rung('src', 'nothing is mapped at src', ['ENOENT', -2], (call) => {
    call.src = call.guest.at(99);
  }),
  overlong(['EINVAL', -22]),
  startAt(17, 'dst is not registered', ['EINVAL', -22]),
  rung('src', 'the source is mlocked', ['EINVAL', -22], (call) => {
    const { main, at } = call.guest;
    main.mlockSync({ addr: at(18), length: PAGE });
    call.src = at(18);
  }),
  pageThere,
  rung('src', 'the source is empty', ['ENOENT', -2], (call) => {
    call.src = call.guest.at(18);
  }),
];

const wpLadder: Rung[] = [
  windowOpen(0),
  misaligned,
  lenZero,
  wraps,
  unknownMode,
  modeIs(3, 'MODE_WP meets DONTWAKE', INVALID),
  ownerGone('ESRCH'),
  startAt(99, 'nothing is mapped', ['ENOENT', 0]),
  startAt(8, 'the range has no W', ['ENOENT', 0]),
];

const registerLadder: Rung[] = [
  modeIs(0, 'mode is zero', INVALID),
  unknownMode,
  misaligned,
  lenZero,
  wraps,
  ownerGone('ENOMEM'),
  startAt(99, 'nothing is mapped', INVALID),
  modeIs(4, 'MINOR of anonymous memory', INVALID),
];

const unregisterLadder: Rung[] = [
  misaligned,
  lenZero,
  wraps,
  ownerGone('ENOMEM'),
  startAt(99, 'nothing is mapped', INVALID),
];

const fillRange = ({ start, len, mode }: Attempt) => ({ start, len, mode });

interface Call {
  readonly name: string;
  readonly ladder: readonly Rung[];
  /** Mode of the good call. @defaultValue `0` */
  readonly mode?: number;
  readonly make: (attempt: Attempt) => unknown;
}

const calls: Call[] = [
  {
    name: 'UFFDIO_COPY',
    ladder: copyLadder,
    make: ({ uffd, start, src, len, mode }) => uffd.copySync({ dst: start, src, len, mode }),
  },
  {
    name: 'UFFDIO_ZEROPAGE',
    ladder: [...fillLadder, pageThere],
    make: (call) => call.uffd.zeropageSync(fillRange(call)),
  },
  {
    name: 'UFFDIO_CONTINUE',
    ladder: continueLadder,
    make: (call) => call.uffd.continueSync(fillRange(call)),
  },
  {
    name: 'UFFDIO_POISON',
    ladder: [...fillLadder, pageThere],
    make: (call) => call.uffd.poisonSync(fillRange(call)),
  },
  {
    name: 'UFFDIO_MOVE',
    ladder: moveLadder,
    make: ({ uffd, start, src, len, mode }) => uffd.moveSync({ dst: start, src, len, mode }),
  },
  {
    name: 'UFFDIO_WRITEPROTECT',
    ladder: wpLadder,
    make: (call) => call.uffd.writeprotectSync(fillRange(call)),
  },
  {
    name: 'UFFDIO_REGISTER',
    ladder: registerLadder,
    mode: 3,
    make: (call) => call.uffd.registerSync(fillRange(call)),
  },
  {
    name: 'UFFDIO_UNREGISTER',
    ladder: unregisterLadder,
    make: ({ uffd, start, len }) => uffd.unregisterSync({ start, len }),
  },
];

describe.each(calls)('$name', ({ name, ladder, mode, make }) => {
  test('with nothing wrong succeeds; CONTINUE finds that the memory is anonymous', () => {
    const expected = name === 'UFFDIO_CONTINUE' ? 'progress' : 'value';
    expect(ending(() => make(newAttempt(mode)))).toHaveProperty(expected);
  });

  test.each(ladder.map((one): [string, Rung] => [one.name, one]))('%s', (_name, one) => {
    const attempt = spoil([one], mode);
    const before = snapshot(attempt.guest.machine);
    expect(ending(() => make(attempt))).toEqual(one.ending);
    expect(withoutFree(snapshot(attempt.guest.machine))).toEqual(withoutFree(before));
  });

  test.each(pairs(ladder))('%s, before %s', (_first, _second, first, second) => {
    expect(ending(() => make(spoil([first, second], mode)))).toEqual(first.ending);
  });
});

/** A refused fill may leave page tables behind, as on Linux. */
function withoutFree(state: unknown): unknown {
  return { ...(state as object), freePages: 0 };
}

describe('ranges of UFFDIO_WAKE', () => {
  test.each([misaligned, lenZero, wraps].map((one) => [one.name, one] as const))(
    '%s is EINVAL, for a dead owner too',
    (_name, one) => {
      for (const attempt of [spoil([one]), spoil([one, ownerGone('ESRCH')])]) {
        const { uffd, start, len } = attempt;
        expect(ending(() => uffd.wakeSync({ start, len }))).toEqual({ code: 'EINVAL' });
      }
    },
  );

  test('a good range of a dead owner is 0, and in a window too', () => {
    for (const attempt of [spoil([ownerGone('ESRCH')]), spoil([windowOpen(0)])]) {
      const wake = () => attempt.uffd.wakeSync(pagesAt(attempt.guest.at(0)));
      expect(ending(wake)).toEqual({ value: undefined });
    }
  });
});

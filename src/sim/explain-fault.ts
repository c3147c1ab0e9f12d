/**
 * Why a thread sleeps in a fault for ever: whether its page is there by now, who read its message,
 * and which call of theirs went wrong since. Changes nothing.
 */

import { pageDown } from '../base/page.js';
import type { UffdContext } from '../uffd/context.js';
import { FaultWait } from '../uffd/fault-message.js';
import type { Reading } from './readers.js';
import type { EndedCall, Simulation } from './simulation.js';
import type { Strand } from './strand.js';
import { type Finding, lastSteps } from './trouble.js';

const FILLS = /^UFFDIO_(COPY|ZEROPAGE|CONTINUE|POISON|MOVE)$/;

/** A fault that is not over, and what happened since it began. */
class Story {
  readonly context: UffdContext | undefined;
  readonly reading: Reading | undefined;
  readonly readers: readonly Strand[];

  constructor(
    readonly simulation: Simulation,
    readonly sleeper: Strand,
    readonly wait: FaultWait,
  ) {
    const { readers } = simulation;
    this.reading = readers.readings().find(({ message }) => message.wait.reason === wait);
    this.context = readers.contexts().find(({ pending, waiting }) => {
      return [...pending, ...waiting].some((message) => message.wait.reason === wait);
    });
    this.readers = this.context === undefined ? [] : readers.readersOf(this.context);
  }

  /** Who read the message, as the beginning of a sentence. */
  get read(): string {
    const { reading } = this;
    if (reading === undefined) return 'nobody has read its message';
    return `${reading.strand.name} read its message at step ${reading.step}`;
  }

  /** Whoever reads this userfaultfd and has not ended. */
  get wakers(): readonly Strand[] {
    return this.readers.filter((reader) => reader.ended === undefined);
  }

  /** The last call that ended since the fault began, of those that are like this. */
  last(like: (call: EndedCall) => boolean): EndedCall | undefined {
    const since = this.sleeper.sleep?.activity.since ?? 0;
    return this.simulation.ended.filter(({ step }) => step >= since).findLast(like);
  }

  finding(trouble: Finding['trouble'], ...lines: readonly string[]): Finding {
    return { trouble, lines: [...lines, ...lastSteps(this.readers)], wakers: this.wakers };
  }
}

/** Why a thread sleeps in a fault. */
export function explainFault(simulation: Simulation, strand: Strand, wait: FaultWait): Finding {
  const story = new Story(simulation, strand, wait);
  const away = withoutRegistration(story);
  if (away !== undefined) return away;
  if (!wait.fault.stillFaulting()) {
    const there = `${story.read}; the page is there by now, but nobody woke the thread`;
    return story.finding('lost wake-up', there, missingWake(story));
  }
  if (story.wakers.length === 0) return withoutReader(story);
  if (story.wakers.includes(strand)) {
    const itself = `${strand.name} itself is who should resolve it`;
    const rule = 'who serves memory must not touch it, nor let a system call touch it';
    return story.finding('deadlock', `${story.read}; ${itself}: ${rule}`);
  }
  return unresolved(story);
}

/** The area is not the userfaultfd's any more: nobody who resolves faults will think of it. */
function withoutRegistration(story: Story): Finding | undefined {
  const { context } = story;
  if (context === undefined) return undefined;
  const area = context.mm.vmas.find(story.wait.fault.addr);
  if (area?.uffd === context) return undefined;
  const what = area === undefined ? 'munmap' : 'UFFDIO_UNREGISTER';
  const call = story.last((each) => each.what === what);
  const by = call === undefined ? what : `${what} of ${call.strand.name} at step ${call.step}`;
  const gone = area === undefined ? 'not mapped' : 'not registered';
  return story.finding(
    'lost wake-up',
    `${story.read}; by now its page is ${gone} (${by}), and nobody woke the thread`,
    area === undefined
      ? 'munmap wakes nobody who waits for a page of the range: UFFDIO_WAKE must follow'
      : 'UFFDIO_UNREGISTER wakes who waits for missing pages, and leaves those asleep who wait ' +
          'in a wp or minor fault: UFFDIO_WAKE must follow',
  );
}

/** Which call should have been followed by a wake-up. */
function missingWake(story: Story): string {
  const refused = story.last(({ what, code }) => FILLS.test(what) && code === 'EEXIST');
  const woke = story.last(({ what }) => what === 'UFFDIO_WAKE');
  if (refused !== undefined && (woke?.step ?? 0) < refused.step) {
    const { strand, what, step } = refused;
    return (
      `${strand.name} got EEXIST from ${what} at step ${step} and woke nobody: EEXIST says that ` +
      'the page is there, UFFDIO_WAKE must follow'
    );
  }
  const fill = story.last(({ what, code }) => FILLS.test(what) && code === undefined);
  if (fill === undefined) return 'a fill with DONTWAKE needs a UFFDIO_WAKE of its pages';
  const { strand, what, step } = fill;
  const after =
    woke === undefined || woke.step < step
      ? 'no UFFDIO_WAKE came'
      : `UFFDIO_WAKE of ${woke.strand.name} at step ${woke.step} was for other pages`;
  return (
    `${strand.name} did ${what} at step ${step} with DONTWAKE, which leaves the wake-up to ` +
    `UFFDIO_WAKE, and ${after}`
  );
}

function withoutReader(story: Story): Finding {
  const { context } = story.wait;
  const forked = context.includes('(forked)')
    ? [
        'it is the userfaultfd of a child: whoever reads a FORK message gets its descriptor, and ' +
          'must serve it or close it',
      ]
    : [];
  const nobody =
    story.readers.length === 0
      ? `nobody has ever read from ${context}`
      : `nobody is left who reads ${context}, which somebody holds open`;
  return story.finding('handler gone', `${story.read}, and ${nobody}`, ...forked);
}

function unresolved(story: Story): Finding {
  const { reading } = story;
  if (reading === undefined) return story.finding('fault unresolved', story.read);
  const { strand, step } = reading;
  const refused = story.last(
    (call) => call.strand === strand && call.step > step && call.code === 'EAGAIN',
  );
  const twins = twinsOf(story, reading);
  if (refused !== undefined) {
    const got = `got EAGAIN from ${refused.what} at step ${refused.step}`;
    const rule =
      'a fault that is put off must be tried again once the event was read, not only when ' +
      'another message comes';
    return story.finding(
      'fault unresolved',
      `${story.read}, ${got}, and has not come back to it`,
      rule,
      ...twins,
    );
  }
  const away = strand.sleep !== undefined || strand.ended !== undefined;
  const line = away ? `${story.read} and has not come back to it` : story.read;
  return story.finding('fault unresolved', line, ...twins);
}

/** Other kinds of fault of the same page, which may have been taken for the same. */
function twinsOf({ simulation, wait }: Story, { message }: Reading): string[] {
  const page = pageDown(message.address);
  for (const { message: other, strand, step } of simulation.readers.readings()) {
    const { reason } = other.wait;
    if (!(reason instanceof FaultWait) || reason.context !== wait.context) continue;
    if (pageDown(other.address) !== page || reason.fault.reason === wait.fault.reason) continue;
    return [
      `${strand.name} read a ${reason.fault.reason} fault of the same page at step ${step}: ` +
        `was this ${wait.fault.reason} fault taken for that one? each needs its own resolution`,
    ];
  }
  return [];
}

import { describe, expect, it } from 'vitest';
import {
  type Body,
  type ExploreOptions,
  explore,
  MADV_DONTNEED,
  replay,
  ScheduleError,
  type Sim,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFDIO_COPY_MODE_DONTWAKE,
} from '../../src/index.js';
import { PAGE, page, region } from './programs.js';

/** The failure of a program that must have one. */
async function failureOf(body: Body, options: ExploreOptions = {}): Promise<ScheduleError> {
  const found = await explore(options, body).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ScheduleError);
  return found as ScheduleError;
}

/** Two threads increment a counter with a gap between reading and writing. */
const racyCounter: Body = async (sim) => {
  let counter = 0;
  const increment = async (): Promise<void> => {
    const before = counter;
    await sim.yield();
    counter = before + 1;
  };
  await Promise.all([sim.spawn('one', increment), sim.spawn('two', increment)]);
  if (counter !== 2) throw new Error(`counted ${counter}`);
};

/** Two threads fault on one page that a handler fills. */
const served =
  (mode: number): Body =>
  async (sim) => {
    const { addr, uffd } = region(sim);
    const serve = async (): Promise<void> => {
      for await (const message of uffd) {
        if (message.event !== 'pagefault') continue;
        await uffd.copy({ dst: message.page, src: page(7), mode }).catch((error) => {
          if (error.code !== 'EEXIST') throw error;
          return message.wake();
        });
      }
    };
    sim.spawn('handler', serve, { daemon: true });
    const load = (thread: typeof sim.thread): Promise<number> => thread.load8(addr);
    const values = await Promise.all([sim.spawn('vcpu0', load), sim.spawn('vcpu1', load)]);
    expect(values).toEqual([7, 7]);
    uffd.close();
  };

describe('explore', () => {
  it('finds a lost update and replays it', async () => {
    const failure = await failureOf(racyCounter);
    expect(failure.trouble).toBe('error');
    expect(failure.message).toContain('counted 1');
    await expect(replay(failure.schedule, racyCounter)).rejects.toThrow('counted 1');
  });

  it('finds it by every strategy that explores, and not first in first out', async () => {
    for (const strategy of ['random', 'pct', 'exhaustive'] as const) {
      expect((await failureOf(racyCounter, { strategy })).trouble).toBe('error');
    }
    await expect(explore({ strategy: 'fifo' }, racyCounter)).resolves.toMatchObject({ runs: 1 });
  });

  it('gives the same failure for the same seed', async () => {
    const { seed } = await failureOf(racyCounter);
    const options = { seeds: 1, firstSeed: seed ?? 0 };
    const again = await failureOf(racyCounter, options);
    expect((await failureOf(racyCounter, options)).schedule).toBe(again.schedule);
  });

  it('shortens the schedule', async () => {
    const failure = await failureOf(racyCounter);
    expect(failure.schedule.length).toBeLessThanOrEqual(failure.original.length);
    expect(failure.steps).toBeLessThan(12);
  });

  it('passes a program that serves every fault under 500 schedules', async () => {
    await expect(explore({ seeds: 500 }, served(0))).resolves.toMatchObject({ runs: 500 });
  });

  it('takes a schedule from the options', async () => {
    const { schedule } = await failureOf(racyCounter);
    await expect(explore({ schedule }, racyCounter)).rejects.toThrow('counted 1');
  });

  it('runs exhaustively to the end of a small program', async () => {
    const { runs } = await explore({ strategy: 'exhaustive' }, async (sim) => {
      await Promise.all([sim.spawn('one', () => sim.yield()), sim.spawn('two', () => sim.yield())]);
    });
    expect(runs).toBeGreaterThan(5);
  });
});

describe('a diagnosis', () => {
  it('tells a lost wake-up, who read the message, and where the call was made', async () => {
    const failure = await failureOf(served(UFFDIO_COPY_MODE_DONTWAKE));
    expect(failure.trouble).toBe('lost wake-up');
    expect(failure.message).toMatch(/vcpu. sleeps in load8/);
    expect(failure.message).toMatch(/handler read its message at step \d+; the page is there/);
    expect(failure.message).toContain('explore.test.ts');
  });

  it('tells a deadlock of two locks', async () => {
    const failure = await failureOf(async (sim) => {
      const [a, b] = [sim.mutex('a'), sim.mutex('b')];
      const one = sim.spawn('one', () => a.with(() => b.with(() => {})));
      const two = sim.spawn('two', () => b.with(() => a.with(() => {})));
      await Promise.all([one, two]);
    });
    expect(failure.trouble).toBe('deadlock');
    expect(failure.message).toContain('one sleeps in lock b');
    expect(failure.message).toContain('in the end waits for it');
  });

  it('tells a deadlock through a fault and a lock', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr, uffd } = region(sim);
      const lock = sim.mutex('map');
      const serve = async (): Promise<void> => {
        for await (const message of uffd) {
          if (message.event === 'pagefault') await lock.with(() => message.copy(page(1)));
        }
      };
      sim.spawn('handler', serve, { daemon: true });
      await sim.spawn('vcpu', (thread) => lock.with(() => thread.load8(addr)));
    });
    expect(failure.trouble).toBe('deadlock');
    expect(failure.message).toContain('vcpu sleeps in load8');
  });

  it('tells a handler that is gone', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr, uffd } = region(sim);
      sim.spawn('handler', async () => {
        const message = await uffd.readMsg();
        if (message.event === 'pagefault') await message.copy(page(1));
      });
      await sim.spawn('vcpu', (thread) => thread.read(addr, 2 * PAGE));
    });
    expect(failure.trouble).toBe('handler gone');
    expect(failure.message).toContain('handler could have');
  });

  it('tells an event that nobody reads', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr } = region(sim, { features: BigInt(UFFD_FEATURE_EVENT_REMOVE) });
      await sim.thread.madvise({ addr, length: PAGE, advice: MADV_DONTNEED });
    });
    expect(failure.trouble).toBe('event unread');
    expect(failure.message).toContain('waits until its REMOVE event');
  });

  it('tells a fault that was read and left', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr, uffd } = region(sim);
      const serve = async (): Promise<void> => {
        for await (const _ of uffd) await sim.yield();
      };
      sim.spawn('handler', serve, { daemon: true });
      await sim.thread.load8(addr);
    });
    expect(failure.trouble).toBe('fault unresolved');
    expect(failure.message).toContain('has not come back to it');
  });

  it('tells an ioctl that is refused for ever, with the event to read first', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr, uffd } = region(sim, { features: BigInt(UFFD_FEATURE_EVENT_REMOVE) });
      sim.spawn('balloon', (thread) =>
        thread.madvise({ addr: addr + PAGE, length: PAGE, advice: MADV_DONTNEED }),
      );
      await sim.sleep(1000);
      for (;;) {
        const done = await uffd.copy({ dst: addr, src: page(1) }).catch(() => undefined);
        if (done !== undefined) break;
      }
    });
    expect(failure.trouble).toBe('livelock');
    expect(failure.message).toContain("'UFFDIO_COPY EAGAIN' 100 times");
    expect(failure.message).toContain('the REMOVE event of userfaultfd 0 of guest is unread');
  });

  it('does not take for endless what only waits for another thread to go on', async () => {
    const program: Body = async (sim) => {
      const { addr, uffd } = region(sim, { features: BigInt(UFFD_FEATURE_EVENT_REMOVE) });
      const balloon = sim.spawn('balloon', (thread) =>
        thread.madvise({ addr: addr + PAGE, length: PAGE, advice: MADV_DONTNEED }),
      );
      await uffd.readMsg(); // the window stays open until the balloon has gone on
      const fill = () => uffd.copy({ dst: addr, src: page(1) });
      while ((await fill().catch(() => 'refused')) === 'refused');
      await balloon;
      uffd.close();
    };
    for (const strategy of ['fifo', 'random', 'pct'] as const) {
      await expect(explore({ strategy }, program)).resolves.toHaveProperty('runs');
    }
    await expect(replay('a2b3a150', program)).resolves.toHaveProperty('runs');
  });

  it('names a thread that awaits a real timer', async () => {
    const failure = await failureOf(async (sim) => {
      await sim.spawn('sleepy', () => new Promise((resolve) => setTimeout(resolve, 1)));
    });
    expect(failure.trouble).toBe('outside await');
    expect(failure.message).toContain('sleepy awaits something that is not of the simulation');
  });

  it('tells a program that never ends', async () => {
    const endless: Body = async (sim) => {
      for (;;) await sim.yield();
    };
    const failure = await failureOf(endless, { maxSteps: 50 });
    expect(failure.trouble).toBe('too many steps');
  });

  it('tells a userfaultfd that is left open, unless it may be', async () => {
    const leaves: Body = (sim) => void region(sim);
    expect((await failureOf(leaves)).trouble).toBe('left behind');
    await expect(explore({ strict: false }, leaves)).resolves.toMatchObject({ runs: 200 });
  });

  it('tells state that a program keeps between its runs', async () => {
    let runs = 0;
    const failure = await failureOf(async (sim) => {
      runs++;
      for (let i = 0; i < runs; i++) await sim.yield();
      if (runs > 3) throw new Error('late');
    });
    expect(failure.trouble).toBe('uncontrolled nondeterminism');
    expect(failure.message).toContain('does the program keep state between runs');
  });
});

describe('a thread that never awaits', () => {
  it('is ended by name once it has made a million calls', async () => {
    const failure = await failureOf(async (sim) => {
      const { addr, uffd } = region(sim);
      uffd.copySync({ dst: addr, src: page(0) });
      await sim.spawn('spinner', async (thread) => {
        while (thread.load8Sync(addr) === 0); // nobody else can store there meanwhile
      });
    });
    expect(failure.message).toContain('NeverYieldsError: spinner made 1000000 calls in one step');
  });
});

describe('replay', () => {
  it('refuses a schedule of another program', async () => {
    await expect(replay('b', racyCounter)).rejects.toThrow('does not fit the program');
    await expect(replay('abcabcabcabcabc', racyCounter)).rejects.toThrow('does not fit');
  });

  it('refuses a schedule that goes on after the end', async () => {
    const { steps } = await replay('a', racyCounter);
    const endless = `a${steps + 99}`;
    await expect(replay(endless, (sim: Sim) => sim.yield())).rejects.toThrow(
      'does not fit the program, which ended after 2 steps',
    );
  });
});

describe('bad options', () => {
  it.each([-1, 1.5, Number.NaN])('refuses %s seeds', async (seeds) => {
    await expect(explore({ seeds }, async () => {})).rejects.toThrow(RangeError);
  });

  it('says when a program has too many schedules for an exhaustive run', async () => {
    await expect(
      explore({ strategy: 'exhaustive', maxRuns: 2 }, async (sim) => {
        await Promise.all([
          sim.spawn('one', () => sim.yield()),
          sim.spawn('two', () => sim.yield()),
        ]);
      }),
    ).rejects.toThrow('more than 2 schedules');
  });
});

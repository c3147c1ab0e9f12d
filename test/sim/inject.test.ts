import { describe, expect, it } from 'vitest';
import {
  type Body,
  explore,
  type FaultOptions,
  KernelError,
  MADV_PAGEOUT,
  PM_PRESENT_BIT,
  replay,
  ScheduleError,
  SignalError,
} from '../../src/index.js';
import { PAGE, page, region } from './programs.js';

const once = (body: Body) => explore({ strategy: 'fifo' }, body);

async function failureOf(body: Body, faults: FaultOptions): Promise<ScheduleError> {
  const found = await explore({ faults }, body).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(ScheduleError);
  return found as ScheduleError;
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error) => error);

describe('an injected fault', () => {
  it('makes a call fail with an errno and do nothing', async () => {
    await once(async (sim) => {
      const { addr, uffd } = region(sim);
      sim.inject('UFFDIO_COPY', 'EAGAIN');
      const error = await errorOf(uffd.copy({ dst: addr, src: page(1) }));
      expect(error).toMatchObject({ code: 'EAGAIN', progress: -11, detail: 'as injected' });
      const [entry = 0n] = sim.process.pagemap({ addr, length: PAGE });
      expect((entry >> BigInt(PM_PRESENT_BIT)) & 1n).toBe(0n);
      expect(await uffd.copy({ dst: addr, src: page(1) })).toBe(PAGE);
      uffd.close();
    });
  });

  it('makes a fill stop after its first page', async () => {
    await once(async (sim) => {
      const { addr, uffd } = region(sim, { pages: 4 });
      sim.inject('UFFDIO_COPY', 'partial');
      const src = new Uint8Array(4 * PAGE);
      const error = await errorOf(uffd.copy({ dst: addr, src }));
      expect(error).toMatchObject({ code: 'EAGAIN', progress: PAGE });
      expect(await uffd.copy({ dst: addr + PAGE, src: src.subarray(PAGE) })).toBe(3 * PAGE);
      uffd.close();
    });
  });

  it('hits the nth call of a name', async () => {
    await once(async (sim) => {
      sim.inject('madvise', 'ENOMEM', { nth: 2 });
      const { addr, uffd } = region(sim);
      const advise = () => sim.thread.madvise({ addr, length: PAGE, advice: 4 });
      await advise();
      expect(await errorOf(advise())).toMatchObject({ code: 'ENOMEM' });
      await advise();
      uffd.close();
    });
  });

  it('wakes threads that sleep in a fault, which then fault again', async () => {
    await once(async (sim) => {
      const { addr, uffd } = region(sim);
      const vcpu = sim.spawn('vcpu', (thread) => thread.load8(addr));
      await sim.yield();
      await uffd.readMsg();
      sim.inject('yield', 'signal');
      await sim.yield();
      const again = await uffd.readMsg();
      if (again.event === 'pagefault') await again.copy(page(3));
      expect(await vcpu).toBe(3);
      uffd.close();
    });
  });

  it('ends a thread, whose open userfaultfd keeps its waiters asleep', async () => {
    const body: Body = async (sim) => {
      const { addr, uffd } = region(sim);
      const serve = async (): Promise<void> => {
        for await (const message of uffd) {
          if (message.event === 'pagefault') await message.copy(page(1));
        }
      };
      sim.spawn('handler', serve);
      sim.inject('UFFDIO_COPY', 'die');
      await sim.spawn('vcpu', (thread) => thread.load8(addr));
    };
    const failure = await once(body).catch((error) => error);
    expect(failure.trouble).toBe('handler gone');
  });

  it('makes a page in swap unreadable', async () => {
    await once(async (sim) => {
      sim.machine.swapOn({ size: 8 * PAGE });
      const addr = sim.thread.mmapSync({ length: PAGE, prot: 3, flags: 0x22 });
      sim.thread.store8Sync(addr, 1);
      sim.thread.madviseSync({ addr, length: PAGE, advice: MADV_PAGEOUT });
      sim.inject('load8', 'io-error');
      expect(await errorOf(sim.thread.load8(addr))).toBeInstanceOf(SignalError);
    });
  });

  it('is refused where no kernel does it, unless asked for', async () => {
    await once(async (sim) => {
      expect(() => sim.inject('UFFDIO_COPY', 'EPERM')).toThrow(
        'no kernel does EPERM to UFFDIO_COPY',
      );
      sim.inject('yield', 'EPERM', { impossible: true });
      expect(await errorOf(sim.yield())).not.toBeInstanceOf(KernelError);
    });
  });
});

describe('faults by chance', () => {
  /** Takes every failure of a copy for something that another fault will mend. */
  const careless: Body = async (sim) => {
    const { addr, uffd } = region(sim);
    const serve = async (): Promise<void> => {
      for await (const message of uffd) {
        if (message.event === 'pagefault') await message.copy(page(1)).catch(() => 0);
      }
    };
    sim.spawn('handler', serve, { daemon: true });
    await sim.spawn('vcpu', (thread) => thread.load8(addr));
    uffd.close();
  };

  it('are part of the schedule, which replays them', async () => {
    const failure = await failureOf(careless, { rate: 0.2, calls: ['UFFDIO_COPY'] });
    expect(failure.trouble).toBe('fault unresolved');
    expect(failure.schedule).toMatch(/,[a-z]\d+=E(AGAIN|NOMEM)$/);
    await expect(replay(failure.schedule, careless)).rejects.toThrow('fault unresolved');
  });

  it('do not happen to calls that are not named', async () => {
    const faults = { rate: 1, calls: ['mremap'] };
    await expect(explore({ faults, seeds: 50 }, careless)).resolves.toMatchObject({ runs: 50 });
  });

  it('leave a program alone that tries again', async () => {
    const careful: Body = async (sim) => {
      const { addr, uffd } = region(sim);
      const serve = async (): Promise<void> => {
        for await (const message of uffd) {
          if (message.event !== 'pagefault') continue;
          for (let done = false; !done; ) {
            done = await message.copy(page(1)).then(
              () => true,
              (error: KernelError) => error.code === 'EEXIST',
            );
          }
          await message.wake();
        }
      };
      sim.spawn('handler', serve, { daemon: true });
      await sim.spawn('vcpu', (thread) => thread.load8(addr));
      uffd.close();
    };
    const faults = { rate: 0.3, calls: ['UFFDIO_COPY', 'load8'] };
    await expect(explore({ faults, seeds: 500 }, careful)).resolves.toMatchObject({ runs: 500 });
  });

  it.each([-0.1, 1.1, Number.NaN])('refuse a rate of %s', async (rate) => {
    await expect(explore({ faults: { rate } }, careless)).rejects.toThrow('faults.rate');
  });
});

import { describe, expect, it } from 'vitest';
import { type Body, explore, type Sim } from '../../src/index.js';

const under500 = (body: Body) => explore({ seeds: 500 }, body);

describe('Mutex', () => {
  it('lets one thread in at a time', async () => {
    await under500(async (sim) => {
      const lock = sim.mutex('m');
      let inside = 0;
      const enter = (): Promise<void> =>
        lock.with(async () => {
          expect(++inside).toBe(1);
          await sim.yield();
          inside--;
        });
      await Promise.all(['a', 'b', 'c'].map((name) => sim.spawn(name, enter)));
      expect(inside).toBe(0);
    });
  });

  it('is given back only by who holds it', async () => {
    await explore({ seeds: 1 }, async (sim) => {
      const lock = sim.mutex('m');
      expect(() => lock.unlock()).toThrow('main unlocks m: nobody holds it');
      await sim.spawn('holder', () => lock.lock());
      expect(() => lock.unlock()).toThrow('holder holds it');
    });
  });
});

describe('Condition', () => {
  it('goes on with the lock once it is notified', async () => {
    await under500(async (sim) => {
      const lock = sim.mutex('m');
      const changed = sim.condition(lock, 'changed');
      let ready = false;
      const waiter = sim.spawn('waiter', () =>
        lock.with(async () => {
          while (!ready) await changed.wait();
          return 'seen';
        }),
      );
      await lock.with(() => {
        ready = true;
        changed.notify();
      });
      expect(await waiter).toBe('seen');
    });
  });
});

describe('Channel', () => {
  const numbers = (sim: Sim, capacity: number) => async () => {
    const channel = sim.channel<number>('numbers', capacity);
    const sender = sim.spawn('sender', async () => {
      for (let i = 0; i < 4; i++) await channel.send(i);
      channel.close();
    });
    const got: number[] = [];
    for await (const value of channel) got.push(value);
    await sender;
    return got;
  };

  it.each([1, 2, 9])('keeps the order with room for %i', async (capacity) => {
    await under500(async (sim) => {
      expect(await numbers(sim, capacity)()).toEqual([0, 1, 2, 3]);
    });
  });

  it('makes a sender wait while it is full', async () => {
    await explore({ strategy: 'fifo' }, async (sim) => {
      const channel = sim.channel<number>('c', 1);
      sim.spawn('sender', async () => {
        await channel.send(1);
        await channel.send(2);
        channel.close();
      });
      await sim.sleep(10);
      expect(channel.length).toBe(1);
      expect([await channel.receive(), await channel.receive()]).toEqual([1, 2]);
      expect(await channel.receive()).toBeUndefined();
    });
  });
});

describe('sleep', () => {
  it('passes virtual time, in order of the times first in first out', async () => {
    await explore({ strategy: 'fifo' }, async (sim) => {
      const order: string[] = [];
      const arrive = (name: string, ns: number) =>
        sim.spawn(name, async () => {
          await sim.sleep(ns);
          order.push(name);
        });
      await Promise.all([arrive('late', 2000), arrive('early', 1000)]);
      expect(order).toEqual(['early', 'late']);
      expect(sim.now).toBe(2000);
    });
  });

  it('may end before a thread that does not sleep is done', async () => {
    const seen = new Set<boolean>();
    await explore({ seeds: 200, strategy: 'random' }, async (sim) => {
      let done = false;
      const worker = sim.spawn('worker', async () => {
        for (let i = 0; i < 3; i++) await sim.yield();
        done = true;
      });
      await sim.sleep(1000);
      seen.add(done);
      await worker;
    });
    expect(seen).toEqual(new Set([true, false]));
  });
});

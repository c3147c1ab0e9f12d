/** Snapshots of a machine whose threads a schedule controls. */
import { expect, it } from 'vitest';
import { explore, SnapshotError } from '../../src/index.js';
import { page, region } from './programs.js';

it('a snapshot under a schedule is refused while a thread sleeps, and names it', async () => {
  const messages = new Set<string>();
  await explore({ seeds: 20 }, async (sim) => {
    const { addr, uffd } = region(sim);
    const vcpu = sim.spawn('vcpu', (thread) => thread.load8(addr));
    await uffd.readMsg();
    try {
      sim.machine.snapshot();
    } catch (error) {
      expect(error).toBeInstanceOf(SnapshotError);
      messages.add((error as SnapshotError).message);
    }
    await uffd.copy({ dst: addr, src: page(1) });
    await vcpu;
    uffd.close();
  });
  expect([...messages].length).toBeGreaterThan(0);
  for (const message of messages) {
    expect(message).toMatch(
      /^the machine cannot be taken a snapshot of while guest\/vcpu is asleep/,
    );
  }
});

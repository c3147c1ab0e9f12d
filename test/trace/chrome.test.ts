/** Chrome's trace events hold to the Trace Event Format, so that Perfetto can open them. */
import { type ChromeEvent, chromeTrace, Machine, TraceRecording } from 'uffd-emulator';
import { expect, test } from 'vitest';

const PAGE = 4096;

/** A run with nested calls, faults that are served, and one that still sleeps at the end. */
async function records(): Promise<readonly ChromeEvent[]> {
  const machine = new Machine();
  const { main } = machine.spawn({ name: 'guest' });
  const addr = main.mmapSync({ length: 4 * PAGE, prot: 3, flags: 0x22 });
  const uffd = main.userfaultfdSync();
  const { events } = new TraceRecording(machine.trace);
  uffd.apiSync();
  uffd.registerSync({ start: addr, len: 4 * PAGE, mode: 1 });
  for (let i = 0; i < 3; i++) {
    const access = main.load8(addr + i * PAGE);
    const message = await uffd.readMsg();
    if (message.event === 'pagefault') await message.copy(new Uint8Array(PAGE));
    await access;
  }
  main.load8(addr + 3 * PAGE).catch(() => {});
  return JSON.parse(JSON.stringify(chromeTrace([...events]))).traceEvents;
}

test('every record has a phase, a time that does not go back, and whole numbers for tracks', async () => {
  let last = 0;
  for (const { name, ph, ts, pid, tid } of await records()) {
    expect(name).toBeTypeOf('string');
    expect('BEbestfiM').toContain(ph);
    expect(ts).toBeGreaterThanOrEqual(last);
    expect([pid, tid].every(Number.isInteger)).toBe(true);
    last = ts;
  }
});

test('slices begin and end in pairs, nested, on each track', async () => {
  const open = new Map<string, string[]>();
  for (const { ph, pid, tid, id, cat, name } of await records()) {
    if (!'BEbe'.includes(ph)) continue;
    if ('be'.includes(ph)) expect(id).toBeTypeOf('number');
    const key = 'BE'.includes(ph) ? `${pid} ${tid}` : `${cat} ${id} ${name}`;
    const names = open.get(key) ?? [];
    if (ph.toUpperCase() === 'B') names.push(name);
    else expect(names.pop()).toBe(name);
    open.set(key, names);
  }
  expect(open.size).toBeGreaterThan(1);
  expect([...open.values()].flat()).toEqual([]);
});

test('a flow starts before it goes on, under one id', async () => {
  const flows = new Map<number, string>();
  for (const { ph, id, cat, name, bp } of await records()) {
    if (!'stf'.includes(ph)) continue;
    expect([name, cat]).toEqual(['fault', 'fault']);
    expect(bp).toBe(ph === 'f' ? 'e' : undefined);
    flows.set(id ?? -1, (flows.get(id ?? -1) ?? '') + ph);
  }
  expect([...flows.values()].sort()).toEqual(['s', 'stf', 'stf', 'stf']);
});

test('each track and each process of a record has a name', async () => {
  const all = await records();
  const named = new Set(
    all.filter(({ ph }) => ph === 'M').map((e) => `${e.name} ${e.pid} ${e.tid}`),
  );
  for (const { pid, tid, ph } of all) {
    if (ph === 'M') continue;
    expect(named).toContain(`process_name ${pid} 0`);
    expect(named).toContain(`thread_name ${pid} ${tid}`);
  }
});

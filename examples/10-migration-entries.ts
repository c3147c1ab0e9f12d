/**
 * Pages on their way to another frame. While the kernel moves a page, a migration entry stands in
 * its place: it says which frame the page leaves, and what the present entry had. Whoever touches
 * the page sleeps. Afterwards the entry is what it was: writable only if it was writable then, and
 * protected if it was protected. The area alone never makes a moved page writable.
 * Run it with `npx tsx examples/10-migration-entries.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const NAMES = ['written', 'protected', 'shared', 'mprotect'] as const;

const machine = new linux.Machine({ config: { softDirty: false } });
const guest = machine.spawn({ name: 'guest' });
const { main } = guest;
const prot = linux.PROT_READ | linux.PROT_WRITE;
const length = NAMES.length * PAGE;
const start = main.mmapSync({ length, prot, flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS });
const uffd = main.userfaultfdSync(linux.O_NONBLOCK);
uffd.apiSync();
uffd.registerSync({ start, len: length, mode: linux.UFFDIO_REGISTER_MODE_WP });

const addressOf = (name: (typeof NAMES)[number]): number => start + NAMES.indexOf(name) * PAGE;

main.store8Sync(addressOf('shared'), 3);
const child = machine.process(main.forkSync('child'));
for (const name of NAMES) if (name !== 'shared') main.store8Sync(addressOf(name), 1);
const range = { start: addressOf('protected'), len: PAGE };
uffd.writeprotectSync({ ...range, mode: linux.UFFDIO_WRITEPROTECT_MODE_WP });

/** What the entry of a page says; frames have letters, by age. */
const frames: number[] = [];
function entryOf(name: (typeof NAMES)[number]): string {
  const { entry } = machine.explain(main, addressOf(name));
  if (entry.kind !== 'present' && entry.kind !== 'migration') return entry.kind;
  if (!frames.includes(entry.frame)) frames.push(entry.frame);
  const frame = String.fromCharCode(65 + frames.indexOf(entry.frame));
  const write = entry.writable ? 'writable' : 'read-only';
  const sharing = entry.exclusive ? 'exclusive' : 'shared';
  const wp = entry.uffdWp ? ', uffd-wp' : '';
  return `${entry.kind.padEnd(9)} frame ${frame}, ${write}, ${sharing}${wp}`;
}

function show(title: string): void {
  console.log(`\n${title}`);
  for (const name of NAMES) console.log(`  ${name.padEnd(10)} ${entryOf(name)}`);
}

show('before');
const migration = machine.migrate({ process: guest, addr: start, length });
show(`${migration.pages.length} pages are being moved`);

const vcpu = guest.createThread('vcpu0');
const store = vcpu.store8(addressOf('written'), 2);
console.log(
  `\nvcpu0 stores and is ${vcpu.state}; the handler has ${uffd.readMsgSync() ?? 'nothing'}`,
);
const last = { addr: addressOf('mprotect'), length: PAGE };
main.mprotectSync({ ...last, prot: linux.PROT_READ });
main.mprotectSync({ ...last, prot });
console.log('mprotect took write permission from the last page and gave it back');

migration.finish();
await store;
show(`moved; vcpu0 is ${vcpu.state}`);

const writer = guest.createThread('vcpu1');
void writer.store8(addressOf('protected'), 2);
const message = await uffd.readMsg();
console.log(`\nvcpu1 stores to the protected page: a ${message.event}, and it sleeps`);
if (message.event === 'pagefault') message.unprotectSync();
console.log(`the child still reads ${child.main.load8Sync(addressOf('shared'))}`);

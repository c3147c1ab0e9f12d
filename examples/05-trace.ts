/**
 * A trace of one fault and its answer, in columns and as a Mermaid sequence diagram: what the guest
 * did, what its userfaultfd was told, what the handler called, and which entry changed.
 */
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  Machine,
  PROT_READ,
  TraceRecording,
  traceColumns,
  traceMermaid,
  UFFDIO_REGISTER_MODE_MISSING,
} from 'uffd-emulator';

const machine = new Machine();
const { main } = machine.spawn({ name: 'guest' });
const flags = MAP_PRIVATE | MAP_ANONYMOUS;
const addr = main.mmapSync({ length: 4096, prot: PROT_READ, flags });
const uffd = main.userfaultfdSync();
uffd.apiSync();
uffd.registerSync({ start: addr, len: 4096, mode: UFFDIO_REGISTER_MODE_MISSING });

const recording = new TraceRecording(machine.trace);
const value = main.load8(addr);
const message = await uffd.readMsg();
if (message.event === 'pagefault') await message.copy(new Uint8Array(4096).fill(7));
console.log(`the guest reads ${await value}`);
recording.stop();

console.log(traceColumns(recording.events));
console.log(traceMermaid(recording.events));

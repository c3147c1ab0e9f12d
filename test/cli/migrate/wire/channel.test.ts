import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { CliError, FailedError, InputError } from '../../../../src/cli/exit.js';
import { Channel, ChannelClosedError } from '../../../../src/cli/migrate/wire/channel.js';
import { FrameType } from '../../../../src/cli/migrate/wire/frame.js';

function pair() {
  const [left, right] = duplexPair({ highWaterMark: 4096 });
  return { source: new Channel(left, 'destination'), destination: new Channel(right, 'source') };
}

describe('Channel', () => {
  test('carries frames in order', async () => {
    const { source, destination } = pair();
    source.send(FrameType.PAGE, Buffer.from('ab'), Buffer.from('c'));
    source.send(FrameType.READY);
    expect((await destination.receive()).payload.toString()).toBe('abc');
    expect((await destination.receive()).type).toBe(FrameType.READY);
    expect(source.bytesSent).toBe(8 + 3 + 8);
  });

  test('waits for a slow reader', async () => {
    const { source, destination } = pair();
    for (let count = 0; count < 10; count++) source.send(FrameType.PAGE, Buffer.alloc(4096));
    const drained = source.drained();
    for (let count = 0; count < 10; count++) await destination.receive();
    await expect(drained).resolves.toBeUndefined();
  });

  test('gives up when the other side takes nothing any more', async () => {
    const [left] = duplexPair({ highWaterMark: 4096 });
    const source = new Channel(left, 'destination');
    for (let count = 0; count < 10; count++) source.send(FrameType.PAGE, Buffer.alloc(4096));
    await expect(source.drained(20)).rejects.toThrow('the destination has been silent for 0.02 s');
  });

  test('hands over what came before the end, then tells of the end', async () => {
    const { source, destination } = pair();
    source.send(FrameType.READY);
    await source.end();
    expect((await destination.receive()).type).toBe(FrameType.READY);
    await expect(destination.receive()).rejects.toThrow(ChannelClosedError);
    expect(() => destination.send(FrameType.READY)).toThrow('the source closed the connection');
  });

  test('gives up when the other side is silent', async () => {
    const { source } = pair();
    await expect(source.receive(20)).rejects.toThrow('the destination has been silent for 0.02 s');
  });

  test('refuses a frame out of turn', async () => {
    const { source, destination } = pair();
    destination.send(FrameType.DONE);
    await expect(source.expect(FrameType.READY)).rejects.toThrow('sent DONE out of turn');
  });

  test('passes on why the other side failed, with its exit code', async () => {
    const { source, destination } = pair();
    destination.fail(new InputError('another trace'));
    const error: unknown = await source.receive().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ message: 'another trace', exitCode: 2 });
  });

  test('fails for good on bytes that are no frames', async () => {
    const [left, right] = duplexPair();
    const channel = new Channel(left, 'destination');
    right.write('HTTP/1.1 400 Bad Request\r\n');
    await expect(channel.receive()).rejects.toThrow(FailedError);
    expect(channel.failure?.message).toContain('does not speak the migration protocol');
  });
});

/**
 * One end of a migration stream over any duplex byte stream: a TCP socket, or half of a pair inside
 * one process. Sends and receives whole frames, keeps either direction from piling up in memory,
 * and notices at once when the other side is gone. Does not know what the frames mean.
 */
import type { Duplex } from 'node:stream';
import { CliError, EXIT_FAILED, FailedError, messageOf } from '../../exit.js';
import { encodeHeader, type Frame, FrameDecoder, FrameType, frameName } from './frame.js';

/** Received frames wait up to here; then the stream is paused until they are taken. */
const INBOX_BYTES_MAX = 8 * 2 ** 20;

/** A side that is alive says something, or takes what it is sent, far more often than this. */
export const SILENCE_MS = 10_000;

/** The stream ended, or the other side was silent for too long. */
export class ChannelClosedError extends FailedError {}

/** One end of a migration stream. */
export class Channel {
  /** Bytes that went out, headers included. */
  bytesSent = 0;
  readonly #stream: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #peer: string;
  #inbox: Frame[] = [];
  #inboxBytes = 0;
  #failure: CliError | undefined;
  #wake: (() => void) | undefined;

  /** `peer` is what the other side is called in messages. */
  constructor(stream: Duplex, peer: string) {
    this.#stream = stream;
    this.#peer = peer;
    stream.on('data', (chunk: Buffer) => this.#receiveBytes(chunk));
    stream.on('error', (error) => this.#fail(`the ${peer} is gone (${messageOf(error)})`));
    stream.on('end', () => this.#fail(`the ${peer} closed the connection`));
    stream.on('close', () => this.#fail(`the ${peer} closed the connection`));
  }

  /** Why nothing more can be sent or received; undefined while the stream is up. */
  get failure(): CliError | undefined {
    return this.#failure;
  }

  /** Sends a frame; returns at once. Follow a run of them with `drained`. */
  send(type: FrameType, ...payload: readonly Uint8Array[]): void {
    if (this.#failure) throw this.#failure;
    const payloadBytes = payload.reduce((sum, part) => sum + part.length, 0);
    this.#stream.cork();
    this.#stream.write(encodeHeader(type, payloadBytes));
    for (const part of payload) this.#stream.write(part);
    this.#stream.uncork();
    this.bytesSent += 8 + payloadBytes;
  }

  /** Waits while more is on its way than the stream wants to hold; at most for `timeoutMs`. */
  async drained(timeoutMs = SILENCE_MS): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (!this.#stream.writableNeedDrain) return;
    const isSilent = await this.#drainOrSilence(timeoutMs);
    if (this.#failure) throw this.#failure;
    if (isSilent) throw this.#silent(timeoutMs);
  }

  /** Gives the next frame; throws when the stream ends or is silent for `timeoutMs`. */
  async receive(timeoutMs?: number): Promise<Frame> {
    if (this.#inbox.length === 0 && !this.#failure) await this.#somethingReceived(timeoutMs);
    const frame = this.#inbox.shift();
    if (!frame) throw this.#failure ?? this.#silent(timeoutMs);
    this.#inboxBytes -= frame.payload.length;
    if (this.#inboxBytes < INBOX_BYTES_MAX && this.#stream.isPaused()) this.#stream.resume();
    return frame;
  }

  /** Gives the next frame, which must be of this type. */
  async expect(type: FrameType, timeoutMs?: number): Promise<Frame> {
    const frame = await this.receive(timeoutMs);
    if (frame.type === type) return frame;
    throw this.unexpected(frame);
  }

  /** The error for a frame that has no place here. */
  unexpected(frame: Frame): FailedError {
    return new FailedError(`the ${this.#peer} sent ${frameName(frame.type)} out of turn`);
  }

  /** Tells the other side why this one cannot go on, as far as it can still be told. */
  fail(error: CliError): void {
    if (this.#failure) return;
    this.send(FrameType.FAILURE, Buffer.from([error.exitCode]), Buffer.from(error.message));
  }

  /** Sends what is left and ends the stream. */
  async end(): Promise<void> {
    if (this.#failure || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.end(resolve);
    });
  }

  /** Ends the stream at once. */
  destroy(): void {
    this.#stream.destroy();
  }

  #receiveBytes(chunk: Buffer): void {
    try {
      for (const frame of this.#decoder.push(chunk)) this.#receiveFrame(frame);
    } catch (error) {
      this.#fail(messageOf(error));
      this.#stream.destroy();
    }
    if (this.#inboxBytes >= INBOX_BYTES_MAX) this.#stream.pause();
    if (this.#inbox.length > 0 || this.#failure) this.#wake?.();
  }

  /** A failure of the other side counts at once, whatever it sent before. */
  #receiveFrame(frame: Frame): void {
    if (frame.type === FrameType.FAILURE) {
      this.#failure ??= failureIn(frame.payload);
    } else {
      this.#inbox.push(frame);
      this.#inboxBytes += frame.payload.length;
    }
  }

  #fail(reason: string): void {
    this.#failure ??= new ChannelClosedError(reason);
    this.#wake?.();
  }

  /** Waits until the stream takes more or is closed; true when neither came in time. */
  #drainOrSilence(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isSilent: boolean) => {
        clearTimeout(timer);
        this.#stream.off('drain', proceed).off('close', proceed);
        resolve(isSilent);
      };
      const proceed = () => end(false);
      const timer = setTimeout(end, timeoutMs, true);
      this.#stream.once('drain', proceed).once('close', proceed);
    });
  }

  #somethingReceived(timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #silent(timeoutMs = 0): ChannelClosedError {
    return new ChannelClosedError(`the ${this.#peer} has been silent for ${timeoutMs / 1000} s`);
  }
}

/** FAILURE carries an exit code and a sentence. */
function failureIn(payload: Buffer): CliError {
  return new CliError(payload.subarray(1).toString(), payload[0] ?? EXIT_FAILED);
}

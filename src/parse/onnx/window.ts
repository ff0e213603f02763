/** A file seen through a moving window: read forwards in pieces, jumped over where nothing is wanted. */
import { createHash } from "node:crypto";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";

const windowBytes = 256 * 1024;
const longestVarint = 10;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export class FileWindow {
  private buffer: Uint8Array = new Uint8Array();
  /** Position of the buffer in the file, and of what is read next in the buffer. */
  private start = 0;
  private at = 0;
  private hashed = 0;
  private readonly hash = createHash("sha256");

  /** @param size Bytes in the file. */
  constructor(private readonly files: Files, readonly path: string, readonly size: number) {}

  get position(): number {
    return this.start + this.at;
  }

  /** At least `count` bytes can be read without waiting, or else all up to the end of the file. True where that is already so. */
  has(count: number): boolean {
    return this.buffer.length - this.at >= count || this.start + this.buffer.length >= this.size;
  }

  async load(count: number): Promise<void> {
    this.noteRead();
    const position = this.position;
    this.buffer = await this.files.readRange(this.path, position, Math.min(Math.max(count, windowBytes), this.size - position));
    this.start = position;
    this.at = 0;
    this.hashed = 0;
    if (this.buffer.length < Math.min(count, this.size - position)) throw this.error("The file became shorter while it was read.");
  }

  /** @throws UserError for a number longer than 64 bits, or cut off by the end of the file. */
  varint(): bigint {
    let low = 0;
    let value = 0n;
    for (let index = 0; index < longestVarint; index += 1) {
      if (this.at >= this.buffer.length) throw this.error("The file ends in the middle of a number.", "It was not copied whole.");
      const byte = this.buffer[this.at++];
      if (index < 4) low += (byte & 0x7f) << (7 * index);
      else value += BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return BigInt.asUintN(64, value + BigInt(low));
    }
    throw this.error("A number is longer than 64 bits.");
  }

  /** The next bytes, already loaded. A copy is not made: use them before the window moves. */
  bytes(count: number): Uint8Array {
    if (this.buffer.length - this.at < count) throw this.error("The file ends too early.", "It was not copied whole.");
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }

  text(count: number): string {
    const bytes = this.bytes(count);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.error("A name is not UTF-8.");
    }
  }

  /** Jumps over bytes without reading those that are not in the window. */
  skip(count: number): void {
    this.noteRead();
    this.at += count;
    if (this.at <= this.buffer.length) {
      this.hashed = this.at;
      return;
    }
    this.start += this.at;
    this.at = 0;
    this.hashed = 0;
    this.buffer = new Uint8Array();
  }

  /** SHA-256 over the file's size and the bytes that were read, not jumped over. */
  fingerprint(): string {
    this.noteRead();
    return this.hash.copy().update(`\n${this.size}`).digest("hex");
  }

  error(message: string, hint = "This is not a sound ONNX file."): UserError {
    return new UserError(message, { file: this.path, field: `byte ${this.position}`, hint });
  }

  private noteRead(): void {
    if (this.hashed < this.at) this.hash.update(this.buffer.subarray(this.hashed, this.at));
    this.hashed = this.at;
  }
}

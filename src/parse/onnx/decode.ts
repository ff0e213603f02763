/**
 * Decodes protobuf messages out of a file window by a table of their fields (https://protobuf.dev/programming-guides/encoding).
 * Long values of fields that are marked so are jumped over: of a file of many gigabytes only its structure is read.
 */
import { UserError } from "../../model/errors";
import type { FileWindow } from "./window";

/** Repeated numbers may be packed or not. */
export type FieldKind = "int" | "float32" | "float64" | "text" | "bytes" | "message";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly repeated?: boolean;
  /** A value longer than this is jumped over. */
  readonly skipAbove?: number;
  /** Of a message; deferred since messages nest in themselves. */
  readonly message?: () => MessageTable;
}
export type MessageTable = ReadonlyMap<number, Field>;

/** A value that was jumped over. */
export interface Skipped {
  readonly skipped: true;
  readonly bytes: number;
}
export type Value = bigint | number | string | Uint8Array | Message | Skipped;
/** Field name -> its values in order; a field that may not repeat has the last one. */
export type Message = ReadonlyMap<string, Value[]>;

/** Bounds on what a file may make us hold, whatever its size. */
const deepest = 40;
const mostKeptBytes = 256 * 1024 * 1024;
const mostValues = 4_000_000;
/** About what a message costs besides its fields. */
const messageBytes = 256;
const longestText = 1024 * 1024;

export class Decoder {
  private keptBytes = 0;
  private values = 0;

  constructor(private readonly window: FileWindow) {}

  /** @throws UserError for whatever is not a sound message. */
  async message(table: MessageTable, end: number, depth = 0): Promise<Message> {
    const { window } = this;
    if (depth > deepest) throw window.error(`Messages are nested more than ${deepest} deep.`);
    const found = new Map<string, Value[]>();
    while (window.position < end) {
      if (!window.has(20)) await window.load(20);
      const tag = Number(window.varint());
      const wire = tag % 8;
      const field = table.get(Math.floor(tag / 8));
      if (tag < 8 || tag > 2 ** 32) throw window.error("A field has an impossible number.");
      const length = this.lengthOf(wire, end);
      if (!field) {
        if (wire !== 0) window.skip(length);
        continue;
      }
      const values = field.repeated ? (found.get(field.name) ?? []) : [];
      found.set(field.name, values);
      if (field.kind === "message" && wire === 2) {
        this.count(messageBytes);
        values.push(await this.message(field.message!(), window.position + length, depth + 1));
      } else if (wire === 2 && length > (field.skipAbove ?? Infinity)) {
        this.count(messageBytes);
        window.skip(length);
        values.push({ skipped: true, bytes: length });
      } else {
        if (wire === 2 && length > longestText && field.skipAbove === undefined) throw window.error(`A "${field.name}" has ${length} bytes; at most ${longestText} are read.`);
        if (!window.has(length + 10)) await window.load(length + 10);
        this.scalars(field, wire, length, values);
      }
      if (window.position > end) throw window.error("A field is longer than the message around it.");
    }
    return found;
  }

  /** Bytes of the value that follows; 0 of a varint, whose length shows as it is read. */
  private lengthOf(wire: number, end: number): number {
    const { window } = this;
    if (wire === 0) {
      if (window.position >= end) throw window.error("A field has no value.");
      return 0;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? Number(window.varint()) : -1;
    if (length < 0) throw window.error(`A field is of the unknown wire type ${wire}.`);
    if (length > end - window.position) throw window.error(`A field of ${length} bytes goes beyond the end of the message around it.`, "The file is damaged, or was not copied whole.");
    return length;
  }

  private scalars(field: Field, wire: number, length: number, values: Value[]): void {
    const { window } = this;
    const end = window.position + length;
    const before = values.length;
    const numeric = field.kind === "int" || field.kind === "float32" || field.kind === "float64";
    if (!numeric && wire !== 2) throw window.error(`"${field.name}" has a value of the wrong kind.`);
    if (field.kind === "text") values.push(window.text(length));
    else if (field.kind === "bytes") values.push(window.bytes(length).slice());
    else if (field.kind === "int") {
      if (wire === 0) values.push(BigInt.asIntN(64, window.varint()));
      else if (wire === 2) while (window.position < end) values.push(BigInt.asIntN(64, window.varint()));
      else throw window.error(`"${field.name}" has a value of the wrong kind.`);
    } else if (field.kind !== "message") {
      const size = field.kind === "float32" ? 4 : 8;
      if (wire === 0 || length % size !== 0) throw window.error(`"${field.name}" has a value of the wrong kind.`);
      const bytes = window.bytes(length);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < length; at += size) values.push(size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
    } else throw window.error(`"${field.name}" has a value of the wrong kind.`);
    this.count(length, values.length - before);
  }

  private count(bytes: number, values = 1): void {
    this.keptBytes += bytes;
    this.values += values;
    if (this.keptBytes > mostKeptBytes || this.values > mostValues) {
      throw new UserError("The graph itself, without its weights, is larger than what is read.", { file: this.window.path, hint: `At most ${mostKeptBytes} bytes and ${mostValues} values.` });
    }
  }
}

/** The only value of a field, by type. */
export function textOf(message: Message, name: string): string {
  const value = message.get(name)?.[0];
  return typeof value === "string" ? value : "";
}

export function intOf(message: Message, name: string): bigint | undefined {
  const value = message.get(name)?.[0];
  return typeof value === "bigint" ? value : undefined;
}

export function messagesOf(message: Message, name: string): readonly Message[] {
  return (message.get(name) ?? []).filter((value): value is Message => value instanceof Map);
}

export function textsOf(message: Message, name: string): readonly string[] {
  return (message.get(name) ?? []).filter((value) => typeof value === "string");
}

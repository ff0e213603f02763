/** Brings folders onto a target: contents by hash, each sent once, then the folders as links to them. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../model/errors";
import type { Shell } from "../targets/shell";
import type { CallOptions, LaunchDocument, SyncReport } from "../targets/target";
import { tar, type TarEntry } from "./tar";
import type { Tree, TreeFile } from "./tree";

interface Blob extends TreeFile {
  readonly source: string;
}

/** Each content once, sorted by hash. */
export function blobsOf(trees: readonly Tree[]): readonly Blob[] {
  const blobs = new Map<string, Blob>();
  for (const tree of trees) for (const file of tree.files) if (!blobs.has(file.sha256)) blobs.set(file.sha256, { ...file, source: tree.source });
  return [...blobs.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

function totals(blobs: readonly TreeFile[]): { files: number; bytes: number } {
  return { files: blobs.length, bytes: blobs.reduce((sum, blob) => sum + blob.bytes, 0) };
}

/** What of `blobs` must be sent, given the hashes that the target lacks. */
export function splitByMissing<T extends TreeFile>(blobs: readonly T[], missing: ReadonlySet<string>): { readonly send: readonly T[]; readonly report: SyncReport } {
  const send = blobs.filter((blob) => missing.has(blob.sha256));
  const sent = totals(send);
  const all = totals(blobs);
  return { send, report: { sentFiles: sent.files, sentBytes: sent.bytes, presentFiles: all.files - sent.files, presentBytes: all.bytes - sent.bytes } };
}

function lines(output: Uint8Array): ReadonlySet<string> {
  return new Set(Buffer.from(output).toString("utf8").split("\n").filter((line) => line !== ""));
}

/** Makes every tree of the document be there, whole. Afterwards a second call sends nothing. */
export async function upload(shell: Shell, document: LaunchDocument, options: CallOptions = {}): Promise<SyncReport> {
  const { signal } = options;
  const { scripts, place: { folder } } = document;
  const trees = Object.values(document.trees);
  const present = lines(await shell.run(scripts.presentTrees, { arguments: [folder, ...trees.map((tree) => tree.sha256)], signal }));
  const absent = trees.filter((tree) => !present.has(tree.sha256));
  const hashes = blobsOf(absent).map((blob) => `${blob.sha256}\n`).join("");
  const missing = absent.length ? lines(await shell.run(scripts.missingBlobs, { arguments: [folder], data: hashes, signal })) : new Set<string>();
  const { send, report } = splitByMissing(blobsOf(trees), missing);
  if (send.length) {
    options.onStep?.(`Sending ${report.sentFiles} files (${report.sentBytes} bytes) to ${shell.label}`);
    await shell.run(scripts.receiveBlobs, { arguments: [folder, nonce(), String(send.length)], data: tar(send.map(blobEntry)), signal });
  }
  for (const tree of new Map(absent.map((each) => [each.sha256, each])).values()) {
    const name = nonce();
    const links: TarEntry[] = tree.files.map((file) => ({ kind: "link", path: `incoming.${name}/${file.path}`, to: `blobs/${file.sha256}` }));
    await shell.run(scripts.linkTree, { arguments: [folder, tree.sha256, name, String(links.length)], data: tar(links), signal });
  }
  return report;
}

function nonce(): string {
  return randomBytes(8).toString("hex");
}

function blobEntry(blob: Blob): TarEntry {
  const file = join(blob.source, blob.path);
  return { kind: "file", path: blob.sha256, bytes: blob.bytes, content: () => readFile(file) };
}

async function* readFile(file: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) yield chunk as Buffer;
  } catch (error) {
    throw new UserError(`The file cannot be read any more (${(error as NodeJS.ErrnoException).code}).`, { file });
  }
}

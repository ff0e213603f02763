/** Writing a tar stream: regular files and hard links, any name and size (POSIX pax). Nothing of the sender's owners, modes or times goes in. */

const block = 512;

export type TarEntry =
  | { readonly kind: "file"; readonly path: string; readonly bytes: number; readonly content: () => AsyncIterable<Uint8Array> }
  | { readonly kind: "link"; readonly path: string; /** Path of an earlier file, from the same root. */ readonly to: string };

/** A header block; `name` and `to` fit their 100 bytes of ASCII. */
function header(name: string, size: number, type: "0" | "1" | "x", to = ""): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(name, 0, 100, "latin1");
  bytes.write(`${"644".padStart(7, "0")}\0`, 100);
  bytes.write(`${"0".repeat(7)}\0`, 108);
  bytes.write(`${"0".repeat(7)}\0`, 116);
  bytes.write(`${(size < 8 ** 11 ? size : 0).toString(8).padStart(11, "0")}\0`, 124);
  bytes.write(`${"0".repeat(11)}\0`, 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write(type, 156);
  bytes.write(to, 157, 100, "latin1");
  bytes.write("ustar\x0000", 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const length = Buffer.byteLength(rest);
  let total = length + String(length).length;
  if (String(total).length !== String(length).length) total = length + String(total).length;
  return `${total}${rest}`;
}

function padding(bytes: number): Buffer {
  return Buffer.alloc((block - (bytes % block)) % block);
}

const fits = (path: string) => /^[\x20-\x7e]{1,100}$/.test(path);

function* entryHeaders(entry: TarEntry): Iterable<Buffer> {
  const size = entry.kind === "file" ? entry.bytes : 0;
  const to = entry.kind === "link" ? entry.to : "";
  const records = [
    ...(fits(entry.path) ? [] : [record("path", entry.path)]),
    ...(to === "" || fits(to) ? [] : [record("linkpath", to)]),
    ...(size < 8 ** 11 ? [] : [record("size", String(size))]),
  ].join("");
  if (records) {
    const bytes = Buffer.from(records);
    yield header("pax", bytes.length, "x");
    yield bytes;
    yield padding(bytes.length);
  }
  yield header(fits(entry.path) ? entry.path : "long", size, entry.kind === "file" ? "0" : "1", fits(to) ? to : "");
}

/** @throws Error when a file's content is not as long as it said. */
export async function* tar(entries: Iterable<TarEntry>): AsyncIterable<Uint8Array> {
  for (const entry of entries) {
    yield* entryHeaders(entry);
    if (entry.kind === "link") continue;
    let written = 0;
    for await (const chunk of entry.content()) {
      written += chunk.length;
      if (written > entry.bytes) break;
      yield chunk;
    }
    if (written !== entry.bytes) throw new Error(`${entry.path} is not ${entry.bytes} bytes long any more.`);
    yield padding(entry.bytes);
  }
  yield Buffer.alloc(2 * block);
}

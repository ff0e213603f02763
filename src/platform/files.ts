/** The file system as the core sees it: handed in, so that the core runs on disk, in VS Code and in tests alike. */
export interface Files {
  /** @throws UserError when the file is missing, not a regular file, or longer than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
  /** `length` bytes from `offset` on, fewer where the file ends before. @throws UserError when the file is missing or not a regular file. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Writes to a temporary name beside `path` and renames: the file is whole or not there. Makes missing folders. */
  write(path: string, data: Uint8Array | string): Promise<void>;
  /** Undefined where there is nothing. */
  stat(path: string): Promise<{ readonly kind: "file" | "folder"; readonly bytes: number; readonly modifiedMs: number } | undefined>;
  /** The path with symbolic links followed: what tells whether a link leaves its folder. @throws UserError where there is nothing. */
  realPath(path: string): Promise<string>;
  /** Names in a folder, sorted. Empty where there is none. */
  list(folder: string): Promise<readonly string[]>;
  remove(path: string): Promise<void>;
}

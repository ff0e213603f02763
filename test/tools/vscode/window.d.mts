import type { Page } from "playwright-core";

/**
 * Tests are bundled as CommonJS: load this module at run time, from the project root,
 * `await import(pathToFileURL("test/tools/vscode/window.mjs").href) as typeof import("…/window.mjs")`.
 */

export interface WindowOptions {
  /** The oldest supported VS Code, or the newest. */
  readonly version: "oldest" | "newest";
  /** Folder to open. */
  readonly workspace: string;
  /** Folder of the extension under test (the project's root). */
  readonly extensionPath?: string;
  /**
   * Installs the extension in place of loading it for development. The driver that development needs in a browser keeps
   * notifications from popping up, so what presses on them needs this.
   */
  readonly installed?: boolean;
  /** A module that exports `run(): Promise<void>`, run in the extension host; without it, an ordinary window. */
  readonly testsPath?: string;
  readonly theme?: "dark" | "light" | "high-contrast" | "high-contrast-light";
  /** False: the workspace is opened in restricted mode. Default true. */
  readonly trusted?: boolean;
  /** User settings on top of the quiet ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Environment of the server and so of the extension host. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What the harness itself has to say. */
  readonly log?: (line: string) => void;
  /** What the window's console and, in a test run, the extension host's console say. */
  readonly onLog?: (type: string, args: readonly unknown[]) => void;
}

export interface Window {
  readonly page: Page;
  /** Resolves when the test module has ended: 0, or another code. */
  readonly exitCode: Promise<number>;
  /** Folder of everything that the server and its extension host write for themselves: logs in `server`, states in `state`. */
  readonly data: string;
  /** Chooses a theme as a user does, in the palette; views follow a moment later. */
  readonly setTheme: (theme: NonNullable<WindowOptions["theme"]>) => Promise<void>;
  /** Ends all processes and removes all folders of this window. */
  readonly close: () => Promise<void>;
}

export function openWindow(options: WindowOptions): Promise<Window>;

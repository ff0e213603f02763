/** What a person does in VS Code's window: commands from the palette, answers to questions, presses on notifications. */
import assert from "node:assert/strict";
import type { FrameLocator, Locator, Page } from "playwright-core";

export class Workbench {
  constructor(readonly page: Page) {}

  /** The inside of the view that is in front. */
  get view(): FrameLocator {
    return this.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
  }

  /** Chooses a command, e.g. "View: Split Editor Right"; waits for it where its extension has not started yet. */
  async command(title: string): Promise<void> {
    // A palette that is still closing takes the key and goes on closing.
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    const input = this.page.locator(".quick-input-widget input").first();
    for (let tries = 3; ; tries--) {
      await this.page.keyboard.press("F1");
      try {
        await input.fill(`>${title}`, { timeout: 5_000 });
        break;
      } catch (error) {
        if (tries === 1) throw error;
      }
    }
    // By key, not by pointer: rows move while the list is still being narrowed down.
    const rows = this.page.locator(".quick-input-list .monaco-list-row");
    await this.until(`"${title}" in the palette`, async () => {
      const shown = await rows.evaluateAll((all) => all.map((row) => ({ label: row.getAttribute("aria-label") ?? "", isFocused: row.classList.contains("focused") })));
      const row = shown.find(({ label }) => label === title || label.startsWith(`${title}, `));
      if (row && !row.isFocused) await input.press("ArrowDown");
      return row?.isFocused ?? false;
    }, 40_000);
    await input.press("Enter");
  }

  /** Waits for a question with this in it and chooses the answer that starts so. */
  async choose(question: string, answer: string): Promise<void> {
    await this.page.locator(`.quick-input-widget input[placeholder*="${question}"]`).waitFor({ timeout: 20_000 });
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: answer }).first().click();
  }

  /** Waits for a question with this in it and types the answer; without one, takes what is suggested. */
  async answer(question: string, answer?: string): Promise<void> {
    await this.page.locator(".quick-input-message", { hasText: question }).waitFor({ timeout: 20_000 });
    const input = this.page.locator(".quick-input-widget input").first();
    if (answer !== undefined) await input.fill(answer);
    await input.press("Enter");
  }

  toast(text: string): Locator {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text });
  }

  /** Waits for a notification and presses one of its buttons. */
  async press(notification: string, button: string, timeout = 30_000): Promise<void> {
    const toast = this.toast(notification);
    await toast.waitFor({ timeout });
    await toast.getByRole("button", { name: button, exact: true }).click();
  }

  /** The status bar's item of ours; empty while nothing goes on. */
  async status(): Promise<string> {
    const item = this.page.locator("#diffusionpipe\\.diffusionpipe\\.diffusionpipe\\.activity, .statusbar-item[id*='diffusionpipe']").first();
    return (await item.count()) > 0 ? ((await item.textContent()) ?? "") : "";
  }

  async until(what: string, holds: () => Promise<boolean>, ms = 20_000): Promise<void> {
    for (const end = Date.now() + ms; Date.now() < end; await this.page.waitForTimeout(100)) if (await holds()) return;
    assert.fail(`did not come about: ${what}`);
  }
}

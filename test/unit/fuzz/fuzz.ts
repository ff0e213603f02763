/** What every fuzzed reader must keep to: an answer or an error for the user, soon, in bounded memory. */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Cancelled, UserError } from "../../../src/model/errors";
import { randomFrom, type Random } from "./mutate";

/** Garbage collection on other threads counts too, so this is above the second that a person would wait. */
const mostMs = 2_000;
const mostHeapBytes = 1e9;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are still held once what nobody needs is gone. */
function heldBytes(): number {
  if (process.memoryUsage().heapUsed > mostHeapBytes) collectGarbage();
  return process.memoryUsage().heapUsed;
}

export interface Tally {
  answers: number;
  refusals: number;
}

/**
 * @param one Makes a case and reads it; returns what to print of the case where it fails.
 * @param named Whether an error has to name a field besides the file.
 */
export async function fuzz(cases: number, seed: number, one: (random: Random) => { readonly shown: () => string; read(): Promise<unknown>; readonly named?: boolean }): Promise<Tally> {
  const tally = { answers: 0, refusals: 0 };
  for (let index = 0; index < cases; index++) {
    const { shown, read, named = true } = one(randomFrom(seed + index));
    const where = () => `case ${index} of seed ${seed}: ${shown().slice(0, 2000)}`;
    const started = process.cpuUsage();
    try {
      await read();
      tally.answers++;
    } catch (error) {
      if (error instanceof Cancelled || !(error instanceof UserError)) assert.fail(`${where()}\n${error instanceof Error ? error.stack : String(error)}`);
      if (error.file === undefined) assert.fail(`no file in "${error.message}", ${where()}`);
      if (named && error.field === undefined) assert.fail(`no field in "${error.message}", ${where()}`);
      tally.refusals++;
    }
    // Of the processor, so that a busy machine fails nothing.
    const { user, system } = process.cpuUsage(started);
    const ms = (user + system) / 1000;
    if (ms >= mostMs) assert.fail(`${ms.toFixed(0)} ms, ${where()}`);
    if (index % 500 === 0 && heldBytes() >= mostHeapBytes) assert.fail(`${process.memoryUsage().heapUsed} bytes of heap, ${where()}`);
  }
  return tally;
}

/**
 * Public figures of devices, as their makers publish them: dense peaks (without sparsity), FLOP/s of matrix units that add in
 * float32, left out where a device has none for a precision. Nothing here is measured. Links are per direction, and a maker's GB of
 * memory are 2^30 bytes, of which error correction may take a sixteenth on cards with GDDR6.
 */
import { amd } from "./amd";
import { nvidia } from "./nvidia";

export const catalogue = { ...nvidia, ...amd } as const;

export type CatalogueName = keyof typeof catalogue;

export function isCatalogueName(name: string): name is CatalogueName {
  return Object.hasOwn(catalogue, name);
}

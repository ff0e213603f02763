/** What entries of the catalogue share: the size that makers count memory in, and PCI Express. Latencies are assumed. */
import type { Link } from "../model/cluster";

export const gibibyte = 1024 ** 3;

interface Bus {
  /** From device to device, as cards for servers can. */
  readonly link: Link;
  /** Without peer-to-peer each message goes through the host's memory. */
  readonly throughHost: Link;
  readonly source: string;
}

/** Sixteen lanes, 128b/130b coded: GB/s of one direction. */
function lanes16(generation: number, bandwidthGBps: number): Bus {
  return {
    link: { latencyUs: 10, bandwidthGBps },
    throughHost: { latencyUs: 10, bandwidthGBps: bandwidthGBps / 2 },
    source: `https://pcisig.com/faq?field_category_value%5B%5D=pci_express_${generation}.0`,
  };
}

/** 8, 16 and 32 GT/s a lane. */
export const pcie3 = lanes16(3, 15.75);
export const pcie4 = lanes16(4, 31.5);
export const pcie5 = lanes16(5, 63);

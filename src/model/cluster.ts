/** The machines a plan is made for. File form: `NAME.cluster.json`. Units: bytes, GB/s (1e9), microseconds, TFLOP/s. */

export interface Link {
  readonly latencyUs: number;
  readonly bandwidthGBps: number;
}

export interface DeviceKind {
  readonly name: string;
  readonly memoryBytes: number;
  readonly peakTflops: { readonly fp32?: number; readonly tf32?: number; readonly fp16?: number; readonly bf16?: number };
  readonly bandwidthGBps: number;
}

/** A kind of device and its link to others of one node: an entry of the catalogue, or a user's own. */
export interface DeviceEntry {
  readonly device: DeviceKind;
  readonly intraNode: Link;
  /** Where the figures are published. */
  readonly sources: readonly string[];
}

/** File form: `NAME.device.json`. */
export interface DeviceFile extends DeviceEntry {
  readonly format: "diffusionpipe.device/1";
}

export interface NodeGroup {
  readonly count: number;
  readonly devicesPerNode: number;
  readonly device: DeviceKind;
  readonly intraNode: Link;
}

export interface Cluster {
  readonly format: "diffusionpipe.cluster/1";
  readonly nodeGroups: readonly NodeGroup[];
  readonly interNode: Link & { readonly sharedByNode?: boolean };
  /** False for runtimes whose sends hold up computing. Default true. */
  readonly overlapsCommunication?: boolean;
  /** Memory per device that training cannot use. */
  readonly reservedBytes?: number;
  readonly hostMemoryBytes?: number;
  readonly diskGBps?: number;
}

/** One device of the cluster; its index in `devicesOf` is its rank. */
export interface Device {
  readonly index: number;
  readonly node: number;
  readonly kind: DeviceKind;
  readonly intraNode: Link;
}

/** All devices, node by node: index 0.. is the global rank. */
export function devicesOf(cluster: Cluster): readonly Device[] {
  const devices: Device[] = [];
  let node = 0;
  for (const group of cluster.nodeGroups) {
    for (let n = 0; n < group.count; n++, node++) {
      for (let d = 0; d < group.devicesPerNode; d++) {
        devices.push({ index: devices.length, node, kind: group.device, intraNode: group.intraNode });
      }
    }
  }
  return devices;
}

/** The link between two devices: inside a node its own, otherwise the network. */
export function linkBetween(cluster: Cluster, a: Device, b: Device): Link {
  return a.node === b.node ? a.intraNode : cluster.interNode;
}

/** Time in ms to move `bytes` over `link`: latency + bytes / bandwidth. */
export function transferMs(link: Link, bytes: number): number {
  return link.latencyUs / 1e3 + bytes / (link.bandwidthGBps * 1e6);
}

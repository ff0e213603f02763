/** What a program is timed with. */
import { costTable, type CostTable } from "../model/costTable";
import { devicesOf, type Cluster, type Device, type DeviceKind } from "../model/cluster";
import type { Profile } from "../model/profile";
import { workloadOf, type Workload } from "../model/workload";

export interface Context {
  readonly workload: Workload;
  readonly costs: CostTable;
  readonly cluster: Cluster;
  readonly devices: readonly Device[];
  /** `[rank]`: which kind of device it is, for `costs`. */
  readonly kinds: Int32Array;
  /** Whether messages travel while their sender computes. */
  readonly overlaps: boolean;
}

/** @throws UserError as `workloadOf`. */
export function contextOf(profile: Profile, cluster: Cluster): Context {
  const workload = workloadOf(profile);
  const devices = devicesOf(cluster);
  const kinds: DeviceKind[] = [];
  const kindOf = new Int32Array(devices.length);
  for (const { index, kind } of devices) {
    let at = kinds.findIndex((known) => known.name === kind.name);
    if (at < 0) at = kinds.push(kind) - 1;
    kindOf[index] = at;
  }
  return { workload, costs: costTable(workload, kinds), cluster, devices, kinds: kindOf, overlaps: cluster.overlapsCommunication !== false };
}

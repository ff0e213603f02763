/** What a program is timed with. */
import { costTable, type CostTable } from "../model/costTable";
import { devicesOf, type Cluster, type Device } from "../model/cluster";
import type { Profile } from "../model/profile";
import { workloadOf, type Workload } from "../model/workload";

export interface Context {
  readonly workload: Workload;
  readonly costs: CostTable;
  readonly cluster: Cluster;
  readonly devices: readonly Device[];
  /** Whether messages travel while their sender computes. */
  readonly overlaps: boolean;
}

/** @throws UserError as `workloadOf`. */
export function contextOf(profile: Profile, cluster: Cluster): Context {
  const workload = workloadOf(profile);
  return { workload, costs: costTable(workload), cluster, devices: devicesOf(cluster), overlaps: cluster.overlapsCommunication !== false };
}

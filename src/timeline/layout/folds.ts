/** Which lanes are there to see: sub-lanes that fold, and groups of replicas that fold into one. */

export type SubLane = "communication" | "memory";

/** What the user chose; made to be kept as JSON. */
export interface Folds {
  readonly communication: boolean;
  readonly memory: boolean;
  /** By device: folded on its own (false: neither sub-lane) or unfolded (true: both). */
  readonly devices: Readonly<Record<string, boolean>>;
  /** Whether replicas are folded; undefined leaves it to the number of devices. */
  readonly replicas?: boolean;
  /** By the first device of a group: folded or not on its own. */
  readonly groups: Readonly<Record<string, boolean>>;
}

export const defaultFolds: Folds = { communication: true, memory: false, devices: {}, groups: {} };

/** With more devices than this, replicas are folded unless the user says otherwise. */
const mostDevicesUnfolded = 8;

export interface ReplicaGroup {
  readonly devices: readonly number[];
  readonly isFolded: boolean;
  /** Those that do not do what the first one does; known of folded groups only. */
  readonly unlike: readonly number[];
}

/** What the folds come to for a plan's devices. */
export interface Arrangement {
  readonly isShown: (device: number, lane: SubLane) => boolean;
  readonly groups: readonly ReplicaGroup[];
  /** Per device, the bytes that training can use. */
  readonly limits: readonly number[];
}

export const everyDevice: Arrangement = { isShown: (_, lane) => defaultFolds[lane], groups: [], limits: [] };

/**
 * @param groups Devices that are replicas of one another.
 * @param unlikeOf Which devices of a group do not do what its first one does.
 */
export function arrange(folds: Folds, groups: readonly (readonly number[])[], limits: readonly number[], unlikeOf: (group: readonly number[]) => readonly number[]): Arrangement {
  return {
    isShown: (device, lane) => folds.devices[device] ?? folds[lane],
    groups: groups.map((devices) => {
      const isFolded = folds.groups[devices[0]] ?? foldsReplicas(folds, limits.length);
      return { devices, isFolded, unlike: isFolded ? unlikeOf(devices) : [] };
    }),
    limits,
  };
}

/** Whether groups of replicas are folded where nothing was chosen for one of them. */
export function foldsReplicas({ replicas }: Folds, deviceCount: number): boolean {
  return replicas ?? deviceCount > mostDevicesUnfolded;
}

/** Shows or hides a sub-lane of all devices, those with a choice of their own too. */
export function withSubLane(folds: Folds, lane: SubLane, isShown: boolean): Folds {
  return { ...folds, [lane]: isShown, devices: {} };
}

export function withDevice(folds: Folds, device: number, isUnfolded: boolean): Folds {
  return { ...folds, devices: { ...folds.devices, [device]: isUnfolded } };
}

export function withReplicas(folds: Folds, replicas: boolean): Folds {
  return { ...folds, replicas, groups: {} };
}

export function withGroup(folds: Folds, firstDevice: number, isFolded: boolean): Folds {
  return { ...folds, groups: { ...folds.groups, [firstDevice]: isFolded } };
}

/** Every lane that slices are drawn in. */
export function unfolded(folds: Folds): Folds {
  return { ...folds, communication: true, devices: {}, replicas: false, groups: {} };
}

/** Checks what was kept; what is not as it should be is the default. */
export function restoredFolds(value: unknown): Folds {
  const { communication, memory, devices, replicas, groups } = recordOf(value);
  return {
    communication: communication !== false,
    memory: memory === true,
    devices: flagsOf(devices),
    ...(typeof replicas === "boolean" && { replicas }),
    groups: flagsOf(groups),
  };
}

function flagsOf(value: unknown): Readonly<Record<string, boolean>> {
  return Object.fromEntries(Object.entries(recordOf(value)).filter((entry): entry is [string, boolean] => typeof entry[1] === "boolean"));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** A profile as a table: a line for every layer at every batch size that it was timed at or failed at. */
import { csvText, type Column } from "../model/csv";
import { sharing } from "../model/measured";
import { isUsable, type LayerTime, type Profile, type ProfileComponent, type ProfileLayer } from "../model/profile";

interface Line {
  readonly component: ProfileComponent;
  readonly layer: ProfileLayer;
  /** Of the layer in its component. */
  readonly index: number;
  readonly time: LayerTime;
}

export function profileToCsv(profile: Profile): string {
  const lines = profile.components.flatMap((component) => component.layers.flatMap((layer, index) => layer.times.map((time): Line => ({ component, layer, index, time }))));
  return csvText(columnsOf(profile), lines);
}

/** A time that there is: nothing where the layer failed or has no such work. */
const timeOf = (time: LayerTime, ms: number, works = true) => (works && isUsable(time) ? ms : undefined);

function columnsOf(profile: Profile): readonly Column<Line>[] {
  const { device } = profile;
  const shared = sharing(profile);
  return [
    ["device", () => device.name],
    ["provider", () => device.provider],
    ["precision", () => device.precision],
    ["component", ({ component }) => component.name],
    ["layer", ({ layer }) => layer.name],
    ["index", ({ index }) => index],
    ["batch", ({ time }) => time.batch],
    ["forward_ms", ({ time }) => timeOf(time, time.forwardMs)],
    ["input_grad_ms", ({ time, layer }) => timeOf(time, time.inputGradMs, layer.needsInputGrad)],
    ["weight_grad_ms", ({ time, layer }) => timeOf(time, time.weightGradMs, layer.needsWeightGrad)],
    ["total_ms", ({ time, layer }) => timeOf(time, time.forwardMs + (layer.needsInputGrad ? time.inputGradMs : 0) + (layer.needsWeightGrad ? time.weightGradMs : 0))],
    ["spread_ms", ({ time }) => time.spreadMs],
    ["forward_from", ({ time }) => time.source],
    ["gradients_from", ({ time, layer }) => (layer.needsInputGrad || layer.needsWeightGrad ? (time.gradSource ?? time.source) : undefined)],
    ["status", ({ time }) => time.status ?? "ok"],
    ["message", ({ time }) => time.message],
    ["forward_flops_per_second", ({ time, layer }) => (isUsable(time) && time.forwardMs > 0 && layer.flopsPerSample !== undefined ? (layer.flopsPerSample * time.batch * 1000) / time.forwardMs : undefined)],
    ["flops_per_sample", ({ layer }) => layer.flopsPerSample],
    ["traffic_bytes_per_sample", ({ layer }) => layer.trafficBytesPerSample],
    ["parameter_bytes", ({ layer }) => layer.paramBytes],
    ["saved_bytes_per_sample_until_input_grad", ({ layer }) => layer.savedBytesPerSample.untilInputGrad],
    ["saved_bytes_per_sample_until_weight_grad", ({ layer }) => layer.savedBytesPerSample.untilWeightGrad],
    ["layers_with_this_measurement", ({ layer }) => shared(layer)],
    ["signature", ({ layer }) => layer.signature],
  ];
}

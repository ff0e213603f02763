/** Both ends of the model view check what they are given. */
import type { InspectedComponent, InspectedLayer, Inspection } from "../model/inspection";
import type { Bindings, Chain, LayerRef, Segment, Tensor } from "../model/profile";
import { figure, flag, isFields, listOf, oneOf, optional, passes, problem, shape, text, whole, type Check, type Checks, type FieldsOf } from "./checks";
import type { ModelHostMessage, ModelViewMessage } from "./modelMessages";

const size: Check = (value) => whole(value) && (value as number) > 0;
const recordOf = (check: Check): Check => (value) => isFields(value) && Object.values(value).every(check);

const bindings = shape<Required<Bindings>>({ height: size, width: size, sequenceLength: whole, frames: optional(size), symbols: optional(recordOf(size)) });
const layer = shape<Required<InspectedLayer>>({
  name: text, kind: text, modules: listOf(text), parameters: whole, trainableParameters: optional(whole), needsInputGrad: flag, needsWeightGrad: flag,
  signature: text, flopsPerSample: figure, inputGradFlopsPerSample: figure, weightGradFlopsPerSample: figure, trafficBytesPerSample: figure,
  savedBytesPerSample: shape<InspectedLayer["savedBytesPerSample"]>({ untilInputGrad: figure, untilWeightGrad: figure }),
  cutBytesPerSample: shape<InspectedLayer["cutBytesPerSample"]>({ forward: figure, backward: figure }),
});
const component = shape<InspectedComponent>({ name: text, class: text, role: oneOf("trained", "frozen"), parameters: whole, after: listOf(text), layers: listOf(layer) });
const segment = shape<Segment>({ component: text, from: whole, to: whole });
const chain = shape<Required<Omit<Chain, "selfConditioning">>>({ id: text, segments: listOf(segment) });
const layerRef = shape<LayerRef>({ component: text, layer: text });
const tensor = shape<Required<Tensor>>({
  id: text, producer: layerRef, consumers: listOf(layerRef), bytesPerSample: figure, bytesFixed: optional(figure), hasGradient: flag, transport: oneOf("chain", "redistribute", "recompute"),
});
const inspection = shape<Inspection>({
  model: shape<Inspection["model"]>({ path: text, sha256: text, class: text }),
  components: listOf(component), chains: listOf(chain), predictionType: text, bindings, tensors: listOf(tensor),
});

const hostMessages: Checks<ModelHostMessage> = {
  model: shape<FieldsOf<ModelHostMessage, "model">>({ path: text, name: text, inspection, trusted: flag }),
  problem: shape<FieldsOf<ModelHostMessage, "problem">>({ path: text, name: text, problem, canOpen: flag }),
  reveal: shape<FieldsOf<ModelHostMessage, "reveal">>({ component: text, layer: optional(text) }),
  reply: shape<FieldsOf<ModelHostMessage, "reply">>({ id: whole, error: optional(text) }),
};

const viewMessages: Checks<ModelViewMessage> = {
  ready: () => true,
  setRole: shape<FieldsOf<ModelViewMessage, "setRole">>({ id: whole, component: text, role: oneOf("trained", "frozen") }),
  bind: shape<FieldsOf<ModelViewMessage, "bind">>({ id: whole, bindings }),
  openConfiguration: shape<FieldsOf<ModelViewMessage, "openConfiguration">>({ component: text, layer: optional(text) }),
  showInTimeline: shape<FieldsOf<ModelViewMessage, "showInTimeline">>({ component: text, layer: optional(text) }),
  openProblem: () => true,
  copyText: () => true,
  runCommand: shape<FieldsOf<ModelViewMessage, "runCommand">>({ command: oneOf("profile", "plan") }),
  log: shape<FieldsOf<ModelViewMessage, "log">>({ level: oneOf("warning", "error"), message: text }),
};

export function isModelHostMessage(value: unknown): value is ModelHostMessage {
  return passes(hostMessages, value);
}

export function isModelViewMessage(value: unknown): value is ModelViewMessage {
  return passes(viewMessages, value);
}

/** A size that a view remembered; anything may have become of it. */
export function isBindings(value: unknown): value is Bindings {
  return bindings(value);
}

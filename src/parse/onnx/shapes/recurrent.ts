/** Recurrent layers over [sequence, batch, features], or batch first. */
import { tensor, type Infer, type Operators } from "./call";

const recurrent: Infer = (call) => {
  for (const input of [0, 1, 2]) call.expectRank(input, 3);
  const { type, shape } = call.input(0);
  const batchFirst = call.int("layout", 0) === 1;
  const [steps, batch] = batchFirst ? [shape[1], shape[0]] : shape;
  const [directions] = call.shape(1);
  const hidden = call.int("hidden_size") ?? call.shape(2)[2];
  const state = tensor(type, batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]);
  return [tensor(type, batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]), state, ...(call.node.op === "LSTM" ? [state] : [])];
};

export const recurrents: Operators = { RNN: recurrent, GRU: recurrent, LSTM: recurrent };

/** Whether a Python file is worth being offered as a training script, by a glance at its text. */
const makesModels = /\b(?:from_pretrained|from_single_file|from_config|from_unet)\s*\(|\b(?:UNet\w*|\w*Transformer\dDModel|ControlNetModel)\s*\(/;
const trains = /\boptim(?:izer)?s?\b|\bAdam\w*\s*\(|\.backward\s*\(/;
const library = /^\s*(?:from|import)\s+(?:diffusers|peft)\b/m;

export function looksLikeTraining(text: string): boolean {
  return library.test(text) && makesModels.test(text) && trains.test(text);
}

/** The first line, from 0, that loads or makes a model. */
export function firstModelLine(text: string): number {
  const found = makesModels.exec(text);
  return found ? text.slice(0, found.index).split("\n").length - 1 : 0;
}

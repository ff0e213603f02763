/** The parts of a pipeline as wiring sees them: components with a name, and what their kind needs to be wired. */
import { describedComponent } from "../described";
import type { Family } from "../families/family";
import type { Component } from "../pipeline";

interface Named {
  readonly name: string;
  /** Path of its configuration, for messages. */
  readonly file: string;
  readonly part: Component;
}

export interface EncoderPart extends Named {
  readonly kind: "textEncoder" | "imageEncoder";
}

export interface AutoencoderPart extends Named {
  readonly kind: "autoencoder";
  readonly latentChannels?: number;
  readonly downsampling: number;
  readonly temporalDownsampling?: number;
}

export interface BackbonePart extends Named {
  readonly kind: "backbone";
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly controlled?: Component;
}

export interface ControlNetPart extends Named {
  readonly kind: "controlNet";
}

export type Part = EncoderPart | AutoencoderPart | BackbonePart | ControlNetPart;

export function familyPart(name: string, file: string, family: Family): Part {
  const named = { name, file, part: describedComponent(family.description) };
  switch (family.kind) {
    case "autoencoder": {
      const { kind, latentChannels, downsampling, temporalDownsampling } = family;
      return { ...named, kind, latentChannels, downsampling, temporalDownsampling };
    }
    case "backbone": {
      const { kind, inChannels, outChannels, controlled } = family;
      return { ...named, kind, inChannels, outChannels, ...(controlled && { controlled: describedComponent(controlled) }) };
    }
    default:
      return { ...named, kind: family.kind };
  }
}

/** A component of an unknown class: what it is for is told by the name that pipelines give it. */
export function unknownPart(name: string, file: string, part: Component): Part {
  const named = { name, file, part };
  if (/encoder|^text_|bert|language_model/.test(name)) return { ...named, kind: /image|vision/.test(name) ? "imageEncoder" : "textEncoder" };
  if (/vae|vq|autoencoder|movq/.test(name)) return { ...named, kind: "autoencoder", downsampling: 1 };
  return /controlnet/.test(name) ? { ...named, kind: "controlNet" } : { ...named, kind: "backbone" };
}

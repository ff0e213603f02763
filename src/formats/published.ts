/** The JSON schemas under `media/schemas`, made from the same descriptions that reading validates with. */
import { z } from "zod";
import { clusterFormat } from "./cluster";
import { deviceFormat } from "./device";
import { planFormat } from "./plan";
import { profileFormat } from "./profile";
import { programFormat } from "./program";
import { targetFormat } from "./target";
import { timelineFormat } from "./timeline";

export const formats = [profileFormat, clusterFormat, planFormat, programFormat, timelineFormat, targetFormat, deviceFormat] as const;

/** [file name, JSON schema] of every format. */
export function publishedSchemas(): readonly (readonly [string, unknown])[] {
  return formats.map((format) => [`${format.extension.slice(1, -".json".length)}.schema.json`, z.toJSONSchema(format.schema as z.ZodType, { io: "input", unrepresentable: "any" })]);
}

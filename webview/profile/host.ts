/** The profile view's end of the conversation with the extension host. */
import { isProfileHostMessage } from "../../src/protocol/profileGuards";
import type { ProfileHostMessage, ProfileViewMessage } from "../../src/protocol/profileMessages";
import { openChannel, type Channel } from "../channel";

export type ProfileHost = Pick<Channel<ProfileViewMessage>, "post" | "state">;

export function connectProfile(onMessage: (message: ProfileHostMessage) => void): ProfileHost {
  return openChannel<ProfileHostMessage, ProfileViewMessage>("profile view", isProfileHostMessage, onMessage);
}

/** Pictures that a view draws for the host: PNG, as base64 in a message, of bounded size. */

/** Characters of a message's picture; a larger one is refused before anything is made of it. */
export const mostPictureCharacters = 64 * 1024 * 1024;

/** As bytes in PNG's first eight. */
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export function isPictureText(value: unknown): boolean {
  return typeof value === "string" && value.length <= mostPictureCharacters && value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
}

export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

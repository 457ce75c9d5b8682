import type { LinkRefusal } from '#contracts/refusal';
import { toBase62 } from '#secrets/base62';
import { sha256Text } from '#secrets/digest';
import type { RandomBytes } from '#secrets/random';

/**
 * What a handle stands for. A link that would be refused is not kept: whoever lacks a client's secret cannot fill the
 * store, and the reason is recorded when the handle comes.
 */
export type ParkedLink =
  | { readonly clientId: string; readonly userToken: string; readonly callbackPath?: string | undefined }
  /** `known`: the client, or `null` when it is not one of ours. */
  | { readonly known: string | null; readonly reason: LinkRefusal };

/** 256 random bits as 43 base62 characters. */
export function newHandle(random: RandomBytes): string {
  return toBase62(random(32));
}

/** The name a handle's link is kept under, or `null` for what is no handle. */
export function parkingPlace(handle: string): string | null {
  return /^[0-9A-Za-z]{43}$/.test(handle) ? sha256Text(handle) : null;
}

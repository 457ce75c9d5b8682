import { toBase62 } from '#secrets/base62';
import { type RandomBytes, randomBase62 } from '#secrets/random';

export interface NewLinkSecret {
  readonly secretId: string;
  /** 256 random bits as 43 base62 characters: partners sign with this text as it stands (S-28). */
  readonly secret: string;
}

export function newLinkSecret(random: RandomBytes): NewLinkSecret {
  return { secretId: randomBase62(12, random), secret: toBase62(random(32)) };
}

/** Where a link secret is sealed for. */
export function linkSecretPlace(clientId: string, secretId: string): string {
  return `link-secret/${clientId}/${secretId}`;
}

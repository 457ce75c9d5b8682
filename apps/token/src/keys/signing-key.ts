import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { sha256Text } from '#secrets/digest';

/** A JWK of ours: public members only (RFC 8037, S-58). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly alg: 'EdDSA';
  readonly use: 'sig';
  readonly kid: string;
  readonly x: string;
}

/** Where a private key is sealed for. */
export function signingKeyPlace(kid: string): string {
  return `signing-key/${kid}`;
}

/** A new Ed25519 pair; the private key as base64 of its PKCS #8 form, to be sealed at once. */
export function newSigningKey(): { kid: string; x: string; privateKey: string } {
  const pair = generateKeyPairSync('ed25519');
  const x = publicMember(pair.publicKey);
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  return { kid: thumbprint(x), x, privateKey };
}

export function publicJwk(kid: string, x: string): PublicJwk {
  return { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid, x };
}

/** A loaded private key: a typed key object and nothing that prints it. */
export class SigningKey {
  readonly #key: KeyObject;
  readonly #headers = new Map<string, string>();

  /** @throws Error when the private key is not the one whose thumbprint `kid` is */
  constructor(
    readonly kid: string,
    privateKey: string,
  ) {
    this.#key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), type: 'pkcs8', format: 'der' });
    if (thumbprint(publicMember(createPublicKey(this.#key))) !== kid)
      throw new Error(`signing key ${kid} is another key`);
  }

  /** A compact JWS (RFC 7515) over the claims. Synchronous: faster than any promise here (performance.md). */
  sign(typ: string, claims: object): string {
    const input = `${this.header(typ)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${input}.${sign(null, Buffer.from(input), this.#key).toString('base64url')}`;
  }

  private header(typ: string): string {
    let header = this.#headers.get(typ);
    if (!header) {
      header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ, kid: this.kid })).toString('base64url');
      this.#headers.set(typ, header);
    }
    return header;
  }
}

function publicMember(key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' });
  if (!x) throw new Error('not an Ed25519 key');
  return x;
}

/** RFC 7638: SHA-256 over the required members in their order. */
function thumbprint(x: string): string {
  return sha256Text(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }));
}

import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { KeyRing } from '#secrets/key-ring';
import { seal, unseal } from '#secrets/seal';
import type { User } from './domain/identity.js';

type Named = Pick<User, 'clientId' | 'userId'>;

/** What every authenticator app knows (RFC 6238 section 1.2, the defaults): SHA-1, six digits, half a minute. */
const parameters = { issuer: 'Segue', algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** A code of the step before or after is taken too: clocks differ (RFC 6238 section 5.2). */
const window = 1;

/** Second factors by time. Their secrets rest sealed; a sealed one opens for its own user only. */
export class Totp {
  constructor(private readonly ring: KeyRing) {}

  /** @returns 160 random bits in base32 (RFC 4226 section 4, R6) */
  newSecret(): string {
    return new Secret({ buffer: Uint8Array.from(randomBytes(20)).buffer }).base32;
  }

  seal(secret: string, user: Named): string {
    return seal(this.ring, secret, placeOf(user));
  }

  /** `otpauth://totp/…`: what an authenticator app reads from a QR code. */
  uri(secret: string, user: User): string {
    const label = user.emailKey === null ? user.username : user.email;
    return new TOTP({ ...parameters, label, secret: Secret.fromBase32(secret) }).toString();
  }

  /**
   * The step whose code this is, or `null` where it is of none near `now`. Whether the step was used before is the
   * store's matter.
   *
   * @param now milliseconds since 1970
   */
  stepOf(code: string, sealed: string, user: Named, now: number): number | null {
    if (!/^\d{6}$/.test(code)) return null;
    const totp = new TOTP({ ...parameters, secret: Secret.fromBase32(unseal(this.ring, sealed, placeOf(user))) });
    const delta = totp.validate({ token: code, timestamp: now, window });
    return delta === null ? null : totp.counter({ timestamp: now }) + delta;
  }
}

const placeOf = ({ clientId, userId }: Named) => `totp/${clientId}/${userId}`;
